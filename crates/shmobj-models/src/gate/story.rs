//! Paths in words.

use stateright::Path;

use super::state::{GATES, State, Step, Task};
use super::{Action, Gate};
use crate::cell::word::describe;
use crate::kernel::{NAMES, Robust, Thread};

impl Gate {
    /// Tells a path as one line for each action.
    pub fn tell(&self, path: Path<State, Action>) -> Vec<String> {
        let moments = path.into_vec();
        let steps = moments.windows(2).filter_map(|pair| Some((&pair[0].0, pair[0].1?, &pair[1].0)));
        steps.map(|(before, action, after)| self.line(before, action, after)).collect()
    }

    fn line(&self, before: &State, action: Action, after: &State) -> String {
        let (thread, deed) = match action {
            Action::Step(thread) => (thread, self.deed(before, thread)),
            Action::Kill(thread) => (thread, "is killed".to_owned()),
            Action::Walk(thread) => (thread, "is dead: the kernel visits one of its words".to_owned()),
            Action::TimeOut(thread) => (thread, "finds its time over".to_owned()),
            Action::GiveUp(thread) => (thread, "finds an object missing and its time over".to_owned()),
            Action::Leave(thread) | Action::Flush(thread) => (thread, String::new()),
        };
        let changed = (0..before.kernel.words.len()).filter(|word| before.word(*word) != after.word(*word));
        let words: String = changed.map(|word| self.describe(word, after.word(word))).collect();
        let asleep = match after.players[thread].step {
            Step::Asleep | Step::GateAsleep | Step::MutexAsleep | Step::AllAsleep => "; sleeps",
            _ => "",
        };
        format!("{} {deed}{words}{asleep}{}", NAMES[thread], after.kernel.woken_since(&before.kernel))
    }

    fn describe(&self, word: usize, value: u32) -> String {
        match word.checked_sub(GATES) {
            Some(object) => format!("; gate {object}: {}", Robust(value)),
            None if self.is_mutex(word) => format!("; mutex: {}", Robust(value)),
            None => format!("; cell {word}: {}", describe(value)),
        }
    }

    fn deed(&self, state: &State, thread: Thread) -> String {
        let player = state.players[thread];
        let task = match self.task(thread, player.task) {
            Some(Task::All | Task::AllKeep | Task::AllTimed) => "wait for all",
            Some(Task::One(_)) => "wait for one",
            Some(Task::Lock) => "lock the mutex",
            Some(Task::Unlock) => "unlock the mutex",
            Some(Task::Set(_)) => "set",
            Some(Task::Reset(_)) => "reset",
            Some(Task::Observe(_)) => "observe",
            None => "rest",
        };
        let object = player.object;
        match does(player.step) {
            (deed, true) => format!("({task}) {deed} of {object}"),
            (deed, false) => format!("({task}) {deed}"),
        }
    }
}

/// What a step does, and whether it does that to the object at hand.
fn does(step: Step) -> (&'static str, bool) {
    match step {
        Step::Look => ("looks at the word", true),
        Step::Sleep => ("calls futex_wait on the word", true),
        Step::GateLook => ("looks at, or marks, the gate", true),
        Step::GatePend | Step::GatePendOwner | Step::GatePendSleep => ("sets pending to the gate", true),
        Step::GateTry => ("tries to take the gate", true),
        Step::GateSleep => ("calls futex_wait on the gate", true),
        Step::GateEnlist => ("puts on its list the gate", true),
        Step::GateUnpendLook | Step::GateUnpend | Step::GateUnpendAgain => {
            ("clears pending, at the gate", true)
        }
        Step::Recover => ("clears LOCKED if it is set, at the gate", true),
        Step::SetLocked => ("locks the cell if it is signalled, at the gate", true),
        Step::Take => ("takes and unlocks the cell, at the gate", true),
        Step::ClearLocked => ("clears LOCKED, at the gate", true),
        Step::GateUnlist => ("takes off its list the gate", true),
        Step::GateRelease => ("releases the gate", true),
        Step::GateWake => ("wakes the sleepers at the gate", true),
        Step::MutexPend | Step::MutexPendOwner | Step::MutexPendSleep | Step::UnlockPend => {
            ("sets pending to the mutex", false)
        }
        Step::MutexLook => ("looks at the mutex, and marks it if it is to sleep", false),
        Step::MutexTry => ("tries to take the mutex", false),
        Step::AllPassOn => ("looks whether the mutex is free", false),
        Step::AllWake => ("wakes all at the mutex", false),
        Step::MutexSleep | Step::AllSleep => ("calls futex_wait on the mutex", false),
        Step::PassOn => ("passes on a wake if the mutex is free", false),
        Step::MutexUnpendLook | Step::MutexUnpend | Step::MutexUnpendOwner | Step::UnlockUnpend => {
            ("clears pending", false)
        }
        Step::MutexEnlist => ("puts the mutex on its list", false),
        Step::ReadToken => ("reads the token", false),
        Step::WriteToken => ("writes its token", false),
        Step::Confirm => ("confirms that it owns the mutex", false),
        Step::MutexUnlist | Step::UnlockUnlist => ("takes the mutex off its list", false),
        Step::GiveBack => ("gives the mutex back", false),
        Step::Disown => ("begins to unlock and clears the token", false),
        Step::UnlockRelease => ("gives up the mutex", false),
        Step::UnlockWake => ("wakes one at the mutex", false),
        Step::UnlockClear => ("clears the mutex's WAITERS and wakes all", false),
        Step::SetBegin => ("looks at the cell, and is done if nobody sleeps", false),
        Step::SetWakeOp => ("adds a ticket and wakes", false),
        Step::Return => ("returns a ticket", true),
        Step::LeaveLook => ("looks whether ALL is set in the cell", true),
        Step::LeaveWake => ("clears ALL and wakes all, at the cell", true),
        Step::SetSettle { .. } => ("settles", false),
        Step::Asleep | Step::GateAsleep | Step::MutexAsleep | Step::AllAsleep | Step::Done => {
            ("rests", false)
        }
    }
}
