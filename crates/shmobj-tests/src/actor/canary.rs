//! A handle of each kind, and objects of which no enemy knows, and which therefore have to be right all the time.

use shmobj::transfer::{self, AnyHandle};
use shmobj::{
    Due, Error, Event, FileMapping, Lock, Mutex, Namespace, Reset, Semaphore, Timeout, WaitableTimer,
};

use super::{Failure, misled};
use crate::random::unique;

/// A handle of each kind, under its kind's name with this prefix; without a prefix, unnamed.
pub(super) fn one_of_each(namespace: &Namespace, prefix: &str) -> Result<Vec<AnyHandle>, Error> {
    let name = |kind: &str| if prefix.is_empty() { String::new() } else { format!("{prefix}-{kind}") };
    Ok(vec![
        FileMapping::options().namespace(namespace).size(8192).create(&name("mapping"))?.into(),
        Mutex::options().namespace(namespace).create(&name("mutex"))?.into(),
        Event::options().namespace(namespace).create(&name("auto"))?.into(),
        Event::options().namespace(namespace).reset(Reset::Manual).create(&name("manual"))?.into(),
        Semaphore::options().namespace(namespace).initial(1).max(9).create(&name("semaphore"))?.into(),
        WaitableTimer::options().namespace(namespace).create(&name("timer"))?.into(),
    ])
}

/// Objects that no enemy knows of.
pub(super) struct Canaries {
    namespace: Namespace,
    prefix: String,
    objects: Vec<AnyHandle>,
    /// How often all of them were right.
    pub(super) round: u64,
}

impl Canaries {
    pub(super) fn new(namespace: &Namespace) -> Result<Self, Failure> {
        let prefix = format!("canary-{:x}", unique());
        let objects = one_of_each(namespace, &prefix)?;
        Ok(Self { namespace: namespace.clone(), prefix, objects, round: 0 })
    }

    /// Uses each of them, by a handle that is old or new.
    pub(super) fn sing(&mut self) -> Result<(), Failure> {
        self.round += 1;
        let new = self.round % 8 == 0;
        let again = if new { one_of_each(&self.namespace, &self.prefix)? } else { Vec::new() };
        for (again, known) in again.iter().zip(&self.objects) {
            is_right(transfer::same_object(again, known), "another object has its name")?;
        }
        for object in if new { &again } else { &self.objects } {
            self.is_right(object)?;
        }
        Ok(())
    }

    fn is_right(&self, object: &AnyHandle) -> Result<(), Failure> {
        let now = Timeout::NOW;
        match object {
            AnyHandle::FileMapping(mapping) => {
                let at = (self.round % 1000) as usize * 8;
                let view = mapping.map_mut()?;
                view.write_at(at, &self.round.to_le_bytes())?;
                let read = mapping.map()?.read_vec(at, 8)?;
                is_right(read == self.round.to_le_bytes(), "memory forgets")
            }
            AnyHandle::Mutex(mutex) => {
                let lock = mutex.try_lock()?;
                is_right(matches!(lock, Some(Lock::Acquired(_))) && mutex.depth() == 1, "a mutex is taken")?;
                drop(lock);
                is_right(mutex.depth() == 0, "a mutex stays taken")
            }
            AnyHandle::Event(event) => {
                is_right(!event.wait(now)?, "an event is set")?;
                event.set()?;
                is_right(event.wait(now)?, "an event is not set")?;
                event.reset()?;
                Ok(())
            }
            AnyHandle::Semaphore(semaphore) => {
                is_right(semaphore.release(2)? == 1, "a semaphore counts wrong")?;
                is_right(semaphore.wait(now)? && semaphore.wait(now)?, "a semaphore is empty")
            }
            AnyHandle::WaitableTimer(timer) => {
                is_right(!timer.wait(now)?, "a timer fires")?;
                timer.set(Due::NOW, None)?;
                is_right(timer.wait(now)?, "a timer does not fire")?;
                timer.cancel()?;
                Ok(())
            }
            _ => Err(misled("a new kind")),
        }
    }
}

fn is_right(is_so: bool, otherwise: &str) -> Result<(), Failure> {
    if is_so { Ok(()) } else { Err(misled(format!("a canary dies: {otherwise}"))) }
}
