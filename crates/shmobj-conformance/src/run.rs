//! Running the suite.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, Once};

use libtest_mimic::{Arguments, Conclusion, Failed, Trial};

use crate::case::{Section, Test};
use crate::platform::Platform;
use crate::process::{Process, TEST};
use crate::results::{Outcome, Results};
use crate::spec;
use crate::stage::{self, Stage};
use crate::suite::SECTIONS;

/// Names a file into which the results of a whole run are written.
pub const RECORD: &str = "SHMOBJ_CONFORMANCE_RECORD";

/// Runs the suite as `cargo test` and `cargo nextest` want it. The results are written to the file that [`RECORD`] names, if it does.
#[must_use]
pub fn suite() -> ExitCode {
    let record = std::env::var_os(RECORD).map(PathBuf::from);
    conclude(&Arguments::from_args(), record.as_deref())
}

/// Runs all of it, and writes the results to a file.
#[must_use]
pub fn record(file: &Path) -> ExitCode {
    conclude(&Arguments::default(), Some(file))
}

fn conclude(arguments: &Arguments, record: Option<&Path>) -> ExitCode {
    let here = Platform::here();
    // cargo nextest starts a process for each test already.
    let apart = !arguments.exact;
    let outcomes = Arc::new(Mutex::new(BTreeMap::new()));
    let trials = SECTIONS.iter().flat_map(|section| {
        let outcomes = &outcomes;
        section.tests.iter().map(move |test| trial(section, test, here, apart, outcomes.clone()))
    });
    let conclusion = libtest_mimic::run(arguments, trials.collect());
    match record {
        Some(file) if !is_whole(arguments, &conclusion) => {
            fail(&format!("{} is not written: not all tests ran", file.display()))
        }
        Some(file) => {
            let outcomes = outcomes.lock().expect("no test panics with it").clone();
            match Results(outcomes).write(file) {
                Ok(()) => conclusion.exit_code(),
                Err(error) => fail(&format!("{} is not written: {error}", file.display())),
            }
        }
        None => conclusion.exit_code(),
    }
}

fn is_whole(arguments: &Arguments, conclusion: &Conclusion) -> bool {
    !arguments.list && conclusion.num_filtered_out == 0
}

#[allow(clippy::print_stderr)] // a program's last word
fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}

type Outcomes = Arc<Mutex<BTreeMap<usize, Outcome>>>;

fn trial(
    section: &'static Section,
    test: &'static Test,
    here: Platform,
    apart: bool,
    outcomes: Outcomes,
) -> Trial {
    let applies = test.is_for(here);
    let run = move || {
        let verdict = if applies { judge(section, test, here, apart) } else { Ok(Outcome::Elsewhere) };
        let outcome = *verdict.as_ref().unwrap_or(&Outcome::Fails);
        let mut outcomes = outcomes.lock().expect("no test panics with it");
        for &row in test.rows {
            let position = spec::position(row).unwrap_or_else(|| panic!("there is no row {row}"));
            let known = outcomes.entry(position).or_insert(outcome);
            *known = (*known).max(outcome);
        }
        verdict.map(|_| ()).map_err(Failed::from)
    };
    // One that does not apply is run, and comes to nothing: that is a result too.
    Trial::test(test.title(section), run).with_kind(if applies { "" } else { "elsewhere" })
}

/// Runs a test, and says what came of it.
fn judge(section: &Section, test: &Test, here: Platform, apart: bool) -> Result<Outcome, String> {
    let directory = stage::directory();
    let outcome = if apart {
        Process::start(section.name, TEST, directory.path(), &[test.name], |_| ()).verdict()
    } else {
        perform(section, test, directory.path())
    };
    match (outcome, test.difference(here)) {
        (Ok(()), None) => Ok(Outcome::Holds),
        (Err(_), Some(_)) => Ok(Outcome::Differs),
        (Err(message), None) => Err(message),
        (Ok(()), Some(does)) => Err(format!(
            "it passes on {}, of which the suite says: {does}. Take `but_wine` off the test",
            here.name()
        )),
    }
}

/// Runs the test of this name.
pub(crate) fn test(section: &str, name: &str, directory: &Path) -> Result<(), String> {
    let section = SECTIONS.iter().find(|known| known.name == section).ok_or("there is no such section")?;
    let test = section.tests.iter().find(|test| test.name == name).ok_or("there is no such test")?;
    perform(section, test, directory)
}

/// Runs a test in a thread of its own, which takes its mutexes with it when it ends.
fn perform(section: &Section, test: &Test, directory: &Path) -> Result<(), String> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| caught(|| (test.run)(&Stage::new(section, directory))));
        thread.join().expect("the panic is caught")
    })
}

thread_local! {
    /// What this thread's panic said, while it runs something that may.
    #[allow(clippy::missing_const_for_thread_local)] // it is const; the lint does not see that everywhere
    static PANIC: RefCell<Option<Option<String>>> = const { RefCell::new(None) };
}

/// Runs something; the error is the message of its panic, with its place.
pub(crate) fn caught(run: impl FnOnce()) -> Result<(), String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            if !keep(info) {
                usual(info);
            }
        }));
    });
    PANIC.set(Some(None));
    let outcome = catch_unwind(AssertUnwindSafe(run));
    let message = PANIC.take().flatten();
    outcome.map_err(|_| message.unwrap_or_else(|| "it panicked".to_owned()))
}

/// Keeps the message of a panic that will be caught here. Other threads of a test print theirs.
fn keep(info: &PanicHookInfo<'_>) -> bool {
    PANIC.with_borrow_mut(|kept| {
        let Some(kept) = kept else { return false };
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("it panicked");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        *kept = Some(format!("{text} ({place})"));
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_place() {
        let message = caught(|| panic!("this is {}", "why")).unwrap_err();
        assert!(message.starts_with("this is why (") && message.contains("run.rs:"), "{message}");
        assert_eq!(caught(|| ()), Ok(()));
    }
}
