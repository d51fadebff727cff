//! Section 19: jobs.

pub(super) mod accounting;
pub(super) mod assign;
pub(super) mod children;
pub(super) mod close;
pub(super) mod limits;
pub(super) mod notifications;
pub(super) mod terminate;
