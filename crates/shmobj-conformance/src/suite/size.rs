//! Section 6.3: memory and files, and how long they are.

use crate::case::{Remark, Role, Test};

pub(super) const TESTS: &[Test] = &[];
pub(super) const ROLES: &[Role] = &[];
pub(super) const REASONS: &[Remark] = &[];
pub(super) const NOTES: &[Remark] = &[];
