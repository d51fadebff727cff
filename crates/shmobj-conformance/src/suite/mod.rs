//! The tests, by sections of the rows. Each file has its tests, the roles of other processes in them, reasons for rows without
//! a test, and notes.

mod coherence;
mod conventions;
mod copy_on_write;
mod create;
mod duplicate;
mod event;
mod existing;
mod file_access;
mod file_changes;
mod flush;
mod handles;
mod inherit;
mod jobs;
mod large_pages;
mod lifetime;
mod map;
pub(crate) mod members;
mod mutex;
mod name_forms;
mod names;
mod newer_interfaces;
mod object_model;
mod open;
mod open_mapping;
mod private_namespaces;
mod protection;
mod reserve;
mod rights;
mod scenarios;
mod scopes;
mod security;
mod semaphore;
pub(crate) mod shared;
mod signal_and_wait;
mod size;
mod timer;
mod unmap;
mod view_protection;
mod wait_many;
mod wait_on_address;
mod wait_one;

use crate::case::Section;

macro_rules! sections {
    ($($name:ident $(:: $part:ident)?),* $(,)?) => {
        /// All of them, in the order of the rows.
        pub(crate) const SECTIONS: &[Section] = &[$(Section {
            name: concat!(stringify!($name) $(, "::", stringify!($part))?),
            tests: $name$(::$part)?::TESTS,
            roles: $name$(::$part)?::ROLES,
            reasons: $name$(::$part)?::REASONS,
            notes: $name$(::$part)?::NOTES,
        }),*];
    };
}

sections! {
    conventions,
    object_model,
    names,
    name_forms,
    scopes,
    create,
    open,
    rights,
    security,
    handles,
    duplicate,
    inherit,
    protection,
    size,
    file_access,
    large_pages,
    existing,
    open_mapping,
    map,
    unmap,
    flush,
    view_protection,
    copy_on_write,
    reserve,
    coherence,
    file_changes,
    lifetime,
    wait_one,
    wait_many,
    signal_and_wait,
    mutex,
    semaphore,
    event,
    timer,
    jobs::assign,
    jobs::children,
    jobs::accounting,
    jobs::limits,
    jobs::close,
    jobs::terminate,
    jobs::notifications,
    private_namespaces,
    newer_interfaces,
    wait_on_address,
    scenarios,
}
