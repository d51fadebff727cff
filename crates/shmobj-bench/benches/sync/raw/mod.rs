//! What the synchronization objects are measured against. Nothing here uses the library.

pub(crate) mod eventfd;
pub(crate) mod futex;
pub(crate) mod machine;
pub(crate) mod pthread;
pub(crate) mod robust;
pub(crate) mod shared;
