//! Any bytes as an entry: an error or a header within its limits, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| shmobj::fuzzing::entry(bytes));
