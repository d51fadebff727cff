//! The life of a name: from the first handle to the last, in whatever process, however it ends.

use std::time::Duration;

use shmobj::ErrorKind;
use shmobj_tests::entry::Page;
use shmobj_tests::puppet::{Puppet, in_milliseconds, number, value};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::{until, who_has_memory};
use shmobj_tests::{puppet, random::unique};

const STEPS_OF_CREATE: [&str; 5] = [
    "create: data made",
    "create: entry made",
    "create: entry complete",
    "create: entry linked",
    "create: data file linked",
];

/// A name that no other test has, so that its memory can be found in /proc.
fn a_name() -> String {
    format!("life{:016x}", unique())
}

#[test]
fn two_processes_meet_by_name_and_share_memory() {
    let scratch = Scratch::new();
    let mut writer = puppet!("writer", &scratch);
    let mut reader = puppet!("reader", &scratch);
    reader.fails("open h frames rw", ErrorKind::NotFound);
    assert_eq!(value(&writer.does("create h frames 10000"), "existed"), "false");
    let opened = reader.does("open h frames rw");
    assert_eq!((value(&opened, "existed"), number(&opened, "size")), ("true", 12288));
    writer.does("map v h rw");
    reader.does("map v h rw");
    writer.does("write v 12280 hello");
    assert_eq!(reader.does("read v 12280 5"), "hello");
    reader.does("add v 0 5");
    assert_eq!(writer.does("load v 0"), "5");
}

#[test]
fn the_second_create_opens_and_says_that_it_existed() {
    let scratch = Scratch::new();
    let mut first = puppet!("first", &scratch);
    let mut second = puppet!("second", &scratch);
    assert_eq!(value(&first.does("create h n 4096"), "existed"), "false");
    let again = second.does("create h n 999999");
    assert_eq!((value(&again, "existed"), number(&again, "size")), ("true", 4096));
    second.fails("create x n 4096 new", ErrorKind::AlreadyExists);
    assert_eq!(value(&first.does("create also n 4096"), "existed"), "true");
    assert_eq!(first.does("same h also"), "true");
}

#[test]
fn of_24_processes_that_create_one_name_at_once_exactly_one_makes_it() {
    let scratch = Scratch::new();
    let mut puppets: Vec<Puppet> = (0..24).map(|n| puppet!(&format!("creator {n}"), &scratch)).collect();
    for round in 0..12 {
        let options = if round % 3 == 0 { "beside" } else { "" };
        let moment = in_milliseconds(12);
        for puppet in &mut puppets {
            puppet.tell(format!("at {moment} create h n{round} 8192 {options}"));
        }
        let answers: Vec<String> =
            puppets.iter_mut().map(|puppet| puppet.answer().expect("a mapping")).collect();
        let made = answers.iter().filter(|answer| value(answer, "existed") == "false").count();
        assert_eq!(made, 1, "processes that made the object, in round {round}");
        for puppet in &mut puppets {
            puppet.does("map v h rw");
            puppet.does("add v 4096 1");
        }
        assert_eq!(puppets[0].does("load v 4096"), "24", "all share one memory");
        for puppet in &mut puppets {
            puppet.does("unmap v");
            puppet.does("close h");
        }
        scratch.assert_empty("after all 24 closed their handles");
    }
}

#[test]
fn lt_5_the_creator_exits_and_the_others_go_on() {
    let scratch = Scratch::new();
    let name = a_name();
    let mut creator = puppet!("creator", &scratch);
    let mut holder = puppet!("holder", &scratch);
    creator.does(format!("create h {name} 4096"));
    creator.does("map v h rw");
    creator.does("write v 0 kept");
    holder.does(format!("open h {name} rw"));
    creator.tell("exit 0");
    assert_eq!(creator.ended().code, Some(0));
    let mut late = puppet!("late", &scratch);
    late.does(format!("open h {name} r"));
    late.does("map v h r");
    assert_eq!(late.does("read v 0 4"), "kept");
    holder.does("map v h rw");
    holder.does("write v 0 more");
    assert_eq!(late.does("read v 0 4"), "more");
}

#[test]
fn lt_7_drop_exit_and_sigkill_of_the_last_holder_all_free_name_and_memory() {
    let scratch = Scratch::new();
    for end in ["close", "exit", "kill"] {
        for option in ["", "beside"] {
            let name = a_name();
            let mut holder = puppet!("holder", &scratch);
            holder.does(format!("create h {name} 65536 {option}"));
            let has_memfd = !who_has_memory(&name).is_empty();
            assert_eq!(has_memfd, option.is_empty(), "memory is a memfd unless it is beside the entry");
            match end {
                "close" => {
                    holder.does("close h");
                    scratch.assert_empty("after the last handle was dropped");
                }
                "exit" => {
                    holder.tell("exit 3");
                    assert_eq!(holder.ended().code, Some(3));
                }
                _ => holder.kill(),
            }
            assert_eq!(who_has_memory(&name), [0; 0], "memory after {end}");
            let mut next = puppet!("next", &scratch);
            next.fails(format!("open h {name} r"), ErrorKind::NotFound);
            scratch.assert_empty(&format!("after {end} and an open"));
            assert_eq!(value(&next.does(format!("create h {name} 4096")), "existed"), "false");
        }
    }
}

#[test]
fn lt_1_to_lt_4_the_name_goes_with_the_last_handle_though_views_are_mapped() {
    let scratch = Scratch::new();
    for option in ["", "beside"] {
        let mut creator = puppet!("creator", &scratch);
        let mut viewer = puppet!("viewer", &scratch);
        creator.does(format!("create h n 8192 {option}"));
        creator.does("map v h rw");
        creator.does("fill v 0 8192 97");
        viewer.does("open h n rw");
        viewer.does("map v h rw");
        viewer.does("close h");
        creator.does("close h");
        scratch.assert_empty("while two views are mapped");
        creator.fails("open h n r", ErrorKind::NotFound);

        let mut other = puppet!("other", &scratch);
        let created = other.does(format!("create h n 16384 {option}"));
        assert_eq!((value(&created, "existed"), number(&created, "size")), ("false", 16384));
        other.does("map v h rw");
        assert_eq!(other.does("zero v"), "true", "the new object is zero-filled");
        other.does("write v 0 new");
        viewer.does("write v 3 shared");
        assert_eq!(creator.does("read v 0 9"), "aaashared", "the old views still share the old memory");
        assert_eq!(other.does("read v 0 9"), "new\\u{0}\\u{0}\\u{0}\\u{0}\\u{0}\\u{0}");
    }
}

#[test]
fn a_view_keeps_the_memory_after_its_process_closed_and_all_others_died() {
    let scratch = Scratch::new();
    let name = a_name();
    let mut viewer = puppet!("viewer", &scratch);
    viewer.does(format!("create h {name} 4096"));
    viewer.does("map v h rw");
    viewer.does("write v 0 mine");
    viewer.does("close h");
    assert_eq!(who_has_memory(&name), [viewer.pid()]);
    assert_eq!(viewer.does("read v 0 4"), "mine");
    viewer.does("unmap v");
    assert_eq!(who_has_memory(&name), [0; 0]);
}

#[test]
fn a_mapped_file_is_shared_by_name_and_keeps_what_was_written_when_all_are_killed() {
    let (scratch, elsewhere) = (Scratch::new(), Scratch::new());
    let path = elsewhere.file("data");
    std::fs::write(&path, "short").expect("a file");
    let mut one = puppet!("one", &scratch);
    one.does(format!("create h n 10000 file={}", path.display()));
    one.does("map v h rw");
    let mut two = puppet!("two", &scratch);
    assert_eq!(number(&two.does("open h n rw"), "size"), 10_000);
    two.does("map v h rw");
    two.does("write v 5 er-and-longer");
    assert_eq!(one.does("read v 0 18"), "shorter-and-longer");
    one.kill();
    two.does("write v 9990 end");
    two.kill();
    puppet!("after", &scratch).fails("open h n r", ErrorKind::NotFound);
    let contents = std::fs::read(&path).expect("the file");
    assert_eq!(
        (contents.len(), &contents[..7], &contents[9990..9993]),
        (10_000, &b"shorter"[..], &b"end"[..])
    );
}

#[test]
fn a_fork_holds_what_its_parent_holds_and_the_parents_close_destroys_nothing() {
    let scratch = Scratch::new();
    for option in ["", "beside"] {
        let mut parent = puppet!("parent", &scratch);
        parent.does(format!("create h n 4096 {option}"));
        parent.does("map v h rw");
        parent.does("write v 0 family");
        let mut child = parent.fork("child");
        parent.does("unmap v");
        parent.does("close h");
        let mut opener = puppet!("opener", &scratch);
        opener.does("open h n rw");
        opener.does("map v h rw");
        assert_eq!(opener.does("read v 0 6"), "family");
        child.does("write v 0 infant");
        assert_eq!(opener.does("read v 0 6"), "infant");
        opener.does("unmap v");
        opener.does("close h");
        child.does("close h");
        scratch.assert_empty("after parent, opener and child closed");
        assert_eq!(child.does("read v 0 6"), "infant", "its view outlives the name");
    }
}

#[test]
fn the_forks_close_destroys_nothing_for_the_parent() {
    let scratch = Scratch::new();
    let mut parent = puppet!("parent", &scratch);
    parent.does("create h n 4096");
    parent.does("map v h rw");
    parent.does("write v 0 family");
    let mut child = parent.fork("child");
    child.does("unmap v");
    child.does("close h");
    let mut opener = puppet!("opener", &scratch);
    opener.does("open h n rw"); // by a scan: the child has cleared the hint that it shared with its parent
    opener.does("map v h rw");
    assert_eq!(opener.does("read v 0 6"), "family");
    child.kill();
    opener.kill();
    assert_eq!(value(&puppet!("last", &scratch).does("create h n 4096"), "existed"), "true");
}

#[test]
fn a_fork_alone_keeps_the_object_of_a_killed_creator_and_openers_find_it() {
    let scratch = Scratch::new();
    let name = a_name();
    let mut creator = puppet!("creator", &scratch);
    creator.does(format!("create h {name} 4096"));
    creator.does("map v h rw");
    creator.does("write v 0 legacy");
    let mut child = creator.fork("child");
    creator.kill();
    let mut opener = puppet!("opener", &scratch);
    opener.does(format!("open h {name} rw")); // the only hint leads to a process that is gone
    opener.does("map v h rw");
    assert_eq!(opener.does("read v 0 6"), "legacy");
    opener.kill();
    assert_eq!(child.does("read v 0 6"), "legacy");
    child.kill();
    assert_eq!(who_has_memory(&name), [0; 0]);
    puppet!("after", &scratch).fails(format!("open h {name} r"), ErrorKind::NotFound);
}

#[test]
fn a_fork_in_the_middle_of_another_threads_create_holds_nothing() {
    for step in ["open: entry opened", "open: found held", "open: lock shared"] {
        let scratch = Scratch::new();
        let mut holder = puppet!("holder", &scratch);
        holder.does("create h n 4096");
        let mut parent = puppet!("parent", &scratch);
        parent.does(format!("arm pause=120 1 {step}"));
        let child = parent.fork_while_creating("n", "child");
        parent.kill();
        holder.does("close h");
        scratch.assert_empty(&format!("at the last close, though a child lives that was forked at `{step}`"));
        drop(child);
    }
}

#[test]
fn a_process_that_ignores_hints_finds_the_data_all_the_same() {
    let scratch = Scratch::new();
    let mut creator = puppet!("creator", &scratch);
    creator.does("force hints");
    creator.does("create h n 4096");
    creator.does("map v h rw");
    creator.does("write v 0 scanned");
    for forced in [false, true] {
        let mut opener = puppet!("opener", &scratch);
        if forced {
            opener.does("force hints");
        }
        opener.does("open h n r");
        opener.does("map v h r");
        assert_eq!(opener.does("read v 0 7"), "scanned");
    }
}

#[test]
fn nobody_ever_sees_an_object_half_made() {
    for option in ["", "beside"] {
        for fallback in [false, true] {
            for step in STEPS_OF_CREATE {
                let scratch = Scratch::new();
                let mut creator = puppet!("creator", &scratch);
                if fallback {
                    creator.does("force tmpfile");
                }
                creator.does(format!("arm pause=150 1 {step}"));
                let mut opener = puppet!("opener", &scratch);
                creator.tell(format!("create h n 8192 {option}"));
                let mut seen = 0;
                let mut done = false;
                while !done {
                    done = creator.answers_within(Duration::from_millis(1)).is_some();
                    match opener.ask("open h n rw") {
                        Err(refusal) => {
                            assert_eq!(refusal.kind, "NotFound", "at `{step}` {option}: {}", refusal.text);
                        }
                        Ok(opened) => {
                            seen += 1;
                            assert_eq!(number(&opened, "size"), 8192);
                            opener.does("map v h rw");
                            assert_eq!(opener.does("zero v"), "true", "at `{step}` {option}");
                            opener.does("unmap v");
                            opener.does("close h");
                        }
                    }
                }
                let linked = step == "create: entry linked" || step == "create: data file linked";
                assert!(seen > 0 || !linked, "a linked object was never opened at `{step}` {option}");
                creator.does("close h");
                scratch.assert_empty("after the paused creator closed");
            }
        }
    }
}

#[test]
fn two_creators_of_which_one_is_slow_share_one_object() {
    for step in STEPS_OF_CREATE {
        let scratch = Scratch::new();
        let mut slow = puppet!("slow", &scratch);
        let mut quick = puppet!("quick", &scratch);
        slow.does(format!("arm pause=100 1 {step}"));
        slow.tell("create h n 4096 beside");
        std::thread::sleep(Duration::from_millis(20));
        let quick_made = value(&quick.does("create h n 4096 beside"), "existed") == "false";
        let slow_made = value(&slow.answer().expect("a mapping"), "existed") == "false";
        assert!(quick_made != slow_made, "exactly one made it, at `{step}`");
        slow.does("map v h rw");
        quick.does("map v h rw");
        slow.does("write v 0 one");
        assert_eq!(quick.does("read v 0 3"), "one", "at `{step}`");
        quick.does("close h");
        slow.does("close h");
        scratch.assert_empty("after both closed");
    }
}

#[test]
fn an_opener_that_pauses_anywhere_gets_the_object_that_is_there_then() {
    let scratch = Scratch::new();
    for step in ["open: entry opened", "open: found held", "open: lock shared", "open: dead entry locked"] {
        for option in ["", "beside"] {
            let mut old = puppet!("old", &scratch);
            old.does(format!("create h n 4096 {option}"));
            old.does("map v h rw"); // so that the memory can still be found when the object is gone
            let mut opener = puppet!("opener", &scratch);
            if step == "open: dead entry locked" {
                old.kill();
                old = puppet!("another old one", &scratch);
                opener.does(format!("arm pause=80 1 {step}"));
                opener.tell("open h n rw");
            } else {
                opener.does(format!("arm pause=80 1 {step}"));
                opener.tell("open h n rw");
                std::thread::sleep(Duration::from_millis(20));
                old.does("close h");
            }
            let mut next = puppet!("next", &scratch);
            let next_made = value(&next.does(format!("create h n 4096 {option}")), "existed") == "false";
            match opener.answer() {
                Ok(_) => {
                    next.does("map v h rw");
                    next.does("write v 0 here");
                    opener.does("map v h rw");
                    assert_eq!(opener.does("read v 0 4"), "here", "two objects after `{step}` {option}");
                }
                Err(refusal) => {
                    assert_eq!(refusal.kind, "NotFound", "after `{step}` {option}: {}", refusal.text);
                    assert!(next_made, "the object was there all the time, `{step}` {option}");
                }
            }
            drop((old, opener, next));
            puppet!("cleaner", &scratch).does("gc");
            scratch.assert_empty("after a sweep");
        }
    }
}

#[test]
fn closers_that_pause_anywhere_leave_the_name_free() {
    let steps = [
        "close: before the lock is released",
        "close: lock released",
        "close: probe opened",
        "close: probe has the lock",
    ];
    for step in steps {
        let scratch = Scratch::new();
        let mut first = puppet!("first", &scratch);
        let mut second = puppet!("second", &scratch);
        first.does("create h n 4096");
        second.does("open h n rw");
        first.does(format!("arm pause=60 1 {step}"));
        second.does("arm pause=60 1 close: lock released");
        first.tell("close h");
        second.tell("close h");
        assert!(first.answer().is_ok() && second.answer().is_ok());
        let mut next = puppet!("next", &scratch);
        next.fails("open h n r", ErrorKind::NotFound);
        scratch.assert_empty(&format!("after two closed, one with a pause at `{step}`"));
    }
}

#[test]
fn a_name_that_belongs_to_another_kind_is_error_6() {
    let scratch = Scratch::new();
    for (kind, word) in [(2, "a mutex"), (3, "an event"), (6, "a job")] {
        Page::new("n").kind(kind).write(&scratch.file("n"));
        let mut holder = puppet!("holder", &scratch);
        holder.does(format!("lock {} sh", scratch.file("n").display()));
        let mut opener = puppet!("opener", &scratch);
        for command in ["open h n r", "create h n 4096", "create h n 4096 new"] {
            let refusal = opener.fails(command, ErrorKind::WrongKind);
            assert_eq!(refusal.code, 6);
            assert!(refusal.text.contains(&format!("the name belongs to {word}")), "{}", refusal.text);
        }
        assert_eq!(scratch.files(), ["n"], "the living mutex is left alone");
        holder.kill();
        // Dead, it is what any crashed holder leaves, whatever its kind.
        assert_eq!(value(&opener.does("create h n 4096"), "existed"), "false");
        opener.does("close h");
        scratch.assert_empty("after the mapping closed");
    }
}

#[test]
fn the_puppets_leave_nothing_behind() {
    let scratch = Scratch::new();
    let mut parent = puppet!("parent", &scratch);
    let child = parent.fork("child");
    let pids = [parent.pid(), child.pid()];
    drop(child);
    drop(parent);
    let gone = |pid: u32| !std::path::Path::new(&format!("/proc/{pid}")).exists();
    assert!(
        until(Duration::from_secs(5), || pids.iter().all(|&pid| gone(pid))),
        "a process is left of {pids:?}"
    );
}
