//! Paths in words.

use stateright::Path;

use super::state::{Entry, LOWER, OPENER, Pid, State, Step, UPPER};
use super::{Action, Fault, Job, Scene};

impl Job {
    /// Tells a path as one line for each action.
    pub fn tell(&self, path: Path<State, Action>) -> Vec<String> {
        let moments = path.into_vec();
        let steps = moments.windows(2).filter_map(|pair| Some((&pair[0].0, pair[0].1?, &pair[1].0)));
        steps.map(|(before, action, after)| self.line(before, action, after)).collect()
    }

    fn line(&self, before: &State, action: Action, after: &State) -> String {
        match action {
            Action::Begin if after.step(OPENER) == Step::SayEnded => {
                "O begins to terminate the job".to_owned()
            }
            Action::Begin => "O begins to create the name, or to open it".to_owned(),
            Action::Close(pid) => format!("{pid} begins to close its handle"),
            Action::Fork { parent, child, detached: false } => format!("{parent} forks {child}"),
            Action::Fork { parent, child, detached: true } => {
                format!("{parent} double-forks {child}, which {} gets", parent_of(after, child))
            }
            Action::End(pid) => format!("{pid} ends"),
            Action::Depart(pid) => departure(before, pid, after),
            Action::Kill(pid) => format!("{pid} is killed"),
            Action::Step(UPPER) if after.interrupted.is_some() && before.interrupted.is_none() => {
                "K1 gets SIGCHLD".to_owned()
            }
            Action::Step(pid) => format!("{pid} {}{}", self.done(before, pid), outcome(pid, after)),
        }
    }

    fn done(&self, before: &State, pid: Pid) -> String {
        let text = match before.step(pid) {
            Step::Fork => "forks",
            Step::AwaitForker => "has waited for C",
            Step::CloseHandle => "closes its handle's descriptor",
            Step::Open => "opens the name",
            Step::TryExclusive | Step::Probe => "tries flock(EX)",
            Step::TakeShared => "tries flock(SH)",
            Step::CountLinks | Step::Recheck | Step::LookAtName => "looks what the name means",
            Step::UnlinkName if self.scene == Scene::Foreign => "may not unlink the name",
            Step::UnlinkEntry | Step::UnlinkName => "unlinks the name",
            Step::LetGo => "closes its descriptor",
            Step::Make => "makes an entry, locked SH",
            Step::Link => "links the entry",
            Step::BecomeSubreaper if pid == UPPER && self.has(Fault::UpperNoSubreaper) => "is no subreaper",
            Step::BecomeSubreaper if pid == LOWER && self.has(Fault::LowerNoSubreaper) => "is no subreaper",
            Step::BecomeSubreaper => "becomes a subreaper",
            Step::CloseAll => "closes all",
            Step::OpenOwn => "opens the name for itself",
            Step::Listen => "lets SIGCHLD through",
            Step::LookAtFlag => "looks whether SIGCHLD has come",
            Step::AwaitLastHandle | Step::Asleep => "calls flock(EX)",
            Step::Unlock => "unlocks",
            Step::TellLower => "tells K2 to end the tree",
            Step::AskForSignal if pid == LOWER => "asks for a signal at K1's death",
            Step::AskForSignal => "asks for SIGKILL at K2's death",
            Step::CheckParent => "looks who its parent is",
            Step::Keep => "looks what there is to do",
            Step::Survey => "looks who descends from it",
            Step::Kill(victims) => {
                return victims.first().map_or("kills nobody".to_owned(), |pid| format!("kills {pid}"));
            }
            Step::Reap => "waits for a child",
            Step::Exec => "execs",
            Step::Exit => "exits",
            Step::Enrol => "goes on the roster",
            Step::NoteEnds => "reads how often the job was ended",
            Step::SayEnded => "says on the board that the job is ended",
            Step::LookForTree => "looks for a tree on the roster",
            Step::AwaitLower => "has waited for K2",
            Step::Unborn | Step::Hold | Step::Rest | Step::Run => "waits",
            Step::Exiting | Step::Zombie | Step::Gone => "is dead",
        };
        text.to_owned()
    }
}

fn outcome(pid: Pid, after: &State) -> &'static str {
    match after.step(pid) {
        Step::Hold if after.holds_by_name() == Some(Entry::Next) => "; holds another object",
        Step::Hold => "; holds the job",
        Step::Exit => "; will exit",
        Step::Keep => "; goes on",
        Step::Survey => "; will end the tree",
        Step::Recheck | Step::LookAtName => "; has it",
        Step::Asleep => "; sleeps",
        _ => "",
    }
}

fn departure(before: &State, pid: Pid, after: &State) -> String {
    let mut text = format!("{pid} is gone");
    for orphan in before.children(pid).filter(|orphan| after.lives(*orphan)) {
        text += &format!(", {} gets {orphan}", parent_of(after, orphan));
    }
    text
}

fn parent_of(state: &State, pid: Pid) -> String {
    state.parent(pid).map_or("nobody".to_owned(), |parent| parent.to_string())
}
