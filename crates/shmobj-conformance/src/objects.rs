//! Objects in a namespace of the test's own, for the test and for the roles in it alike.

use shmobj::{
    Access, Error, Event, EventOptions, FileMapping, Job, JobOptions, MappingOptions, Mutex, MutexOptions,
    Namespace, Reset, Result, Semaphore, SemaphoreOptions, TimerOptions, WaitableTimer,
};

/// The page size and the allocation granularity that the rows speak of.
pub(crate) const PAGE: usize = 4096;
pub(crate) const GRANULARITY: usize = 64 << 10;

/// An address at which a program may map, far from all that systems put somewhere by themselves.
pub(crate) const FAR_AWAY: usize = 0x2000_0000_0000;

/// Who has a namespace: [`Stage`](crate::stage::Stage) and [`Cue`](crate::process::Cue).
pub(crate) trait Objects {
    fn namespace(&self) -> &Namespace;

    fn mappings(&self) -> MappingOptions<'_> {
        FileMapping::options().namespace(self.namespace())
    }

    fn mutexes(&self) -> MutexOptions<'_> {
        Mutex::options().namespace(self.namespace())
    }

    fn events(&self) -> EventOptions<'_> {
        Event::options().namespace(self.namespace())
    }

    fn semaphores(&self) -> SemaphoreOptions<'_> {
        Semaphore::options().namespace(self.namespace())
    }

    fn timers(&self) -> TimerOptions<'_> {
        WaitableTimer::options().namespace(self.namespace())
    }

    fn jobs(&self) -> JobOptions<'_> {
        Job::options().namespace(self.namespace())
    }

    /// Named memory.
    #[track_caller]
    fn memory(&self, name: &str, size: u64) -> FileMapping {
        self.mappings().size(size).create(name).expect("memory")
    }

    #[track_caller]
    fn mutex(&self, name: &str) -> Mutex {
        self.mutexes().create(name).expect("a mutex")
    }

    /// An event that is not set.
    #[track_caller]
    fn event(&self, name: &str, reset: Reset) -> Event {
        self.events().reset(reset).create(name).expect("an event")
    }

    #[track_caller]
    fn semaphore(&self, name: &str, initial: u32, max: u32) -> Semaphore {
        self.semaphores().initial(initial).max(max).create(name).expect("a semaphore")
    }

    #[track_caller]
    fn timer(&self, name: &str, reset: Reset) -> WaitableTimer {
        self.timers().reset(reset).create(name).expect("a timer")
    }

    /// A job without limits.
    #[track_caller]
    fn job(&self, name: &str) -> Job {
        self.jobs().create(name).expect("a job")
    }

    /// Opens memory.
    fn open(&self, name: &str, access: Access) -> Result<FileMapping> {
        self.mappings().open(name, access)
    }
}

/// What `GetLastError` gives, 0 for success.
pub(crate) fn code<T>(result: Result<T>) -> u32 {
    result.map_or_else(|error| error.win32_code(), |_| 0)
}

/// The error of what has to fail.
#[track_caller]
pub(crate) fn error<T>(result: Result<T>) -> Error {
    match result {
        Ok(_) => panic!("it succeeded"),
        Err(error) => error,
    }
}

/// Bytes that differ from their neighbours, and from those a page or a cache line away.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251 + index / 251 % 7 + 1) as u8).collect()
}
