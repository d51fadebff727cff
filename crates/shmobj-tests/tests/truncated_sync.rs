//! Peers that may open an object and truncate what it is in: the entry of a synchronization object, or memory beside one. That
//! object is broken then, and says so; its users live on, whoever was asked to wait for a time comes back, and other objects are as they were.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::time::{Duration, Instant};

use shmobj::ErrorKind;
use shmobj_tests::puppet;
use shmobj_tests::puppet::{Answer, Puppet, number};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::steps::OF_SYNCHRONIZATION;
use shmobj_tests::system::{note, page_size};

const KINDS: [&str; 6] = ["mutex", "auto", "manual", "semaphore", "timer", "manual-timer"];

/// A call that was not asked to wait may take five seconds for somebody's decision, and a machine under load takes its time.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a peer does to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Empty,
    /// The page stays, and its words are zeros from then on.
    Short,
    /// Another page of zeros takes the place of the old one.
    Regrown,
}

const CUTS: [Cut; 3] = [Cut::Empty, Cut::Short, Cut::Regrown];

fn entry(scratch: &Scratch, name: &str) -> File {
    OpenOptions::new().write(true).open(scratch.file(name)).expect("an entry")
}

fn cut(file: &File, cut: Cut) {
    let lengths: &[u64] = match cut {
        Cut::Empty => &[0],
        Cut::Short => &[100],
        Cut::Regrown => &[0, page_size() as u64],
    };
    lengths.iter().for_each(|&length| file.set_len(length).expect("truncated"));
}

fn user(name: &str, scratch: &Scratch, options: &str) -> Puppet {
    let mut user = puppet!(name, scratch);
    if !options.is_empty() {
        user.does(options);
    }
    for kind in KINDS {
        user.does(format!("make {kind} {kind} {kind} initial=1"));
    }
    user.does("make other mutex other");
    user
}

/// The process is whole: objects that nobody touched work, and the kernel still knows what it owns.
#[track_caller]
fn is_unharmed(mut user: Puppet, scratch: &Scratch) {
    let clean = format!("clean-{}", user.pid());
    let mut other = puppet!("other", scratch);
    user.does(format!("make {clean} mutex {clean}"));
    other.does(format!("reach {clean} mutex {clean}"));
    assert_eq!(user.does(format!("wait {clean} 0")), "signaled");
    assert_eq!(other.does(format!("wait {clean} 0")), "timeout");
    user.kill();
    assert_eq!(other.does(format!("wait {clean} 10000")), "abandoned", "its robust list is whole");
}

/// What can be done with an object of each kind, without asking to wait for long.
fn operations(kind: &str) -> Vec<String> {
    let own: &[&str] = match kind {
        "auto" | "manual" => &["set", "reset", "pulse"],
        "timer" | "manual-timer" => &["start 0", "start 1000", "cancel"],
        "semaphore" => &["release 1", "release 100"],
        _ => &[],
    };
    let own = own.iter().map(|own| {
        let (command, argument) = own.split_once(' ').unwrap_or((own, ""));
        format!("{command} {kind} {argument}")
    });
    let waits =
        ["wait KIND 0", "wait KIND 50", "wait-any 0 other KIND", "wait-any 50 KIND", "wait-all 0 KIND"];
    let all = ["wait-all 50 KIND", "wait-all 0 spare KIND", "wait-all 50 spare KIND", "wait KIND never"];
    own.chain(waits.into_iter().chain(all).map(|wait| wait.replace("KIND", kind))).collect()
}

#[track_caller]
fn is_corrupt(answer: Answer, what: &str) {
    match answer {
        Err(refusal) => assert_eq!(refusal.kind, "Corrupt", "{what}: {}", refusal.text),
        Ok(told) => panic!("{what}: {told:?} of an object that is gone"),
    }
}

#[test]
fn every_operation_on_an_object_whose_entry_was_emptied_says_that_it_is_corrupt() {
    for options in ["", "force robust-list", "force waitv"] {
        for kind in KINDS {
            for (number, first) in operations(kind).into_iter().enumerate() {
                // Used before, so that the thread has access of its own to the latch, or not.
                for used in [false, true] {
                    let scratch = Scratch::new();
                    let mut user = puppet!("user", &scratch);
                    if !options.is_empty() {
                        user.does(options);
                    }
                    user.does(format!("make {kind} {kind} {kind} initial=1"));
                    user.does("make other auto other");
                    user.does("make spare auto spare set");
                    if used {
                        user.does(format!("wait-all 0 {kind}"));
                        if kind == "mutex" {
                            user.does("release mutex");
                        }
                    }
                    cut(&entry(&scratch, kind), Cut::Empty);
                    is_corrupt(user.ask(&first), &format!("{options} {first}"));
                    // Once is enough for most: what comes after the first is the same for all.
                    for operation in operations(kind).iter().filter(|_| number == 0) {
                        is_corrupt(user.ask(operation), &format!("{options} {operation} after {first}"));
                    }
                    assert_eq!(user.does("wait other 0"), "timeout");
                    assert_eq!(user.does("wait spare 0"), "signaled", "{first} has not taken it");
                }
            }
        }
    }
}

#[test]
fn whatever_a_peer_cuts_and_grows_again_the_users_live_and_their_calls_come_back() {
    for how in CUTS {
        let scratch = Scratch::new();
        let mut user = user("user", &scratch, "");
        user.does("make spare auto spare set");
        for kind in KINDS {
            let file = entry(&scratch, kind);
            for operation in operations(kind).iter().filter(|operation| !operation.ends_with("never")) {
                cut(&file, how);
                let since = Instant::now();
                let _ = user.ask(operation);
                assert!(since.elapsed() < PATIENCE, "{how:?} {operation}: {:?}", since.elapsed());
            }
        }
        is_unharmed(user, &scratch);
    }
}

#[test]
fn sleepers_with_a_time_out_come_back_when_it_is_over() {
    for how in CUTS {
        let scratch = Scratch::new();
        let mut user = user("user", &scratch, "");
        // Nothing of it can be had.
        for command in ["wait semaphore 0", "thread owner", "in owner wait mutex 0"] {
            user.does(command);
        }
        let mut commands: Vec<String> = KINDS.iter().map(|kind| format!("wait {kind} 600")).collect();
        commands.extend(KINDS.iter().map(|kind| format!("wait-any 600 {kind}")));
        commands.extend(KINDS.iter().map(|kind| format!("wait-all 600 {kind}")));
        commands.push(format!("wait-any 600 {}", KINDS.join(" ")));
        commands.push(format!("wait-all 600 {}", KINDS.join(" ")));
        let since = Instant::now();
        for (number, command) in commands.iter().enumerate() {
            user.does(format!("thread {number}"));
            user.does(format!("begin {number} {command}"));
        }
        std::thread::sleep(Duration::from_millis(100));
        for kind in KINDS {
            cut(&entry(&scratch, kind), how);
        }
        for (number, command) in commands.iter().enumerate() {
            let answer = user.ask(format!("finish {number}"));
            assert!(since.elapsed() < PATIENCE, "{command}");
            match (&answer, how) {
                (Err(refusal), _) => assert_eq!(refusal.kind, "Corrupt", "{command}: {}", refusal.text),
                // Zeros are a free mutex.
                (Ok(told), Cut::Short | Cut::Regrown) => {
                    assert!(told == "timeout" || told.starts_with("signaled"), "{command}: {told}");
                }
                (Ok(told), Cut::Empty) => assert_eq!(told, "timeout", "{command}"),
            }
        }
        is_unharmed(user, &scratch);
    }
}

#[test]
fn the_owner_of_a_mutex_that_is_gone_learns_it_when_it_gives_it_back() {
    for options in ["", "force robust-list"] {
        for how in CUTS {
            let scratch = Scratch::new();
            let mut owner = user("owner", &scratch, options);
            for command in ["wait other 0", "wait mutex 0", "wait mutex 0"] {
                assert_eq!(owner.does(command), "signaled");
            }
            cut(&entry(&scratch, "mutex"), how);
            assert_eq!(owner.does("wait mutex 0"), "signaled", "its own memory knows that it owns it");
            assert_eq!(owner.does("depth mutex"), "3");
            owner.does("release mutex");
            owner.does("release mutex");
            owner.fails("release mutex", ErrorKind::Corrupt);
            owner.fails("release mutex", ErrorKind::NotOwner);
            assert_eq!(owner.does("depth mutex"), "0");
            owner.does("release other");
            is_unharmed(owner, &scratch);
        }
    }
}

/// Threads that end, and a process that is killed, with a mutex that is gone.
#[test]
fn an_owner_that_ends_after_its_mutex_is_gone_abandons_its_others_all_the_same() {
    for how in CUTS {
        let scratch = Scratch::new();
        let mut owner = user("owner", &scratch, "");
        let mut other = user("other", &scratch, "");
        for order in [["mutex", "other"], ["other", "mutex"]] {
            owner.does("thread one");
            for mutex in order {
                let _ = owner.ask(format!("in one wait {mutex} 0"));
            }
            cut(&entry(&scratch, "mutex"), how);
            owner.does("leave one");
            assert_eq!(other.does("wait other 10000"), "abandoned", "{how:?} {order:?}");
            other.does("release other");
        }
        let _ = owner.ask("wait mutex 0");
        owner.does("wait other 0");
        cut(&entry(&scratch, "mutex"), how);
        owner.kill();
        assert_eq!(other.does("wait other 10000"), "abandoned", "{how:?}");
    }
}

/// Cuts everything while a call pauses at each of the steps that it passes.
fn cut_at_every_step(how: Cut) {
    // What another thread of the same process does before, and the call.
    let calls: [(&str, &str); 10] = [
        ("", "wait-all 50 mutex auto manual semaphore timer manual-timer"),
        ("", "wait mutex 50"),
        ("", "start timer 0"),
        ("in helper wait mutex 0", "wait mutex 50"),
        ("in helper wait mutex 0", "wait-any 50 mutex drained"),
        ("begin helper wait drained 70", "set drained"),
        ("begin helper wait-any 70 drained", "pulse drained"),
        ("begin helper wait empty 70", "release empty 1"),
        ("begin helper wait empty 70", "release empty 70"),
        ("begin helper wait-all 70 drained empty", "wait empty 50"),
    ];
    let mut met = BTreeSet::new();
    for (before, call) in calls {
        for step in OF_SYNCHRONIZATION {
            let scratch = Scratch::new();
            let mut user = user("user", &scratch, "");
            for command in
                ["set auto", "set manual", "start timer 0", "start manual-timer 0", "thread helper"]
            {
                user.does(command);
            }
            user.does("make drained auto drained");
            user.does("make empty semaphore empty initial=0");
            if !before.is_empty() {
                user.does(before);
                std::thread::sleep(Duration::from_millis(5));
            }
            user.does(format!("arm pause=30 1 {step}"));
            user.tell(call);
            // It pauses there, or has answered, or sleeps.
            if user.answers_within(Duration::from_millis(10)).is_none() {
                for name in KINDS.iter().chain(&["drained", "empty"]) {
                    cut(&entry(&scratch, name), how);
                }
                met.insert(step);
                let since = Instant::now();
                if let Err(refusal) = user.answer() {
                    let is_known = ["Corrupt", "Stalled"].contains(&&*refusal.kind);
                    assert!(is_known, "{how:?} {call} at {step}: {}", refusal.text);
                }
                assert!(since.elapsed() < PATIENCE, "{how:?} {call} at {step}: {:?}", since.elapsed());
            }
            if before.starts_with("begin") {
                let _ = user.ask("finish helper");
            }
            let _ = user.ask("release mutex");
            is_unharmed(user, &scratch);
        }
    }
    note(&format!("{met:?}"));
}

#[test]
fn an_entry_that_is_emptied_at_any_step_of_a_protocol_kills_nobody() {
    cut_at_every_step(Cut::Empty);
}

#[test]
fn an_entry_that_becomes_short_at_any_step_of_a_protocol_kills_nobody() {
    cut_at_every_step(Cut::Short);
}

#[test]
fn an_entry_that_is_replaced_by_zeros_at_any_step_of_a_protocol_kills_nobody() {
    cut_at_every_step(Cut::Regrown);
}

#[test]
fn entries_that_are_cut_and_grown_all_the_time_cost_errors_and_nothing_else() {
    let scratch = Scratch::new();
    let mut users = [
        user("user", &scratch, ""),
        user("another user", &scratch, ""),
        user("one without a robust list", &scratch, "force robust-list"),
    ];
    let files = KINDS.map(|kind| entry(&scratch, kind));
    for user in &mut users {
        user.tell("torment 1500");
    }
    let since = Instant::now();
    let mut round = 0;
    while since.elapsed() < Duration::from_millis(1400) {
        std::thread::sleep(Duration::from_millis(20));
        cut(&files[round % files.len()], CUTS[round % 2 + 1]);
        round += 1;
    }
    files.iter().for_each(|file| cut(file, Cut::Empty));
    for mut user in users {
        let counts = user.answer().expect("counts");
        note(&counts);
        assert!(number(&counts, "longest") < PATIENCE.as_millis() as u64, "{counts}");
        is_unharmed(user, &scratch);
    }
}

#[test]
fn an_object_whose_entry_was_emptied_is_corrupt_for_who_opens_or_inspects_it() {
    for kind in KINDS {
        let scratch = Scratch::new();
        let _holder = user("holder", &scratch, "");
        cut(&entry(&scratch, kind), Cut::Empty);
        let mut late = puppet!("late", &scratch);
        late.fails(format!("reach x {kind} {kind}"), ErrorKind::Corrupt);
        late.fails(format!("make x {kind} {kind}"), ErrorKind::Corrupt);
        late.fails(format!("state {kind}"), ErrorKind::Corrupt);
    }
}

#[test]
fn when_all_have_closed_an_object_whose_entry_was_cut_a_new_one_can_have_its_name() {
    for how in CUTS {
        for kind in KINDS {
            let scratch = Scratch::new();
            let mut one = user("one", &scratch, "");
            let mut two = user("two", &scratch, "");
            cut(&entry(&scratch, kind), how);
            let _ = one.ask(format!("wait {kind} 0"));
            one.does(format!("let-go {kind}"));
            two.does(format!("let-go {kind}"));
            assert_eq!(
                one.does(format!("make {kind} {kind} {kind} initial=1")),
                "existed=false",
                "{how:?} {kind}"
            );
            two.does(format!("reach {kind} {kind} {kind}"));
            assert_ne!(two.does(format!("wait {kind} 0")), "abandoned");
        }
    }
}

#[test]
fn a_process_that_blocks_all_signals_survives_in_what_it_waits_for() {
    for kind in KINDS {
        let scratch = Scratch::new();
        let mut user = puppet!("user", &scratch);
        user.does("sigbus block");
        user.does(format!("make {kind} {kind} {kind}"));
        cut(&entry(&scratch, kind), Cut::Empty);
        user.fails(format!("wait {kind} 50"), ErrorKind::Corrupt);
    }
}

#[test]
fn a_child_of_fork_is_protected_as_its_parent_is() {
    let scratch = Scratch::new();
    let mut parent = user("parent", &scratch, "");
    parent.does("wait mutex 0");
    parent.does("release mutex");
    let mut child = parent.fork("child");
    KINDS.iter().for_each(|kind| cut(&entry(&scratch, kind), Cut::Empty));
    for user in [&mut child, &mut parent] {
        for kind in KINDS {
            user.fails(format!("wait {kind} 50"), ErrorKind::Corrupt);
        }
    }
    is_unharmed(parent, &scratch);
}

/// A puppet with objects, and a view of a file of the user's own that was cut.
fn with_a_file_that_was_cut(before: &str, scratch: &Scratch, elsewhere: &Scratch) -> Puppet {
    let path = elsewhere.file("data");
    std::fs::write(&path, [b'f'; 16384]).expect("a file");
    let mut puppet = puppet!("puppet", scratch);
    puppet.does(before);
    puppet.does("make auto auto auto");
    puppet.does(format!("create h n 0 file={}", path.display()));
    puppet.does("map v h rw");
    OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(0)).expect("truncated");
    cut(&entry(scratch, "auto"), Cut::Empty);
    puppet.fails("wait auto 0", ErrorKind::Corrupt);
    puppet
}

#[test]
fn a_fault_that_is_not_ours_goes_to_who_would_have_got_it() {
    let (scratch, elsewhere) = (Scratch::new(), Scratch::new());
    let mut application = with_a_file_that_was_cut("catch-sigbus 42", &scratch, &elsewhere);
    application.tell("touch v 0");
    let ended = application.ended();
    assert_eq!((ended.signal, ended.code), (None, Some(42)), "the application's handler got it");
    let (scratch, elsewhere) = (Scratch::new(), Scratch::new());
    let mut program = with_a_file_that_was_cut("sigbus default", &scratch, &elsewhere);
    program.tell("touch v 0");
    assert_eq!(program.ended().signal, Some(libc::SIGBUS));
}

#[test]
fn memory_beside_an_entry_that_is_cut_is_lost_to_who_touches_it_and_to_nobody_else() {
    for sort in ["r", "rw", "copy"] {
        let scratch = Scratch::new();
        let (mut one, mut two) = (puppet!("one", &scratch), puppet!("two", &scratch));
        one.does("create h n 65536 beside");
        two.does("open h n rw");
        one.does(format!("map v h {sort}"));
        two.does("map v h rw");
        two.does("write v 0 text");
        let data = scratch.files().into_iter().find(|file| file.starts_with(".shmobj-data.")).expect("data");
        let data = entry(&scratch, &data);
        data.set_len(8192).expect("truncated");
        assert_eq!(one.does("touch v 8192"), "0", "{sort}: zeros");
        assert_eq!(one.does("touch v 65535"), "0", "{sort}: zeros");
        for command in ["read v 8192 1", "read v 0 65536", "load v 8192"] {
            one.fails(command, ErrorKind::Truncated);
        }
        if sort != "r" {
            one.fails("add v 8192 1", ErrorKind::Truncated);
            one.fails("write v 9000 text", ErrorKind::Truncated);
        }
        assert_eq!(one.does("read v 0 4"), "text", "{sort}: what is there is shared as before");
        data.set_len(65536).expect("grown");
        two.does("write v 8192 back");
        assert_eq!(two.does("read v 8192 4"), "back");
        one.fails("read v 8192 4", ErrorKind::Truncated);
        one.does("unmap v");
        one.does(format!("map v h {sort}"));
        assert_eq!(one.does("read v 8192 4"), "back", "{sort}: a new view sees it");
    }
}
