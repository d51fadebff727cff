//! The options with which a mutex is created or opened.

use super::Mutex;
use crate::error::Result;
use crate::handle::Creation;
use crate::kind::Kind;
use crate::sys::contract::{Initial, Intent};

/// Options for a new mutex, or for opening one: see [`Mutex::options`].
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until `create`, `create_new`, `create_unnamed` or `open` is called"]
pub struct MutexOptions<'a> {
    initially_owned: bool,
    pub(super) creation: Creation<'a>,
}

impl MutexOptions<'_> {
    /// Whether the creating thread owns the mutex from the beginning: nobody can be faster. If the name exists, it does not
    /// own it ([`Mutex::existed`], MX-2). It does not by default.
    ///
    /// There is no guard for it until [`Mutex::guard`] makes one.
    pub fn initially_owned(mut self, owned: bool) -> Self {
        self.initially_owned = owned;
        self
    }

    pub(super) fn make(&self, name: &str, intent: Intent) -> Result<Mutex> {
        let initial = Initial::Mutex { owned: self.initially_owned };
        self.creation.make(Kind::Mutex, name, initial, intent).map(Mutex)
    }
}
