//! Paths in words.

use stateright::Path;

use super::state::{CELLS, State, Step, Task};
use super::word::describe;
use super::{Action, Cell};
use crate::kernel::{NAMES, Thread};

impl Cell {
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
            Action::TimeOut(thread) => (thread, "finds its time over".to_owned()),
            Action::Walk(thread) | Action::GiveUp(thread) | Action::Leave(thread) | Action::Flush(thread) => {
                (thread, String::new())
            }
        };
        let changed = (0..CELLS).filter(|cell| before.kernel.words[*cell] != after.kernel.words[*cell]);
        let words: String =
            changed.map(|cell| format!("; cell {cell}: {}", describe(after.kernel.words[cell]))).collect();
        let asleep = if after.players[thread].step == Step::Asleep { "; sleeps" } else { "" };
        format!("{} {deed}{words}{asleep}{}", NAMES[thread], after.kernel.woken_since(&before.kernel))
    }

    fn deed(&self, state: &State, thread: Thread) -> String {
        let player = state.players[thread];
        let task = match self.task(thread, player.task) {
            Some(Task::Set(cell)) => format!("(set {cell})"),
            Some(Task::Reset(cell)) => format!("(reset {cell})"),
            Some(Task::Pulse(cell)) => format!("(pulse {cell})"),
            Some(Task::Release(cell, number)) => format!("(release {cell} by {number})"),
            Some(Task::One(cell) | Task::Timed(cell)) => format!("(wait for {cell})"),
            Some(Task::Any) => "(wait for any)".to_owned(),
            None => String::new(),
        };
        let deed = match player.step {
            Step::Begin => "looks at the cell, and is done if nobody sleeps",
            Step::WakeOp { .. } => "signals and wakes",
            Step::Wake { .. } => "does the other half of signalling and waking",
            Step::Settle { .. } => "settles",
            Step::Clear { .. } => "clears WAITERS if nothing has changed",
            Step::PulseLook => "looks whether somebody sleeps",
            Step::Return { .. } => "returns a ticket of the other cell",
            Step::Look { .. } => "takes the cell, or else marks it",
            Step::Sleep => "calls futex_wait",
            Step::QueueFirst => "calls futex_waitv, which looks at the first cell",
            Step::QueueSecond => "is in futex_waitv, which looks at the second cell",
            Step::LastLook => "looks a last time",
            Step::Asleep | Step::Done => "rests",
        };
        format!("{task} {deed}")
    }
}
