//! Section 20: private namespaces.

use crate::case::{Remark, Role, Test};

pub(super) const TESTS: &[Test] = &[];
pub(super) const ROLES: &[Role] = &[];
pub(super) const REASONS: &[Remark] = &[Remark::new(
    &["PN-*"],
    "private namespaces are not offered; `Namespace::at` gives a program names of its own",
)];
pub(super) const NOTES: &[Remark] = &[];
