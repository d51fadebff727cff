//! The memory behind a mapping: how much there is, when it is given back, and what happens when it goes away.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use shmobj::ErrorKind;
use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, number, value};
use shmobj_tests::random::unique;
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::{
    Pool, is_root_for, memory_given_to, note, skip, taken_by_files_in, until, who_has_memory,
};

const MIB: u64 = 1 << 20;

/// A puppet that sees a tmpfs of its own at the scratch's path; the tmpfs goes with it.
fn puppet_with_tmpfs(scratch: &Scratch, options: &str) -> Puppet {
    let mut puppet = puppet!("owner of the tmpfs");
    puppet.does(format!("private-tmpfs {} mode=700,{options}", scratch.path().display()));
    puppet.does(format!("namespace {}", scratch.path().display()));
    puppet
}

/// Another one that sees the same.
fn joined(name: &str, first: &Puppet, scratch: &Scratch) -> Puppet {
    let mut puppet = puppet!(name);
    puppet.does(format!("join-mounts {}", first.pid()));
    puppet.does(format!("namespace {}", scratch.path().display()));
    puppet
}

/// What stands in a directory as a process sees it.
fn files_seen_by(puppet: &Puppet, scratch: &Scratch) -> Vec<String> {
    let path = format!("/proc/{}/root{}", puppet.pid(), scratch.path().display());
    let listing = fs::read_dir(path).expect("the puppet's directory");
    listing.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn memory_does_not_count_against_the_namespaces_tmpfs() {
    if !is_root_for("memory_does_not_count_against_the_namespaces_tmpfs") {
        return;
    }
    let scratch = Scratch::new();
    let mut writer = puppet_with_tmpfs(&scratch, "size=64k");
    let mut reader = joined("reader", &writer, &scratch);
    let made = writer.does(format!("create h big {}", 256 * MIB));
    assert_eq!(number(&made, "size"), 256 * MIB);
    writer.does("map v h rw");
    let last = 256 * MIB - 4;
    writer.does(format!("write v {last} last"));
    reader.does("open h big r");
    reader.does("map v h r");
    assert_eq!(reader.does(format!("read v {last} 4")), "last");
    assert_eq!(files_seen_by(&writer, &scratch), ["big"]);
}

#[test]
fn no_room_for_an_entry_is_disk_full_at_create_and_leaves_nothing() {
    if !is_root_for("no_room_for_an_entry_is_disk_full_at_create_and_leaves_nothing") {
        return;
    }
    let scratch = Scratch::new();
    let mut puppet = puppet_with_tmpfs(&scratch, "size=16k");
    for fallback in [false, true] {
        if fallback {
            puppet.does("force tmpfile");
        }
        let mut made = 0;
        let name = format!("disk{:016x}", unique());
        let refusal = loop {
            match puppet.ask(format!("create h{made} {name}-{made} 4096")) {
                Ok(_) => made += 1,
                Err(refusal) => break refusal,
            }
            assert!(made < 10, "four pages hold ten entries");
        };
        assert_eq!((refusal.kind.as_str(), refusal.code), ("DiskFull", 112), "{}", refusal.text);
        assert!(refusal.text.contains("make room in"), "{}", refusal.text);
        assert_eq!(
            files_seen_by(&puppet, &scratch).len(),
            made,
            "only the entries of the objects that were made"
        );
        assert_eq!(who_has_memory(&format!("{name}-{made}")), [0; 0], "the memory of the one that was not");
        puppet.does(format!("open again {name}-0 r"));
        for number in 0..made {
            puppet.does(format!("close h{number}"));
        }
        puppet.does("close again");
        assert_eq!(files_seen_by(&puppet, &scratch), [""; 0]);
    }
}

#[test]
fn no_room_for_a_data_file_is_a_commit_limit_at_create_and_leaves_nothing() {
    if !is_root_for("no_room_for_a_data_file_is_a_commit_limit_at_create_and_leaves_nothing") {
        return;
    }
    let scratch = Scratch::new();
    let mut puppet = puppet_with_tmpfs(&scratch, "size=1m");
    for fallback in [false, true] {
        if fallback {
            puppet.does("force tmpfile");
        }
        for bytes in [MIB, 2 * MIB, 1 << 40] {
            if bytes > MIB {
                let refusal = puppet.fails(format!("create h n {bytes} beside"), ErrorKind::CommitLimit);
                assert!(refusal.text.contains("; "), "no remedy in {}", refusal.text);
            } else {
                // All of the file system: the data fit, and the entry does not.
                puppet.fails(format!("create h n {bytes} beside"), ErrorKind::DiskFull);
            }
            assert_eq!(files_seen_by(&puppet, &scratch), [""; 0], "after {bytes} bytes were refused");
        }
        puppet.does(format!("create h n {} beside", MIB / 2));
        puppet.fails(format!("create i m {MIB} beside"), ErrorKind::CommitLimit);
        puppet.does("close h");
        assert_eq!(files_seen_by(&puppet, &scratch), [""; 0]);
    }
}

#[test]
fn memory_is_given_back_when_everybody_is_killed() {
    const SIZE: u64 = 256 * MIB;
    for option in ["", "beside"] {
        let scratch = Scratch::new();
        let name = format!("big{:016x}", unique());
        let given = || memory_given_to(&name) + taken_by_files_in(scratch.path());
        let mut creator = puppet!("creator", &scratch);
        creator.does(format!("create h {name} {SIZE} {option}"));
        let mut other = puppet!("other", &scratch);
        other.does(format!("open h {name} rw"));
        other.does("map v h rw");
        other.does(format!("fill v 0 {} 1", 16 * MIB));
        assert!(given() >= SIZE, "committed at once: {} {option}", given());
        creator.kill();
        assert_eq!(other.does(format!("read v {} 3", 16 * MIB - 3)), "\\u{1}\\u{1}\\u{1}");
        assert!(given() >= SIZE, "while somebody has it: {} {option}", given());
        other.kill();
        assert_eq!(who_has_memory(&name), [0; 0]);
        if option == "beside" {
            // Documented: what a crash leaves keeps its memory until the entry is reclaimed, here by another create.
            assert!(given() >= SIZE, "nobody was there to give it back: {}", given());
            puppet!("next", &scratch).does("create h another 4096");
        }
        let given_back = until(Duration::from_secs(10), || given() < SIZE / 4);
        assert!(given_back, "{} {option}", given());
    }
}

#[test]
fn a_tebibyte_of_reserved_memory_costs_nothing() {
    let scratch = Scratch::new();
    for option in ["", "beside"] {
        let name = format!("reserved{:016x}", unique());
        let given = || memory_given_to(&name) + taken_by_files_in(scratch.path());
        let mut one = puppet!("one", &scratch);
        one.does(format!("create h {name} {} reserve {option}", 1_u64 << 40));
        one.does("map v h rw");
        let mut two = puppet!("two", &scratch);
        two.does(format!("open h {name} rw"));
        two.does("map v h rw");
        assert!(given() < 64 * MIB, "{} {option}", given());
        let at = 1_u64 << 39;
        for puppet in [&mut one, &mut two] {
            let refusal = puppet.fails(format!("read v {at} 1"), ErrorKind::NotCommitted);
            assert_eq!(refusal.code, 998);
            puppet.fails(format!("write v {at} x"), ErrorKind::NotCommitted);
            puppet.fails(format!("add v {at} 1"), ErrorKind::NotCommitted);
        }
        one.does(format!("commit h {at} {}", at + 4096));
        two.does(format!("write v {at} committed"));
        assert_eq!(one.does(format!("read v {at} 9")), "committed");
        two.fails(format!("read v {} 9", at + 4090), ErrorKind::NotCommitted);
        one.does(format!("commit h {} {}", at - 10_000, at + 20_000));
        assert_eq!(two.does(format!("read v {at} 9")), "committed", "what was committed keeps its contents");
        two.does(format!("read v {} 10000", at - 10_000));
        assert!(
            (4096..64 * MIB).contains(&given()),
            "what was committed, and little more: {} {option}",
            given()
        );
        // Commitment is the object's, and outlives the process that committed.
        one.kill();
        let mut three = puppet!("three", &scratch);
        three.does(format!("open h {name} r"));
        three.does("map v h r");
        assert_eq!(three.does(format!("read v {at} 9")), "committed");
    }
}

#[test]
fn memory_committed_in_very_many_stretches_can_be_mapped_and_leaves_room_for_threads() {
    const STRETCHES: u64 = 70_000;
    let scratch = Scratch::new();
    let mut one = puppet!("one", &scratch);
    one.does(format!("create h n {} reserve", 1_u64 << 30));
    one.does(format!("commit-every-other h {STRETCHES}"));
    let mut two = puppet!("two", &scratch);
    two.does("open h n rw");
    for sort in ["r", "copy", "rw"] {
        two.does(format!("map v h {sort}"));
        two.does("start-thread");
        for number in [0, 1, 999, 1000, 1001, STRETCHES / 2, STRETCHES - 1] {
            assert_eq!(two.does(format!("read v {} 1", 2 * number * 4096)), "\\u{0}", "stretch {number}");
            let refusal = two.fails(format!("read v {} 1", (2 * number + 1) * 4096), ErrorKind::NotCommitted);
            assert_eq!(refusal.code, 998);
        }
        two.does("start-thread");
    }
    // Each stretch that is used takes one of the mappings that the process may have, and the system limits those.
    let counts = two.does(format!("read-every-other v {STRETCHES}"));
    note(&format!("of {STRETCHES} stretches: {counts}"));
    let refused = if counts.contains("NoResources") { number(&counts, "NoResources") } else { 0 };
    assert_eq!(number(&counts, "done") + refused, STRETCHES, "{counts}");
    assert!(number(&counts, "done") > STRETCHES / 4, "{counts}");
    two.does("unmap v");
    two.does("start-thread");
    two.does("map v h rw");
    two.does(format!("write v {} again", 2 * (STRETCHES - 1) * 4096));
}

#[test]
fn a_pointer_into_uncommitted_memory_kills_only_who_uses_it() {
    let scratch = Scratch::new();
    let mut careless = puppet!("careless", &scratch);
    careless.does(format!("create h n {} reserve", 1 << 30));
    careless.does("map v h rw");
    let mut other = puppet!("other", &scratch);
    other.does("open h n rw");
    other.does("map v h rw");
    careless.tell("touch v 8192");
    assert_eq!(careless.ended().signal, Some(libc::SIGSEGV));
    other.does("commit h 0 4096");
    other.does("write v 0 fine");
    assert_eq!(other.does("read v 0 4"), "fine");
}

/// A file of some pages full of `f`, in a directory of its own.
fn a_file(pages: u64) -> (Scratch, std::path::PathBuf) {
    let elsewhere = Scratch::new();
    let path = elsewhere.file("data");
    fs::write(&path, vec![b'f'; (pages * 4096) as usize]).expect("a file");
    (elsewhere, path)
}

fn cut(path: &Path, bytes: u64) {
    fs::OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(bytes)).expect("truncated");
}

#[test]
fn a_file_that_is_cut_under_a_view_is_an_error_of_copies_and_others_go_on() {
    for guard in [true, false] {
        let scratch = Scratch::new();
        let (_elsewhere, path) = a_file(16);
        let mut one = puppet!("one", &scratch);
        let mut two = puppet!("two", &scratch);
        for puppet in [&mut one, &mut two] {
            if !guard {
                puppet.does("force guard");
            }
        }
        one.does(format!("create h n 0 file={}", path.display()));
        one.does("map v h rw");
        one.does("create m memory 4096");
        one.does("map w m rw");
        two.does("open h n rw");
        two.does("map v h rw");
        assert_eq!(two.does("read v 65532 4"), "ffff");
        cut(&path, 8192);
        for puppet in [&mut one, &mut two] {
            for (offset, length) in [(8192, 1), (65535, 1), (8190, 4), (0, 65536), (32768, 32768)] {
                let refusal = puppet.fails(format!("read v {offset} {length}"), ErrorKind::Truncated);
                assert_eq!(refusal.code, 999);
            }
            puppet.fails("write v 65500 text", ErrorKind::Truncated);
            puppet.fails("fill v 8000 30000 0", ErrorKind::Truncated);
            puppet.does("write v 100 there");
            assert_eq!(puppet.does("read v 100 5"), "there");
        }
        one.does("write w 0 memory");
        assert_eq!(one.does("read w 0 6"), "memory");
        cut(&path, 65536);
        assert_eq!(two.does("read v 65532 4"), "\\u{0}\\u{0}\\u{0}\\u{0}", "it is there again");
        cut(&path, 0);
        one.fails("read v 0 1", ErrorKind::Truncated);
    }
}

#[test]
fn a_file_that_was_cut_kills_only_who_touches_it_by_pointer() {
    let scratch = Scratch::new();
    let (_elsewhere, path) = a_file(4);
    let mut careless = puppet!("careless", &scratch);
    careless.does(format!("create h n 0 file={}", path.display()));
    careless.does("map v h rw");
    let mut other = puppet!("other", &scratch);
    other.does("open h n rw");
    other.does("map v h rw");
    cut(&path, 4096);
    careless.fails("read v 8192 1", ErrorKind::Truncated);
    careless.tell("touch v 8192");
    assert_eq!(careless.ended().signal, Some(libc::SIGBUS), "as it would have been without the library");
    other.fails("read v 8192 1", ErrorKind::Truncated);
    assert_eq!(other.does("read v 0 1"), "f");
}

#[test]
fn an_applications_own_sigbus_handler_still_gets_what_is_not_ours() {
    let scratch = Scratch::new();
    let (_elsewhere, path) = a_file(4);
    let mut application = puppet!("application", &scratch);
    application.does("catch-sigbus 42");
    application.does(format!("create h n 0 file={}", path.display()));
    application.does("map v h rw");
    cut(&path, 4096);
    application.fails("read v 8192 1", ErrorKind::Truncated);
    application.does("read v 0 1");
    application.tell("touch v 8192");
    let ended = application.ended();
    assert_eq!((ended.signal, ended.code), (None, Some(42)), "the handler ended it with its own code");
}

/// A puppet with a view of a file of four pages, in which it has done something before or after.
fn with_a_view(before: &str, after: &str, scratch: &Scratch) -> (Puppet, Scratch, std::path::PathBuf) {
    let (elsewhere, path) = a_file(4);
    let mut puppet = puppet!("puppet", scratch);
    if !before.is_empty() {
        puppet.does(before);
    }
    puppet.does(format!("create h n 0 file={}", path.display()));
    puppet.does("map v h rw");
    if !after.is_empty() {
        puppet.does(after);
    }
    (puppet, elsewhere, path)
}

#[track_caller]
fn copies_say_that_it_was_cut(puppet: &mut Puppet, path: &Path) {
    cut(path, 4096);
    for _ in 0..3 {
        puppet.fails("read v 8192 1", ErrorKind::Truncated);
        puppet.fails("write v 8192 text", ErrorKind::Truncated);
        assert_eq!(puppet.does("read v 0 1"), "f");
    }
}

#[test]
fn a_thread_that_blocks_all_signals_survives_a_file_that_is_cut() {
    for (before, after) in [("sigbus block", ""), ("", "sigbus block")] {
        let scratch = Scratch::new();
        let (mut puppet, _elsewhere, path) = with_a_view(before, after, &scratch);
        copies_say_that_it_was_cut(&mut puppet, &path);
    }
}

#[test]
fn a_sigbus_that_is_sent_and_ignored_leaves_the_guard_in_place() {
    let scratch = Scratch::new();
    let (mut puppet, _elsewhere, path) = with_a_view("sigbus ignore", "", &scratch);
    let process = Pid::from_raw(puppet.pid() as i32).expect("a pid");
    for _ in 0..3 {
        puppet.does("sigbus raise");
        kill_process(process, Signal::BUS).expect("it lives");
        assert_eq!(puppet.does("read v 0 1"), "f");
    }
    copies_say_that_it_was_cut(&mut puppet, &path);
    puppet.does("sigbus raise");
    copies_say_that_it_was_cut(&mut puppet, &path);
    puppet.tell("touch v 8192");
    assert_eq!(puppet.ended().signal, Some(libc::SIGBUS), "a fault cannot be ignored");
}

#[test]
fn a_sigbus_that_is_sent_to_a_program_in_rust_leaves_the_guard_in_place() {
    let scratch = Scratch::new();
    let (mut puppet, _elsewhere, path) = with_a_view("", "", &scratch);
    let process = Pid::from_raw(puppet.pid() as i32).expect("a pid");
    // The first is lost in the standard library's handler, which puts the default action back.
    kill_process(process, Signal::BUS).expect("it lives");
    copies_say_that_it_was_cut(&mut puppet, &path);
    kill_process(process, Signal::BUS).expect("it lives");
    assert!(until(Duration::from_secs(10), || puppet.is_gone()), "the second was lost as well");
    assert_eq!(puppet.ended().signal, Some(libc::SIGBUS));
}

#[test]
fn a_sigbus_that_is_sent_has_the_effect_that_it_would_have_without_the_library() {
    let scratch = Scratch::new();
    let (mut puppet, _elsewhere, path) = with_a_view("sigbus default", "", &scratch);
    copies_say_that_it_was_cut(&mut puppet, &path);
    puppet.tell("sigbus raise");
    assert_eq!(puppet.ended().signal, Some(libc::SIGBUS), "raised");
    let (mut puppet, _elsewhere, _) = with_a_view("sigbus default", "", &scratch);
    kill_process(Pid::from_raw(puppet.pid() as i32).expect("a pid"), Signal::BUS).expect("it lives");
    assert!(until(Duration::from_secs(10), || puppet.is_gone()), "sent by another process, and survived");
    assert_eq!(puppet.ended().signal, Some(libc::SIGBUS), "sent by another process");
    let (mut puppet, _elsewhere, path) = with_a_view("catch-sigbus 42", "", &scratch);
    copies_say_that_it_was_cut(&mut puppet, &path);
    puppet.tell("sigbus raise");
    let ended = puppet.ended();
    assert_eq!((ended.signal, ended.code), (None, Some(42)), "the application's handler got it");
}

#[test]
fn a_data_file_that_is_cut_under_a_view_is_an_error_of_copies() {
    let scratch = Scratch::new();
    let mut holder = puppet!("holder", &scratch);
    holder.does("create h n 65536 beside");
    holder.does("map v h rw");
    let data =
        scratch.files().into_iter().find(|file| file.starts_with(".shmobj-data.")).expect("a data file");
    cut(&scratch.file(&data), 4096);
    holder.fails("read v 8192 1", ErrorKind::Truncated);
    holder.does("write v 0 fine");
}

#[test]
fn a_memfd_cannot_be_cut() {
    let scratch = Scratch::new();
    let mut holder = puppet!("holder", &scratch);
    holder.does("create h sealed 65536");
    let links = fs::read_dir(format!("/proc/{}/fd", holder.pid())).expect("descriptors").flatten();
    let memfd = links.map(|link| link.path()).find(|path| {
        fs::read_link(path).is_ok_and(|target| target.to_string_lossy().contains("memfd:shmobj:"))
    });
    let file = fs::OpenOptions::new().write(true).open(memfd.expect("a memfd")).expect("opened as its owner");
    for bytes in [0, 4096, 1 << 20] {
        assert!(file.set_len(bytes).is_err(), "cut to {bytes} bytes");
    }
}

#[test]
fn large_pages_come_from_the_systems_pool_or_not_at_all() {
    let test = "large_pages_come_from_the_systems_pool_or_not_at_all";
    if !is_root_for(test) {
        return;
    }
    let Some(pool) = Pool::take() else {
        return skip(test, "this system has no pool of 2 MiB pages");
    };
    let scratch = Scratch::new();
    let mut creator = puppet!("creator", &scratch);
    if pool.is_unused() && pool.set(0) {
        let refusal = creator.fails(format!("create h n {} large", 2 * MIB), ErrorKind::NoResources);
        assert_eq!(refusal.code, 1450);
        assert!(refusal.text.contains("nr_hugepages"), "{}", refusal.text);
        scratch.assert_empty("after an empty pool");
    } else {
        skip(test, "the pool is in use, so it cannot be made empty");
    }
    let refusal = creator.fails("create h n 4096 large", ErrorKind::InvalidParameter);
    assert_eq!(refusal.code, 87);
    creator.fails(format!("create h n {} large", 3 * MIB), ErrorKind::InvalidParameter);
    if !pool.set(8) || pool.free() < 4 {
        drop(pool);
        return skip(test, "no large pages could be had");
    }
    let free = pool.free();
    let made = creator.does(format!("create h n {} large", 4 * MIB));
    assert_eq!((number(&made, "size"), number(&made, "page")), (4 * MIB, 2 * MIB));
    creator.does("map v h rw");
    creator.does(format!("write v {} large", 3 * MIB));
    let mut opener = puppet!("opener", &scratch);
    opener.does("open h n rw");
    opener.does("map v h rw");
    assert_eq!(opener.does(format!("read v {} 5", 3 * MIB)), "large");
    assert_eq!(opener.does("smaps v KernelPageSize"), "2048");
    let more = free * 2 * MIB;
    creator.fails(format!("create i m {more} large"), ErrorKind::NoResources);
    creator.kill();
    opener.kill();
    assert!(until(Duration::from_secs(5), || pool.free() == free), "given back to the pool");
}

#[test]
fn transparent_huge_pages_come_from_a_tmpfs_that_has_them() {
    let test = "transparent_huge_pages_come_from_a_tmpfs_that_has_them";
    if !is_root_for(test) {
        return;
    }
    let shmem = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/shmem_enabled").unwrap_or_default();
    if shmem.is_empty() || shmem.contains("[deny]") {
        return skip(test, "this system gives shared memory no transparent huge pages");
    }
    let scratch = Scratch::new();
    let mut creator = puppet_with_tmpfs(&scratch, "size=64m,huge=advise");
    creator.does(format!("create h n {} transparent", 8 * MIB));
    creator.does("map v h rw");
    creator.does(format!("fill v 0 {} 7", 8 * MIB));
    let huge: u64 = creator.does("smaps v ShmemPmdMapped").parse().expect("KiB");
    assert!(huge >= 2048, "{huge} KiB of 8 MiB are in huge pages");
    let mut opener = joined("opener", &creator, &scratch);
    assert_eq!(value(&opener.does("open h n rw"), "existed"), "true");
    opener.does("map v h rw");
    assert_eq!(opener.does(format!("read v {} 1", 8 * MIB - 1)), "\\u{7}");
    assert!(opener.does("smaps v ShmemPmdMapped").parse::<u64>().expect("KiB") >= 2048);
    creator.does("unmap v");
    creator.does("close h");
    opener.does("close h");
    assert_eq!(files_seen_by(&creator, &scratch), [""; 0]);
}
