//! Each program, run with all its processes, and killed where it says what then happens.

mod bounded_buffer;
mod named_memory;
mod shared_file;
mod single_instance;
mod support;
mod worker_pool;
