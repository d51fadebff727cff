//! The subcommands, one file each.

mod acquire;
mod child;
mod demo;
mod deposit;
mod doctor;
mod event;
mod exec;
mod gc;
mod generate;
mod handle;
mod hold;
mod inherited;
mod kill;
mod limits;
mod lock;
mod ls;
mod owned;
mod read;
mod release;
mod run;
mod sem;
mod stat;
mod timer;
mod wait;
mod write;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use shmobj::{Event, Scope};

use crate::Place;

/// What the command line asks for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Demo),
    Run(run::Run),
    Hold(hold::Hold),
    Read(read::Read),
    Write(write::Write),
    /// Sets an event: one who waits for it goes on, or all if it is a manual-reset event.
    Set(event::NamedEvent),
    /// Resets an event: who waits for it from now on waits until it is set again.
    Reset(event::NamedEvent),
    /// Lets those through who wait for an event now (one, or all if it is a manual-reset event), and leaves it reset.
    ///
    /// Who comes a moment later misses it, on Windows as here: for what is ported. Everything else sets and resets.
    Pulse(event::NamedEvent),
    Release(release::Release),
    Timer(timer::Timer),
    Wait(wait::Wait),
    Lock(lock::Lock),
    Sem(sem::Sem),
    Kill(kill::Kill),
    Exec(exec::Exec),
    Inherited(inherited::Inherited),
    Deposit(deposit::Deposit),
    Ls(ls::Ls),
    Stat(stat::Stat),
    Gc(gc::Gc),
    Doctor(doctor::Doctor),
    #[command(hide = true)]
    DemoPeer(demo::peer::DemoPeer),
    #[command(hide = true)]
    DemoStray(demo::stray::DemoStray),
    #[command(hide = true)]
    RunInside(run::inside::RunInside),
    #[command(hide = true)]
    Completions(generate::Completions),
    #[command(hide = true)]
    Man(generate::Man),
}

impl Command {
    /// Does it.
    pub(crate) fn run(&self, place: &Place) -> anyhow::Result<ExitCode> {
        match self {
            Self::Demo(demo) => demo.run(place),
            Self::Run(run) => run.run(place),
            Self::Hold(hold) => hold.run(place),
            Self::Read(read) => read.run(place),
            Self::Write(write) => write.run(place),
            Self::Set(event) => event.run(place, Event::set),
            Self::Reset(event) => event.run(place, Event::reset),
            Self::Pulse(event) => event.run(place, Event::pulse),
            Self::Release(release) => release.run(place),
            Self::Timer(timer) => timer.run(place),
            Self::Wait(wait) => wait.run(place),
            Self::Lock(lock) => lock.run(place),
            Self::Sem(sem) => sem.run(place),
            Self::Kill(kill) => kill.run(place),
            Self::Exec(exec) => exec.run(place),
            Self::Inherited(inherited) => inherited.run(),
            Self::Deposit(deposit) => deposit.run(place),
            Self::Ls(ls) => ls.run(place),
            Self::Stat(stat) => stat.run(place),
            Self::Gc(gc) => gc.run(place),
            Self::Doctor(doctor) => doctor.run(place),
            Self::DemoPeer(peer) => peer.run(place),
            Self::DemoStray(stray) => stray.run(),
            Self::RunInside(inside) => inside.run(place),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
        }
    }
}

/// The exit code of a wait whose time is up, as of timeout(1).
const TIMED_OUT: u8 = 124;

/// Signals that end a program that does nothing about them.
const ENDING: [i32; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];
/// And that a command which runs meanwhile may want to have instead.
const ENDING_WITH_COMMAND: [i32; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// Reads the name of an object that others are to find. The empty name is that of none.
fn name(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("write a name".into()) } else { Ok(text.into()) }
}

/// Reads permission bits.
fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode & !0o666 == 0 => Ok(mode),
        _ => Err("write permissions to read and write in octal, for example 0640".into()),
    }
}

/// Which names a listing is about.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Which {
    /// Everybody's names (`Global\...`) instead of the user's own.
    #[arg(long)]
    global: bool,
}

impl Which {
    fn scope(self) -> Scope {
        if self.global { Scope::Global } else { Scope::Local }
    }
}

/// The program to start for another process of this command: by its path, which gives the process its name, or as the
/// kernel knows it where the file has been replaced.
fn own_program() -> PathBuf {
    let path = std::env::current_exe().ok().filter(|path| path.exists());
    path.unwrap_or_else(|| "/proc/self/exe".into())
}
