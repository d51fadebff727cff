//! Section 22: waiting on an address.

use crate::case::{Remark, Role, Test};

pub(super) const TESTS: &[Test] = &[];
pub(super) const ROLES: &[Role] = &[];
pub(super) const REASONS: &[Remark] =
    &[Remark::new(&["WA-*"], "it works inside one process, where `std::thread::park` and `std::sync` are")];
pub(super) const NOTES: &[Remark] = &[];
