//! Section 6.7: creating what exists.

use shmobj::job::Breakaway;
use shmobj::{Access, Allocation, Due, FileMapping, LargePages, Protection, Reset, Security, Timeout};

use crate::case::{Remark, Role, Test, linux_test, test};
use crate::kinds::{self, KINDS};
use crate::objects::{Objects, PAGE, code};
use crate::stage::Stage;
use crate::suite::members::member;
use crate::threads::LONG;

pub(super) const TESTS: &[Test] = &[
    test!(["AE-1"], memory_that_exists_is_opened_and_left_as_it_is),
    test!(["AE-2"], another_size_is_ignored),
    test!(["AE-3"], another_allocation_is_ignored),
    test!(["AE-4"], what_is_never_right_is_wrong_for_a_name_that_exists_too),
    test!(["AE-5"], a_file_is_not_needed_and_not_touched),
    test!(["AE-6"], memory_that_may_only_be_read_is_read_through_a_handle_that_may_write),
    test!(["AE-6"], memory_that_may_only_be_read_is_not_written_through_a_handle_that_may_write)
        .but_wine("maps it for writing", "it came to 0 "),
    test!(["AE-7"], a_handle_has_the_rights_of_the_protection_that_it_was_asked_for),
    test!(["AE-10"], another_security_is_no_mistake),
    linux_test!(["AE-10"], another_security_is_ignored),
    test!(["AE-11"], memory_is_not_created_under_the_name_of_another_kind),
    test!(["AE-12"], a_mutex_that_exists_is_not_owned_by_who_asks_for_it),
    test!(["AE-13"], an_event_that_exists_stays_as_it_is),
    test!(["AE-14"], a_semaphore_that_exists_keeps_its_counts),
    test!(["AE-14"], counts_that_are_never_right_are_wrong_for_a_name_that_exists_too),
    test!(["AE-15"], a_timer_that_exists_stays_of_its_sort),
    test!(["AE-16"], a_job_that_exists_is_opened_and_keeps_its_limits),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["AE-8"], "executable memory is not offered"),
    Remark::new(
        &["AE-9"],
        "does not hold on Linux for reading alone: who may read gets an existing mapping for reading (DA-7). Not tested: it needs two users",
    ),
];
pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["AE-3"], "what is asked for is ordinary or reserved memory"),
    Remark::new(&["AE-5"], "a bad handle of a file cannot be given in safe Rust"),
    Remark::new(&["AE-4"], "protections that do not exist cannot be said"),
    Remark::new(
        &["AE-10"],
        "on Linux the security in force is looked at; on Windows it is not, which needs two users. Inheriting is said to the command that starts \
         a child",
    ),
];

fn memory_that_exists_is_opened_and_left_as_it_is(stage: &Stage) {
    let first = stage.memory("n", PAGE as u64);
    first.map_mut().unwrap().write_at(100, b"as it was").unwrap();
    let second = stage.memory("n", PAGE as u64);
    assert!(second.existed());
    assert!(second.is_same_object(&first));
    assert_eq!(second.map().unwrap().read_vec(100, 9).unwrap(), b"as it was");
    let mut other = stage.child("creates", &["file mapping", "n"]);
    other.expect("existed");
    assert_eq!(first.map().unwrap().read_vec(100, 9).unwrap(), b"as it was");
}

fn another_size_is_ignored(stage: &Stage) {
    let first = stage.memory("n", 2 * PAGE as u64);
    for size in [1, PAGE, 3 * PAGE, 100 * PAGE] {
        let second = stage.memory("n", size as u64);
        assert!(second.existed(), "{size}");
        assert_eq!(second.size(), first.size(), "{size}");
        assert_eq!(second.map().unwrap().len(), 2 * PAGE, "{size}");
        assert_eq!(code(second.view().len(2 * PAGE as u64 + 1).map()), 5, "{size}");
    }
}

fn another_allocation_is_ignored(stage: &Stage) {
    let reserving = stage.mappings().size(PAGE as u64).allocation(Allocation::Reserve);
    let _first = stage.memory("committed", PAGE as u64);
    let second = reserving.create("committed").unwrap();
    assert_eq!((second.existed(), second.allocation()), (true, Allocation::Commit));
    let view = second.map_mut().unwrap();
    view.write_at(0, b"committed").unwrap();
    assert_eq!(view.read_vec(0, 9).unwrap(), b"committed");

    let _first = reserving.create("reserved").unwrap();
    let second = stage.memory("reserved", PAGE as u64);
    assert_eq!((second.existed(), second.allocation()), (true, Allocation::Reserve));
    assert_eq!(code(second.map().unwrap().read_vec(0, 1)), 998, "nothing was committed");
}

fn what_is_never_right_is_wrong_for_a_name_that_exists_too(stage: &Stage) {
    let _memory = stage.memory("n", PAGE as u64);
    assert_eq!(code(stage.mappings().create("n")), 87, "neither a size nor a file");
    let reserved = stage.mappings().size(2 << 20).allocation(Allocation::Reserve);
    assert_eq!(
        code(reserved.large_pages(LargePages::Required).create("n")),
        87,
        "large pages are not reserved"
    );
}

/// The name may win, or the file's error; the file stays as it is either way.
fn a_file_is_not_needed_and_not_touched(stage: &Stage) {
    let memory = stage.memory("n", PAGE as u64);
    let same = |result: shmobj::Result<FileMapping>, errors: &[u32]| match result {
        Ok(mapping) => assert!(mapping.existed() && mapping.is_same_object(&memory)),
        Err(error) => assert!(errors.contains(&error.win32_code()), "{error}"),
    };
    let empty = stage.file("empty", b"");
    same(stage.mappings().file(&empty).create("n"), &[1006]);
    same(stage.mappings().file(&empty).size(100).create("n"), &[]);
    assert_eq!(stage.contents("empty"), b"");
    let short = stage.file("short", b"short");
    same(stage.mappings().file(&short).size(100_000).create("n"), &[]);
    let reader = stage.reopened("short", false);
    same(stage.mappings().file(&reader).size(100_000).create("n"), &[5]);
    let read_only = stage.mappings().protection(Protection::ReadOnly);
    same(read_only.file(&reader).size(100_000).create("n"), &[8]);
    assert_eq!(stage.contents("short"), b"short");
}

/// Memory for reading alone, and a handle that was created as if it were for writing.
fn read_only(stage: &Stage) -> [FileMapping; 2] {
    let options = || stage.mappings().size(PAGE as u64);
    let first = options().protection(Protection::ReadOnly).create("n").unwrap();
    let second = options().protection(Protection::ReadWrite).create("n").unwrap();
    assert!(second.existed());
    [first, second]
}

fn memory_that_may_only_be_read_is_read_through_a_handle_that_may_write(stage: &Stage) {
    let [_first, second] = read_only(stage);
    assert!(second.access().contains(Access::READ_WRITE));
    assert_eq!(second.map().unwrap().read_vec(0, 4).unwrap(), [0; 4]);
    assert_eq!(second.map_copy().unwrap().read_vec(0, 4).unwrap(), [0; 4]);
}

fn memory_that_may_only_be_read_is_not_written_through_a_handle_that_may_write(stage: &Stage) {
    let [_first, second] = read_only(stage);
    let error = code(second.map_mut());
    assert!(error == 87, "it came to {error} ");
}

fn a_handle_has_the_rights_of_the_protection_that_it_was_asked_for(stage: &Stage) {
    let first = stage.memory("n", PAGE as u64);
    for protection in [Protection::ReadOnly, Protection::WriteCopy] {
        let second = stage.mappings().size(PAGE as u64).protection(protection).create("n").unwrap();
        assert!(second.existed());
        assert!(!second.access().contains(Access::WRITE), "{protection:?}");
        assert_eq!(code(second.map_mut()), 5, "{protection:?}");
        let (view, copy) = (second.map().unwrap(), second.map_copy().unwrap());
        first.map_mut().unwrap().write_at(0, b"seen").unwrap();
        assert_eq!(view.read_vec(0, 4).unwrap(), b"seen", "{protection:?}");
        assert_eq!(copy.read_vec(0, 4).unwrap(), b"seen", "{protection:?}");
    }
}

fn another_security_is_no_mistake(stage: &Stage) {
    let first = stage.mappings().size(PAGE as u64).security(Security::OWNER_ONLY).create("n").unwrap();
    let second = stage.mappings().size(PAGE as u64).security(Security::mode(0o666)).create("n").unwrap();
    assert!(second.existed());
    assert!(second.is_same_object(&first));
}

#[cfg(target_os = "linux")]
fn another_security_is_ignored(stage: &Stage) {
    let mode = || stage.namespace().inspect("n").unwrap().mode;
    let options = |mode| stage.mappings().size(PAGE as u64).security(Security::mode(mode));
    let modes = [(0o600, 0o666), (0o666, 0o600)].map(|(first, second)| {
        let _held = options(first).create("n").unwrap();
        let made = mode();
        assert!(options(second).create("n").unwrap().existed());
        assert_eq!(mode(), made, "{second:o} is ignored");
        made
    });
    assert_ne!(modes[0], modes[1], "a new one has what is asked for");
}

fn memory_is_not_created_under_the_name_of_another_kind(stage: &Stage) {
    for kind in KINDS.into_iter().skip(1) {
        let _held = kinds::create(stage, kind, "n").unwrap();
        assert_eq!(code(stage.mappings().size(PAGE as u64).create("n")), 6, "{kind}");
        let file = stage.file("file", b"contents");
        assert_eq!(code(stage.mappings().file(&file).create("n")), 6, "{kind}");
    }
}

fn a_mutex_that_exists_is_not_owned_by_who_asks_for_it(stage: &Stage) {
    let first = stage.mutex("n");
    let second = stage.mutexes().initially_owned(true).create("n").unwrap();
    assert!(second.existed());
    assert_eq!(code(second.release()), 288);
    let elsewhere =
        std::thread::scope(|scope| scope.spawn(|| first.try_lock().unwrap().is_some()).join().unwrap());
    assert!(elsewhere, "another thread can own it");
    let guard = second.try_lock().unwrap();
    assert!(guard.is_some(), "who waits for it owns it");
}

fn an_event_that_exists_stays_as_it_is(stage: &Stage) {
    let first = stage.event("auto", Reset::Auto);
    let second = stage.events().reset(Reset::Manual).signaled(true).create("auto").unwrap();
    assert!(second.existed());
    assert!(!first.wait(Timeout::NOW).unwrap(), "it is not set");
    second.set().unwrap();
    assert_eq!([0; 2].map(|_| second.wait(Timeout::NOW).unwrap()), [true, false], "it resets itself");

    let _first = stage.events().reset(Reset::Manual).signaled(true).create("manual").unwrap();
    let second = stage.event("manual", Reset::Auto);
    assert!(second.existed());
    assert_eq!([0; 2].map(|_| second.wait(Timeout::NOW).unwrap()), [true; 2], "it is set, and stays so");
}

fn a_semaphore_that_exists_keeps_its_counts(stage: &Stage) {
    let _first = stage.semaphore("n", 1, 2);
    let second = stage.semaphore("n", 5, 10);
    assert!(second.existed());
    assert_eq!(code(second.release(2)), 298, "the maximum is 2");
    assert_eq!(second.release(1).unwrap(), 1, "the count was 1");
}

fn counts_that_are_never_right_are_wrong_for_a_name_that_exists_too(stage: &Stage) {
    let first = stage.semaphore("n", 1, 2);
    for (initial, max) in [(0, 0), (2, 1), (0, 1 << 31), (u32::MAX, u32::MAX)] {
        let options = stage.semaphores().initial(initial).max(max);
        assert_eq!(code(options.create("n")), 87, "{initial} of {max}");
    }
    assert_eq!(first.release(1).unwrap(), 1);
}

fn a_timer_that_exists_stays_of_its_sort(stage: &Stage) {
    for (reset, again) in [(Reset::Auto, false), (Reset::Manual, true)] {
        let other = if reset == Reset::Auto { Reset::Manual } else { Reset::Auto };
        let name = format!("{reset:?}");
        let _first = stage.timer(&name, reset);
        let second = stage.timer(&name, other);
        assert!(second.existed());
        second.set(Due::after(std::time::Duration::ZERO), None).unwrap();
        assert!(second.wait(LONG).unwrap());
        assert_eq!(second.wait(Timeout::NOW).unwrap(), again, "{reset:?}");
    }
}

fn a_job_that_exists_is_opened_and_keeps_its_limits(stage: &Stage) {
    let first = stage.jobs().kill_on_close(true).create("n").unwrap();
    let limits = first.limits().unwrap();
    let process = member(stage, &first);
    let second = stage.jobs().breakaway(Breakaway::Allowed).create("n").unwrap();
    assert!(second.existed() && second.is_same_object(&first));
    assert_eq!(second.limits().unwrap(), limits);
    assert_eq!(second.processes().unwrap(), [process.pid()]);
}
