//! Section 2.1: one namespace for all kinds.

use shmobj::{Access, Protection, transfer};

use crate::case::{Remark, Role, Test, role, test};
use crate::kinds::{self, KINDS};
use crate::objects::{Objects, code};
use crate::process::{Cue, Process};
use crate::stage::Stage;

pub(super) const TESTS: &[Test] = &[
    test!(["NS-1"], creating_a_name_that_exists_gives_a_handle_to_the_existing_object),
    test!(["NS-2", "NS-3"], a_name_of_another_kind_is_6),
    test!(["NS-4"], a_name_that_nobody_holds_is_2_when_opened),
    test!(["NS-5"], a_name_is_free_when_the_last_handle_is_closed),
    test!(["NS-6"], what_cannot_be_created_leaves_no_name),
    test!(["NS-7"], of_simultaneous_creators_exactly_one_makes_the_object),
    test!(["NS-7"], of_simultaneous_creators_of_any_kind_exactly_one_makes_the_object),
];

pub(super) const ROLES: &[Role] = &[role!(creates_the_kind_it_is_told)];
pub(super) const REASONS: &[Remark] = &[];
pub(super) const NOTES: &[Remark] =
    &[Remark::new(&["NS-7"], "that all have the same object is seen of memory")];

fn creating_a_name_that_exists_gives_a_handle_to_the_existing_object(stage: &Stage) {
    for kind in KINDS {
        let first = kinds::create(stage, kind, kind.as_str()).unwrap();
        let second = kinds::create(stage, kind, kind.as_str()).unwrap();
        assert!(!kinds::existed(&first), "{kind}");
        assert!(kinds::existed(&second), "{kind}");
        assert!(transfer::same_object(&first, &second), "{kind}");
    }
}

fn a_name_of_another_kind_is_6(stage: &Stage) {
    for held in KINDS {
        let first = kinds::create(stage, held, held.as_str()).unwrap();
        for other in KINDS.into_iter().filter(|other| *other != held) {
            assert_eq!(code(kinds::create(stage, other, held.as_str())), 6, "{held}, created as {other}");
            assert_eq!(
                code(kinds::open(stage, other, held.as_str(), Access::ALL)),
                6,
                "{held}, opened as {other}"
            );
        }
        drop(first);
        assert_eq!(code(kinds::open(stage, held, held.as_str(), Access::ALL)), 2, "{held} is gone");
    }
}

fn a_name_that_nobody_holds_is_2_when_opened(stage: &Stage) {
    for kind in KINDS {
        assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 2, "{kind}");
    }
}

fn a_name_is_free_when_the_last_handle_is_closed(stage: &Stage) {
    for kind in KINDS {
        let first = kinds::create(stage, kind, "n").unwrap();
        let second = kinds::open(stage, kind, "n", Access::ALL).unwrap();
        drop(first);
        assert!(kinds::existed(&kinds::create(stage, kind, "n").unwrap()), "{kind}");
        drop(second);
        // The next kind finds it free, whatever it is.
        assert!(!kinds::existed(&kinds::create(stage, kind, "n").unwrap()), "{kind}");
    }
}

fn what_cannot_be_created_leaves_no_name(stage: &Stage) {
    let _file = stage.file("file", b"short");
    let empty = stage.file("empty", b"");
    let reader = stage.reopened("file", false);
    let read_only = || stage.mappings().protection(Protection::ReadOnly);
    let errors = [
        code(stage.mappings().create("n")),
        code(stage.mappings().file(&empty).create("n")),
        code(read_only().file(&reader).size(100_000).create("n")),
        code(stage.mappings().file(&reader).create("n")),
        code(stage.semaphores().initial(2).max(1).create("n")),
    ];
    assert_eq!(errors, [87, 1006, 8, 5, 87]);
    for kind in KINDS {
        assert_eq!(code(kinds::open(stage, kind, "n", Access::QUERY)), 2, "{kind}");
        assert!(!kinds::existed(&kinds::create(stage, kind, "n").unwrap()), "{kind}");
    }
    assert_eq!(stage.contents("file"), b"short");
}

fn of_simultaneous_creators_exactly_one_makes_the_object(stage: &Stage) {
    const CREATORS: usize = 8;
    const ROUNDS: usize = 20;
    let mut creators: Vec<Process> =
        (0..CREATORS).map(|_| stage.child("creates_with_the_others", &["n"])).collect();
    creators.iter_mut().for_each(|creator| creator.expect("ready"));
    for round in 0..ROUNDS {
        for creator in &mut creators {
            creator.tell("create");
        }
        let said: Vec<String> = creators.iter_mut().map(Process::hear).collect();
        let makers = said.iter().filter(|said| *said == "0").count();
        let others = said.iter().filter(|said| *said == "183").count();
        assert_eq!((makers, others), (1, CREATORS - 1), "round {round}: {said:?}");
        let mapping = stage.open("n", Access::READ_WRITE).unwrap();
        let view = mapping.map_mut().unwrap();
        let total: Vec<u8> = view.read_vec(0, CREATORS).unwrap();
        assert_eq!(total[0], 0, "nobody has written yet");
        for (index, creator) in (0..).zip(&mut creators) {
            creator.tell("count");
            creator.expect(&index.to_string());
        }
        drop((view, mapping));
        for creator in &mut creators {
            creator.tell("close");
            creator.expect("closed");
        }
    }
}

fn of_simultaneous_creators_of_any_kind_exactly_one_makes_the_object(stage: &Stage) {
    const CREATORS: usize = 4;
    let mut creators: Vec<Process> =
        (0..CREATORS).map(|_| stage.child("creates_the_kind_it_is_told", &[])).collect();
    for kind in KINDS {
        for round in 0..10 {
            creators.iter_mut().for_each(|creator| creator.tell(kind.as_str()));
            let said: Vec<String> = creators.iter_mut().map(Process::hear).collect();
            let count = |what: &str| said.iter().filter(|said| *said == what).count();
            assert_eq!((count("0"), count("183")), (1, CREATORS - 1), "{kind}, round {round}: {said:?}");
            for creator in &mut creators {
                creator.tell("close");
                creator.expect("closed");
            }
        }
    }
}

/// Creates an object of the kind that it is told, and keeps it until it is told to close it.
fn creates_the_kind_it_is_told(cue: &Cue) {
    loop {
        let handle = kinds::create(cue, kinds::named(&cue.hear()), "n").unwrap();
        cue.say(if kinds::existed(&handle) { "183" } else { "0" });
        cue.hear();
        drop(handle);
        cue.say("closed");
    }
}
