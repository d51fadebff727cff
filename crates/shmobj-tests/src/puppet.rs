//! A process that a test drives: one line in, one line out. What it can do is in [`crate::actor`].
//!
//! Nothing stays behind: a puppet is killed and reaped when it is dropped, and the kernel kills it if the test dies
//! (a fork of a puppet ends itself when the test's end of its socket is gone).

use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use shmobj::ErrorKind;

use crate::random::unique;
use crate::system::{sleeps_for_an_object, until};

/// No command takes this long, on however loaded a machine.
const LONGEST: Duration = Duration::from_secs(60);

/// An error of the library, as a puppet tells it.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The kind, as it is written in Rust.
    pub kind: String,
    /// The Win32 code.
    pub code: u32,
    /// The whole sentence.
    pub text: String,
}

/// What a puppet answers.
pub type Answer = Result<String, Refusal>;

/// A driven process.
#[derive(Debug)]
pub struct Puppet {
    name: String,
    pid: u32,
    life: Life,
    commands: Commands,
    answers: Receiver<String>,
    last: String,
}

#[derive(Debug)]
enum Life {
    Child(Child),
    /// A fork of a puppet, which somebody else reaps.
    Fork(OwnedFd),
}

#[derive(Debug)]
enum Commands {
    Pipe(std::process::ChildStdin),
    Socket(UnixStream),
}

impl Puppet {
    /// Starts the puppet program. Must not be called from a thread that ends before the puppet: the kernel would kill it.
    #[must_use]
    pub fn start(program: &str, name: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program);
        command.env_remove("SHMOBJ_DIR").envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("puppet {name} did not start: {error}"));
        let commands = Commands::Pipe(child.stdin.take().expect("a pipe"));
        let answers = lines_of(BufReader::new(child.stdout.take().expect("a pipe")));
        Self {
            name: name.to_owned(),
            pid: child.id(),
            life: Life::Child(child),
            commands,
            answers,
            last: String::new(),
        }
    }

    /// Its process id, here.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Has it begin something that does not end, and returns when it sleeps for an object.
    #[track_caller]
    pub fn falls_asleep_in(&mut self, command: impl AsRef<str>) {
        self.tell(command);
        self.is_asleep(self.pid);
    }

    /// Has it begin something in which it pauses, and returns when it can be taken to do so.
    #[track_caller]
    pub fn falls_into(&mut self, command: impl AsRef<str>) {
        self.tell(command);
        if let Some(answer) = self.answers_within(Duration::from_millis(200)) {
            panic!("{self} was to pause in `{}`, and answers {answer:?}", self.last);
        }
    }

    /// Has one of its threads, of this name and number, begin something that does not end, and returns when that sleeps.
    #[track_caller]
    pub fn thread_falls_asleep_in(&mut self, name: &str, number: u32, command: impl AsRef<str>) {
        self.does(format!("begin {name} {}", command.as_ref()));
        self.is_asleep(number);
    }

    #[track_caller]
    fn is_asleep(&mut self, thread: u32) {
        let pid = self.pid;
        let asleep = || {
            sleeps_for_an_object(pid, thread).unwrap_or_else(|| {
                std::thread::sleep(Duration::from_millis(100));
                true
            })
        };
        // Twice: the library's own locks are slept on as well, for a moment.
        let twice = || {
            asleep() && {
                std::thread::sleep(Duration::from_millis(2));
                asleep()
            }
        };
        let asleep = until(LONGEST, || self.is_gone() || twice()) && !self.is_gone();
        assert!(asleep, "{self} does not sleep in `{}`", self.last);
    }

    /// It goes on sleeping: no answer comes within a time in which one would have come.
    #[track_caller]
    pub fn sleeps_on(&mut self) {
        if let Some(answer) = self.answers_within(Duration::from_millis(60)) {
            panic!("{self} was to sleep in `{}`, and answers {answer:?}", self.last);
        }
    }

    /// Sends a command without waiting for the answer.
    #[track_caller]
    pub fn tell(&mut self, command: impl AsRef<str>) {
        self.last = command.as_ref().to_owned();
        let line = format!("{}\n", self.last);
        let sent = match &mut self.commands {
            Commands::Pipe(pipe) => pipe.write_all(line.as_bytes()),
            Commands::Socket(socket) => socket.write_all(line.as_bytes()),
        };
        if let Err(error) = sent {
            panic!("{self} cannot be told `{}`: {error}", self.last);
        }
    }

    /// The answer to what it was told.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        match self.answers.recv_timeout(LONGEST) {
            Ok(line) => self.understood(&line),
            Err(RecvTimeoutError::Timeout) => {
                panic!("{self} hangs: no answer to `{}` within {LONGEST:?}", self.last)
            }
            Err(RecvTimeoutError::Disconnected) => {
                let ended = self.ended();
                panic!("{self} died of `{}`: {ended}", self.last)
            }
        }
    }

    /// Whether the answer comes within this time; it can be fetched afterwards if not.
    pub fn answers_within(&mut self, time: Duration) -> Option<Answer> {
        self.answers.recv_timeout(time).ok().map(|line| self.understood(&line))
    }

    #[track_caller]
    fn understood(&self, line: &str) -> Answer {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "ok" => Ok(rest.to_owned()),
            "error" => {
                let mut parts = rest.splitn(3, ' ');
                let mut next = || parts.next().unwrap_or_default().to_owned();
                let (kind, code, text) = (next(), next(), next());
                Err(Refusal { kind, code: code.parse().unwrap_or(0), text })
            }
            _ => panic!("{self} did not do `{}`: {line}", self.last),
        }
    }

    /// Tells it to do something, and returns its answer.
    #[track_caller]
    pub fn ask(&mut self, command: impl AsRef<str>) -> Answer {
        self.tell(command);
        self.answer()
    }

    /// Has it do something that must succeed.
    #[track_caller]
    pub fn does(&mut self, command: impl AsRef<str>) -> String {
        match self.ask(command) {
            Ok(answer) => answer,
            Err(refusal) => panic!("{self} could not do `{}`: {refusal:?}", self.last),
        }
    }

    /// Has it try something that must fail in this way.
    #[track_caller]
    pub fn fails(&mut self, command: impl AsRef<str>, kind: ErrorKind) -> Refusal {
        match self.ask(command) {
            Ok(answer) => panic!("{self} did `{}`, which was to fail with {kind:?}: {answer}", self.last),
            Err(refusal) => {
                assert_eq!(refusal.kind, format!("{kind:?}"), "{self}, `{}`: {}", self.last, refusal.text);
                assert_eq!(refusal.code, kind.win32_code(), "{self}, `{}`", self.last);
                refusal
            }
        }
    }

    /// Has it do something that kills it with SIGKILL (true), or that it survives (false).
    #[track_caller]
    pub fn dies_of(&mut self, command: impl AsRef<str>) -> bool {
        self.tell(command);
        self.ends_or_answers().is_none()
    }

    /// Arms it to die at a step that another thread of it is about to pass. Returns when it is dead.
    #[track_caller]
    pub fn dies_when_armed(&mut self, count: u32, step: &str) {
        self.tell(format!("arm die {count} {step}"));
        // The answer may come before its death, or not.
        while self.ends_or_answers().is_some() {}
    }

    /// How it ended, after it was made to.
    #[track_caller]
    pub fn ended(&mut self) -> Ended {
        match &mut self.life {
            Life::Child(child) => {
                let status = child.wait().expect("a child can be waited for");
                Ended { signal: status.signal(), code: status.code() }
            }
            Life::Fork(pidfd) => {
                wait_for_end(pidfd);
                Ended { signal: None, code: None }
            }
        }
    }

    /// The answer to what it was told, or nothing if it was killed by SIGKILL instead.
    #[track_caller]
    pub fn ends_or_answers(&mut self) -> Option<Answer> {
        match self.answers.recv_timeout(LONGEST) {
            Ok(line) => Some(self.understood(&line)),
            Err(RecvTimeoutError::Timeout) => panic!("{self} hangs: no answer to `{}`", self.last),
            Err(RecvTimeoutError::Disconnected) => {
                let ended = self.ended();
                assert_eq!(ended.signal, Some(libc::SIGKILL), "{self} died of `{}`: {ended}", self.last);
                None
            }
        }
    }

    /// Stops all its threads for a time, wherever they are.
    pub fn stands_still(&self, time: Duration) {
        let process = Pid::from_raw(self.pid as i32).expect("a pid");
        // It may have died by itself.
        let _ = kill_process(process, Signal::STOP);
        std::thread::sleep(time);
        let _ = kill_process(process, Signal::CONT);
    }

    /// SIGKILL, if it still lives. When this returns the process is gone.
    pub fn strike(&mut self) {
        match &mut self.life {
            Life::Child(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
            Life::Fork(pidfd) => {
                let _ = pidfd_send_signal(&*pidfd, Signal::KILL);
                wait_for_end(pidfd);
            }
        }
    }

    /// SIGKILL. When this returns the process is gone, with its descriptors and its memory.
    pub fn kill(self) {
        drop(self);
    }

    /// Forks it without exec. The fork obeys on its own.
    #[track_caller]
    pub fn fork(&mut self, name: &str) -> Self {
        self.multiply("fork", "", name)
    }

    /// Forks it while another thread of it tries to create an object that exists. Arm a pause before.
    #[track_caller]
    pub fn fork_while_creating(&mut self, object: &str, name: &str) -> Self {
        self.multiply("fork-while-creating", object, name)
    }

    /// Forks it into a PID namespace of its own, with its own `/proc`.
    #[track_caller]
    pub fn fork_into_pid_namespace(&mut self, name: &str) -> Self {
        self.multiply("fork-into-pid-namespace", "", name)
    }

    /// Forks it into namespaces of its own, as a container: `how` is the directory that it shares, where it has that, the number of
    /// its user there and its /proc, as the command says.
    #[track_caller]
    pub fn fork_into_container(&mut self, how: &str, name: &str) -> Self {
        self.multiply("fork-into-container", how, name)
    }

    /// Has it start a child, with exec, that obeys on its own: `what` is said in the commands about children.
    #[track_caller]
    pub fn spawn(&mut self, what: &str, name: &str) -> Self {
        self.multiply("spawn", what, name)
    }

    /// Has it start a process in a job that obeys on its own: `what` is the job's handle, and what it inherits.
    #[track_caller]
    pub fn enter(&mut self, what: &str, name: &str) -> Self {
        self.multiply("enter-puppet", what, name)
    }

    /// Has it start a child of the command that it keeps.
    #[track_caller]
    pub fn spawn_kept(&mut self, name: &str) -> Self {
        self.multiply("spawn-kept", "", name)
    }

    #[track_caller]
    fn multiply(&mut self, how: &str, what: &str, name: &str) -> Self {
        let address = format!("shmobj-test.{:016x}", unique());
        let listener =
            SocketAddr::from_abstract_name(&address).and_then(|address| UnixListener::bind_addr(&address));
        let listener = listener.expect("a listening socket");
        listener.set_nonblocking(true).expect("a socket");
        self.does(format!("{how} {address} {what}"));
        let since = Instant::now();
        let socket = loop {
            match listener.accept() {
                Ok((socket, _)) => break socket,
                Err(_) if since.elapsed() < LONGEST => std::thread::sleep(Duration::from_millis(1)),
                Err(error) => panic!("fork {name} of {self} did not call: {error}"),
            }
        };
        socket.set_nonblocking(false).expect("a socket");
        // Its number here; to its parent it may have another one.
        let process = socket_peercred(&socket).expect("who called").pid;
        let pid = process.as_raw_nonzero().get() as u32;
        let pidfd = pidfd_open(process, PidfdFlags::empty()).expect("the fork lives, for it has called");
        let answers = lines_of(BufReader::new(socket.try_clone().expect("a socket")));
        let commands = Commands::Socket(socket);
        let life = Life::Fork(pidfd);
        let mut fork = Self { name: name.to_owned(), pid, life, commands, answers, last: "fork".to_owned() };
        assert_eq!(fork.answer().expect("a fork"), "forked");
        fork
    }

    /// Whether it has ended by itself.
    pub fn is_gone(&mut self) -> bool {
        match &mut self.life {
            Life::Child(child) => matches!(child.try_wait(), Ok(Some(_))),
            Life::Fork(_) => false,
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// Its exit code.
    pub code: Option<i32>,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.signal, self.code) {
            (Some(signal), _) => write!(f, "killed by signal {signal}"),
            (_, Some(code)) => write!(f, "exit code {code}"),
            _ => write!(f, "ended"),
        }
    }
}

impl std::fmt::Display for Puppet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "puppet {} (process {})", self.name, self.pid)
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        self.strike();
    }
}

fn wait_for_end(pidfd: &OwnedFd) {
    let since = Instant::now();
    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
    while since.elapsed() < LONGEST {
        let mut polled = [PollFd::new(pidfd, PollFlags::IN)];
        if poll(&mut polled, Some(&second)).is_ok_and(|ready| ready > 0) {
            return;
        }
    }
}

/// Reads lines in a thread of its own, so that waiting for one can have a bound.
fn lines_of(reader: impl BufRead + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in reader.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// A value of an answer such as `existed=false size=4096`.
#[track_caller]
#[must_use]
pub fn value<'a>(answer: &'a str, key: &str) -> &'a str {
    let found = answer.split(' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {key} in {answer:?}"))
}

/// A number of an answer.
#[track_caller]
#[must_use]
pub fn number(answer: &str, key: &str) -> u64 {
    value(answer, key).parse().unwrap_or_else(|_| panic!("{key} is no number in {answer:?}"))
}

/// The moment so many milliseconds from now, for the command `at`: all puppets have the same clock.
#[must_use]
pub fn in_milliseconds(milliseconds: u64) -> u128 {
    crate::actor::monotonic() + u128::from(milliseconds) * 1_000_000
}
