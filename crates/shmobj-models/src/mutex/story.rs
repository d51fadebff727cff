//! Paths in words.

use stateright::Path;

use super::state::{State, Step};
use super::{Action, Mutex};
use crate::kernel::{NAMES, Robust};

impl Mutex {
    /// Tells a path as one line for each action.
    pub fn tell(&self, path: Path<State, Action>) -> Vec<String> {
        let moments = path.into_vec();
        let steps = moments.windows(2).filter_map(|pair| Some((&pair[0].0, pair[0].1?, &pair[1].0)));
        steps.map(|(before, action, after)| line(before, action, after)).collect()
    }
}

fn line(before: &State, action: Action, after: &State) -> String {
    let (thread, deed) = match action {
        Action::Step(thread) => (thread, deed(before.step(thread))),
        Action::Kill(thread) => (thread, "is killed"),
        Action::Walk(thread) => (thread, "is dead: the kernel visits the word"),
        Action::TimeOut(thread) => (thread, "has slept long enough"),
        Action::GiveUp(thread) => (thread, "finds the mutex owned and its time over"),
        Action::Flush(thread) => (thread, "has its store seen by all"),
        Action::Leave(thread) => (thread, "finds another object signalled"),
    };
    let word = match after.word() {
        word if word == before.word() => String::new(),
        word => format!("; word: {}", Robust(word)),
    };
    let asleep = if after.kernel.queued(0) > before.kernel.queued(0) { "; sleeps" } else { "" };
    format!("{} {deed}{word}{asleep}{}", NAMES[thread], after.kernel.woken_since(&before.kernel))
}

fn deed(step: Step) -> &'static str {
    match step {
        Step::Look => "looks at the word, and marks it if it is owned",
        Step::Pend | Step::PendOwner | Step::PendSleep { .. } => "sets pending",
        Step::Try => "tries to take the word",
        Step::Sleep { .. } => "calls futex_wait",
        Step::SleepAmongSeveral { .. } => "calls futex_waitv",
        Step::PassOn => "looks whether the word is free",
        Step::Unpend | Step::UnpendLook | Step::UnpendOwner { .. } => "clears pending",
        Step::Enlist { .. } => "puts the node on its list",
        Step::ReadToken { .. } => "reads the token",
        Step::Own { abandoned: false } => "writes its token and owns the mutex",
        Step::Own { abandoned: true } => "writes its token and owns the abandoned mutex",
        Step::Disown => "begins to unlock and clears the token",
        Step::Unlist => "takes the node off its list",
        Step::Announce => "announces that owners are to give it back by compare-exchange",
        Step::Barrier => "makes all processors finish their writes",
        Step::Mark => "looks at the word again, and marks it if it is owned",
        Step::Choose => "looks how it is to be given back",
        Step::Store => "gives up the word by a plain store, which nobody sees yet",
        Step::LookBehind => "looks whether a change was announced",
        Step::WakeBehind => "wakes all, as it may have erased WAITERS",
        Step::Settle => "sets WAITERS, as somebody may have erased it",
        Step::SettleHandover => "ends the change",
        Step::ReleaseAll => "gives up the word and wakes all",
        Step::Release => "gives up the word",
        Step::Wake => "wakes one",
        Step::WakeAll => "wakes all",
        Step::Clear => "clears WAITERS and wakes all",
        Step::Asleep { .. } | Step::AsleepAmongSeveral | Step::Done => "rests",
    }
}
