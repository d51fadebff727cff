//! Surviving memory that somebody takes away: the process's handler of SIGBUS.
//!
//! Who may write an entry, or memory beside one, may truncate it. Whoever touches a page that is gone gets SIGBUS. Two things can
//! be done about it, in this order:
//!
//! | the fault is | then |
//! |---|---|
//! | in our copying routine (x86-64) | the routine returns early, and the copy is an error |
//! | in a [`Protected`] range | private memory takes the place of the page, and the instruction is repeated: [`replace`] |
//! | elsewhere | it goes to the handler that was there before: [`signal`] |
//!
//! What takes the place of shared words says *gone* to all who look: see [`Words::become_gone`](super::sync::words::Words::become_gone). In the place of a view's
//! data are zeros, and its range remembers from where on. Nothing comes back while the range is mapped, also if the file grows again.
//!
//! The handler is installed with the first range or guarded view, once per process. It does not protect in a program that replaces
//! it without passing faults on, nor in a thread that blocks SIGBUS, because the kernel then kills. So threads that are about to sleep, to take a latch for
//! the first time or to copy from such a view unblock it, once each.

mod replace;
mod signal;
mod table;

use std::ptr::NonNull;

use rustix::io::Errno;

pub(crate) use signal::{install, unblock_once};

/// What takes the place of pages that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Filling {
    /// The words of an object that is gone. The range is one page.
    Words,
    /// Zeros that can only be read.
    ReadOnly,
    Zeros,
}

/// A mapped range of memory that somebody can take away. It must be dropped before it is unmapped, and made before it is touched: so
/// whoever touches the range finds it in the table, and no handler ever touches what is not ours any more.
#[derive(Debug)]
pub(crate) struct Protected(table::Entry);

impl Protected {
    /// NOMEM: there is no memory for a larger table.
    pub(crate) fn new(base: NonNull<u8>, bytes: usize, filling: Filling) -> Result<Self, Errno> {
        // Without a handler nothing is lost but the protection.
        let _ = install();
        let start = base.as_ptr().expose_provenance();
        table::enter(start..start + bytes, filling).map(Self)
    }

    /// Whether something of the range below this address has been replaced, so that a copy may have been of what is not shared.
    pub(crate) fn is_lost_below(&self, end: *const u8) -> bool {
        self.0.lost_from() < end.addr()
    }
}
