//! Processes of jobs, for tests of several sections.
//!
//! Each has an event with its number in the name, and so is there as long as the name is: on every system, whoever has started it.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use shmobj::transfer;
use shmobj::{Access, Event, Job, Reset, Result, Timeout};

use crate::case::{Role, role};
use crate::objects::{Objects, code};
use crate::process::{Cue, Process};
use crate::stage::Stage;
use crate::threads::{SHORT, until};

pub(crate) const ROLES: &[Role] = &[role!(acts), role!(lives)];

/// The event of a process. It ends if it is set and the process [`lives`].
fn event_of(pid: u32) -> String {
    format!("process {pid}")
}

/// Whether a process is there.
pub(crate) fn is_there(place: &impl Objects, pid: u32) -> bool {
    place.events().open(&event_of(pid), Access::QUERY).is_ok()
}

/// How many of these processes are there.
pub(crate) fn survivors(place: &impl Objects, pids: &[u32]) -> usize {
    pids.iter().filter(|pid| is_there(place, **pid)).count()
}

/// All of these processes end.
#[track_caller]
pub(crate) fn all_end(place: &impl Objects, pids: &[u32]) {
    until("all processes end", || survivors(place, pids) == 0);
}

/// None of these processes ends, whatever has just happened.
#[track_caller]
pub(crate) fn all_stay(place: &impl Objects, pids: &[u32]) {
    std::thread::sleep(SHORT);
    assert_eq!(survivors(place, pids), pids.len(), "processes that are to live on");
}

/// Ends a process that lives, which nobody else could tell.
#[track_caller]
pub(crate) fn end(place: &impl Objects, pid: u32) {
    place.events().open(&event_of(pid), Access::MODIFY).expect("it is there").set().expect("it is told");
    all_end(place, &[pid]);
}

/// A process of a job that acts as it is told.
#[track_caller]
pub(crate) fn member(stage: &Stage, job: &Job) -> Process {
    try_member(stage, job).unwrap_or_else(|error| panic!("{error}"))
}

/// The same; the job can refuse it.
#[track_caller]
pub(crate) fn try_member(stage: &Stage, job: &Job) -> Result<Process> {
    let mut process = stage.member_with(job, "acts", |_| ())?;
    process.expect("ready");
    Ok(process)
}

/// A process of no job that acts as it is told.
#[track_caller]
pub(crate) fn stranger(stage: &Stage) -> Process {
    let mut process = stage.parent_with("acts", |_| ());
    process.expect("ready");
    process
}

/// What comes of it when a process is told to start another one: the new one's number, or an error's.
#[track_caller]
pub(crate) fn try_started(parent: &mut Process, order: &str) -> std::result::Result<u32, u32> {
    let answer = parent.ask(order);
    match answer.split_once(' ') {
        Some(("process", pid)) => Ok(pid.parse().expect("a number")),
        Some(("error", code)) => Err(code.parse().expect("a number")),
        _ => panic!("what is {answer:?}?"),
    }
}

/// The process that another one starts when it is told to.
#[track_caller]
pub(crate) fn started(parent: &mut Process, order: &str) -> u32 {
    try_started(parent, order).unwrap_or_else(|code| panic!("{parent} cannot {order:?}: {code}"))
}

/// A process that acts ends by itself. When this returns it is gone; what it has started is not.
#[track_caller]
pub(crate) fn dismiss(process: &mut Process) {
    process.tell("end");
    assert_eq!(process.code(), Some(0), "{process} was to end well");
}

/// Lives until its event is set.
fn lives(cue: &Cue) {
    let event = cue.event(&event_of(std::process::id()), Reset::Manual);
    event.wait(Timeout::NEVER).unwrap();
}

/// What `acts` has meanwhile.
#[derive(Default)]
struct Possessions {
    job: Option<Job>,
    memory: Vec<Vec<u8>>,
}

/// Does what it is told, and answers.
///
/// | order | what it does |
/// |---|---|
/// | `start` | starts a process in the ordinary way |
/// | `start in NAME`, `start out of NAME` | starts one in a job, or outside of it |
/// | `assign PID to NAME` | assigns a process, or `self`; answers with the error |
/// | `is in NAME` | whether it is in a job |
/// | `take` | takes the job that it has inherited |
/// | `hold NAME`, `drop` | opens a job and keeps it; closes it |
/// | `allocate MIB` | whether it gets so much memory, which it keeps |
/// | `burn`, `rest` | uses the processor, until it shall not any more |
/// | `end` | ends |
fn acts(cue: &Cue) {
    let _here: Event = cue.event(&event_of(std::process::id()), Reset::Manual);
    let mut own = Possessions::default();
    let burning = Arc::new(AtomicBool::new(false));
    cue.say("ready");
    loop {
        let order = cue.hear();
        let words: Vec<&str> = order.split(' ').collect();
        let open = |name: &str| cue.jobs().open(name, Access::ALL).unwrap();
        cue.say(match words[..] {
            ["start"] => start(cue),
            ["start", "in", name] => outcome(cue, open(name).spawn(&mut cue.command("lives"))),
            ["start", "out", "of", name] => {
                outcome(cue, open(name).spawn_breakaway(&mut cue.command("lives")))
            }
            ["assign", pid, "to", name] => {
                let pid = if pid == "self" { std::process::id() } else { pid.parse().expect("a number") };
                code(open(name).assign(pid)).to_string()
            }
            ["is", "in", name] => open(name).contains(std::process::id()).unwrap().to_string(),
            ["take"] => {
                own.job = Some(transfer::inherited("job").unwrap());
                "taken".to_owned()
            }
            ["hold", name] => {
                own.job = Some(open(name));
                "held".to_owned()
            }
            ["drop"] => {
                own.job = None;
                "dropped".to_owned()
            }
            ["allocate", mib] => allocate(&mut own, mib.parse().expect("a number")),
            ["burn"] => {
                burning.store(true, Ordering::Relaxed);
                let burning = burning.clone();
                std::thread::spawn(move || {
                    while burning.load(Ordering::Relaxed) {
                        (0..10_000_u32).for_each(|number| _ = black_box(number));
                    }
                });
                "burning".to_owned()
            }
            ["rest"] => {
                burning.store(false, Ordering::Relaxed);
                "resting".to_owned()
            }
            ["end"] => return,
            _ => panic!("what is {order:?}?"),
        });
    }
}

/// A process that lives, started as any other.
fn start(cue: &Cue) -> String {
    match cue.command("lives").spawn() {
        Ok(mut child) => {
            let pid = child.id();
            std::thread::spawn(move || child.wait()); // so that it does not stay as a zombie
            appeared(cue, pid)
        }
        Err(error) => format!("error {}", error.raw_os_error().unwrap_or_default()),
    }
}

fn outcome(cue: &Cue, started: Result<shmobj::job::Child>) -> String {
    match started {
        Ok(child) => appeared(cue, child.id()),
        Err(error) => format!("error {}", error.win32_code()),
    }
}

/// A process that is there, and not only about to be.
fn appeared(cue: &Cue, pid: u32) -> String {
    until("a process that was started is there", || is_there(cue, pid));
    format!("process {pid}")
}

fn allocate(own: &mut Possessions, mib: usize) -> String {
    let (mut memory, size) = (Vec::new(), mib << 20);
    if memory.try_reserve_exact(size).is_err() {
        return "refused".to_owned();
    }
    let touched = [1; 1 << 16];
    while memory.len() < size {
        memory.extend_from_slice(&touched);
    }
    own.memory.push(memory);
    "has it".to_owned()
}
