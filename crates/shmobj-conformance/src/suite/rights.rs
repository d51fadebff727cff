//! Section 4.4: which right an operation needs.

use shmobj::transfer::{self, AnyHandle};
use shmobj::wait::{self, Signal, Waitable, Waited};
use shmobj::{Access, Due, Reset, Timeout};

use crate::case::{Remark, Role, Test, test};
use crate::kinds::{self, KINDS, WAITABLE};
use crate::looks::{count, is_set};
use crate::objects::{Objects, PAGE, code};
use crate::owners::{is_free, own};
use crate::stage::Stage;
use crate::threads::{LONG, SHORT};

pub(super) const TESTS: &[Test] = &[
    test!(["AR-1", "WS-2"], a_wait_needs_the_right_to_wait),
    test!(["AR-1"], a_wait_needs_no_other_right),
    test!(["AR-2", "EV-11"], an_event_is_changed_with_the_right_to_modify_it),
    test!(["AR-3", "SE-11"], a_semaphore_is_released_with_the_right_to_modify_it),
    test!(["AR-4", "MX-8"], a_mutex_is_released_without_any_right),
    test!(["AR-5", "TI-20"], a_timer_is_set_and_cancelled_with_the_right_to_modify_it),
    test!(["AR-2", "AR-3", "SW-6"], what_is_signalled_before_a_wait_needs_the_right_to_modify_it),
    test!(["AR-6"], a_view_needs_the_right_to_read_or_to_write),
    test!(["AR-10"], closing_and_comparing_need_no_right),
];

pub(super) const ROLES: &[Role] = &[];

pub(super) const REASONS: &[Remark] = &[Remark::new(
    &["AR-8", "AR-9"],
    "not tested: there are no handles to processes; a process is named by its number, and the system decides by the user, which needs two users",
)];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(&["AR-10"], "handles have no flags to get and set; all else that needs no right is tested"),
    Remark::new(&["AR-6"], "views to execute are not offered"),
];

/// It is signalled now, if it was not.
fn signal(handle: &AnyHandle) {
    match handle {
        AnyHandle::Event(event) => event.set().unwrap(),
        AnyHandle::WaitableTimer(timer) => timer.set(Due::NOW, None).unwrap(),
        AnyHandle::Job(job) => job.terminate(0).unwrap(),
        _ => {}
    }
}

fn a_wait_needs_the_right_to_wait(stage: &Stage) {
    let event = stage.event("", Reset::Auto);
    for kind in WAITABLE {
        let held = kinds::create(stage, kind, kind.as_str()).unwrap();
        signal(&held);
        let blind = [
            kinds::open(stage, kind, kind.as_str(), Access::QUERY).unwrap(),
            held.try_clone_with(Access::empty()).unwrap(),
        ];
        for handle in &blind {
            let object: &dyn Waitable = handle.as_waitable().unwrap();
            for timeout in [Timeout::NOW, SHORT.into(), Timeout::NEVER] {
                assert_eq!(code(wait::one(object, timeout)), 5, "{kind}");
                assert_eq!(code(wait::any(&[object], timeout)), 5, "{kind}");
                assert_eq!(code(wait::all(&[object], timeout)), 5, "{kind}");
                assert_eq!(code(wait::signal_and_wait(&event, object, timeout)), 5, "{kind}");
            }
        }
        assert!(!is_set(&event), "{kind}");
        let object = held.as_waitable().unwrap();
        assert_eq!(wait::one(object, LONG).unwrap(), Waited::Signaled(0), "{kind}: nothing was taken");
    }
}

fn a_wait_needs_no_other_right(stage: &Stage) {
    for kind in WAITABLE {
        let held = kinds::create(stage, kind, kind.as_str()).unwrap();
        signal(&held);
        let waiting = kinds::open(stage, kind, kind.as_str(), Access::SYNCHRONIZE).unwrap();
        assert_eq!(wait::one(waiting.as_waitable().unwrap(), LONG).unwrap(), Waited::Signaled(0), "{kind}");
    }
}

fn an_event_is_changed_with_the_right_to_modify_it(stage: &Stage) {
    for reset in [Reset::Auto, Reset::Manual] {
        let event = stage.event("n", reset);
        let waiting = stage.events().open("n", Access::SYNCHRONIZE | Access::QUERY).unwrap();
        for refused in [waiting.set(), waiting.reset(), waiting.pulse()] {
            assert_eq!(code(refused), 5, "{reset:?}");
        }
        assert!(!is_set(&event), "{reset:?}");
        event.set().unwrap();
        assert_eq!((code(waiting.reset()), code(waiting.pulse())), (5, 5), "{reset:?}");
        assert!(is_set(&event), "{reset:?}");
        let modifying = stage.events().open("n", Access::MODIFY).unwrap();
        modifying.reset().unwrap();
        assert!(!is_set(&event), "{reset:?}");
        modifying.set().unwrap();
        modifying.pulse().unwrap();
        assert!(!is_set(&event), "{reset:?}");
    }
}

fn a_semaphore_is_released_with_the_right_to_modify_it(stage: &Stage) {
    let semaphore = stage.semaphore("n", 0, 5);
    let waiting = stage.semaphores().open("n", Access::SYNCHRONIZE | Access::QUERY).unwrap();
    assert_eq!(code(waiting.release(1)), 5);
    assert_eq!(count(&semaphore), 0);
    let modifying = stage.semaphores().open("n", Access::MODIFY).unwrap();
    assert_eq!(modifying.release(2).unwrap(), 0);
    assert_eq!(count(&semaphore), 2);
}

fn a_mutex_is_released_without_any_right(stage: &Stage) {
    let mutex = stage.mutex("n");
    let handles =
        [stage.mutexes().open("n", Access::QUERY).unwrap(), mutex.try_clone_with(Access::empty()).unwrap()];
    for handle in handles {
        assert_eq!(code(handle.release()), 288, "who does not own it");
        own(&mutex);
        handle.release().unwrap();
        assert!(is_free(&mutex));
        assert_eq!(code(handle.release()), 288, "once is enough");
    }
}

fn a_timer_is_set_and_cancelled_with_the_right_to_modify_it(stage: &Stage) {
    let timer = stage.timer("n", Reset::Auto);
    let waiting = stage.timers().open("n", Access::SYNCHRONIZE | Access::QUERY).unwrap();
    assert_eq!(code(waiting.set(Due::NOW, None)), 5);
    assert!(!timer.wait(SHORT).unwrap());
    timer.set(Due::after(SHORT), None).unwrap();
    assert_eq!(code(waiting.cancel()), 5);
    assert!(timer.wait(LONG).unwrap(), "it was not cancelled");
    let modifying = stage.timers().open("n", Access::MODIFY).unwrap();
    modifying.set(Due::NOW, None).unwrap();
    assert!(timer.wait(LONG).unwrap());
    modifying.cancel().unwrap();
}

fn what_is_signalled_before_a_wait_needs_the_right_to_modify_it(stage: &Stage) {
    let (event, semaphore) = (stage.event("event", Reset::Auto), stage.semaphore("semaphore", 0, 1));
    let waiting = Access::SYNCHRONIZE | Access::QUERY;
    let (no_event, no_semaphore) = (
        stage.events().open("event", waiting).unwrap(),
        stage.semaphores().open("semaphore", waiting).unwrap(),
    );
    let other = stage.semaphore("other", 1, 1);
    let signals: [&dyn Signal; 2] = [&no_event, &no_semaphore];
    for signal in signals {
        assert_eq!(code(wait::signal_and_wait(signal, &other, LONG)), 5);
    }
    assert_eq!((is_set(&event), count(&semaphore), count(&other)), (false, 0, 1));
    // A mutex needs none.
    let mutex = stage.mutex("mutex");
    own(&mutex);
    let handle = stage.mutexes().open("mutex", Access::QUERY).unwrap();
    assert_eq!(wait::signal_and_wait(&handle, &other, LONG).unwrap(), Waited::Signaled(0));
    assert!(is_free(&mutex));
}

fn a_view_needs_the_right_to_read_or_to_write(stage: &Stage) {
    let mapping = stage.memory("n", PAGE as u64);
    let table = [
        (Access::READ, [0, 0, 5]),
        (Access::WRITE, [5, 5, 0]),
        (Access::READ_WRITE, [0, 0, 0]),
        (Access::ALL, [0, 0, 0]),
        (Access::QUERY, [5, 5, 5]),
        (Access::QUERY | Access::READ, [0, 0, 5]),
    ];
    for (access, expected) in table {
        for handle in [stage.open("n", access).unwrap(), mapping.try_clone_with(access).unwrap()] {
            let codes = [code(handle.map()), code(handle.map_copy()), code(handle.map_mut())];
            assert_eq!(codes, expected, "{access:?}: to read, to copy, to write");
        }
    }
    let nothing = mapping.try_clone_with(Access::empty()).unwrap();
    assert_eq!([code(nothing.map()), code(nothing.map_copy()), code(nothing.map_mut())], [5, 5, 5]);
}

fn closing_and_comparing_need_no_right(stage: &Stage) {
    for kind in KINDS {
        let held = kinds::create(stage, kind, "n").unwrap();
        let nothing = held.try_clone_with(Access::empty()).unwrap();
        assert!(transfer::same_object(&held, &nothing), "{kind}");
        drop(held);
        assert!(kinds::existed(&kinds::create(stage, kind, "n").unwrap()), "{kind}: it keeps the name");
        drop(nothing);
        assert!(!kinds::existed(&kinds::create(stage, kind, "n").unwrap()), "{kind}: it was closed");
    }
}
