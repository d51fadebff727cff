//! Mutexes, events and waits across `fork` and `exec`, and threads that end, or close their handles, while they own a mutex.

use std::time::Duration;

use shmobj::ErrorKind;
use shmobj_tests::puppet;
use shmobj_tests::puppet::Puppet;
use shmobj_tests::scratch::Scratch;

const SECONDS: Duration = Duration::from_secs(10);

#[track_caller]
fn woken(sleeper: &mut Puppet, story: &str) -> String {
    match sleeper.answers_within(SECONDS) {
        Some(answer) => answer.unwrap_or_else(|refusal| panic!("{story}: {refusal:?}")),
        None => panic!("{story}: the sleeper sleeps for ever"),
    }
}

/// A process that has a mutex, named or not.
fn parent(scratch: &Scratch, name: &str) -> Puppet {
    let mut parent = puppet!("parent", scratch);
    parent.does(format!("make o mutex {name}"));
    parent
}

#[test]
fn a_child_owns_nothing_and_its_parent_still_does() {
    for name in ["o", "-"] {
        for depth in 1..3 {
            let scratch = Scratch::new();
            let mut parent = parent(&scratch, name);
            for _ in 0..depth {
                parent.does("wait o 0");
            }
            let mut child = parent.fork("child");
            assert_eq!(child.does("depth o"), "0");
            child.fails("release o", ErrorKind::NotOwner);
            for way in ["wait o 0", "wait o 30", "wait-any 30 o", "wait-all 30 o"] {
                assert_eq!(child.does(way), "timeout", "its parent owns it");
            }
            child.kill();
            assert_eq!(parent.does("depth o"), depth.to_string());
            let mut child = parent.fork("another child");
            for _ in 0..depth {
                assert_eq!(child.does("wait o 0"), "timeout");
                parent.does("release o");
            }
            parent.fails("release o", ErrorKind::NotOwner);
            assert_eq!(child.does("wait o 0"), "signaled");
            assert_eq!(parent.does("wait o 0"), "timeout");
            child.does("release o");
        }
    }
}

#[test]
fn a_child_that_dies_or_ends_or_execs_while_it_owns_is_told_to_its_parent() {
    for name in ["o", "-"] {
        for how in ["kill", "exit 0", "exec sleep 30"] {
            for inherits_a_seat in [true, false] {
                let scratch = Scratch::new();
                let story = format!("{name}, {how}, locked before: {inherits_a_seat}");
                let mut parent = parent(&scratch, name);
                if inherits_a_seat {
                    parent.does("wait o 0");
                    parent.does("release o");
                }
                for _ in 0..3 {
                    let mut child = parent.fork("child");
                    assert_eq!(child.does("wait o 10000"), "signaled", "{story}");
                    parent.falls_asleep_in("wait o never");
                    if how == "kill" {
                        child.kill();
                    } else {
                        child.tell(how);
                    }
                    assert_eq!(woken(&mut parent, &story), "abandoned", "{story}");
                    parent.does("release o");
                }
                assert_eq!(parent.does("wait o 0"), "signaled", "{story}");
            }
        }
    }
}

#[test]
fn a_parent_that_dies_while_it_owns_is_told_to_its_child() {
    for forked_while_owning in [true, false] {
        let scratch = Scratch::new();
        let mut parent = parent(&scratch, "-");
        if forked_while_owning {
            parent.does("wait o 0");
        }
        let mut child = parent.fork("child");
        if !forked_while_owning {
            parent.does("wait o 0");
        }
        child.falls_asleep_in("wait o never");
        parent.kill();
        assert_eq!(woken(&mut child, "the parent died"), "abandoned");
        child.does("release o");
        assert_eq!(child.does("wait o 0"), "signaled");
    }
}

#[test]
fn a_child_forked_while_another_thread_owns_or_sleeps_is_not_that_thread() {
    let scratch = Scratch::new();
    let mut parent = parent(&scratch, "-");
    parent.does("make e auto -");
    parent.does("thread owner");
    let sleeper: u32 = parent.does("thread sleeper").parse().expect("a number");
    assert_eq!(parent.does("in owner wait o 0"), "signaled");
    parent.thread_falls_asleep_in("sleeper", sleeper, "wait e never");
    let mut child = parent.fork("child");
    child.fails("release o", ErrorKind::NotOwner);
    assert_eq!(child.does("wait o 0"), "timeout");
    child.does("set e");
    assert_eq!(parent.does("finish sleeper"), "signaled");
    assert_eq!(child.does("wait e 0"), "timeout", "one signal");

    parent.thread_falls_asleep_in("sleeper", sleeper, "wait-any never e o");
    let mut second = parent.fork("second child");
    child.kill();
    parent.does("in owner release o");
    assert_eq!(parent.does("finish sleeper"), "signaled 1");
    assert_eq!(second.does("wait o 0"), "timeout");
    parent.does("leave sleeper");
    assert_eq!(second.does("wait o 0"), "abandoned");
    assert_eq!(parent.does("in owner wait o 0"), "timeout");
}

/// A thread stops in the middle of what it does; a child that is forked then does the same things.
#[test]
fn a_child_forked_in_the_middle_of_an_operation_waits_for_nobody_but_the_parent() {
    for (step, operation) in [
        ("latch: taken", "wait o 0"),
        ("mutex: owned", "wait o 0"),
        ("wait-all: all locked", "wait-all 0 o e t"),
        ("wait-all: one committed", "wait-all 0 o e t"),
        ("timer: locked", "start t 3600000"),
    ] {
        let scratch = Scratch::new();
        let mut parent = parent(&scratch, "o");
        parent.does("make e auto e set");
        parent.does("make t timer t");
        parent.does("start t 0");
        parent.does("thread t");
        parent.does(format!("arm pause=400 1 {step}"));
        parent.does(format!("begin t {operation}"));
        std::thread::sleep(Duration::from_millis(20));
        let mut child = parent.fork("child");
        child.does("set e");
        for command in ["wait o 0", "reset e", "wait e 0", "wait t 0", "start t 3600000", "wait-all 0 e t o"]
        {
            child.does(command);
        }
        child.kill();
        parent.does("finish t");
        parent.does("leave t");
        // Whatever the two did: nothing is locked, and all of it works.
        let mut fresh = puppet!("fresh", &scratch);
        for (object, kind) in [("o", "mutex"), ("e", "auto"), ("t", "timer")] {
            fresh.does(format!("reach {object} {kind} {object}"));
        }
        fresh.does("set e");
        fresh.does("start t 0");
        let told = fresh.does("wait-all 0 o e t");
        assert!(told != "timeout", "{step}: {told}");
    }
}

#[test]
fn generations_of_children_hand_a_mutex_down() {
    let scratch = Scratch::new();
    let mut line = vec![parent(&scratch, "-")];
    for generation in 0..12 {
        let youngest = line.last_mut().expect("the parent");
        let told = youngest.does("wait o 10000");
        assert_eq!(told, if generation % 2 == 1 { "abandoned" } else { "signaled" }, "{generation}");
        let child = youngest.fork("child");
        if generation % 2 == 0 {
            let ancestor = line.pop().expect("who owns it");
            line.push(child);
            ancestor.kill();
        } else {
            youngest.does("release o");
            line.push(child);
        }
    }
}

#[test]
fn a_mutex_whose_last_handle_its_owner_closes_stays_owned_until_the_thread_ends() {
    for closer in ["let-go o", "in t let-go o"] {
        for end in ["leave", "kill"] {
            let scratch = Scratch::new();
            let mut waiter = parent(&scratch, "o");
            let mut owner = puppet!("owner", &scratch);
            owner.does("reach o mutex o");
            owner.does("thread t");
            assert_eq!(owner.does("in t wait o 0"), "signaled");
            assert_eq!(owner.does("in t wait o 0"), "signaled");
            owner.does(closer);
            waiter.falls_asleep_in("wait o never");
            waiter.sleeps_on();
            // Opened anew, it is the same mutex, and the thread owns it as before.
            owner.does("reach o mutex o");
            assert_eq!(owner.does("in t depth o"), "2", "{closer}");
            owner.fails("release o", ErrorKind::NotOwner);
            owner.does("in t release o");
            owner.does(closer);
            waiter.sleeps_on();
            if end == "leave" {
                owner.does("leave t");
            } else {
                owner.strike();
            }
            assert_eq!(woken(&mut waiter, closer), "abandoned", "{closer}, {end}");
            waiter.does("release o");
            waiter.does("let-go o");
            scratch.assert_empty("after the last handle was closed");
        }
    }
}

#[test]
fn a_thread_that_ends_is_told_at_that_moment_while_its_process_goes_on() {
    let scratch = Scratch::new();
    let mut waiter = parent(&scratch, "o");
    let mut process = puppet!("process", &scratch);
    process.does("reach o mutex o");
    for round in 0..5 {
        process.does("thread t");
        let told = process.does("in t wait o 10000");
        assert_eq!(told, "signaled", "round {round}");
        waiter.falls_asleep_in("wait o never");
        process.does("leave t");
        assert_eq!(woken(&mut waiter, "the thread ended"), "abandoned", "round {round}");
        waiter.does("release o");
        // The same for a waiter in the same process.
        process.does("thread t");
        process.does("in t wait o 10000");
        process.does("thread u");
        process.does("begin u wait o never");
        process.does("leave t");
        assert_eq!(process.does("finish u"), "abandoned", "round {round}");
        process.does("in u release o");
        process.does("leave u");
    }
}
