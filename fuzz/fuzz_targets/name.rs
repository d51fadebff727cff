//! Any text as a name: an error, or a file name that leads back to it.
#![no_main]

libfuzzer_sys::fuzz_target!(|name: &str| shmobj::fuzzing::name(name));
