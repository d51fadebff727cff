//! Synchronization objects in a test's own namespace.

#[cfg(windows)]
use shmobj::Access;
#[cfg(target_os = "linux")]
use shmobj::ObjectInfo;
use shmobj::{Event, EventOptions, Mutex, MutexOptions, Reset, Semaphore, SemaphoreOptions, State};
use shmobj::{TimerOptions, WaitableTimer};

use super::Place;

impl Place {
    pub(crate) fn mutexes(&self) -> MutexOptions<'_> {
        Mutex::options().namespace(&self.namespace)
    }

    pub(crate) fn events(&self) -> EventOptions<'_> {
        Event::options().namespace(&self.namespace)
    }

    pub(crate) fn semaphores(&self) -> SemaphoreOptions<'_> {
        Semaphore::options().namespace(&self.namespace)
    }

    pub(crate) fn timers(&self) -> TimerOptions<'_> {
        WaitableTimer::options().namespace(&self.namespace)
    }

    pub(crate) fn mutex(&self, name: &str) -> Mutex {
        self.mutexes().create(name).expect("a mutex")
    }

    /// An event that is not set.
    pub(crate) fn event(&self, name: &str, reset: Reset) -> Event {
        self.events().reset(reset).create(name).expect("an event")
    }

    pub(crate) fn semaphore(&self, name: &str, initial: u32, max: u32) -> Semaphore {
        self.semaphores().initial(initial).max(max).create(name).expect("a semaphore")
    }

    pub(crate) fn timer(&self, name: &str, reset: Reset) -> WaitableTimer {
        self.timers().reset(reset).create(name).expect("a timer")
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn inspect(&self, name: &str) -> ObjectInfo {
        self.namespace.inspect(name).expect("somebody holds it")
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn state(&self, name: &str) -> State {
        self.inspect(name).state.expect("synchronization objects have a state")
    }

    /// Without `inspect`, a handle of one's own shows the state.
    #[cfg(windows)]
    pub(crate) fn state(&self, name: &str) -> State {
        macro_rules! look {
            ($($options:ident),*) => {
                $(if let Ok(object) = self.$options().open(name, Access::QUERY) {
                    return object.state().unwrap();
                })*
            };
        }
        look!(mutexes, events, semaphores, timers);
        panic!("somebody holds it")
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn is_waited_for(&self, name: &str) -> bool {
        self.inspect(name).is_waited_for
    }

    /// Whether an event or a timer is signalled.
    pub(crate) fn is_signaled(&self, name: &str) -> bool {
        match self.state(name) {
            State::Event { signaled, .. } | State::WaitableTimer { signaled, .. } => signaled,
            other => panic!("{other:?} is neither an event nor a timer"),
        }
    }

    /// A semaphore's count.
    pub(crate) fn count(&self, name: &str) -> u32 {
        match self.state(name) {
            State::Semaphore { count, .. } => count,
            other => panic!("{other:?} is no semaphore"),
        }
    }
}

/// Mutexes, each owned so many times by a thread that has ended.
pub(crate) fn abandon(mutexes: &[&Mutex], depth: u32) {
    std::thread::scope(|scope| {
        let owner = scope.spawn(|| {
            for mutex in mutexes {
                for _ in 0..depth {
                    std::mem::forget(mutex.lock().unwrap());
                }
            }
        });
        owner.join().unwrap();
    });
}
