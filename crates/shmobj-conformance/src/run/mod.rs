//! Running the suite.

mod mechanism;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex, Once};

use libtest_mimic::{Arguments, Conclusion, Failed, Trial};

use crate::case::{Difference, Section, Test};
use crate::platform::Platform;
use crate::process::{Process, TEST};
use crate::results::{Outcome, Results};
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
    // cargo nextest names one test, and starts a process for each already.
    let apart = !(arguments.exact && arguments.filter.is_some());
    let results = Arc::new(Mutex::new(Results::default()));
    let trials = SECTIONS.iter().flat_map(|section| {
        let results = &results;
        section.tests.iter().map(move |test| trial(section, test, here, apart, results.clone()))
    });
    let trials = trials.chain(mechanism::trials(here)).collect();
    let conclusion = libtest_mimic::run(arguments, trials);
    match record {
        Some(file) if !is_whole(arguments, &conclusion) => {
            fail(&format!("{} is not written: not all tests ran", file.display()))
        }
        Some(file) => {
            let results = results.lock().expect("no test panics with it");
            match results.write(file) {
                Ok(()) => conclusion.exit_code(),
                Err(error) => fail(&format!("{} is not written: {error}", file.display())),
            }
        }
        None => conclusion.exit_code(),
    }
}

fn is_whole(arguments: &Arguments, conclusion: &Conclusion) -> bool {
    !arguments.list && conclusion.num_filtered_out == 0 && conclusion.num_ignored == 0
}

#[allow(clippy::print_stderr)] // a program's last word
fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}

fn trial(
    section: &'static Section,
    test: &'static Test,
    here: Platform,
    apart: bool,
    results: Arc<Mutex<Results>>,
) -> Trial {
    let applies = test.is_for(here);
    let run = move || {
        let verdict = if applies { judge(section, test, here, apart) } else { Ok(Outcome::Elsewhere) };
        let outcome = *verdict.as_ref().unwrap_or(&Outcome::Fails);
        let mut results = results.lock().expect("no test panics with it");
        test.rows.iter().for_each(|row| results.add(row, outcome));
        verdict.map(|_| ()).map_err(Failed::from)
    };
    // One that does not apply is run, and comes to nothing: that is a result too.
    Trial::test(test.title(section), run).with_kind(if applies { "" } else { "elsewhere" })
}

/// Runs a test, and says what came of it.
fn judge(section: &Section, test: &Test, here: Platform, apart: bool) -> Result<Outcome, String> {
    if apart {
        return judge_apart(section, test, here, |_| ());
    }
    let directory = stage::directory();
    verdict(perform(section, test, directory.path()), test.difference(here), here)
}

/// The same, in a process of its own, with something more said to its command.
fn judge_apart(
    section: &Section,
    test: &Test,
    here: Platform,
    more: impl FnOnce(&mut Command),
) -> Result<Outcome, String> {
    let directory = stage::directory();
    let outcome = Process::start(section.name, TEST, directory.path(), &[test.name], more).verdict();
    verdict(outcome, test.difference(here), here)
}

/// What came of a test, seeing what this system is known to do instead of what the test asserts.
fn verdict(
    outcome: Result<(), String>,
    known: Option<Difference>,
    here: Platform,
) -> Result<Outcome, String> {
    let here = here.name();
    match (outcome, known) {
        (Ok(()), None) => Ok(Outcome::Holds),
        (Err(message), None) => Err(message),
        (Err(message), Some(known)) if message.contains(known.seen) => Ok(Outcome::Differs),
        (Err(message), Some(Difference { does, seen })) => Err(format!(
            "{message}\nThis is not what the suite knows of {here}: {does}. There, the message has this in it: {seen:?}"
        )),
        (Ok(()), Some(Difference { does, .. })) => {
            Err(format!("it passes on {here}, of which the suite says: {does}. Take that off the test"))
        }
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
    fn only_the_failure_that_is_known_is_a_difference() {
        let known = Some(Difference { does: "says 5", seen: "left: 5" });
        let verdict = |outcome: Result<(), &str>, known| {
            super::verdict(outcome.map_err(str::to_owned), known, Platform::Linux)
        };
        assert_eq!(verdict(Ok(()), None), Ok(Outcome::Holds));
        assert_eq!(verdict(Err("left: 5, right: 6"), None).unwrap_err(), "left: 5, right: 6");
        assert_eq!(verdict(Err("left: 5, right: 6"), known), Ok(Outcome::Differs));
        assert!(verdict(Err("it hangs"), known).unwrap_err().starts_with("it hangs\n"));
        assert!(verdict(Ok(()), known).unwrap_err().starts_with("it passes on Linux"));
    }

    #[test]
    fn a_panic_is_told_with_its_place() {
        let message = caught(|| panic!("this is {}", "why")).unwrap_err();
        assert!(message.starts_with("this is why (") && message.contains("mod.rs:"), "{message}");
        assert_eq!(caught(|| ()), Ok(()));
    }
}
