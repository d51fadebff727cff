//! `shmobj wait`: until objects are signaled.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use shmobj::wait::{self, MAXIMUM_OBJECTS, Waitable, Waited, WaitedAll};
use shmobj::{Access, Event, Job, Kind, Mutex, Semaphore, WaitableTimer};

use super::{TIMED_OUT, handle, owned};
use crate::{Place, duration, output};

/// Waits for objects, and prints the name of the one that was signaled.
///
/// Takes from it what its kind says: an auto-reset event is reset, a semaphore's count is 1 less, a timer's expiry is taken. A
/// job is signaled when it was terminated, not when its processes end by themselves, and nothing is taken from it. A
/// mutex is owned, and released again when the command ends: to run something as its owner, see `shmobj lock`. Of
/// several that are signaled it is the first one given.
///
/// With --all it waits until all are signaled at the same instant, takes from all of them in one step, and
/// prints all names. Until then nothing is taken.
///
/// Ends with 0, or with 124 if the time is up, and says nothing then. That a mutex was abandoned (its owner ended without
/// releasing it) is said on stderr.
#[derive(Debug, clap::Args)]
pub(crate) struct Wait {
    /// Mutexes, events, semaphores, waitable timers and jobs, which somebody has to hold; at most 128.
    #[arg(value_name = "NAME", required = true, value_parser = super::name)]
    names: Vec<String>,
    /// Wait for all of them at once instead of for any.
    #[arg(long)]
    all: bool,
    /// How long to wait: 5s, 100ms, 0 to look only; for as long as it takes without it.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,
}

/// An object that was opened for what it is.
enum Object {
    Mutex(Box<Mutex>),
    Other(Box<dyn Waitable>),
}

impl Wait {
    pub(super) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        if self.names.len() > MAXIMUM_OBJECTS {
            bail!("cannot wait for {} objects: at most {MAXIMUM_OBJECTS} at once", self.names.len());
        }
        let objects =
            self.names.iter().map(|name| open(place, name)).collect::<anyhow::Result<Vec<Object>>>()?;
        let waitable: Vec<&dyn Waitable> = objects.iter().map(Object::waitable).collect();
        let (taken, abandoned) = if self.all {
            let everything = (0..objects.len()).collect();
            match wait::all(&waitable, self.timeout)? {
                WaitedAll::Signaled => (everything, Vec::new()),
                WaitedAll::Abandoned(indices) => (everything, indices),
                WaitedAll::TimedOut => return Ok(TIMED_OUT.into()),
            }
        } else {
            match wait::any(&waitable, self.timeout)? {
                Waited::Signaled(index) => (vec![index], Vec::new()),
                Waited::Abandoned(index) => (vec![index], vec![index]),
                Waited::TimedOut => return Ok(TIMED_OUT.into()),
            }
        };
        for &index in &taken {
            // First of all: what follows may take as long as whoever reads it likes.
            if let Object::Mutex(mutex) = &objects[index] {
                owned::release(mutex);
            }
        }
        for index in abandoned {
            output::message(&owned::abandoned(&self.names[index]));
        }
        let mut out = std::io::stdout().lock();
        for index in taken {
            writeln!(out, "{}", self.names[index])?;
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Object {
    fn waitable(&self) -> &dyn Waitable {
        match self {
            Self::Mutex(mutex) => &**mutex,
            Self::Other(object) => &**object,
        }
    }
}

/// Opens what has the name, whatever it is.
fn open(place: &Place, name: &str) -> anyhow::Result<Object> {
    let (namespace, access) = (&place.namespace, Access::SYNCHRONIZE);
    Ok(match handle::kind(place, name)? {
        Kind::Mutex => Object::Mutex(Box::new(Mutex::options().namespace(namespace).open(name, access)?)),
        Kind::Event => Object::Other(Box::new(Event::options().namespace(namespace).open(name, access)?)),
        Kind::Semaphore => {
            Object::Other(Box::new(Semaphore::options().namespace(namespace).open(name, access)?))
        }
        Kind::WaitableTimer => {
            Object::Other(Box::new(WaitableTimer::options().namespace(namespace).open(name, access)?))
        }
        Kind::Job => Object::Other(Box::new(Job::options().namespace(namespace).open(name, access)?)),
        kind => bail!(
            "cannot wait for {kind} {name:?}: it is never signaled; wait for a mutex, an event, a semaphore, a \
             waitable timer or a job"
        ),
    })
}
