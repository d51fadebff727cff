//! Who is told of whose death. A process owns a mutex for as long as it lives; who waits for it gets it when that process ends,
//! however it does.

use std::error::Error;

use shmobj::wait::{self, Waitable, Waited};
use shmobj::{Mutex, Semaphore, Timeout};

pub(crate) struct Lives {
    run: String,
    /// The overseer owns it.
    pub(crate) overseer: Mutex,
    /// A unit for each producer and consumer that has its mutex. Before, that mutex says nothing.
    pub(crate) ready: Semaphore,
}

impl Lives {
    pub(crate) fn of(run: &str) -> shmobj::Result<Self> {
        let name = |part| format!("shmobj-example.buffer-{run}.{part}");
        Ok(Self {
            run: run.to_owned(),
            overseer: Mutex::open_or_create(&name("overseer"))?,
            ready: Semaphore::options().create(&name("ready"))?,
        })
    }

    /// The mutex of a producer or consumer.
    pub(crate) fn number(&self, number: &str) -> shmobj::Result<Mutex> {
        Mutex::open_or_create(&format!("shmobj-example.buffer-{}.life-{number}", self.run))
    }

    /// Waits for a semaphore. Without an overseer that is an error: nobody would replace what a killed process has taken from it.
    pub(crate) fn wait_for(&self, semaphore: &Semaphore) -> Result<(), Box<dyn Error>> {
        self.wait(&[semaphore, &self.overseer])
    }

    /// Waits for nothing but the end of the overseer, and for this process that is an error.
    pub(crate) fn outlive_the_overseer(&self) -> Result<(), Box<dyn Error>> {
        self.wait(&[&self.overseer])
    }

    /// The last of the objects is the overseer's.
    fn wait(&self, objects: &[&dyn Waitable]) -> Result<(), Box<dyn Error>> {
        match wait::any(objects, Timeout::NEVER)? {
            Waited::Signaled(index) if index + 1 < objects.len() => Ok(()),
            // Abandoned, or released. This process owns it now, and when it ends, the next one gets it.
            _ => Err("the overseer is gone, so this process ends".into()),
        }
    }
}
