//! The tests, by sections of the rows. Each file has its tests, the roles of other processes in them, reasons for rows without
//! a test, and notes.

pub(crate) mod shared;

use crate::case::Section;

macro_rules! sections {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*

        /// All of them, in the order of the rows.
        pub(crate) const SECTIONS: &[Section] = &[$(Section {
            name: stringify!($name),
            tests: $name::TESTS,
            roles: $name::ROLES,
            reasons: $name::REASONS,
            notes: $name::NOTES,
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
    jobs,
    private_namespaces,
    newer_interfaces,
    wait_on_address,
    scenarios,
}
