//! Sections 12.1 and 12.2: who sees what, and the last page of a file.

use crate::case::{Remark, Role, Test};

pub(super) const TESTS: &[Test] = &[];
pub(super) const ROLES: &[Role] = &[];
pub(super) const REASONS: &[Remark] = &[];
pub(super) const NOTES: &[Remark] = &[];
