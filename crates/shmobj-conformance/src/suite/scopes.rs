//! Section 2.3, and the prefixes of 2.2: whose a name is.

use shmobj::{Access, Event, Kind, Namespace, transfer};

use crate::case::{Remark, Role, Test, test};
use crate::kinds::{self, KINDS};
use crate::objects::{Objects, PAGE, code};
use crate::stage::Stage;

pub(super) const TESTS: &[Test] = &[
    test!(["NM-3", "NM-4"], a_name_and_the_same_behind_local_are_one_object),
    test!(["NM-5"], a_global_name_is_another_one_and_everybodys),
    test!(["SN-3"], global_objects_other_than_memory_need_no_privilege),
    test!(["SN-4"], global_memory_that_exists_is_opened_by_who_creates_it),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(
        &["SN-1"],
        "does not hold on Linux: there are no sessions, and names are the user's own. On Windows not tested: it needs two sessions",
    ),
    Remark::new(
        &["SN-2"],
        "does not hold on Linux: no process has `x` and `Global\\x` as one. On Windows not tested: it needs a service",
    ),
    Remark::new(
        &["SN-5"],
        "does not hold on Linux: `x` is the user's own, in all sessions of that user, and of nobody else. On Windows not tested: it needs two sessions",
    ),
    Remark::new(&["SN-6"], "not tested: the suite does not restart the machine"),
];
pub(super) const NOTES: &[Remark] = &[
    Remark::new(
        &["NM-3"],
        "that `Local\\` is the session's does not hold on Linux, where it is the user's, and is not tested on Windows",
    ),
    Remark::new(
        &["SN-3"],
        "tested is that other kinds need none. That memory needs one does not hold on Linux, where the directory's permission decides for all kinds, \
         and is not tested on Windows",
    ),
    Remark::new(&["SN-4"], "where memory cannot be created in `Global\\` at all there is nothing to test"),
];

fn a_name_and_the_same_behind_local_are_one_object(stage: &Stage) {
    for kind in KINDS {
        for [first, second] in [["x", "Local\\x"], ["Local\\x", "x"]] {
            let held = kinds::create(stage, kind, first).unwrap();
            let again = kinds::create(stage, kind, second).unwrap();
            assert!(!kinds::existed(&held) && kinds::existed(&again), "{kind}, {second}");
            assert!(transfer::same_object(&held, &again), "{kind}, {second}");
            let opened = kinds::open(stage, kind, second, Access::QUERY).unwrap();
            assert!(transfer::same_object(&held, &opened), "{kind}, {second}");
        }
    }
}

fn a_global_name_is_another_one_and_everybodys(stage: &Stage) {
    let name = stage.unique("x");
    let global = format!("Global\\{name}");
    let held = stage.events().create(&global).unwrap();
    let local = stage.events().create(&name).unwrap();
    assert!(!held.existed() && !local.existed());
    assert!(!held.is_same_object(&local));
    let elsewhere = Namespace::at(stage.path("elsewhere"));
    let opened = Event::options().namespace(&elsewhere).open(&global, Access::ALL).unwrap();
    assert!(opened.is_same_object(&held));
    assert_eq!(code(Event::options().namespace(&elsewhere).open(&name, Access::ALL)), 2);
    stage.child("opens", &["event", &global]).expect("opened");
    drop((held, opened));
    assert_eq!(code(stage.events().open(&global, Access::ALL)), 2);
    assert!(stage.events().open(&name, Access::ALL).is_ok());
}

fn global_objects_other_than_memory_need_no_privilege(stage: &Stage) {
    for kind in KINDS.into_iter().filter(|kind| *kind != Kind::FileMapping) {
        let name = format!("Global\\{}", stage.unique("n"));
        let held = kinds::create(stage, kind, &name).unwrap();
        assert!(!kinds::existed(&held), "{kind}");
        stage.child("opens", &[kind.as_str(), &name]).expect("opened");
        stage.child("creates", &[kind.as_str(), &name]).expect("existed");
    }
}

fn global_memory_that_exists_is_opened_by_who_creates_it(stage: &Stage) {
    let name = format!("Global\\{}", stage.unique("n"));
    let held = match stage.mappings().size(PAGE as u64).create(&name) {
        Ok(held) => held,
        Err(error) => return assert_eq!(error.win32_code(), 5),
    };
    assert!(!held.existed());
    let again = stage.memory(&name, PAGE as u64);
    assert!(again.existed() && again.is_same_object(&held));
    stage.child("creates", &["file mapping", &name]).expect("existed");
    stage.child("opens", &["file mapping", &name]).expect("opened");
}
