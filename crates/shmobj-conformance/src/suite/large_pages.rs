//! Section 6.6: large pages.

use crate::case::{Remark, Role, Test};

pub(super) const TESTS: &[Test] = &[];
pub(super) const ROLES: &[Role] = &[];
pub(super) const REASONS: &[Remark] = &[];
pub(super) const NOTES: &[Remark] = &[];
