//! What players have in common: taking time, going there and back, being woken, memory to meet in.

pub(crate) mod bulk;
pub(crate) mod clock;
#[cfg(target_os = "linux")]
pub(crate) mod hand_over;
#[cfg(target_os = "linux")]
pub(crate) mod held;
pub(crate) mod page;
pub(crate) mod sleeper;
pub(crate) mod timing;
pub(crate) mod touch;
pub(crate) mod trips;
