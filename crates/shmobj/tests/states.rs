//! What synchronization objects show of their state: by `Namespace::inspect` and `Namespace::objects` where those are, and by a handle.

mod common;

use std::time::{Duration, SystemTime};

use common::objects::abandon;
#[cfg(target_os = "linux")]
use common::sleeper::until;
use common::sleeper::{Elsewhere, LONG, SHORT, Sleeper, own_number};
use common::{Place, on_wine};
#[cfg(target_os = "linux")]
use shmobj::{Access, Kind, Listed, Scope, Storage, wait};
use shmobj::{Due, Owner, Period, Reset, State, Timeout};

const HOUR: Duration = Duration::from_secs(3600);

fn owner(place: &Place, name: &str) -> Option<Owner> {
    match place.state(name) {
        State::Mutex { owner, abandoned: false } => owner,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_mutex_shows_which_thread_of_which_process_owns_it() {
    let place = Place::new();
    let mutex = place.mutex("n");
    assert_eq!(owner(&place, "n"), None);
    let lock = mutex.lock().unwrap();
    let own = owner(&place, "n").expect("it is owned");
    if !on_wine() {
        // It does not tell.
        assert_eq!((own.thread, own.pid), (own_number(), Some(std::process::id())));
    }
    #[cfg(target_os = "linux")]
    assert_eq!(
        own.command.as_deref(),
        Some(std::fs::read_to_string("/proc/thread-self/comm").unwrap().trim_end())
    );
    drop(lock);
    assert_eq!(owner(&place, "n"), None);
    let owned = [&mutex];
    std::thread::scope(|scope| {
        let elsewhere = Elsewhere::owns(scope, &owned);
        let other = owner(&place, "n").expect("it is owned");
        if !on_wine() {
            assert_eq!((other.thread, other.pid), (elsewhere.number(), Some(std::process::id())));
            assert_ne!(other.thread, own.thread);
        }
        elsewhere.releases();
    });
    assert_eq!(owner(&place, "n"), None);
}

#[test]
fn a_mutex_that_is_owned_from_the_beginning_shows_its_owner() {
    let place = Place::new();
    let mutex = place.mutexes().initially_owned(true).create("n").unwrap();
    let own = owner(&place, "n").expect("it is owned");
    if !on_wine() {
        // It does not tell.
        assert_eq!((own.thread, own.pid), (own_number(), Some(std::process::id())));
    }
    mutex.release().unwrap();
    assert_eq!(owner(&place, "n"), None);
}

#[test]
fn an_abandoned_mutex_shows_it_until_somebody_owns_it() {
    let place = Place::new();
    let mutex = place.mutex("n");
    abandon(&[&mutex], 2);
    assert_eq!(place.state("n"), State::Mutex { owner: None, abandoned: true });
    let lock = mutex.lock().unwrap();
    assert!(lock.is_abandoned());
    assert!(matches!(place.state("n"), State::Mutex { owner: Some(_), abandoned: false }));
    drop(lock);
    assert_eq!(place.state("n"), State::Mutex { owner: None, abandoned: false });
}

#[test]
fn an_event_shows_its_sort_and_whether_it_is_set() {
    let place = Place::new();
    for reset in [Reset::Auto, Reset::Manual] {
        let event = place.event("n", reset);
        assert_eq!(place.state("n"), State::Event { signaled: false, reset });
        event.set().unwrap();
        assert_eq!(place.state("n"), State::Event { signaled: true, reset }, "a look takes nothing");
        assert_eq!(place.state("n"), State::Event { signaled: true, reset });
        event.wait(Timeout::NOW).unwrap();
        assert_eq!(place.state("n"), State::Event { signaled: reset == Reset::Manual, reset });
        event.reset().unwrap();
        assert_eq!(place.state("n"), State::Event { signaled: false, reset });
        drop(event);
        let _set = place.events().reset(reset).signaled(true).create("n").unwrap();
        assert_eq!(place.state("n"), State::Event { signaled: true, reset });
    }
}

#[test]
fn a_semaphore_shows_its_count_and_its_maximum() {
    let place = Place::new();
    let semaphore = place.semaphore("n", 2, 7);
    for (count, act) in [(2, 0), (5, 3), (4, -1), (3, -1), (7, 4), (6, -1)] {
        match act {
            0 => {}
            -1 => assert!(semaphore.wait(Timeout::NOW).unwrap()),
            more => assert_eq!(semaphore.release(more as u32).unwrap(), count - more as u32),
        }
        assert_eq!(place.state("n"), State::Semaphore { count, max: 7 });
    }
}

#[test]
fn a_timer_shows_when_it_is_due_and_how_often() {
    let place = Place::new();
    for reset in [Reset::Auto, Reset::Manual] {
        let timer = place.timer("n", reset);
        let shown = || match place.state("n") {
            State::WaitableTimer { signaled, reset: shown, due_in, period } => {
                // Windows tells neither: only the handle that made it knows its sort.
                assert_eq!(shown, cfg!(target_os = "linux").then_some(reset));
                (signaled, due_in, period)
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(shown(), (false, None, None));
        timer.set(Due::after(HOUR), Some(HOUR.into())).unwrap();
        let (signaled, due_in, period) = shown();
        assert_eq!((signaled, period), (false, cfg!(target_os = "linux").then_some(HOUR)));
        assert!(due_in.is_some_and(|due_in| due_in <= HOUR && due_in > HOUR / 2), "{due_in:?}");
        timer.set(Due::at(SystemTime::now() + 2 * HOUR), None).unwrap();
        let (signaled, due_in, period) = shown();
        assert_eq!((signaled, period), (false, None));
        if !on_wine() {
            // It does not tell of an absolute time.
            assert!(due_in.is_some_and(|due_in| due_in <= 2 * HOUR && due_in > HOUR), "{due_in:?}");
        }
        timer.set(Due::NOW, Some(Period::every(HOUR))).unwrap();
        let (signaled, due_in, _) = shown();
        assert!(signaled);
        if !on_wine() {
            assert!(due_in.is_some_and(|due_in| due_in <= HOUR && due_in > HOUR / 2), "{due_in:?}");
        }
        timer.set(Due::NOW, None).unwrap();
        assert_eq!(shown(), (true, None, None));
        timer.cancel().unwrap();
        assert_eq!(shown(), (true, None, None), "it stays signalled");
        if on_wine() {
            continue; // it shows of a cancelled timer when it would have been due
        }
        timer.set(Due::after(HOUR), Some(HOUR.into())).unwrap();
        timer.cancel().unwrap();
        assert_eq!(shown(), (false, None, None));
    }
}

#[test]
#[cfg(target_os = "linux")] // Windows does not tell
fn an_object_shows_that_somebody_waits_for_it() {
    let place = Place::new();
    let event = place.event("event", Reset::Auto);
    let semaphore = place.semaphore("semaphore", 0, 1);
    let timer = place.timer("timer", Reset::Auto);
    let mutex = place.mutex("mutex");
    let owned = [&mutex];
    let names = ["event", "semaphore", "timer", "mutex"];
    std::thread::scope(|scope| {
        let elsewhere = Elsewhere::owns(scope, &owned);
        assert_eq!(names.map(|name| place.is_waited_for(name)), [false; 4]);
        let sleepers = [
            Sleeper::asleep(scope, || event.wait(LONG).unwrap()),
            Sleeper::asleep(scope, || semaphore.wait(LONG).unwrap()),
            Sleeper::asleep(scope, || timer.wait(LONG).unwrap()),
            Sleeper::asleep(scope, || mutex.lock_timeout(LONG).unwrap().is_some()),
        ];
        assert_eq!(names.map(|name| place.is_waited_for(name)), [true; 4]);
        event.set().unwrap();
        semaphore.release(1).unwrap();
        timer.set(Due::NOW, None).unwrap();
        elsewhere.releases();
        assert!(sleepers.into_iter().all(Sleeper::outcome));
    });
    // A mark may stay until a signal finds nobody.
    event.set().unwrap();
    semaphore.release(1).unwrap();
    timer.set(Due::NOW, None).unwrap();
    for _ in 0..2 {
        drop(mutex.lock().unwrap());
    }
    assert_eq!(names.map(|name| place.is_waited_for(name)), [false; 4]);
}

#[test]
#[cfg(target_os = "linux")]
fn an_object_shows_that_it_is_waited_for_among_several() {
    let place = Place::new();
    let [a, b] = ["a", "b"].map(|name| place.event(name, Reset::Auto));
    std::thread::scope(|scope| {
        let sleeper = Sleeper::asleep(scope, || wait::any(&[&a, &b], LONG).unwrap());
        assert!(place.is_waited_for("a") && place.is_waited_for("b"));
        b.set().unwrap();
        assert_eq!(sleeper.outcome(), wait::Waited::Signaled(1));
    });
}

#[test]
fn a_look_disturbs_nobody() {
    let place = Place::new();
    let event = place.event("n", Reset::Auto);
    std::thread::scope(|scope| {
        let sleeper = Sleeper::asleep(scope, || event.wait(LONG).unwrap());
        for _ in 0..200 {
            assert!(!place.is_signaled("n"));
        }
        sleeper.stays_asleep();
        event.set().unwrap();
        assert!(sleeper.outcome());
    });
    assert!(!event.wait(SHORT).unwrap());
}

#[test]
#[cfg(target_os = "linux")]
fn a_list_shows_every_kind_with_its_state() {
    let place = Place::new();
    let _mapping = place.memory("mapping", 4096);
    let _mutex = place.mutex("mutex");
    let _event = place.event("event", Reset::Manual);
    let _semaphore = place.semaphore("semaphore", 1, 2);
    let _timer = place.timer("timer", Reset::Auto);
    let mut listed = Vec::new();
    for object in place.namespace.objects(Scope::Local).unwrap() {
        let Listed::Object(info) = object else { panic!("{object:?}") };
        assert_eq!(info.creator.pid, std::process::id());
        assert_eq!(info.state.is_none(), info.kind == Kind::FileMapping);
        if info.kind != Kind::FileMapping {
            assert_eq!((&info.storage, info.protection), (&Storage::Entry, None));
        }
        listed.push((info.name, info.kind, info.state));
    }
    listed.sort_by(|one, two| one.0.cmp(&two.0));
    let timer =
        State::WaitableTimer { signaled: false, reset: Some(Reset::Auto), due_in: None, period: None };
    let expected = [
        ("event", Kind::Event, Some(State::Event { signaled: false, reset: Reset::Manual })),
        ("mapping", Kind::FileMapping, None),
        ("mutex", Kind::Mutex, Some(State::Mutex { owner: None, abandoned: false })),
        ("semaphore", Kind::Semaphore, Some(State::Semaphore { count: 1, max: 2 })),
        ("timer", Kind::WaitableTimer, Some(timer)),
    ];
    assert_eq!(listed, expected.map(|(name, kind, state)| (name.to_owned(), kind, state)));
}

#[test]
#[cfg(target_os = "linux")]
fn a_handle_in_this_process_shows_it_as_a_holder() {
    let place = Place::new();
    let mutex = place.mutex("n");
    let info = place.inspect("n");
    let holders = shmobj::holders(&[&info]);
    assert!(holders[0].iter().any(|holder| holder.pid == std::process::id()), "{holders:?}");
    let use_it = Access::QUERY | Access::SYNCHRONIZE | Access::MODIFY;
    assert!(holders[0].iter().all(|holder| holder.access == use_it), "{holders:?}");
    drop(mutex);
    until("nobody holds it", || {
        shmobj::holders(&[&info])[0].iter().all(|holder| holder.pid != std::process::id())
    });
}
