//! Two processes share a file. The editor's view is shared: it changes the file in place. The guest has two copy-on-write views:
//! what it writes stays its own.
//!
//! ```text
//! > cargo run -p shmobj-examples --bin shared_file
//! editor: the file says  "one fish"
//! editor: it writes      "ONE FISH" into its shared view
//! guest:  its views show "ONE FISH" and "ONE FISH": nobody has written to them, so they show what is shared
//! guest:  it writes      "my fish!" into its first view
//! guest:  its views show "my fish!" and "ONE FISH": the first has a page of its own now
//! editor: its view shows "ONE FISH": what the guest wrote reaches nobody
//! editor: it writes      "two fish" into its shared view
//! guest:  its views show "my fish!" and "two fish": only the second follows
//! guest:  it flushes its first view, which has nothing to write
//! editor: the file says  "two fish"
//! ```
//!
//! One terminal is enough: the program starts itself again as the guest.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to who runs it")]

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, process};

use shmobj::wait::{self, Waited};
use shmobj::{Access, Event, FileMapping, Mode, View};

/// The two take turns, so that their lines come in order. A turn ends by setting the other's event (auto-reset: one wait, one
/// turn) and waiting for one's own, in one call.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let done = match env::args().nth(1) {
        None => edit(),
        Some(run) => visit(&run),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shared_file: {error}");
            ExitCode::FAILURE
        }
    }
}

fn name(run: &str, part: &str) -> String {
    format!("shmobj-example.file-{run}.{part}")
}

fn edit() -> Result<(), Box<dyn Error>> {
    let run = process::id().to_string();
    let path = Removed(env::temp_dir().join(format!("shmobj-example.{run}.txt")));
    // Views of a shared mapping that can be written need a file that can be read and written.
    let mut file = File::options().read(true).write(true).create_new(true).open(&path.0)?;
    file.write_all(b"one fish")?;
    println!("editor: the file says  {:?}", contents(&path.0)?);

    // Without a size the mapping is as long as the file.
    let mapping = FileMapping::options().file(&file).create_new(&name(&run, "mapping"))?;
    let (mine, theirs) = turns(&run)?;
    let mut guest = Command::new(env::current_exe()?).arg(&run).spawn()?;
    let view = mapping.map_mut()?;

    println!("editor: it writes      \"ONE FISH\" into its shared view");
    view.write_at(0, b"ONE FISH")?;
    pass(&theirs, &mine)?;
    println!("editor: its view shows {:?}: what the guest wrote reaches nobody", text(&view)?);
    println!("editor: it writes      \"two fish\" into its shared view");
    view.write_at(0, b"two fish")?;
    theirs.set()?;
    if !guest.wait()?.success() {
        return Err("the guest has failed".into());
    }

    // Others see what was written at once. This is for the disk: a crash of the machine would lose it before.
    view.flush()?;
    file.sync_all()?;
    println!("editor: the file says  {:?}", contents(&path.0)?);
    Ok(())
}

fn visit(run: &str) -> Result<(), Box<dyn Error>> {
    // The right to read is enough: nobody else will see what is written to a copy-on-write view.
    let mapping = FileMapping::open(&name(run, "mapping"), Access::READ)?;
    let (theirs, mine) = turns(run)?;
    let (first, second) = (mapping.map_copy()?, mapping.map_copy()?);
    let show = |why| -> Result<(), Box<dyn Error>> {
        println!("guest:  its views show {:?} and {:?}: {why}", text(&first)?, text(&second)?);
        Ok(())
    };

    if !mine.wait(PATIENCE)? {
        return Err("the editor does not begin".into());
    }
    show("nobody has written to them, so they show what is shared")?;
    println!("guest:  it writes      \"my fish!\" into its first view");
    first.write_at(0, b"my fish!")?;
    show("the first has a page of its own now")?;
    pass(&theirs, &mine)?;
    show("only the second follows")?;
    println!("guest:  it flushes its first view, which has nothing to write");
    first.flush()?;
    Ok(())
}

/// The events of the editor's and of the guest's turn.
fn turns(run: &str) -> shmobj::Result<(Event, Event)> {
    Ok((Event::options().create(&name(run, "editor"))?, Event::options().create(&name(run, "guest"))?))
}

fn pass(theirs: &Event, mine: &Event) -> Result<(), Box<dyn Error>> {
    match wait::signal_and_wait(theirs, mine, PATIENCE)? {
        Waited::TimedOut => Err("the other process does not answer".into()),
        _ => Ok(()),
    }
}

fn text<M: Mode>(view: &View<M>) -> Result<String, Box<dyn Error>> {
    Ok(String::from_utf8(view.read_vec(0, view.len())?)?)
}

fn contents(path: &Path) -> Result<String, Box<dyn Error>> {
    Ok(fs::read_to_string(path)?)
}

/// A file that goes with the program. Declared before the views of it, it is dropped after them: Windows removes no mapped file.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
