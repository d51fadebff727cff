//! Section 21: newer ways to map.

use crate::case::{Remark, Role, Test};

pub(super) const TESTS: &[Test] = &[];
pub(super) const ROLES: &[Role] = &[];
pub(super) const REASONS: &[Remark] = &[
    Remark::new(
        &["NW-1", "NW-2", "NW-3"],
        "there is one way to create, to open and to map, and its sizes have 64 bits",
    ),
    Remark::new(&["NW-4", "NW-7"], "NUMA nodes are not offered"),
    Remark::new(
        &["NW-5"],
        "the rights of a new handle follow its protection; `try_clone_with` makes one with others",
    ),
    Remark::new(&["NW-6"], "views of other processes are not offered; sorts of view are types"),
    Remark::new(&["NW-8", "NW-10", "NW-13"], "placeholders and other extended parameters are not offered"),
    Remark::new(
        &["NW-9", "NW-12"],
        "the interfaces of these rows are not offered; the like of `view` are AR-6, MV-15 and MV-17",
    ),
    Remark::new(&["NW-11"], "a view ends when it is dropped, without flags"),
];
pub(super) const NOTES: &[Remark] = &[];
