//! Named steps of the protocols, at which a test makes its own process die or pause.
//!
//! Without the feature `test-hooks` a step is nothing at all. With it, a step is a look at one atomic, and a process
//! must arm itself by calling [`arm`]: no environment variable reaches this.

#[cfg(not(feature = "test-hooks"))]
#[inline(always)]
pub(crate) fn step(_name: &'static str) {}

#[cfg(feature = "test-hooks")]
pub(crate) use armed::is_forced;
#[cfg(feature = "test-hooks")]
pub use armed::{Fault, Then, arm, force, step};

/// Whether a test wants this part of the system to be missing.
#[cfg(not(feature = "test-hooks"))]
#[inline(always)]
pub(crate) fn is_forced(_fault: Fault) -> bool {
    false
}

/// Parts of the system that a test can make disappear for this process.
#[cfg(not(feature = "test-hooks"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Tmpfile,
    Hints,
    Guard,
    RobustList,
    Waitv,
    Barrier,
    Limits,
}

#[cfg(feature = "test-hooks")]
mod armed {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::time::Duration;

    /// What happens at the armed step.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum Then {
        /// The process is killed with SIGKILL.
        Die,
        /// The thread sleeps this long.
        Pause(Duration),
        /// The thread sleeps this long, goes on, and the process is killed at the next step.
        DieAfter(Duration),
    }

    /// Parts of the system that a test can make disappear for this process.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum Fault {
        /// O_TMPFILE is refused.
        Tmpfile,
        /// Hints are neither written nor read.
        Hints,
        /// Faults cannot be caught, so that the kernel does the guarded copies.
        Guard,
        /// Threads that lock something for the first time find no robust list.
        RobustList,
        /// Sleeping on several words at once is refused.
        Waitv,
        /// Barriers in other processes are refused.
        Barrier,
        /// Sleeps for a mutex last until they are ended.
        Limits,
    }

    /// Copied by `fork`, so that each process of a chain of forks is armed. In no allocated memory: guardians of jobs give that up.
    struct Plan {
        /// The name's bytes, and how many.
        step: ([u8; LONGEST], usize),
        count: u32,
        then: Then,
    }

    /// The longest name of a step.
    const LONGEST: usize = 64;

    static ARMED: AtomicBool = AtomicBool::new(false);
    static PLAN: Mutex<Option<Plan>> = Mutex::new(None);
    static FORCED: AtomicU32 = AtomicU32::new(0);

    /// From the `count`-th time on that this process passes the step (counted from 1; an empty name is any step),
    /// `then` happens, once.
    pub fn arm(step: &str, count: u32, then: Then) {
        let mut name = [0; LONGEST];
        name[..step.len()].copy_from_slice(step.as_bytes());
        *PLAN.lock().unwrap() = Some(Plan { step: (name, step.len()), count: count.max(1), then });
        ARMED.store(true, Ordering::SeqCst);
    }

    /// Makes a part of the system disappear for this process.
    pub fn force(fault: Fault) {
        FORCED.fetch_or(1 << fault as u32, Ordering::SeqCst);
    }

    pub(crate) fn is_forced(fault: Fault) -> bool {
        FORCED.load(Ordering::Relaxed) & (1 << fault as u32) != 0
    }

    /// A step of a protocol.
    #[doc(hidden)]
    pub fn step(name: &'static str) {
        if ARMED.load(Ordering::Relaxed) {
            reached(name);
        }
    }

    #[cold]
    fn reached(name: &str) {
        let then = {
            let mut plan = PLAN.lock().unwrap();
            let Some(Plan { step: (bytes, length), count, then }) = &mut *plan else { return };
            if *length > 0 && bytes[..*length] != *name.as_bytes() {
                return;
            }
            *count -= 1;
            if *count > 0 {
                return;
            }
            let then = *then;
            *plan = None;
            ARMED.store(false, Ordering::SeqCst);
            then
        };
        match then {
            Then::Die => {
                let _ =
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
                loop {
                    std::thread::park();
                }
            }
            Then::Pause(time) => std::thread::sleep(time),
            Then::DieAfter(time) => {
                std::thread::sleep(time);
                arm("", 1, Then::Die);
            }
        }
    }
}
