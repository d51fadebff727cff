//! `named_memory_write` and `named_memory_read`.

use crate::support::Place;

const WRITE: &str = env!("CARGO_BIN_EXE_named_memory_write");
const READ: &str = env!("CARGO_BIN_EXE_named_memory_read");

#[test]
fn the_reader_prints_what_the_writer_wrote_and_the_writer_is_told() {
    let place = Place::new();
    let writer = place.start(WRITE, &["How do you do?"]);
    assert_eq!(writer.line(), "wrote 14 bytes; run named_memory_read in another terminal");
    assert_eq!(place.run(READ, &[]), ["How do you do?"]);
    assert_eq!(writer.succeeds(), ["the message was read"]);
    place.assert_empty();
}

#[test]
fn without_a_writer_the_reader_says_what_to_do() {
    let place = Place::new();
    for _ in 0..2 {
        let complaint = place.start(READ, &[]).fails();
        assert!(complaint.contains("run named_memory_write in another terminal first"), "{complaint}");
        // Nor does one that was killed leave anything to read.
        let mut writer = place.start(WRITE, &[]);
        writer.line();
        writer.kill();
    }
}

#[test]
fn a_second_writer_does_not_write_over_the_message_of_the_first() {
    let place = Place::new();
    let writer = place.start(WRITE, &["first"]);
    writer.line();
    let complaint = place.start(WRITE, &["second"]).fails();
    assert!(complaint.starts_with("named_memory_write: cannot create event"), "{complaint}");
    assert_eq!(place.run(READ, &[]), ["first"]);
    writer.succeeds();
    place.assert_empty();
}

#[test]
fn a_long_message_arrives_whole() {
    let place = Place::new();
    // About as much as a command line of Windows takes.
    let message = "x".repeat(30_000);
    let writer = place.start(WRITE, &[&message]);
    writer.line();
    assert_eq!(place.run(READ, &[]), [message]);
    writer.succeeds();
    place.assert_empty();
}
