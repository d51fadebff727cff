//! The subcommands, one file each.

mod demo;
mod doctor;
mod gc;
mod generate;
mod hold;
mod ls;
mod read;
mod stat;
mod write;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use shmobj::Scope;

use crate::Place;

/// What the command line asks for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Demo),
    Hold(hold::Hold),
    Read(read::Read),
    Write(write::Write),
    Ls(ls::Ls),
    Stat(stat::Stat),
    Gc(gc::Gc),
    Doctor(doctor::Doctor),
    #[command(hide = true)]
    DemoPeer(demo::peer::DemoPeer),
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
            Self::Hold(hold) => hold.run(place),
            Self::Read(read) => read.run(place),
            Self::Write(write) => write.run(place),
            Self::Ls(ls) => ls.run(place),
            Self::Stat(stat) => stat.run(place),
            Self::Gc(gc) => gc.run(place),
            Self::Doctor(doctor) => doctor.run(place),
            Self::DemoPeer(peer) => peer.run(place),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
        }
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
