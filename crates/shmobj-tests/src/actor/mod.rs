//! The puppet program: reads a command per line, does it, and answers with a line: `ok ...`, `error KIND CODE TEXT`
//! for an error of the library, or `misled TEXT` for a command that it cannot do.
//!
//! | commands about | in |
//! |---|---|
//! | mappings and views | `objects` |
//! | the process itself: forks, users, mounts, signals, locks on files | `process` |
//! | containers: namespaces of a fork | `container` |
//! | many at once: litter, churn, storms | `crowd` |
//! | hard times: few descriptors, signals, forks at bad moments | `straits` |
//! | mutexes, events, semaphores, timers, waits | `sync` |
//! | threads that do those | `threads` |
//! | the C library's own robust mutexes | `robust` |
//! | objects that somebody scribbles over | `torment` |
//! | handles that are handed on in one process | `travel` |
//! | handles on their way between processes, to children | `luggage`, `child` |
//! | what a hostile peer sends | `nonsense` |
//! | peers that mean no good | `enemy` |
//! | honest work among them | `victim`, with `canary` |
//! | what users may do to each other | `users` |
//! | jobs, and processes that try to get out of them | `jobs`, `escape` |
//!
//! `at NANOSECONDS COMMAND` waits for that moment of the monotonic clock first, so that several puppets act at once.

mod canary;
mod child;
mod container;
mod crowd;
mod enemy;
mod escape;
mod jobs;
mod luggage;
mod nonsense;
mod objects;
mod process;
mod robust;
mod straits;
mod sync;
mod threads;
mod torment;
mod travel;
mod users;
mod victim;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{BufRead, BufReader, Write};

use rustix::time::{ClockId, clock_gettime};

use objects::Objects;

use crate::sandbox;

/// Why a command was not done.
#[derive(Debug)]
enum Failure {
    Library(shmobj::Error),
    Misled(String),
}

impl From<shmobj::Error> for Failure {
    fn from(error: shmobj::Error) -> Self {
        Self::Library(error)
    }
}

fn misled(why: impl Display) -> Failure {
    Failure::Misled(why.to_string())
}

/// Counts by what was counted: `done=3 Corrupt=1`.
fn shown(counts: &BTreeMap<String, u64>) -> String {
    counts.iter().map(|(what, count)| format!("{what}={count}")).collect::<Vec<_>>().join(" ")
}

type Outcome = Result<String, Failure>;

/// Where commands come from and answers go.
struct Lines {
    commands: Box<dyn BufRead>,
    answers: Box<dyn Write>,
}

/// The words of a command.
struct Words<'a>(std::str::SplitAsciiWhitespace<'a>);

impl<'a> Words<'a> {
    fn next(&mut self) -> Result<&'a str, Failure> {
        self.0.next().ok_or_else(|| misled("a word is missing"))
    }

    fn number<T: std::str::FromStr>(&mut self) -> Result<T, Failure> {
        let word = self.next()?;
        word.parse().map_err(|_| misled(format!("{word} is no number")))
    }

    /// All that is left, with single blanks between.
    fn rest(&mut self) -> String {
        self.0.by_ref().collect::<Vec<_>>().join(" ")
    }

    fn each(&mut self) -> impl Iterator<Item = &'a str> + '_ {
        self.0.by_ref()
    }
}

/// Nanoseconds of the clock that all processes share.
#[must_use]
pub fn monotonic() -> u128 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u128 * 1_000_000_000 + now.tv_nsec as u128
}

/// The puppet's `main`.
pub fn run() {
    if crate::storm::travel::is_child() || escape::was_attempted() {
        return;
    }
    let mut lines =
        Lines { commands: Box::new(BufReader::new(std::io::stdin())), answers: Box::new(std::io::stdout()) };
    // The child of a puppet obeys the test as well. It lives on without its parent.
    match std::env::var("PUPPET_ADDRESS") {
        Ok(address) => process::obey_at(&address, &mut lines),
        Err(_) => process::end_with_parent(),
    }
    process::never_leave_zombies();
    process::open_many_files();
    sandbox::tell_what_is_not_permitted();
    if std::env::args().nth(1).as_deref() == Some(process::GREET) {
        let _ = lines.answers.write_all(b"ok \n").and_then(|()| lines.answers.flush());
    }
    let mut objects = Objects::default();
    let mut line = String::new();
    loop {
        line.clear();
        // The test is gone, or does not need us any more.
        if lines.commands.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let answer = match obey(&line, &mut objects, &mut lines) {
            Ok(answer) => format!("ok {answer}\n"),
            Err(Failure::Library(error)) => {
                format!("error {:?} {} {error}\n", error.kind(), error.win32_code()).replace('\n', " ") + "\n"
            }
            Err(Failure::Misled(why)) => format!("misled {why}\n"),
        };
        if lines.answers.write_all(answer.as_bytes()).and_then(|()| lines.answers.flush()).is_err() {
            return;
        }
    }
}

fn obey(line: &str, objects: &mut Objects, lines: &mut Lines) -> Outcome {
    let mut words = Words(line.split_ascii_whitespace());
    let mut command = words.next()?;
    if command == "at" {
        let moment: u128 = words.number()?;
        while monotonic() < moment {
            std::hint::spin_loop();
        }
        command = words.next()?;
    }
    if let Some(outcome) = objects.obey(command, &mut words) {
        return outcome;
    }
    if let Some(outcome) = crowd::obey(command, &mut words, objects) {
        return outcome;
    }
    if let Some(outcome) = straits::obey(command, &mut words, objects) {
        return outcome;
    }
    let namespace = || objects.chosen_namespace();
    let all = [
        sync::obey,
        threads::obey,
        robust::obey,
        torment::obey,
        travel::obey,
        luggage::obey,
        nonsense::obey,
        users::obey,
        enemy::obey,
        victim::obey,
        jobs::obey,
    ];
    for others in all {
        if let Some(outcome) = others(command, &mut words, &namespace) {
            return outcome;
        }
    }
    if let Some(outcome) = child::obey(command, &mut words) {
        return outcome;
    }
    if let Some(outcome) = container::obey(command, &mut words, lines) {
        return outcome;
    }
    process::obey(command, &mut words, objects, lines)
        .unwrap_or_else(|| Err(misled(format!("what is `{command}`?"))))
}
