//! The child's end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio, exit};
use std::sync::mpsc::{Receiver, channel};

use shmobj::Namespace;

use super::child::command;
use super::{MARK, ORPHANED, PANICKED, SAY, TEST, escaped, lifeline, unescaped};
use crate::case::Role;
use crate::objects::Objects;
use crate::platform::let_faults_end_the_process;
use crate::run;
use crate::stage::names_in;
use crate::suite;

/// The code of a process whose role panicked, as of a Rust program that does.
const PANIC: i32 = 101;
/// What a role has to go by.
pub(crate) struct Cue {
    section: String,
    directory: PathBuf,
    namespace: Namespace,
    arguments: Vec<String>,
    lines: Receiver<String>,
}

impl Cue {
    /// An argument that the test has given.
    #[track_caller]
    pub(crate) fn argument(&self, index: usize) -> &str {
        self.arguments.get(index).unwrap_or_else(|| panic!("the role has no argument {index}"))
    }

    /// Says something to the test.
    pub(crate) fn say(&self, text: impl AsRef<str>) {
        speak(SAY, text.as_ref());
    }

    /// The next thing that the test tells.
    pub(crate) fn hear(&self) -> String {
        match self.lines.recv() {
            Ok(line) => unescaped(&line),
            Err(_) => exit(ORPHANED),
        }
    }

    /// What starts another role of the section, which nobody hears. For roles that a test has started as parents.
    pub(crate) fn command(&self, role: &str) -> Command {
        let mut command = command(&self.section, role, &self.directory);
        // The output is not written to: it tells the test when all are gone.
        command.stdin(Stdio::null());
        command
    }

    /// A path of the test's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

impl Objects for Cue {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }
}

/// Plays a role and ends, if this process was started for one. To be called first in `main`.
pub fn act_if_told() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() != Some(MARK) {
        return;
    }
    let_faults_end_the_process();
    let mut argument = || arguments.next().expect("a role is told what it needs");
    let (section, name, directory) = (argument(), argument(), PathBuf::from(argument()));
    let cue = cue(&section, &directory, arguments.collect());
    let outcome = if name == TEST {
        run::test(&section, cue.argument(0), &directory).map(|()| cue.say("passed"))
    } else {
        run::caught(|| {
            let role = role(&section, &name).unwrap_or_else(|| panic!("{section} has no role {name}"));
            (role.play)(&cue);
        })
    };
    match outcome {
        Ok(()) => exit(0),
        Err(message) => {
            speak(PANICKED, &message);
            exit(PANIC)
        }
    }
}

fn role(section: &str, name: &str) -> Option<&'static Role> {
    let own = suite::SECTIONS.iter().filter(|known| known.name == section).flat_map(|section| section.roles);
    own.chain(suite::shared::ROLES).chain(suite::members::ROLES).find(|role| role.name == name)
}

fn cue(section: &str, directory: &Path, arguments: Vec<String>) -> Cue {
    let (sender, lines) = channel();
    let held = lifeline::hold();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
        // Whatever the role is doing: nobody is left to tell it to end.
        if !held {
            exit(ORPHANED)
        }
    });
    let namespace = Namespace::at(names_in(directory));
    Cue { section: section.to_owned(), directory: directory.to_owned(), namespace, arguments, lines }
}

fn speak(word: &str, text: &str) {
    let line = format!("{word}{}\n", escaped(text));
    let mut output = std::io::stdout().lock();
    if output.write_all(line.as_bytes()).and_then(|()| output.flush()).is_err() {
        exit(ORPHANED);
    }
}
