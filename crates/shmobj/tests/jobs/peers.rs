//! Processes for jobs. Each ends with its input, which the test holds: so also when the test fails.
#![allow(clippy::print_stdout, clippy::print_stderr)] // what they print is what they tell

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};

use shmobj::job::{Breakaway, Child};
use shmobj::{Access, Job, transfer};

use crate::common::sleeper::LONG;
use crate::common::{PAGE, Place};

const ROLE: &str = "SHMOBJ_TEST_ROLE";
/// Which job a process wants to start another one outside of, if not "n".
pub(crate) const OUT_OF: &str = "SHMOBJ_TEST_OUT_OF";
/// Whether an inner job permits that.
pub(crate) const INNER_PERMITS: &str = "SHMOBJ_TEST_INNER_PERMITS";

/// A process in a role, with its input and output in the test's hands. What it starts has the same input and output.
pub(crate) fn command(place: &Place, role: &str) -> Command {
    let mut command = in_role(role);
    command.env("SHMOBJ_DIR", place.names()).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn in_role(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "peers::peer", "--nocapture"]).env(ROLE, role);
    command
}

/// What a process is told, and tells.
pub(crate) struct Voice {
    say: Option<ChildStdin>,
    lines: mpsc::Receiver<String>,
}

impl Voice {
    pub(crate) fn of(stdin: Option<ChildStdin>, stdout: Option<ChildStdout>) -> Self {
        let (tell, lines) = mpsc::channel();
        let output = BufReader::new(stdout.expect("its output is a pipe"));
        // Ends when nobody has the other end any more. What the harness prints is not for the test.
        std::thread::spawn(move || {
            for line in output.lines() {
                let Ok(line) = line else { return };
                if let Some((_, told)) = line.split_once("> ") {
                    let _ = tell.send(told.to_owned());
                }
            }
        });
        Self { say: stdin, lines }
    }

    pub(crate) fn say(&mut self, text: &str) {
        writeln!(self.say.as_mut().unwrap(), "{text}").unwrap();
    }

    #[track_caller]
    pub(crate) fn hears(&self) -> String {
        self.lines.recv_timeout(LONG).expect("the process tells something")
    }

    #[track_caller]
    pub(crate) fn hears_number(&self) -> u32 {
        self.hears().parse().unwrap()
    }

    pub(crate) fn hears_nothing(&self, during: std::time::Duration) -> bool {
        self.lines.recv_timeout(during) == Err(RecvTimeoutError::Timeout)
    }

    /// The process, and all that have its output, have ended, although none of them was told to.
    #[track_caller]
    pub(crate) fn is_silenced(&self) {
        assert!(self.say.is_some(), "they were told to end");
        self.falls_silent();
    }

    /// They are told to end, and do.
    #[track_caller]
    pub(crate) fn ends(mut self) {
        self.say = None;
        self.falls_silent();
    }

    #[track_caller]
    fn falls_silent(&self) {
        loop {
            match self.lines.recv_timeout(LONG) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => panic!("some of them still run"),
            }
        }
    }
}

/// Starts a process in a job.
#[track_caller]
pub(crate) fn start(place: &Place, job: &Job, role: &str) -> (Child, Voice) {
    let mut child = job.spawn(&mut command(place, role)).expect("a process starts in the job");
    let voice = Voice::of(child.stdin.take(), child.stdout.take());
    (child, voice)
}

/// Starts a process that is not put into a job.
pub(crate) fn start_outside(place: &Place, role: &str) -> (std::process::Child, Voice) {
    let mut child = command(place, role).spawn().unwrap();
    let voice = Voice::of(child.stdin.take(), child.stdout.take());
    (child, voice)
}

fn tell(what: impl std::fmt::Display) {
    println!("> {what}");
}

fn listen() -> String {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// Until the test is over, or wants it.
fn stay() {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// What the processes do; in the tests' own process, nothing.
#[test]
fn peer() {
    let Ok(role) = std::env::var(ROLE) else { return };
    match role.as_str() {
        "stays" => {
            tell(std::process::id());
            stay();
        }
        "answers" => {
            tell("here");
            loop {
                match listen().as_str() {
                    "" => return,
                    "exit 7" => std::process::exit(7),
                    word => tell(word),
                }
            }
        }
        "shouts" => {
            println!("to the output");
            eprintln!("to the errors");
            stay();
        }
        "looks" => {
            let job = Job::open("n", Access::QUERY).unwrap();
            tell(job.contains(std::process::id()).unwrap());
            stay();
        }
        "has a child" => {
            let mut child = in_role("stays").spawn().unwrap();
            child.wait().unwrap();
        }
        // The child is an orphan then.
        "leaves a child" => {
            let child = in_role("stays").spawn().unwrap();
            tell(format_args!("left {}", child.id()));
            std::process::exit(0);
        }
        "holds a job" => {
            let job = Job::options().kill_on_close(true).create("n").unwrap();
            let member = job.spawn(&mut in_role("stays")).unwrap();
            tell(format_args!("holds {}", member.id()));
            stay();
        }
        "terminates" => {
            let job = Job::open("n", Access::TERMINATE).unwrap();
            listen();
            let _ = job.terminate(5);
            unreachable!("it is in the job itself");
        }
        "nests" => {
            let inner = Job::options().create("inner").unwrap();
            let member = inner.spawn(&mut in_role("stays")).unwrap();
            tell(format_args!("inside {}", member.id()));
            stay();
        }
        "nests who breaks away" => {
            let is_permitted = std::env::var_os(INNER_PERMITS).is_some();
            let breakaway = if is_permitted { Breakaway::Allowed } else { Breakaway::Denied };
            let inner = Job::options().breakaway(breakaway).create("inner").unwrap();
            let _member = inner.spawn(&mut in_role("breaks away")).unwrap();
            stay();
        }
        "breaks away" => {
            let name = std::env::var(OUT_OF).unwrap_or("n".into());
            let job = Job::open(&name, Access::QUERY).unwrap();
            match job.spawn_breakaway(&mut in_role("stays")) {
                Ok(child) => tell(format_args!("outside {}", child.id())),
                Err(error) => tell(error.win32_code()),
            }
            stay();
        }
        "inherits" => {
            let job: Job = transfer::inherited("the job").unwrap();
            tell(job.processes().unwrap().len());
            job.terminate(9).unwrap();
            tell("terminated");
        }
        "starts when told" => {
            listen();
            in_role("stays").spawn().unwrap().wait().unwrap();
        }
        "works" => {
            tell("works");
            std::thread::spawn(|| {
                let mut number = 1_u64;
                loop {
                    number = std::hint::black_box(number.wrapping_mul(3));
                }
            });
            stay();
        }
        // Far more than the tests permit.
        "eats" => {
            let mut eaten: Vec<Vec<u8>> = Vec::new();
            for _ in 0..48 {
                let mut bytes = Vec::new();
                if bytes.try_reserve_exact(8 << 20).is_err() {
                    std::process::exit(17);
                }
                for byte in bytes.spare_capacity_mut().iter_mut().step_by(PAGE) {
                    byte.write(1);
                }
                eaten.push(std::hint::black_box(bytes));
            }
            tell("eaten");
            stay();
        }
        other => panic!("no such role: {other}"),
    }
}
