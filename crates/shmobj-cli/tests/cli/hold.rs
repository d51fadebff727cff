//! `shmobj hold mapping`, until a signal.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::{Place, one_line, piped, shell, started, text};

#[test]
fn hold_says_when_the_object_is_there() {
    let place = Place::new();
    let holder = place.hold(&["frames", "--size", "64M"]);
    assert_eq!(holder.first_line, r#"holding file mapping "frames" (67108864 bytes, created)"#);
    let second = place.hold(&["frames", "--size", "64M"]);
    assert_eq!(second.first_line, r#"holding file mapping "frames" (67108864 bytes, opened)"#);
}

#[test]
fn an_existing_mapping_keeps_its_size_and_hold_says_so() {
    let place = Place::new();
    let _holder = place.hold(&["n", "--size", "8K"]);
    let output = place.run(&["hold", "mapping", "n", "--size", "1M", "--", "true"]);
    assert!(output.status.success());
    assert!(text(&output.stderr).contains(r#""n" exists with 8192 bytes, and keeps them"#));
    // Rounded up to the same pages, it is the size that was asked for.
    let output = place.run(&["hold", "mapping", "n", "--size", "5000", "--", "true"]);
    assert_eq!(text(&output.stderr), "holding file mapping \"n\" (8192 bytes, opened)\n");
}

#[test]
fn without_a_size_or_a_file_the_mapping_has_to_exist() {
    let place = Place::new();
    assert!(place.error(&["hold", "mapping", "n"]).contains(r#"cannot open file mapping "n""#));
    let first = place.hold(&["n", "--size", "4K"]);
    let second = place.hold(&["n"]);
    drop(first);
    assert_eq!(place.json(&["stat", "n", "--json"])["holders"][0]["pid"], second.pid());
}

#[test]
fn a_signal_ends_hold_well_and_frees_the_name() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let place = Place::new();
        let mut holder = place.hold(&["n", "--size", "4K"]);
        holder.signal(signal);
        assert_eq!(holder.wait().code(), Some(0), "{signal:?}");
        assert!(place.error(&["stat", "n"]).contains("no object has this name"));
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    }
}

#[test]
fn sigkill_frees_the_name_as_well() {
    let place = Place::new();
    place.hold(&["n", "--size", "4K"]).crash();
    assert!(place.error(&["read", "n"]).contains("no object has this name"));
    let holder = place.hold(&["n", "--size", "4K"]);
    assert!(holder.first_line.ends_with("created)"), "{}", holder.first_line);
}

#[test]
fn a_mapping_lives_on_with_its_other_holder_when_the_creator_is_killed() {
    let place = Place::new();
    let creator = place.hold(&["n", "--size", "4K"]);
    assert!(place.write(&["n"], b"still here").status.success());
    let _other = place.hold(&["n"]);
    creator.crash();
    assert_eq!(place.stdout(&["read", "n", "--len", "10"]), b"still here");
}

#[test]
fn hangups_are_ignored_where_nohup_asks_for_it() {
    let place = Place::new();
    let mut command = shell(r#"trap '' HUP; exec "$SHMOBJ" hold mapping n --size 4K"#);
    let mut holder = piped(command.env("SHMOBJ_DIR", place.path()));
    assert!(holder.line().starts_with("holding"));
    holder.signal(Signal::HUP);
    std::thread::sleep(Duration::from_millis(100));
    assert!(holder.is_running());
    holder.signal(Signal::TERM);
    assert_eq!(holder.wait().code(), Some(0));
}

#[test]
fn hold_goes_on_when_nobody_reads_its_line() {
    let place = Place::new();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    drop(reader);
    let mut holder = started(place.command(&["hold", "mapping", "n", "--size", "4K"]).stdout(writer));
    let deadline = Instant::now() + Duration::from_secs(30);
    while !place.run(&["stat", "n"]).status.success() {
        assert!(Instant::now() < deadline && holder.is_running());
    }
    assert!(holder.is_running());
}

#[test]
fn reserved_memory_costs_nothing_and_is_committed_as_it_is_written() {
    let place = Place::new();
    let _holder = place.hold(&["n", "--size", "1T", "--reserve"]);
    assert_eq!(place.json(&["stat", "n", "--json"])["allocation"], "reserve");
    assert!(place.write(&["n", "--offset", "512G"], b"far away").status.success());
    assert_eq!(place.stdout(&["read", "n", "--offset", "512G", "--len", "8"]), b"far away");
    assert!(place.error(&["read", "n", "--len", "8"]).contains("commit"));
}

#[test]
fn memory_shared_with_others_has_the_mode_that_was_asked_for() {
    let place = Place::new();
    let _holder = place.hold(&["n", "--size", "4K", "--mode", "0640"]);
    let stat = place.json(&["stat", "n", "--json"]);
    assert_eq!(stat["storage"], "shared_memory");
    assert_eq!(stat["mode"], "0640");
}

#[test]
fn memory_across_pid_namespaces_is_beside_its_entry() {
    let place = Place::new();
    let _holder = place.hold(&["n", "--size", "4K", "--across-pid-namespaces"]);
    assert_eq!(place.json(&["stat", "n", "--json"])["storage"], "shared_memory");
}

#[test]
fn transparent_large_pages_are_the_default_of_large_pages() {
    let place = Place::new();
    let _holder = place.hold(&["n", "--size", "4M", "--large-pages"]);
    assert_eq!(place.json(&["stat", "n", "--json"])["large_pages"], "transparent");
}

#[test]
fn a_size_that_nobody_has_is_an_error_in_one_line() {
    let place = Place::new();
    let output = place.run(&["hold", "mapping", "n", "--size", "8T"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(one_line(&output.stderr).starts_with("shmobj: cannot create file mapping \"n\": "));
}
