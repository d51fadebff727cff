//! Commands about mutexes, events, semaphores and timers, and waiting for them. Every thread of a puppet knows the same
//! objects; which thread does a command is said with those of [`threads`](super::threads).
//!
//! ```text
//! make OBJECT KIND NAME OPTION...       reach OBJECT KIND NAME            let-go OBJECT
//! wait OBJECT TIME                      wait-any TIME OBJECT...           wait-all TIME OBJECT...
//! release MUTEX                         release SEMAPHORE COUNT           depth MUTEX
//! set EVENT                             reset EVENT                       pulse EVENT
//! start TIMER MILLISECONDS [PERIOD]     start-at TIMER MILLISECONDS       cancel TIMER
//! signal-and-wait OBJECT OBJECT TIME    state NAME                        look-for-ever OBJECT
//! ```
//! Kinds: `mutex auto manual semaphore timer manual-timer`. The name `-` makes an
//! unnamed one. Options: `owned set initial=N max=N`. A time is a number of
//! milliseconds, or `never`. Waits answer `signaled`, `abandoned` or `timeout`, and those for several objects with the index.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::{Duration, SystemTime};

use shmobj::wait::{self, Signal, Waitable, Waited, WaitedAll};
use shmobj::{
    Access, Due, Event, EventOptions, Mutex, MutexOptions, Namespace, Period, Reset, Semaphore,
    SemaphoreOptions, Timeout, TimerOptions, WaitableTimer,
};

use super::{Failure, Outcome, Words, misled};

/// An object that can be waited for.
#[derive(Debug)]
pub(super) enum Any {
    Mutex(Mutex),
    Event(Event),
    Semaphore(Semaphore),
    Timer(WaitableTimer),
}

impl Any {
    pub(super) fn waitable(&self) -> &dyn Waitable {
        match self {
            Self::Mutex(mutex) => mutex,
            Self::Event(event) => event,
            Self::Semaphore(semaphore) => semaphore,
            Self::Timer(timer) => timer,
        }
    }

    fn signal(&self) -> Result<&dyn Signal, Failure> {
        Ok(match self {
            Self::Mutex(mutex) => mutex,
            Self::Event(event) => event,
            Self::Semaphore(semaphore) => semaphore,
            Self::Timer(_) => return Err(misled("a timer cannot be signalled")),
        })
    }
}

/// The objects of this process, by the names that the test gave them.
static KNOWN: Lock<BTreeMap<String, Arc<Any>>> = Lock::new(BTreeMap::new());

fn known() -> std::sync::MutexGuard<'static, BTreeMap<String, Arc<Any>>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn object(name: &str) -> Result<Arc<Any>, Failure> {
    known().get(name).cloned().ok_or_else(|| misled(format!("no object {name}")))
}

/// All objects of this process.
pub(super) fn all() -> Vec<Arc<Any>> {
    known().values().cloned().collect()
}

/// `None`: the command is about something else.
pub(super) fn obey(
    command: &str,
    words: &mut Words<'_>,
    namespace: &dyn Fn() -> Namespace,
) -> Option<Outcome> {
    Some(match command {
        "make" => make(words, &namespace()),
        "reach" => reach(words, &namespace()),
        "let-go" => let_go(words),
        "state" => state(words, &namespace()),
        "wait" => wait_for_one(words),
        "look-for-ever" => look_for_ever(words),
        "wait-any" => wait_for_any(words),
        "wait-all" => wait_for_all(words),
        "signal-and-wait" => signal_and_wait(words),
        "release" | "lock-often" | "depth" | "set" | "reset" | "pulse" | "start" | "start-at" | "cancel" => {
            operate(command, words)
        }
        _ => return None,
    })
}

fn make(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let (handle, kind, name) = (words.next()?, words.next()?, words.next()?);
    let name = if name == "-" { "" } else { name };
    let (mut owned, mut set, mut initial, mut maximum) = (false, false, 0, i32::MAX as u32);
    for option in words.each() {
        match option.split_once('=') {
            None if option == "owned" => owned = true,
            None if option == "set" => set = true,
            Some(("initial", count)) => initial = count.parse().map_err(misled)?,
            Some(("max", count)) => maximum = count.parse().map_err(misled)?,
            _ => return Err(misled(format!("what is the option {option}?"))),
        }
    }
    let reset = if kind.starts_with("manual") { Reset::Manual } else { Reset::Auto };
    let (object, existed) = match kind {
        "mutex" => {
            let mutex = MutexOptions::default().namespace(namespace).initially_owned(owned).create(name)?;
            let existed = mutex.existed();
            (Any::Mutex(mutex), existed)
        }
        "auto" | "manual" => {
            let options = EventOptions::default().namespace(namespace);
            let event = options.reset(reset).signaled(set).create(name)?;
            let existed = event.existed();
            (Any::Event(event), existed)
        }
        "semaphore" => {
            let options = SemaphoreOptions::default().namespace(namespace);
            let semaphore = options.initial(initial).max(maximum).create(name)?;
            let existed = semaphore.existed();
            (Any::Semaphore(semaphore), existed)
        }
        "timer" | "manual-timer" => {
            let timer = TimerOptions::default().namespace(namespace).reset(reset).create(name)?;
            let existed = timer.existed();
            (Any::Timer(timer), existed)
        }
        other => return Err(misled(format!("what is the kind {other}?"))),
    };
    keep(handle, object);
    Ok(format!("existed={existed}"))
}

fn reach(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    let (handle, kind, name) = (words.next()?, words.next()?, words.next()?);
    let access = Access::ALL;
    let object = match kind {
        "mutex" => Any::Mutex(Mutex::options().namespace(namespace).open(name, access)?),
        "auto" | "manual" => Any::Event(Event::options().namespace(namespace).open(name, access)?),
        "semaphore" => Any::Semaphore(Semaphore::options().namespace(namespace).open(name, access)?),
        "timer" | "manual-timer" => {
            Any::Timer(WaitableTimer::options().namespace(namespace).open(name, access)?)
        }
        other => return Err(misled(format!("what is the kind {other}?"))),
    };
    keep(handle, object);
    Ok(String::new())
}

fn keep(handle: &str, object: Any) {
    let former = known().insert(handle.to_owned(), Arc::new(object));
    drop(former); // without the lock: it may take its time
}

fn let_go(words: &mut Words<'_>) -> Outcome {
    let handle = words.next()?;
    let object = known().remove(handle);
    object.map(|_| String::new()).ok_or_else(|| misled(format!("no object {handle}")))
}

fn state(words: &mut Words<'_>, namespace: &Namespace) -> Outcome {
    Ok(format!("{:?}", namespace.inspect(words.next()?)?))
}

fn time(words: &mut Words<'_>) -> Result<Timeout, Failure> {
    Ok(match words.next()? {
        "never" => Timeout::NEVER,
        milliseconds => Timeout::from(Duration::from_millis(milliseconds.parse().map_err(misled)?)),
    })
}

fn wait_for_one(words: &mut Words<'_>) -> Outcome {
    let object = object(words.next()?)?;
    Ok(match wait::one(object.waitable(), time(words)?)? {
        Waited::Signaled(_) => "signaled",
        Waited::Abandoned(_) => "abandoned",
        Waited::TimedOut => "timeout",
    }
    .to_owned())
}

/// Tries to take it again and again, with the shortest of waits; ends when it has.
fn look_for_ever(words: &mut Words<'_>) -> Outcome {
    let object = object(words.next()?)?;
    while wait::one(object.waitable(), Duration::from_nanos(1))? == Waited::TimedOut {}
    Ok(String::new())
}

fn objects(words: &mut Words<'_>) -> Result<Vec<Arc<Any>>, Failure> {
    words.each().map(object).collect()
}

fn wait_for_any(words: &mut Words<'_>) -> Outcome {
    let (time, objects) = (time(words)?, objects(words)?);
    let list: Vec<&dyn Waitable> = objects.iter().map(|object| object.waitable()).collect();
    Ok(match wait::any(&list, time)? {
        Waited::Signaled(index) => format!("signaled {index}"),
        Waited::Abandoned(index) => format!("abandoned {index}"),
        Waited::TimedOut => "timeout".to_owned(),
    })
}

fn wait_for_all(words: &mut Words<'_>) -> Outcome {
    let (time, objects) = (time(words)?, objects(words)?);
    let list: Vec<&dyn Waitable> = objects.iter().map(|object| object.waitable()).collect();
    Ok(match wait::all(&list, time)? {
        WaitedAll::Signaled => "signaled".to_owned(),
        WaitedAll::Abandoned(indices) => format!("abandoned {indices:?}"),
        WaitedAll::TimedOut => "timeout".to_owned(),
    })
}

fn signal_and_wait(words: &mut Words<'_>) -> Outcome {
    let (signal, object) = (object(words.next()?)?, object(words.next()?)?);
    let waited = wait::signal_and_wait(signal.signal()?, object.waitable(), time(words)?)?;
    Ok(format!("{waited:?}"))
}

fn operate(command: &str, words: &mut Words<'_>) -> Outcome {
    let object = object(words.next()?)?;
    match (command, &*object) {
        ("release", Any::Mutex(mutex)) => mutex.release()?,
        ("lock-often", Any::Mutex(mutex)) => {
            for _ in 0..words.number()? {
                drop(mutex.lock()?);
            }
        }
        ("depth", Any::Mutex(mutex)) => return Ok(mutex.depth().to_string()),
        ("release", Any::Semaphore(semaphore)) => {
            return Ok(semaphore.release(words.number()?)?.to_string());
        }
        ("set", Any::Event(event)) => event.set()?,
        ("reset", Any::Event(event)) => event.reset()?,
        ("pulse", Any::Event(event)) => event.pulse()?,
        ("start", Any::Timer(timer)) => {
            let due = Due::after(Duration::from_millis(words.number()?));
            timer.set(due, words.number().ok().map(Period::millis))?;
        }
        ("start-at", Any::Timer(timer)) => {
            timer.set(Due::at(SystemTime::now() + Duration::from_millis(words.number()?)), None)?;
        }
        ("cancel", Any::Timer(timer)) => timer.cancel()?,
        (command, _) => return Err(misled(format!("`{command}` is for objects of another kind"))),
    }
    Ok(String::new())
}
