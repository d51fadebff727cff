//! The steps of those who have handles: the spawner, the opener, and who terminates the job.

use super::Job;
use super::state::{Entry, FORKER, LOWER, Lock, OPENER, Pid, SPAWNER, State, Step};

impl Job {
    /// The spawner and the opener.
    pub(super) fn user(&self, state: &mut State, pid: Pid) -> Step {
        let closes = state.closing.contains(pid);
        match state.step(pid) {
            Step::Fork => {
                state.fork(SPAWNER, FORKER, Step::Fork);
                Step::AwaitForker
            }
            Step::AwaitForker => {
                state.close_own(SPAWNER);
                Step::Hold
            }
            Step::CloseHandle => {
                if pid == SPAWNER {
                    state.close_handle(pid);
                } else {
                    state.close(pid);
                }
                Step::Open
            }
            // What the name means by now is no business of the spawner's.
            Step::Open if pid == SPAWNER && state.name != Some(Entry::Job) => self.rest(state, pid),
            Step::Open if state.open(pid) => Step::TryExclusive,
            Step::Open if closes => self.rest(state, pid),
            Step::Open => Step::Make,
            Step::TryExclusive if state.lock(pid, Lock::Exclusive) => Step::Recheck,
            Step::TryExclusive if closes => Step::LetGo,
            Step::TryExclusive => Step::TakeShared,
            Step::TakeShared if state.lock(pid, Lock::Shared) => Step::CountLinks,
            Step::CountLinks if state.is_named(pid) => Step::Hold,
            Step::TakeShared | Step::CountLinks => Step::LetGo,
            Step::Recheck if state.is_named(pid) => Step::UnlinkEntry,
            Step::Recheck => Step::LetGo,
            Step::UnlinkEntry => {
                state.unlink(pid);
                Step::LetGo
            }
            Step::LetGo => {
                state.close(pid);
                if closes { self.rest(state, pid) } else { Step::Open }
            }
            Step::Make => {
                state.make(pid);
                Step::Link
            }
            Step::Link if state.link(pid) => Step::Hold,
            Step::Link => Step::LetGo,
            _ => self.terminator(state),
        }
    }

    fn terminator(&self, state: &mut State) -> Step {
        match state.step(OPENER) {
            Step::SayEnded => {
                state.ended = true;
                state.doomed = state.living_members().collect();
                Step::LookForTree
            }
            Step::LookForTree if !state.has_tree() => Step::Rest,
            Step::LookForTree => {
                state.called = state.lives(LOWER);
                Step::Kill(state.survey(LOWER))
            }
            Step::Kill(mut rest) => {
                if let Some(pid) = rest.first() {
                    state.slay(pid);
                    rest.remove(pid);
                }
                if rest.is_empty() { Step::LookForTree } else { Step::Kill(rest) }
            }
            other => other,
        }
    }

    fn rest(&self, state: &mut State, pid: Pid) -> Step {
        state.closing.remove(pid);
        Step::Rest
    }
}
