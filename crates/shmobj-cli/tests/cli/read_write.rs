//! `shmobj read` and `shmobj write`.

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;

use crate::support::{Place, one_line, text};

#[test]
fn what_one_process_writes_another_reads() {
    let place = Place::new();
    let _holder = place.hold(&["n", "--size", "1M"]);
    let bytes: Vec<u8> = (0..1 << 20).map(|index: u32| ((index * 7) >> 3) as u8).collect();
    let written = place.write(&["n"], &bytes);
    assert!(written.status.success() && written.stderr.is_empty(), "{}", text(&written.stderr));
    assert!(place.stdout(&["read", "n"]) == bytes);
}

#[test]
fn offset_and_length_choose_a_part() {
    let place = Place::new();
    let _holder = place.hold(&["n", "--size", "64K"]);
    assert!(place.write(&["n", "--offset", "4K"], b"0123456789").status.success());
    assert_eq!(place.stdout(&["read", "n", "--offset", "4098", "--len", "3"]), b"234");
    assert_eq!(place.stdout(&["read", "n", "--offset", "60K"]), vec![0; 4096]);
}

#[test]
fn a_part_outside_is_an_error_in_one_line() {
    let place = Place::new();
    let _holder = place.hold(&["n", "--size", "4K"]);
    for part in
        [&["--offset", "4K"][..], &["--offset", "1G"], &["--len", "4097"], &["--offset", "1", "--len", "4K"]]
    {
        let error = place.error(&[&["read", "n"], part].concat());
        assert!(error.contains("not inside the mapping of 4096 bytes"), "{part:?}: {error}");
    }
    let output = place.write(&["n", "--offset", "4K"], b"x");
    assert!(one_line(&output.stderr).contains("not inside"), "{}", text(&output.stderr));
}

#[test]
fn too_much_input_is_an_error_that_says_how_much_was_written() {
    let place = Place::new();
    let _holder = place.hold(&["n", "--size", "4K"]);
    let output = place.write(&["n", "--offset", "4090"], b"0123456789");
    assert_eq!(output.status.code(), Some(1));
    assert!(one_line(&output.stderr).ends_with("6 bytes were written"), "{}", text(&output.stderr));
    assert_eq!(place.stdout(&["read", "n", "--offset", "4090"]), b"012345");
}

#[test]
fn input_that_fits_exactly_and_no_input_are_no_errors() {
    let place = Place::new();
    let _holder = place.hold(&["n", "--size", "4K"]);
    assert!(place.write(&["n"], &[1; 4096]).status.success());
    assert!(place.write(&["n"], b"").status.success());
    assert_eq!(place.stdout(&["read", "n"]), vec![1; 4096]);
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let place = Place::new();
    let _holder = place.hold(&["n", "--size", "8M"]);
    let mut command = place.command(&["read", "n"]);
    let mut reading = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut some = [1; 100];
    // The pipe closes while most of the bytes are still to come.
    reading.stdout.take().unwrap().read_exact(&mut some).unwrap();
    assert_eq!(some, [0; 100]);
    let output = reading.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_full_disk_is_an_error_and_no_panic() {
    let place = Place::new();
    let _holder = place.hold(&["n", "--size", "4K"]);
    for arguments in [&["read", "n"][..], &["ls"], &["stat", "n", "--json"], &["gc"], &["doctor"], &["demo"]]
    {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = place.command(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(one_line(&output.stderr).contains("No space left"), "{arguments:?}");
    }
}

#[test]
fn a_name_that_nobody_holds_is_not_found() {
    let place = Place::new();
    let error = place.error(&["read", "n"]);
    assert!(error.starts_with(r#"shmobj: cannot open file mapping "n": no object has this name"#), "{error}");
}
