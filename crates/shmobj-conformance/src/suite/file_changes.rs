//! Section 12.3: files that are changed while they are mapped.

use crate::case::{Remark, Role, Test};

pub(super) const TESTS: &[Test] = &[];
pub(super) const ROLES: &[Role] = &[];
pub(super) const REASONS: &[Remark] = &[];
pub(super) const NOTES: &[Remark] = &[];
