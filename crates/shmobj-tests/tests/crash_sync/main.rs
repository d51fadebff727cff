//! A process is killed at every step of the protocols of synchronization objects. Then another process looks whether what the
//! library promises is so: nothing stays locked, who sleeps wakes if it should, and a mutex is abandoned exactly if the
//! dead process owned it.

mod cells;
mod committed;
mod mutex;
mod sleepers;

use std::collections::BTreeSet;
use std::time::Duration;

use shmobj_tests::puppet;
use shmobj_tests::puppet::Puppet;
use shmobj_tests::scratch::Scratch;
use shmobj_tests::steps;

/// Longer than anybody sleeps without a look.
const SECONDS: Duration = Duration::from_secs(10);

/// Who is on the stage: one process with the object `o`, one that will die, and perhaps one that sleeps for the object.
struct Stage {
    scratch: Scratch,
    other: Puppet,
    victim: Puppet,
}

impl Stage {
    /// The object is made by one process and reached by the other.
    fn with(kind: &str, options: &str) -> Self {
        let mut stage = Self::empty();
        stage.has("o", kind, options);
        stage
    }

    fn empty() -> Self {
        let scratch = Scratch::new();
        let [other, victim] = ["other", "victim"].map(|name| puppet!(name, &scratch));
        Self { scratch, other, victim }
    }

    fn has(&mut self, object: &str, kind: &str, options: &str) {
        self.other.does(format!("make {object} {kind} {object} {options}"));
        self.victim.does(format!("reach {object} {kind} {object}"));
    }

    /// A process that sleeps for the object.
    fn sleeper(&self, kind: &str) -> Puppet {
        let mut sleeper = puppet!("sleeper", &self.scratch);
        sleeper.does(format!("reach o {kind} o"));
        sleeper.falls_asleep_in("wait o never");
        sleeper
    }

    /// Somebody has slept for the mutex and got it: its owners give it back by compare-exchange from now on.
    #[track_caller]
    fn slept_for(&mut self) {
        self.other.does("wait o 0");
        let mut sleeper = self.sleeper("mutex");
        self.other.does("release o");
        assert_eq!(woken(&mut sleeper, "the first sleeper"), "signaled");
        sleeper.does("release o");
    }

    /// The victim dies of the command at a step.
    #[track_caller]
    fn dies(&mut self, step: &str, count: u32, command: &str) {
        self.victim.does(format!("arm die {count} {step}"));
        assert!(self.victim.dies_of(command), "`{command}` never passed `{step}` {count} times");
    }
}

/// What a sleeper is told that is to wake by itself.
#[track_caller]
fn woken(sleeper: &mut Puppet, story: &str) -> String {
    match sleeper.answers_within(SECONDS) {
        Some(answer) => answer.unwrap_or_else(|refusal| panic!("{story}: {refusal:?}")),
        None => panic!("{story}: the sleeper sleeps for ever"),
    }
}

/// Which of several sleepers wakes by itself, and is told nothing special.
#[track_caller]
fn first_to_answer(sleepers: &mut [Puppet], story: &str) -> usize {
    let mut found = None;
    shmobj_tests::system::until(SECONDS, || {
        found = sleepers
            .iter_mut()
            .enumerate()
            .find_map(|(number, sleeper)| Some((number, sleeper.answers_within(Duration::from_millis(1))?)));
        found.is_some()
    });
    let Some((number, told)) = found else { panic!("{story}: all sleep for ever") };
    assert_eq!(told.expect("a wait"), "signaled", "{story}");
    number
}

#[test]
fn every_step_is_crashed_at_by_some_test() {
    let crashed: BTreeSet<&str> = [mutex::STEPS, cells::STEPS, sleepers::STEPS, committed::STEPS]
        .into_iter()
        .flat_map(|steps| steps.iter().copied())
        .collect();
    assert_eq!(crashed, steps::OF_SYNCHRONIZATION.into_iter().collect());
}
