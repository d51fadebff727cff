//! The state of synchronization objects, as `ls`, `stat` and their `--json` describe it.

use std::time::Duration;

use serde::Serialize;
use shmobj::{Reset, State};

use crate::{duration, output};

/// The state of an object; which keys there are depends on its kind.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum StateDescription {
    Mutex {
        /// Null if nobody owns it.
        owner: Option<OwnerDescription>,
        /// Its owner ended without releasing it, and the next one will be told.
        abandoned: bool,
    },
    Event {
        signaled: bool,
        /// `auto` or `manual`.
        reset: &'static str,
    },
    Semaphore {
        count: u32,
        max: u32,
    },
    Timer {
        signaled: bool,
        reset: &'static str,
        /// Null if it is not set, or has fired and is not periodic.
        due_in_ns: Option<u64>,
        /// Null if it is not periodic.
        period_ns: Option<u64>,
    },
    Job {
        /// It was terminated.
        signaled: bool,
    },
    Corrupt {
        corrupt: bool,
    },
}

/// The thread that owns a mutex.
#[derive(Debug, Serialize)]
pub(crate) struct OwnerDescription {
    /// Null where it cannot be told, as in another PID namespace.
    pub(crate) pid: Option<u32>,
    pub(crate) thread: u32,
    pub(crate) command: Option<String>,
}

impl StateDescription {
    /// `None` for what has no state that this command knows.
    pub(crate) fn new(state: &State) -> Option<Self> {
        Some(match state {
            State::Mutex { owner, abandoned } => {
                Self::Mutex { owner: owner.as_ref().map(OwnerDescription::new), abandoned: *abandoned }
            }
            State::Event { signaled, reset } => {
                Self::Event { signaled: *signaled, reset: reset_word(*reset) }
            }
            State::Semaphore { count, max } => Self::Semaphore { count: *count, max: *max },
            State::WaitableTimer { signaled, reset, due_in, period } => Self::Timer {
                signaled: *signaled,
                reset: reset_word(reset.unwrap_or_default()),
                due_in_ns: due_in.map(nanoseconds),
                period_ns: period.map(nanoseconds),
            },
            State::Job { signaled } => Self::Job { signaled: *signaled },
            State::Corrupt => Self::Corrupt { corrupt: true },
            _ => return None,
        })
    }

    /// What there is to say, each with its key.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Mutex { owner, abandoned } => vec![("state", mutex(owner.as_ref(), *abandoned))],
            Self::Event { signaled, reset } => {
                vec![("state", signaled_word(*signaled).into()), ("reset", (*reset).into())]
            }
            Self::Semaphore { count, max } => vec![("count", format!("{count} of {max}"))],
            Self::Timer { signaled, reset, due_in_ns, period_ns } => {
                let mut lines =
                    vec![("state", signaled_word(*signaled).to_owned()), ("reset", (*reset).to_owned())];
                lines.extend(due_in_ns.map(|due| ("due in", duration::human(Duration::from_nanos(due)))));
                lines
                    .extend(period_ns.map(|period| ("every", duration::exact(Duration::from_nanos(period)))));
                lines
            }
            Self::Job { signaled } => vec![("state", signaled_word(*signaled).into())],
            Self::Corrupt { .. } => vec![("state", "corrupt: somebody wrote nonsense into it".into())],
        }
    }

    /// The same in few words.
    pub(crate) fn summary(&self) -> String {
        match self {
            Self::Mutex { owner, abandoned } => mutex(owner.as_ref(), *abandoned),
            Self::Event { signaled, reset } => format!("{}, {reset} reset", signaled_word(*signaled)),
            Self::Semaphore { count, max } => format!("{count} of {max}"),
            Self::Timer { .. } => {
                let said = |(key, text): (&str, String)| match key {
                    "state" => text,
                    "reset" => format!("{text} reset"),
                    key => format!("{key} {text}"),
                };
                self.lines().into_iter().map(said).collect::<Vec<String>>().join(", ")
            }
            Self::Job { signaled } => signaled_word(*signaled).into(),
            Self::Corrupt { .. } => "corrupt".into(),
        }
    }
}

impl OwnerDescription {
    pub(crate) fn new(owner: &shmobj::Owner) -> Self {
        Self { pid: owner.pid, thread: owner.thread, command: owner.command.clone() }
    }

    /// The owner as people read it: a thread other than its process's first has a number of its own.
    pub(crate) fn shown(&self) -> String {
        let command = output::shown(self.command.as_deref().unwrap_or("process"));
        match self.pid {
            Some(pid) if pid == self.thread => format!("{command} ({pid})"),
            Some(pid) => format!("{command} ({pid}, thread {})", self.thread),
            None => format!("thread {} that cannot be seen from here", self.thread),
        }
    }
}

fn mutex(owner: Option<&OwnerDescription>, abandoned: bool) -> String {
    match (owner, abandoned) {
        (Some(owner), _) => format!("owned by {}", owner.shown()),
        (None, true) => "abandoned".into(),
        (None, false) => "free".into(),
    }
}

fn signaled_word(signaled: bool) -> &'static str {
    if signaled { "signaled" } else { "not signaled" }
}

pub(crate) fn reset_word(reset: Reset) -> &'static str {
    match reset {
        Reset::Auto => "auto",
        Reset::Manual => "manual",
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(state: &State) -> String {
        StateDescription::new(state).unwrap().summary()
    }

    #[test]
    fn each_state_has_a_summary() {
        let mutex = |abandoned| State::Mutex { owner: None, abandoned };
        assert_eq!(summary(&mutex(false)), "free");
        assert_eq!(summary(&mutex(true)), "abandoned");
        let event = State::Event { signaled: false, reset: Reset::Manual };
        assert_eq!(summary(&event), "not signaled, manual reset");
        assert_eq!(summary(&State::Semaphore { count: 3, max: 4 }), "3 of 4");
        let timer = State::WaitableTimer {
            signaled: true,
            reset: Some(Reset::Auto),
            due_in: Some(Duration::from_millis(1500)),
            period: Some(Duration::from_secs(2)),
        };
        assert_eq!(summary(&timer), "signaled, auto reset, due in 1s 500ms, every 2s");
        assert_eq!(summary(&State::Job { signaled: true }), "signaled");
        assert_eq!(summary(&State::Corrupt), "corrupt");
    }

    #[test]
    fn an_owner_is_named_as_far_as_it_can_be_told() {
        let owner = |pid, thread, command: Option<&str>| {
            OwnerDescription { pid, thread, command: command.map(str::to_owned) }.shown()
        };
        assert_eq!(owner(Some(7), 7, Some("make")), "make (7)");
        assert_eq!(owner(Some(7), 9, Some("make")), "make (7, thread 9)");
        assert_eq!(owner(None, 9, None), "thread 9 that cannot be seen from here");
    }
}
