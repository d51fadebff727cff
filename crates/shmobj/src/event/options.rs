//! The options with which an event is created or opened.

use super::Event;
use crate::error::Result;
use crate::handle::Creation;
use crate::kind::Kind;
use crate::sys::contract::{Initial, Intent};

/// When an object that is signalled ceases to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reset {
    /// When one wait was satisfied. A timer of this sort is called a synchronization timer.
    #[default]
    Auto,
    /// When somebody resets it; all waits until then are satisfied.
    Manual,
}

/// Options for a new event, or for opening one: see [`Event::options`].
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until `create`, `create_new`, `create_unnamed` or `open` is called"]
pub struct EventOptions<'a> {
    reset: Reset,
    signaled: bool,
    pub(super) creation: Creation<'a>,
}

impl EventOptions<'_> {
    /// When it is reset. By the first wait by default.
    pub fn reset(mut self, reset: Reset) -> Self {
        self.reset = reset;
        self
    }

    /// Whether it is set from the beginning. It is not by default.
    pub fn signaled(mut self, signaled: bool) -> Self {
        self.signaled = signaled;
        self
    }

    pub(super) fn make(&self, name: &str, intent: Intent) -> Result<Event> {
        let initial = Initial::Event { manual: self.reset == Reset::Manual, signaled: self.signaled };
        self.creation.make(Kind::Event, name, initial, intent).map(Event)
    }
}
