//! Processes in different PID namespaces that share a namespace directory, as containers do with a common volume.

use std::time::{Duration, Instant};

use shmobj::ErrorKind;
use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, value};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::is_root_for;

/// Two puppets that see only themselves in `/proc`, and who started them.
fn two_containers(scratch: &Scratch) -> ([Puppet; 2], [Puppet; 2]) {
    let mut outer = ["one outside", "two outside"].map(|name| puppet!(name, scratch));
    let [one, two] = &mut outer;
    let inner = [one.fork_into_pid_namespace("one inside"), two.fork_into_pid_namespace("two inside")];
    (outer, inner)
}

#[test]
fn memory_of_a_process_that_cannot_be_seen_is_unreachable_within_a_bound() {
    if !is_root_for("memory_of_a_process_that_cannot_be_seen_is_unreachable_within_a_bound") {
        return;
    }
    let scratch = Scratch::new();
    let (_outer, [mut one, mut two]) = two_containers(&scratch);
    one.does("create h n 4096");
    let since = Instant::now();
    let text = two.fails("open h n r", ErrorKind::Unreachable).text;
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    assert!(text.contains("cannot see") && text.contains("share it across PID namespaces"), "{text}");
    assert_eq!(scratch.files(), ["n"], "the object of the other one lives");
    // Who sees both may open it: the host sees into its containers, whatever number the hint says.
    let mut host = puppet!("host", &scratch);
    host.does("open h n rw");
    host.kill();
    // Nobody is in the way of its end.
    one.kill();
    two.fails("open h n r", ErrorKind::NotFound);
    assert_eq!(value(&two.does("create h n 4096"), "existed"), "false");
}

#[test]
fn an_object_across_pid_namespaces_is_shared() {
    if !is_root_for("an_object_across_pid_namespaces_is_shared") {
        return;
    }
    let scratch = Scratch::new();
    let (_outer, [mut one, mut two]) = two_containers(&scratch);
    one.does("create h n 8192 beside");
    one.does("map v h rw");
    assert_eq!(value(&two.does("create h n 4096"), "existed"), "true");
    two.does("map v h rw");
    two.does("write v 8000 contained");
    assert_eq!(one.does("read v 8000 9"), "contained");
    one.kill();
    let mut host = puppet!("host", &scratch);
    host.does("open h n rw");
    host.does("map v h rw");
    assert_eq!(host.does("read v 8000 9"), "contained");
    host.kill();
    two.does("close h");
    scratch.assert_empty("after the last handle was closed, in one of the containers");
}

#[test]
fn a_dead_object_of_another_pid_namespace_is_reclaimed() {
    if !is_root_for("a_dead_object_of_another_pid_namespace_is_reclaimed") {
        return;
    }
    let scratch = Scratch::new();
    for option in ["", "beside"] {
        let (_outer, [mut one, mut two]) = two_containers(&scratch);
        one.does(format!("create h n 4096 {option}"));
        one.kill();
        assert_eq!(value(&two.does(format!("create h n 4096 {option}")), "existed"), "false");
    }
}

#[test]
fn a_mapped_file_is_found_by_its_path() {
    if !is_root_for("a_mapped_file_is_found_by_its_path") {
        return;
    }
    let (scratch, elsewhere) = (Scratch::new(), Scratch::new());
    let (path, other) = (elsewhere.file("data"), elsewhere.file("other"));
    std::fs::write(&path, "contents of the file").expect("a file");
    std::fs::write(&other, "contents of a stranger").expect("a file");
    let (_outer, [mut one, mut two]) = two_containers(&scratch);
    one.does(format!("create h n 0 file={}", path.display()));
    one.does("map v h rw");
    two.does("open h n rw");
    two.does("map v h rw");
    two.does("write v 0 CONTENTS");
    assert_eq!(one.does("read v 0 20"), "CONTENTS of the file");
    two.does("unmap v");
    two.does("close h");
    // Another file under the path is not the object's.
    std::fs::rename(&other, &path).expect("rename");
    two.fails("open h n rw", ErrorKind::Unreachable);
}

/// Two containers in which threads have the same numbers, with an object that the first one made.
fn namesakes(scratch: &Scratch, kind: &str) -> ([Puppet; 2], [Puppet; 2]) {
    let (outer, [mut one, mut two]) = two_containers(scratch);
    assert_eq!(one.does("thread t"), two.does("thread t"), "their threads are to have equal numbers");
    one.does(format!("make o {kind} o"));
    two.does(format!("reach o {kind} o"));
    (outer, [one, two])
}

fn host(scratch: &Scratch, kind: &str) -> Puppet {
    let mut host = puppet!("host", scratch);
    host.does(format!("reach o {kind} o"));
    host
}

#[test]
fn threads_with_equal_numbers_do_not_take_each_other_for_the_owner() {
    if !is_root_for("threads_with_equal_numbers_do_not_take_each_other_for_the_owner") {
        return;
    }
    let scratch = Scratch::new();
    let (_outer, [mut one, mut two]) = namesakes(&scratch, "mutex");
    for within in ["", "in t "] {
        for _ in 0..2 {
            assert_eq!(one.does(format!("{within}wait o 0")), "signaled");
        }
        assert_eq!(one.does(format!("{within}depth o")), "2");
        for command in ["wait o 0", "wait o 30", "wait-any 30 o", "wait-all 30 o"] {
            assert_eq!(two.does(format!("{within}{command}")), "timeout", "its namesake owns it");
        }
        assert_eq!(two.does(format!("{within}depth o")), "0");
        two.fails(format!("{within}release o"), ErrorKind::NotOwner);
        one.does(format!("{within}release o"));
        assert_eq!(two.does(format!("{within}wait o 0")), "timeout", "its namesake owns it once");
        one.does(format!("{within}release o"));
        one.fails(format!("{within}release o"), ErrorKind::NotOwner);
        assert_eq!(two.does(format!("{within}wait o 0")), "signaled");
        one.fails(format!("{within}release o"), ErrorKind::NotOwner);
        assert_eq!(one.does(format!("{within}wait o 0")), "timeout");
        two.does(format!("{within}release o"));
    }
}

#[test]
fn the_death_of_a_namesake_that_sleeps_frees_nothing() {
    if !is_root_for("the_death_of_a_namesake_that_sleeps_frees_nothing") {
        return;
    }
    for command in ["wait o never", "wait-any never o", "wait-all never o"] {
        let scratch = Scratch::new();
        let (_outer, [mut one, mut two]) = namesakes(&scratch, "mutex");
        let mut host = host(&scratch, "mutex");
        assert_eq!(one.does("wait o 0"), "signaled");
        two.falls_asleep_in(command);
        two.kill();
        assert_eq!(host.does("wait o 200"), "timeout", "{command}: its owner lives");
        one.does("release o");
        assert_eq!(host.does("wait o 10000"), "signaled", "{command}: not abandoned");
    }
}

#[test]
fn the_death_of_a_namesake_that_is_about_to_sleep_frees_nothing() {
    if !is_root_for("the_death_of_a_namesake_that_is_about_to_sleep_frees_nothing") {
        return;
    }
    let scratch = Scratch::new();
    let (_outer, [mut one, mut two]) = namesakes(&scratch, "mutex");
    let mut host = host(&scratch, "mutex");
    assert_eq!(one.does("wait o 0"), "signaled");
    // The first process of a namespace cannot kill itself.
    two.does("arm pause=60000 1 latch: about to sleep");
    two.tell("wait o never");
    std::thread::sleep(Duration::from_millis(50));
    two.kill();
    assert_eq!(host.does("wait o 200"), "timeout", "its owner lives");
    one.does("release o");
    assert_eq!(host.does("wait o 10000"), "signaled", "not abandoned");
}

#[test]
fn the_death_of_a_namesake_that_spins_frees_nothing() {
    if !is_root_for("the_death_of_a_namesake_that_spins_frees_nothing") {
        return;
    }
    let scratch = Scratch::new();
    let mut outer = puppet!("outside", &scratch);
    let mut one = outer.fork_into_pid_namespace("one inside");
    let mut host = puppet!("host", &scratch);
    one.does("make o mutex o");
    host.does("reach o mutex o");
    assert_eq!(one.does("wait o 0"), "signaled");
    for round in 0..30 {
        let mut outer = puppet!("another one outside", &scratch);
        let mut two = outer.fork_into_pid_namespace("two inside");
        two.does("reach o mutex o");
        two.tell("look-for-ever o");
        std::thread::sleep(Duration::from_millis(round % 5));
        two.kill();
        assert_eq!(host.does("wait o 0"), "timeout", "round {round}: its owner lives");
    }
    one.does("release o");
    assert_eq!(host.does("wait o 10000"), "signaled", "not abandoned");
}

#[test]
fn the_death_of_a_namesake_at_the_gate_opens_nothing() {
    if !is_root_for("the_death_of_a_namesake_at_the_gate_opens_nothing") {
        return;
    }
    let scratch = Scratch::new();
    let (_outer, [mut one, mut two]) = namesakes(&scratch, "auto");
    let mut host = host(&scratch, "auto");
    one.does("set o");
    one.does("arm pause=1500 1 wait-all: all locked");
    let since = Instant::now();
    one.tell("wait-all never o");
    std::thread::sleep(Duration::from_millis(100));
    two.falls_asleep_in("wait o 0");
    two.kill();
    let told = host.does("wait o 0");
    // On a machine that stood still meanwhile there was nothing to be seen.
    if since.elapsed() < Duration::from_millis(1400) {
        panic!("the host was told `{told}` while the first one was deciding");
    }
    assert_eq!(told, "timeout", "the first one has taken it");
    assert_eq!(one.answer().expect("a wait"), "signaled");
}

#[test]
fn death_is_told_across_pid_namespaces() {
    if !is_root_for("death_is_told_across_pid_namespaces") {
        return;
    }
    for command in ["wait o never", "wait-any never o", "wait-all never o"] {
        for threads in [false, true] {
            let scratch = Scratch::new();
            let (_outer, [mut one, mut two]) = namesakes(&scratch, "mutex");
            let mut host = host(&scratch, "mutex");
            assert_eq!(one.does(if threads { "in t wait o 0" } else { "wait o 0" }), "signaled");
            two.falls_asleep_in(command);
            if threads {
                one.does("leave t");
            } else {
                one.kill();
            }
            let told = two.answers_within(Duration::from_secs(10)).expect("it is told").expect("a lock");
            assert!(told.starts_with("abandoned"), "{command}: {told}");
            host.falls_asleep_in(command);
            two.kill();
            let told = host.answers_within(Duration::from_secs(10)).expect("it is told").expect("a lock");
            assert!(told.starts_with("abandoned"), "{command}: {told}");
        }
    }
}

#[test]
fn signals_reach_sleepers_across_pid_namespaces() {
    if !is_root_for("signals_reach_sleepers_across_pid_namespaces") {
        return;
    }
    for (kind, signal) in
        [("auto", "set o"), ("manual", "set o"), ("semaphore", "release o 1"), ("timer", "start o 0")]
    {
        for command in ["wait o never", "wait-any never o", "wait-all never o"] {
            let scratch = Scratch::new();
            let (_outer, [mut one, mut two]) = namesakes(&scratch, kind);
            two.falls_asleep_in(command);
            one.does(signal);
            let told = two.answers_within(Duration::from_secs(10)).expect("it wakes").expect("a wait");
            assert!(told.starts_with("signaled"), "{kind}, {command}: {told}");
        }
    }
}

#[test]
fn the_death_of_a_namesake_that_has_just_released_it_frees_nothing() {
    if !is_root_for("the_death_of_a_namesake_that_has_just_released_it_frees_nothing") {
        return;
    }
    for _ in 0..10 {
        let scratch = Scratch::new();
        let (_outer, [mut one, mut two]) = namesakes(&scratch, "mutex");
        let mut host = host(&scratch, "mutex");
        assert_eq!(two.does("wait o 0"), "signaled");
        host.falls_asleep_in("wait o never");
        two.does("arm pause=60000 1 latch: free, nobody woken");
        two.tell("release o");
        // Free, and nobody knows it yet.
        if one.does("wait o 2000") == "timeout" {
            // But for who sleeps, and looks by itself now and then: it did so just then.
            let told =
                host.answers_within(Duration::from_secs(10)).expect("somebody has it").expect("a lock");
            assert_eq!(told, "signaled");
            continue;
        }
        two.kill();
        host.sleeps_on();
        one.does("release o");
        let told = host.answers_within(Duration::from_secs(10)).expect("it wakes").expect("a lock");
        assert_eq!(told, "signaled", "not abandoned");
        return;
    }
    panic!("the sleeper was quicker each time");
}
