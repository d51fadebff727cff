//! Section 14.4: waiting for several objects.

use crate::case::{Remark, Role, Test};

pub(super) const TESTS: &[Test] = &[];
pub(super) const ROLES: &[Role] = &[];
pub(super) const REASONS: &[Remark] = &[];
pub(super) const NOTES: &[Remark] = &[];
