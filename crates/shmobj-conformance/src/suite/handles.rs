//! Sections 5.1, 5.2 and 5.5: closing, flags and comparing.

use shmobj::{Access, Lock, transfer};

use crate::case::{Remark, Role, Test, test};
use crate::kinds::{self, KINDS};
use crate::objects::{Objects, PAGE, code};
use crate::stage::Stage;
use crate::threads::LONG;

pub(super) const TESTS: &[Test] = &[
    test!(["CH-1"], each_handle_counts_until_it_is_closed),
    test!(["CH-5"], a_view_stays_when_the_handle_is_closed),
    test!(["CH-6"], closing_a_handle_of_an_owned_mutex_releases_nothing),
    test!(["CH-6"], a_mutex_that_is_owned_goes_with_its_last_handle),
    test!(["CO-1"], handles_to_one_object_are_equal_however_they_were_made),
    test!(["CO-2"], handles_to_two_objects_differ),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(
        &["CH-2", "CO-3"],
        "a handle that is closed is a value that is gone: the compiler refuses it",
    ),
    Remark::new(
        &["CH-3", "HI-1", "HI-2", "HI-3", "HI-5"],
        "handles have no flags: the owner closes, and children get what `inherit` names",
    ),
    Remark::new(&["CH-4", "HI-4"], "there are no handles to processes and threads"),
    Remark::new(&["CH-7"], "a handle has no number"),
];
pub(super) const NOTES: &[Remark] =
    &[Remark::new(&["CO-2"], "whether they are the same is a `bool`, so the number 1656 is not seen")];

fn each_handle_counts_until_it_is_closed(stage: &Stage) {
    for kind in KINDS {
        let first = kinds::create(stage, kind, "n").unwrap();
        let second = kinds::create(stage, kind, "n").unwrap();
        let third = kinds::open(stage, kind, "n", Access::QUERY).unwrap();
        let fourth = second.try_clone().unwrap();
        for handle in [first, second, third] {
            drop(handle);
            assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 0, "{kind}");
        }
        drop(fourth);
        assert_eq!(code(kinds::open(stage, kind, "n", Access::ALL)), 2, "{kind}");
    }
}

fn a_view_stays_when_the_handle_is_closed(stage: &Stage) {
    for name in ["n", ""] {
        let memory = stage.memory(name, PAGE as u64);
        let view = memory.map_mut().unwrap();
        drop(memory);
        view.write_at(PAGE - 1, b"x").unwrap();
        assert_eq!(view.read_vec(PAGE - 1, 1).unwrap(), b"x");
    }
}

fn closing_a_handle_of_an_owned_mutex_releases_nothing(stage: &Stage) {
    let kept = stage.mutex("n");
    let owned = stage.mutexes().open("n", Access::ALL).unwrap();
    std::mem::forget(owned.lock().unwrap());
    drop(owned);
    let of_another_thread =
        std::thread::scope(|scope| scope.spawn(|| kept.try_lock().unwrap().is_some()).join().unwrap());
    assert!(!of_another_thread, "this thread owns it");
    kept.release().unwrap();
    let lock = std::thread::scope(|scope| {
        let thread = scope.spawn(|| matches!(kept.lock_timeout(LONG).unwrap(), Some(Lock::Acquired(_))));
        thread.join().unwrap()
    });
    assert!(lock, "it is free, and was never abandoned");
}

fn a_mutex_that_is_owned_goes_with_its_last_handle(stage: &Stage) {
    let owned = stage.mutexes().initially_owned(true).create("n").unwrap();
    drop(owned);
    assert_eq!(code(stage.mutexes().open("n", Access::ALL)), 2);
    let anew = stage.mutex("n");
    assert!(!anew.existed());
    let lock = anew.try_lock().unwrap().expect("nobody owns the new one");
    assert!(matches!(lock, Lock::Acquired(_)));
}

fn handles_to_one_object_are_equal_however_they_were_made(stage: &Stage) {
    for kind in KINDS {
        let created = kinds::create(stage, kind, "n").unwrap();
        let again = kinds::create(stage, kind, "n").unwrap();
        let opened = kinds::open(stage, kind, "Local\\n", Access::QUERY).unwrap();
        let duplicate = created.try_clone().unwrap();
        let narrow = created.try_clone_with(Access::QUERY).unwrap();
        for other in [&created, &again, &opened, &duplicate, &narrow] {
            assert!(transfer::same_object(&created, other), "{kind}");
            assert!(transfer::same_object(other, &created), "{kind}");
        }
        let unnamed = kinds::create(stage, kind, "").unwrap();
        assert!(transfer::same_object(&unnamed, &unnamed.try_clone().unwrap()), "{kind}");
    }
}

fn handles_to_two_objects_differ(stage: &Stage) {
    let handles: Vec<_> = KINDS
        .into_iter()
        .flat_map(|kind| {
            [format!("one {kind}"), format!("two {kind}"), String::new(), String::new()]
                .map(|name| kinds::create(stage, kind, &name).unwrap())
        })
        .collect();
    for (index, one) in handles.iter().enumerate() {
        for (other_index, other) in handles.iter().enumerate() {
            let same = transfer::same_object(one, other);
            assert_eq!(same, index == other_index, "{one:?}, {other:?}");
        }
    }
}
