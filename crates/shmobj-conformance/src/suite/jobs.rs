//! Section 19: jobs.

use crate::case::{Remark, Role, Test};

pub(super) const TESTS: &[Test] = &[];
pub(super) const ROLES: &[Role] = &[];
pub(super) const REASONS: &[Remark] =
    &[Remark::new(&["JA-*", "JC-*", "JQ-*", "JI-*", "JL-*", "JT-*", "JP-*"], "jobs are not offered")];
pub(super) const NOTES: &[Remark] = &[];
