//! The command as its users meet it: the real program, in a namespace of each test's own.

mod demo;
mod deposit;
mod doctor;
mod event;
mod exec;
mod hold;
mod hold_command;
mod hold_file;
mod hold_object;
mod listing;
mod lock;
mod lock_killed;
mod read_write;
mod sem;
mod semaphore;
mod sharing;
mod state;
mod support;
mod timer;
mod usage;
mod wait;
mod wait_all;
