//! Whether processes wake each other, and whether a mutex is not left locked: tried with a process that really waits,
//! and one that is really killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};
use shmobj::{Event, Lock, Mutex};

use super::check::Check;
use super::processes::{leaving_no_directory, other_process};
use crate::commands::child;
use crate::{Place, duration};

/// Nothing that is tried takes longer where it works.
const PATIENCE: Duration = Duration::from_secs(10);
/// A timer slack that people begin to notice.
const NOTICEABLE: Duration = Duration::from_millis(1);

pub(super) fn checks(place: &Place) -> Vec<Check> {
    vec![
        leaving_no_directory(place, || waking(place)),
        leaving_no_directory(place, || killed_owner(place)),
        timer_slack(),
    ]
}

fn waking(place: &Place) -> Check {
    const NAME: &str = "waking_by_name";
    match wake(place) {
        Ok(()) => Check::ok(NAME, "works", "another process waited for an event by name, and was woken"),
        Err(error) => Check::broken(NAME, error.to_string(), "processes do not wake each other by name here")
            .remedy("see what else is broken, and let the sandbox permit futex and its relatives"),
    }
}

fn wake(place: &Place) -> anyhow::Result<()> {
    let name = format!("shmobj doctor event {}", std::process::id());
    let event = Event::options().namespace(&place.namespace).create_new(&name)?;
    let patience = duration::exact(PATIENCE);
    let mut waiting = start(other_process(place).args(["wait", &name, "--timeout", &patience]))?;
    let deadline = Instant::now() + PATIENCE;
    while !place.namespace.inspect(&name)?.is_waited_for {
        let ended = waiting.0.try_wait()?;
        ensure!(ended.is_none() && Instant::now() < deadline, "another process does not come to wait");
        std::thread::sleep(Duration::from_millis(1));
    }
    event.set()?;
    let status = waiting.0.wait()?;
    ensure!(status.success(), "another process was not woken ({status})");
    Ok(())
}

fn killed_owner(place: &Place) -> Check {
    const NAME: &str = "killed_owner";
    match hand_over(place) {
        Ok(took) => Check::ok(
            NAME,
            format!("told after {}", duration::human(took)),
            "a mutex whose owner was killed went to the next one, who was told",
        ),
        Err(error) => {
            Check::broken(NAME, error.to_string(), "a process that is killed leaves its mutexes locked")
                .remedy("see what else is broken: robust_lists, proc")
        }
    }
}

/// How long it takes from the end of an owner until the next one has it.
fn hand_over(place: &Place) -> anyhow::Result<Duration> {
    let name = format!("shmobj doctor mutex {}", std::process::id());
    let mutex = Mutex::options().namespace(&place.namespace).create_new(&name)?;
    let mut owner = start(other_process(place).args(["hold", "mutex", &name, "--locked"]))?;
    let mut line = String::new();
    BufReader::new(owner.0.stdout.take().context("it has no output")?).read_line(&mut line)?;
    ensure!(line.starts_with("holding"), "another process cannot own a mutex");
    owner.0.kill()?;
    let killed = Instant::now();
    match mutex.lock_timeout(PATIENCE)? {
        Some(Lock::Abandoned(_guard)) => Ok(killed.elapsed()),
        Some(Lock::Acquired(_guard)) => bail!("the next owner is not told"),
        None => bail!("it is still locked after {}", duration::exact(PATIENCE)),
    }
}

/// Another process, which is killed if it is still there at the end.
struct Other(Child);

fn start(command: &mut Command) -> anyhow::Result<Other> {
    child::die_with_us(command);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().map(Other).map_err(|error| anyhow!("cannot start another process: {error}"))
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn timer_slack() -> Check {
    const NAME: &str = "timer_slack";
    let meaning = "timers, and waits whose time is up, are late by up to so much";
    match rustix::thread::current_timer_slack().map(Duration::from_nanos) {
        Ok(slack) if slack > NOTICEABLE => Check::degraded(NAME, duration::exact(slack), meaning)
            .remedy("prctl(PR_SET_TIMERSLACK), or TimerSlackNSec= of the service"),
        Ok(slack) => Check::ok(NAME, duration::exact(slack), meaning),
        Err(errno) => Check::ok(NAME, format!("this kernel does not tell: {errno}"), meaning),
    }
}
