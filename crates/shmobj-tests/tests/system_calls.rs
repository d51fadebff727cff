//! The library needs the system calls that `docs/syscalls.md` and `docs/seccomp.json` list, and no others.
//!
//! Puppets that may make these calls alone do all that the library can do. What a process may not do kills it here, where it would
//! be an error under the profile: no fallback can hide that a call is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use shmobj::ErrorKind;
use shmobj_tests::lab::Lab;
use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, value};
use shmobj_tests::sandbox::number_of;
use shmobj_tests::scratch::Scratch;

const PROFILE: &str = include_str!("../../../docs/seccomp.json");
const TEXT: &str = include_str!("../../../docs/syscalls.md");

/// What the puppets need for themselves: to have threads that are talked to.
const PUPPETS: [&str; 2] = ["socket", "connect"];

/// The calls of each group of the profile.
fn profile() -> BTreeMap<String, BTreeSet<String>> {
    let profile: serde_json::Value = serde_json::from_str(PROFILE).expect("JSON");
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    let groups = profile["syscalls"].as_array().expect("a list of groups");
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let of_group = |group: &serde_json::Value| {
        assert_eq!(group["action"], "SCMP_ACT_ALLOW");
        let names = group["names"].as_array().expect("a list of names");
        (text(&group["comment"]), names.iter().map(text).collect())
    };
    groups.iter().map(of_group).collect()
}

/// The calls of each section of the document: the first word of each row of its tables.
fn document() -> BTreeMap<String, BTreeSet<String>> {
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in TEXT.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.to_lowercase();
        }
        let row = line.strip_prefix("| `").and_then(|row| row.split_once("` |"));
        if let Some((name, _)) = row {
            let is_new = groups.entry(section.clone()).or_default().insert(name.to_owned());
            assert!(is_new, "{name} stands twice under {section}");
        }
    }
    groups
}

fn permitted() -> BTreeSet<String> {
    let mut all: BTreeSet<String> = profile().into_values().flatten().collect();
    all.extend(PUPPETS.map(str::to_owned));
    all
}

#[test]
fn the_document_and_the_profile_list_the_same_calls() {
    assert_eq!(profile(), document());
    let calls: Vec<String> = profile().into_values().flatten().collect();
    let different: BTreeSet<&String> = calls.iter().collect();
    assert_eq!(calls.len(), different.len(), "a call is in two groups");
    if cfg!(target_arch = "x86_64") {
        for call in different {
            assert!(number_of(call).is_some(), "{call} is no system call that the tests know");
        }
    }
}

#[test]
fn the_library_does_all_it_can_with_the_calls_of_the_profile() {
    everything(&permitted());
}

/// Each call of the library is there for a reason: without it, something does not work.
#[test]
fn no_call_of_the_profile_is_superfluous() {
    /// Made by machines without a vDSO, by other C libraries and processors, for commands that lead a group,
    /// and on the way to the death of a program.
    /// `setpriority` may fail anyway, and `faccessat2` is for machines with control groups.
    const NOT_TRIED: [&str; 8] =
        ["clock_gettime", "dup3", "faccessat2", "getpgid", "nanosleep", "setpgid", "setpriority", "tgkill"];
    let all = permitted();
    // Those of the runtime are made by whatever a program does.
    let tried = profile().into_iter().filter(|(group, _)| group != "runtime");
    let tried = tried.flat_map(|(group, calls)| calls.into_iter().map(move |call| (group.clone(), call)));
    let mut superfluous = Vec::new();
    for (group, call) in tried.filter(|(_, call)| !NOT_TRIED.contains(&call.as_str())) {
        let mut without = all.clone();
        without.remove(&call);
        let act = if group == "jobs" { jobs } else { everything };
        if catch_unwind(AssertUnwindSafe(|| act(&without))).is_ok() {
            superfluous.push(call);
        }
    }
    assert!(superfluous.is_empty(), "all works without {superfluous:?}");
}

/// A puppet that may make these calls alone, in this namespace.
fn confined(name: &str, scratch: &Scratch, calls: &BTreeSet<String>) -> Puppet {
    let mut puppet = puppet!(name);
    let list: Vec<&str> = calls.iter().map(String::as_str).collect();
    puppet.does(format!("confine {}", list.join(" ")));
    puppet.does(format!("namespace {}", scratch.file("namespace").display()));
    puppet
}

/// All that the library can do, with the calls that are permitted. Panics if it cannot.
fn everything(calls: &BTreeSet<String>) {
    let scratch = Scratch::new();
    let mut one = confined("one", &scratch, calls);
    let mut two = confined("two", &scratch, calls);
    mappings(&mut one, &mut two, &scratch);
    synchronization(&mut one, &mut two);
    deaths(one, two, &scratch, calls);
    fallbacks(&scratch, calls);
    jobs(calls);
    let mut last = confined("last", &scratch, calls);
    last.does("gc");
    assert_eq!(std::fs::read_dir(scratch.file("namespace")).expect("the namespace").count(), 0);
}

fn mappings(one: &mut Puppet, two: &mut Puppet, scratch: &Scratch) {
    let file = scratch.file("file");
    std::fs::write(&file, "contents of the file").expect("a file");
    let kinds = [
        ("memory", "2097152"), // large enough for a look at what is available
        ("beside", "2097152 beside"),
        ("shared", "8192 mode=660"),
        ("file", &format!("8192 file={}", file.display())),
        ("reserved", "1048576 reserve"),
        ("transparent", "2097152 transparent"),
    ];
    for (name, how) in kinds {
        assert_eq!(value(&one.does(format!("create h {name} {how}")), "existed"), "false");
        if name == "reserved" {
            one.does("commit h 0 8192");
        }
        one.does("map v h rw");
        one.does("write v 0 shared");
        one.does("flush v");
        two.does(format!("open h {name} r"));
        for sort in ["r 4096 100", "copy"] {
            two.does(format!("map v h {sort}"));
            two.does("read v 0 5");
        }
        assert_eq!(two.does("read v 0 6"), "shared");
        two.does("write v 0 private");
        two.does(format!("open h {name} rw"));
        two.does("unmap v");
        if name == "reserved" {
            two.does("commit h 4096 65536");
            one.does("read v 60000 4");
        }
        two.does("list");
        for puppet in [&mut *one, two] {
            puppet.does("close h");
        }
        one.does("unmap v");
    }
    assert_eq!(one.does("travel"), "12");
    // A page that is gone is an error.
    one.does(format!("create h cut 8192 file={}", file.display()));
    one.does("map v h rw");
    std::fs::File::options().write(true).open(&file).and_then(|file| file.set_len(0)).expect("truncation");
    one.fails("read v 4096 1", ErrorKind::Truncated);
    one.does("unmap v");
    one.does("close h");
}

fn synchronization(one: &mut Puppet, two: &mut Puppet) {
    for (kind, signal) in [
        ("mutex", "release o"),
        ("auto", "set o"),
        ("manual", "set o"),
        ("semaphore", "release o 1"),
        ("timer", "start o 0"),
    ] {
        for name in ["o", "-"] {
            one.does(format!("make o {kind} {name}"));
            one.does("wait o 0");
        }
        one.does(format!("make o {kind} o"));
        two.does(format!("reach o {kind} o"));
        two.does("make other manual other");
        for wait in ["wait o never", "wait-any never other o", "wait-all never o"] {
            if kind == "mutex" {
                one.does("wait o 0");
            }
            two.falls_asleep_in(wait);
            two.sleeps_on();
            one.does(signal);
            assert!(two.answer().expect("a wait").starts_with("signaled"), "{kind}, {wait}");
            match kind {
                "mutex" => drop(two.does("release o")),
                "manual" => drop(two.does("reset o")),
                "timer" => drop(two.does("cancel o")),
                _ => {}
            }
        }
        two.does("wait other 5");
        two.does("wait-all 5 other");
        one.does("state o");
        one.does("list");
        for puppet in [&mut *one, two] {
            puppet.does("let-go o");
        }
        two.does("let-go other");
    }
    one.does("make o auto o");
    two.does("reach o auto o");
    two.falls_asleep_in("wait o never");
    one.does("pulse o");
    assert_eq!(two.answer().expect("a pulse"), "signaled");
    // A pulse among sleepers for several objects pauses.
    two.does("make other auto other");
    two.falls_asleep_in("wait-all never o other");
    one.does("pulse o");
    two.sleeps_on();
    one.does("reach other auto other");
    one.does("set other");
    one.does("set o");
    assert_eq!(two.answer().expect("a wait"), "signaled");
    for puppet in [&mut *one, two] {
        puppet.does("let-go other");
    }
    one.does("make o timer t");
    one.does("start o 5 5");
    one.does("wait o never");
    one.does("wait o never");
    one.does("start-at o 5");
    one.does("wait o never");
    for puppet in [one, two] {
        puppet.does("let-go o");
    }
}

/// Deaths of a thread and of a process, forks, and what they leave.
fn deaths(mut one: Puppet, mut two: Puppet, scratch: &Scratch, calls: &BTreeSet<String>) {
    one.does("make m mutex m");
    two.does("reach m mutex m");
    one.does("thread t");
    one.does("in t wait m 0");
    two.falls_asleep_in("wait m never");
    one.does("leave t");
    assert_eq!(two.answer().expect("a lock"), "abandoned");
    two.does("release m");
    one.does("wait m 0");
    let mut fork = one.fork("fork");
    fork.does("create h forked 4096");
    fork.does("state m");
    fork.kill();
    one.kill();
    assert_eq!(two.does("wait m 10000"), "abandoned");
    two.does("create h left 4096");
    two.does("create b left-beside 4096 beside");
    two.kill();
    let mut three = confined("three", scratch, calls);
    assert_eq!(value(&three.does("create h left 4096"), "existed"), "false");
    three.does("gc");
    three.kill();
}

/// Guardians and members have the filter that the spawner has.
fn jobs(calls: &BTreeSet<String>) {
    Lab::each(env!("CARGO_BIN_EXE_puppet"), "system calls of jobs", |lab| {
        let list: Vec<&str> = calls.iter().map(String::as_str).collect();
        let mut one = lab.puppet("one");
        one.does(format!("confine {}", list.join(" ")));
        one.does(format!("namespace {}", lab.scratch.path().display()));
        one.does("job j j kill max=9");
        one.does("notice-children");
        // It ends by itself, and its guardians with it: they leave their account.
        one.does(format!("enter c j {}", lab.escape("end")));
        assert_eq!(one.does("end-of c"), "code=0");
        lab.no_process_is_left("a member that has ended");
        assert_eq!(value(&one.does("usage j"), "worked"), "true");
        one.does(format!("enter c j {}", lab.escape("none")));
        let alone = one.does(format!("alone {}", lab.escape("none")));
        one.does(format!("assign j {alone}"));
        one.does("limit-job j kill max=8 memory process-memory process-time");
        assert_eq!(one.does(format!("is-member j {alone}")), "true");
        assert!(one.does("members j").contains(&alone));
        one.does("terminate j 3");
        assert_eq!(one.does("end-of c"), "code=3");
        one.does("await-job j 0");
        // Nobody but a guardian is there to remove the entry.
        one.does(format!("enter c j {}", lab.escape("none")));
        one.kill();
        lab.nothing_is_left("the end of a job");
    });
}

/// A tree never outlives its job because a filter refuses what guardians need: nothing is started then.
#[test]
fn a_filter_that_refuses_what_guardians_need_is_an_error_and_leaves_nothing() {
    for call in ["prctl", "pidfd_open", "pidfd_send_signal", "signalfd4", "waitid"] {
        for errno in [libc::EPERM, libc::ENOSYS] {
            Lab::each(env!("CARGO_BIN_EXE_puppet"), call, |lab| {
                let mut one = lab.puppet("one");
                one.does("job j j kill");
                one.does(format!("refuse {errno} {call}"));
                one.fails(format!("enter c j {}", lab.escape("none")), ErrorKind::NotSupported);
                assert_eq!(one.does("members j"), "");
                lab.no_process_is_left(call);
                one.does("lose j");
                lab.nothing_is_left(call);
            });
        }
    }
}

#[test]
fn jobs_do_without_clone3() {
    for errno in [libc::EPERM, libc::ENOSYS] {
        Lab::each(env!("CARGO_BIN_EXE_puppet"), "clone3", |lab| {
            let mut one = lab.puppet("one");
            one.does(format!("refuse {errno} clone3"));
            one.does("job j j kill");
            one.does(format!("enter c j {}", lab.escape("none")));
            assert!(lab.are_ready(1, "without clone3"));
            one.does("terminate j 3");
            assert_eq!(one.does("end-of c"), "code=3");
            one.does("lose j");
            lab.nothing_is_left("without clone3");
        });
    }
}

/// What stands in for parts of the system that are missing.
fn fallbacks(scratch: &Scratch, calls: &BTreeSet<String>) {
    let mut one = confined("one without", scratch, calls);
    for missing in ["tmpfile", "hints", "guard", "robust-list", "waitv"] {
        one.does(format!("force {missing}"));
    }
    let mut two = confined("two", scratch, calls);
    one.does("create h n 8192 beside");
    one.does("map v h rw");
    one.does("write v 0 copied");
    assert_eq!(one.does("read v 0 6"), "copied");
    one.does("create h n2 8192");
    two.does("open h n2 rw");
    one.does("make m mutex m");
    one.does("make e auto e");
    two.does("reach m mutex m");
    one.does("wait m 0");
    one.tell("wait-any 20 e");
    one.answer().expect("a wait");
    two.falls_asleep_in("wait m never");
    one.kill();
    let told = two.answers_within(Duration::from_secs(10)).expect("it is told").expect("a lock");
    assert_eq!(told, "abandoned");
}
