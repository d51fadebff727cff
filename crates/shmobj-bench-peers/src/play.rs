//! One process of one contender: it does what it is told on its standard input, and answers on its standard output.

use std::io::{BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::players::{self, Made, Stage};
use crate::protocol::{Answer, Greeting, Request};

/// Plays until the conductor has had enough. A panic is a failure that is told, and the last thing that this process does.
pub(crate) fn play(stage: &Stage) -> ExitCode {
    let made = catch_unwind(AssertUnwindSafe(|| players::make(stage)));
    let mut player = match made {
        Ok(Made::Player(player)) => player,
        Ok(Made::Absent(reason)) => return last(&Greeting::Absent(reason)),
        Ok(Made::Unsupported) => return last(&Greeting::Unsupported),
        Err(panic) => return last(&Greeting::Failed(reason(&*panic))),
    };
    say(&Greeting::Ready);
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let count = match Request::parse(&line) {
            Some(Request::Run(count)) => count,
            Some(Request::End) => break,
            None => return last(&Answer::Failed(format!("asked for \"{line}\""))),
        };
        if stage.operation == "recovery" && stage.role == 0 {
            say(&"waiting");
        }
        match catch_unwind(AssertUnwindSafe(|| player.run(count))) {
            Ok(answer) => say(&answer),
            Err(panic) => return last(&Answer::Failed(reason(&*panic))),
        }
    }
    drop(player);
    last(&"ended")
}

/// A conductor that has gone is no reason to fail: there is nobody left to tell.
fn say(line: &dyn std::fmt::Display) {
    let mut output = std::io::stdout().lock();
    let _ = writeln!(output, "{line}").and_then(|()| output.flush());
}

fn last(line: &dyn std::fmt::Display) -> ExitCode {
    say(line);
    ExitCode::SUCCESS
}

/// What a panic said.
fn reason(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it panicked").to_owned()
}
