//! What a job tells.

use shmobj::job::{Limit, Notification, Notifications};
use shmobj::wait::{self, Waited};
use shmobj::{ErrorKind, Job, Reset, Timeout};

use crate::common::sleeper::{LONG, SHORT, Sleeper, until};
use crate::common::{Place, error, on_wine};
use crate::peers::{command, start};

#[track_caller]
fn next(notifications: &Notifications) -> Notification {
    notifications.next(LONG).unwrap().expect("something happens")
}

/// JP-3.
#[test]
fn a_process_is_started_then_ended_and_then_the_job_is_empty() {
    let place = Place::new();
    for name in ["n", ""] {
        let job = place.job(name);
        let notifications = job.notifications().unwrap();
        assert_eq!(notifications.try_next(), None);
        let (mut child, voice) = start(&place, &job, "stays");
        assert_eq!(next(&notifications), Notification::Started(child.id()));
        assert_eq!(notifications.next(SHORT).unwrap(), None);
        voice.ends();
        child.wait().unwrap();
        assert_eq!(next(&notifications), Notification::Ended(child.id()));
        assert_eq!(next(&notifications), Notification::Empty);
        assert_eq!(notifications.next(Timeout::NOW).unwrap(), None);
    }
}

#[test]
fn what_members_start_is_told_too() {
    let place = Place::new();
    let job = place.job("n");
    let notifications = job.notifications().unwrap();
    let (child, voice) = start(&place, &job, "has a child");
    let grandchild = voice.hears_number();
    assert_eq!(next(&notifications), Notification::Started(child.id()));
    assert_eq!(next(&notifications), Notification::Started(grandchild));
    voice.ends();
    let mut ended = [next(&notifications), next(&notifications)];
    ended.sort_by_key(|told| *told != Notification::Ended(grandchild));
    assert_eq!(ended, [Notification::Ended(grandchild), Notification::Ended(child.id())]);
    assert_eq!(next(&notifications), Notification::Empty);
}

/// JP-2.
#[test]
fn processes_that_are_in_the_job_already_are_told_first() {
    let place = Place::new();
    let job = place.job("n");
    let (child, voice) = start(&place, &job, "stays");
    voice.hears();
    let notifications = job.notifications().unwrap();
    assert_eq!(next(&notifications), Notification::Started(child.id()));
    voice.ends();
    assert_eq!(next(&notifications), Notification::Ended(child.id()));
    assert_eq!(next(&notifications), Notification::Empty);
}

/// JP-6.
#[test]
fn a_job_that_is_terminated_tells_that_all_have_ended() {
    let place = Place::new();
    let job = place.job("n");
    let notifications = job.notifications().unwrap();
    let (child, _voice) = start(&place, &job, "stays");
    assert_eq!(next(&notifications), Notification::Started(child.id()));
    job.terminate(1).unwrap();
    if !on_wine() {
        assert_eq!(next(&notifications), Notification::Ended(child.id()));
    }
    assert_eq!(next(&notifications), Notification::Empty);
}

/// JA-11.
#[test]
fn a_process_that_is_one_too_many_is_told() {
    if on_wine() {
        return; // it counts none
    }
    let place = Place::new();
    let job = place.jobs().max_processes(1).create("n").unwrap();
    let notifications = job.notifications().unwrap();
    let (child, voice) = start(&place, &job, "stays");
    assert_eq!(next(&notifications), Notification::Started(child.id()));
    let error = error(job.spawn(&mut command(&place, "stays")));
    assert_eq!((error.kind(), error.win32_code()), (ErrorKind::Quota, 1816), "{error}");
    let told = || (0..3).map(|_| next(&notifications)).find(|told| matches!(told, Notification::Limit(_)));
    assert_eq!(told(), Some(Notification::Limit(Limit::Processes)));
    voice.ends();
}

#[test]
fn they_can_be_waited_for_together_with_other_objects() {
    let place = Place::new();
    let job = place.job("n");
    let event = place.event("event", Reset::Auto);
    let notifications = job.notifications().unwrap();
    assert_eq!(wait::any(&[&event, &notifications], SHORT).unwrap(), Waited::TimedOut);
    std::thread::scope(|scope| {
        let sleeper = Sleeper::asleep(scope, || wait::any(&[&event, &notifications], LONG).unwrap());
        let (_child, voice) = start(&place, &job, "stays");
        assert_eq!(sleeper.outcome(), Waited::Signaled(1));
        assert_eq!(wait::one(&notifications, Timeout::NOW).unwrap(), Waited::Signaled(0), "it takes nothing");
        assert!(matches!(notifications.try_next(), Some(Notification::Started(_))));
        assert_eq!(wait::any(&[&event, &notifications], SHORT).unwrap(), Waited::TimedOut, "nothing is left");
        event.set().unwrap();
        assert_eq!(wait::any(&[&event, &notifications], LONG).unwrap(), Waited::Signaled(0));
        voice.ends();
    });
    until("all has been told", || notifications.try_next() == Some(Notification::Empty));
}

/// JP-1, and that who no longer listens makes room for the next.
#[test]
fn who_listens_no_longer_makes_room_for_the_next() {
    if on_wine() {
        return; // a port cannot be taken away again there
    }
    let place = Place::new();
    let job = place.job("n");
    for _ in 0..3 {
        let notifications = job.notifications().unwrap();
        if cfg!(windows) {
            let second = error(job.notifications());
            assert_eq!((second.kind(), second.win32_code()), (ErrorKind::InvalidParameter, 87), "{second}");
        }
        let (child, voice) = start(&place, &job, "stays");
        assert_eq!(next(&notifications), Notification::Started(child.id()));
        voice.ends();
        until("all has been told", || notifications.try_next() == Some(Notification::Empty));
    }
}

#[test]
#[cfg(target_os = "linux")] // Windows tells one listener
fn all_listeners_are_told() {
    let place = Place::new();
    let job = place.job("n");
    let listeners = [job.notifications().unwrap(), place.job("n").notifications().unwrap()];
    let (child, voice) = start(&place, &job, "stays");
    voice.ends();
    for notifications in &listeners {
        assert_eq!(next(notifications), Notification::Started(child.id()));
        assert_eq!(next(notifications), Notification::Ended(child.id()));
        assert_eq!(next(notifications), Notification::Empty);
    }
}

/// JL-4: they keep a handle.
#[test]
fn notifications_keep_the_job() {
    let place = Place::new();
    let job = Job::options().kill_on_close(true).create_unnamed().unwrap();
    let notifications = job.notifications().unwrap();
    let (mut child, mut voice) = start(&place, &job, "answers");
    drop(job);
    assert_eq!(voice.hears(), "here");
    voice.say("still here");
    assert_eq!(voice.hears(), "still here");
    assert_eq!(next(&notifications), Notification::Started(child.id()));
    drop(notifications);
    voice.is_silenced();
    child.wait().unwrap();
}
