//! The command as its users meet it: the real program, in a namespace of each test's own.

mod demo;
mod doctor;
mod hold;
mod hold_command;
mod hold_file;
mod listing;
mod read_write;
mod support;
mod usage;
