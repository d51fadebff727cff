//! The options with which a waitable timer is created or opened.

use super::WaitableTimer;
use crate::error::Result;
use crate::event::Reset;
use crate::handle::Creation;
use crate::kind::Kind;
use crate::sys::contract::{Initial, Intent};

/// Options for a new waitable timer, or for opening one: see [`WaitableTimer::options`].
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until `create`, `create_new`, `create_unnamed` or `open` is called"]
pub struct TimerOptions<'a> {
    reset: Reset,
    pub(super) creation: Creation<'a>,
}

impl TimerOptions<'_> {
    /// Whether it stays signalled until it is set again, or until one wait (a synchronization timer), which is the default.
    pub fn reset(mut self, reset: Reset) -> Self {
        self.reset = reset;
        self
    }

    pub(super) fn make(&self, name: &str, intent: Intent) -> Result<WaitableTimer> {
        let initial = Initial::Timer { manual: self.reset == Reset::Manual };
        self.creation.make(Kind::WaitableTimer, name, initial, intent).map(WaitableTimer)
    }
}
