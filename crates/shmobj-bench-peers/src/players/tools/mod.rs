//! What players have in common: taking time, going there and back, being woken, memory to meet in.

pub(crate) mod clock;
pub(crate) mod page;
pub(crate) mod timing;
pub(crate) mod trips;
