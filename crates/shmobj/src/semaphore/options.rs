//! The options with which a semaphore is created or opened.

use super::Semaphore;
use crate::error::{Attempt, ErrorKind, Result};
use crate::handle::Creation;
use crate::kind::Kind;
use crate::sys::contract::{Initial, Intent};

/// The largest maximum.
const LARGEST: u32 = i32::MAX as u32;

/// Options for a new semaphore, or for opening one: see [`Semaphore::options`].
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until `create`, `create_new`, `create_unnamed` or `open` is called"]
pub struct SemaphoreOptions<'a> {
    initial: u32,
    max: Option<u32>,
    pub(super) creation: Creation<'a>,
}

impl SemaphoreOptions<'_> {
    /// The first count. 0 by default.
    pub fn initial(mut self, count: u32) -> Self {
        self.initial = count;
        self
    }

    /// The largest count, from 1 to 2,147,483,647, which is the default.
    pub fn max(mut self, maximum: u32) -> Self {
        self.max = Some(maximum);
        self
    }

    pub(super) fn make(&self, name: &str, intent: Intent) -> Result<Semaphore> {
        let attempt = Attempt { verb: "create", subject: Kind::Semaphore.as_str(), name };
        let maximum = self.max.unwrap_or(LARGEST);
        if maximum == 0 || maximum > LARGEST || self.initial > maximum {
            // SE-1, SE-3
            return Err(attempt
                .fails(
                    ErrorKind::InvalidParameter,
                    format!("a count of {} of at most {maximum} is impossible", self.initial),
                )
                .with_remedy("choose a maximum from 1 to 2147483647, and an initial count up to it"));
        }
        let initial = Initial::Semaphore { count: self.initial, maximum };
        self.creation.make(Kind::Semaphore, name, initial, intent).map(Semaphore)
    }
}
