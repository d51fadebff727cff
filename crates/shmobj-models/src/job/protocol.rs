//! The protocol itself: what each step of C, of the guardians and of P does, and which one follows it.

use super::state::{CHILD, Entry, FORKER, LOWER, Lock, OPENER, Pid, Pids, SPAWNER, State, Step, UPPER};
use super::{Fault, Job, Scene};

impl Job {
    /// Can the process take its next step, or does it wait for something?
    pub(super) fn is_ready(&self, state: &State, pid: Pid) -> bool {
        let has_zombie = || state.children(pid).any(|child| state.step(child) == Step::Zombie);
        let is_childless = || state.children(pid).next().is_none();
        match state.step(pid) {
            Step::Unborn | Step::Hold | Step::Rest | Step::Run => false,
            Step::Exiting | Step::Zombie | Step::Gone => false,
            Step::AwaitForker => state.step(FORKER) == Step::Gone,
            Step::AwaitLastHandle if self.has(Fault::HandlerSetsFlag) => true,
            Step::AwaitLastHandle => state.own_is_free() || state.bereaved,
            Step::Asleep => state.own_is_free(),
            Step::AwaitLower => state.bereaved,
            Step::Keep => state.told || state.called || has_zombie() || is_childless(),
            Step::LookForTree => !state.has_tree() || !state.called || !state.survey(LOWER).is_empty(),
            Step::Reap => {
                let returns = pid == UPPER && state.parent(LOWER) == Some(UPPER);
                has_zombie() || is_childless() || returns || !state.survey(pid).is_empty()
            }
            _ => true,
        }
    }

    /// The next step of a process that is ready.
    pub(super) fn step(&self, state: &mut State, pid: Pid) {
        if pid == UPPER && self.is_interrupted(state) {
            state.interrupted = Some(state.step(UPPER));
            state.bereaved = false;
            state.steps[UPPER.0] = Step::Reap;
            return;
        }
        let next = match pid {
            SPAWNER | OPENER => self.user(state, pid),
            FORKER => self.forker(state),
            UPPER => self.upper(state),
            LOWER => self.lower(state),
            _ => self.child(state),
        };
        if next == Step::Exit && state.step(pid) == Step::Exit {
            state.end(pid);
        } else {
            state.steps[pid.0] = next;
        }
    }

    /// SIGCHLD has come, and is not blocked: it is until K1 listens, and in its handler.
    fn is_interrupted(&self, state: &State) -> bool {
        let lets_through = match state.step(UPPER) {
            Step::AwaitLower => true,
            Step::LookAtFlag => self.has(Fault::HandlerSetsFlag),
            Step::AwaitLastHandle | Step::LookAtName | Step::UnlinkName | Step::Unlock | Step::TellLower => {
                !self.has(Fault::HandlerSetsFlag)
            }
            _ => false,
        };
        state.bereaved && lets_through && state.interrupted.is_none()
    }

    fn forker(&self, state: &mut State) -> Step {
        if state.step(FORKER) == Step::Fork {
            let first = if self.has(Fault::UpperSubreaperLate) { Step::Fork } else { Step::BecomeSubreaper };
            state.fork(FORKER, UPPER, first);
            state.parents[UPPER.0] = None; // or will be: nobody looks
        }
        Step::Exit
    }

    fn upper(&self, state: &mut State) -> Step {
        match state.step(UPPER) {
            Step::BecomeSubreaper => {
                if !self.has(Fault::UpperNoSubreaper) {
                    state.subreapers.insert(UPPER);
                }
                if self.has(Fault::UpperSubreaperLate) { Step::CloseAll } else { Step::Fork }
            }
            Step::Fork => {
                state.fork(UPPER, LOWER, Step::AskForSignal);
                if self.has(Fault::UpperSubreaperLate) { Step::BecomeSubreaper } else { Step::CloseAll }
            }
            Step::CloseAll => {
                if !self.has(Fault::UpperKeepsHandle) {
                    state.close_handle(UPPER);
                }
                if !self.has(Fault::UpperOpensLate) {
                    return Step::Listen;
                }
                state.close_own(UPPER);
                Step::OpenOwn
            }
            Step::OpenOwn => {
                if state.name == Some(Entry::Job) {
                    state.own.insert(UPPER);
                }
                Step::Listen
            }
            Step::Listen if !state.own.contains(UPPER) => Step::AwaitLower,
            Step::Listen if self.has(Fault::HandlerSetsFlag) => Step::LookAtFlag,
            Step::LookAtFlag | Step::Listen => Step::AwaitLastHandle,
            Step::AwaitLastHandle | Step::Asleep if state.lock_own() => {
                if self.has(Fault::UpperSparesEntry) {
                    self.after_unlink(state)
                } else if self.has(Fault::UnlinkByNameOnly) {
                    Step::UnlinkName
                } else {
                    Step::LookAtName
                }
            }
            Step::AwaitLastHandle => Step::Asleep,
            Step::LookAtName if state.name == Some(Entry::Job) => Step::UnlinkName,
            Step::LookAtName => self.after_unlink(state),
            Step::UnlinkName => {
                if self.scene != Scene::Foreign {
                    state.unlink(UPPER);
                }
                self.after_unlink(state)
            }
            Step::Unlock => {
                state.own_lock = Lock::None;
                self.after_unlock()
            }
            Step::TellLower => {
                state.told |= state.lives(LOWER);
                if self.has(Fault::UpperLeavesEarly) { Step::Exit } else { Step::AwaitLower }
            }
            Step::Probe if state.lock_own() => Step::LookAtName,
            Step::Probe => Step::Exit,
            Step::Survey | Step::Kill(_) | Step::Reap => self.end_tree(state, UPPER),
            other => other,
        }
    }

    /// In the handler K1 ends after it; else it goes on to wait for K2.
    fn after_unlink(&self, state: &State) -> Step {
        match state.interrupted {
            Some(_) => Step::Exit,
            None if self.has(Fault::UpperKeepsLock) => self.after_unlock(),
            None => Step::Unlock,
        }
    }

    fn after_unlock(&self) -> Step {
        if self.scene.kills_on_close() { Step::TellLower } else { Step::AwaitLower }
    }

    fn lower(&self, state: &mut State) -> Step {
        match state.step(LOWER) {
            Step::AskForSignal => {
                state.mourners.insert(LOWER);
                if self.has(Fault::LowerTrustsItsParent) { self.lower_begins() } else { Step::CheckParent }
            }
            Step::CheckParent if state.parent(LOWER) == Some(UPPER) => self.lower_begins(),
            Step::CheckParent => Step::Exit,
            Step::BecomeSubreaper => {
                if !self.has(Fault::LowerNoSubreaper) {
                    state.subreapers.insert(LOWER);
                }
                if self.has(Fault::LowerSubreaperLate) { Step::CloseAll } else { self.lower_enrols() }
            }
            Step::Enrol => {
                state.enrolled = true;
                match self.fault {
                    Some(Fault::EndsNotedFirst) => Step::Fork,
                    Some(Fault::EnrolledLate) => Step::CloseAll,
                    _ => Step::NoteEnds,
                }
            }
            Step::NoteEnds => {
                state.had_ended = state.ended;
                if self.has(Fault::EndsNotedFirst) { Step::Enrol } else { Step::Fork }
            }
            Step::Fork => {
                let first = if self.has(Fault::ChildOutlives) { Step::Exec } else { Step::AskForSignal };
                state.fork(LOWER, CHILD, first);
                match self.fault {
                    Some(Fault::LowerSubreaperLate) => Step::BecomeSubreaper,
                    Some(Fault::EnrolledLate) => Step::Enrol,
                    _ => Step::CloseAll,
                }
            }
            Step::CloseAll => {
                state.close_all(LOWER);
                Step::Keep
            }
            Step::Keep if state.told || state.ended != state.had_ended => Step::Survey,
            Step::Keep if state.called => {
                state.called = false;
                Step::Keep
            }
            Step::Keep => {
                let zombie = state.children(LOWER).find(|child| state.step(*child) == Step::Zombie);
                match zombie {
                    Some(zombie) => state.reap(zombie),
                    None => return Step::Exit,
                }
                let is_over = zombie == Some(CHILD) && self.has(Fault::LowerEndsWithChild);
                if is_over { Step::Exit } else { Step::Keep }
            }
            Step::Survey | Step::Kill(_) | Step::Reap => self.end_tree(state, LOWER),
            other => other,
        }
    }

    fn lower_begins(&self) -> Step {
        if self.has(Fault::LowerSubreaperLate) { self.lower_enrols() } else { Step::BecomeSubreaper }
    }

    fn lower_enrols(&self) -> Step {
        match self.fault {
            Some(Fault::EndsNotedFirst | Fault::EnrolledLate) => Step::NoteEnds,
            _ => Step::Enrol,
        }
    }

    /// Kills whoever descends from the guardian until it has no children.
    fn end_tree(&self, state: &mut State, guardian: Pid) -> Step {
        match state.step(guardian) {
            Step::Survey if guardian == LOWER && self.has(Fault::KillChildOnly) => {
                Step::Kill(Pids::from_iter([CHILD]))
            }
            Step::Survey => Step::Kill(state.survey(guardian)),
            Step::Kill(mut rest) => match rest.first() {
                Some(pid) => {
                    state.slay(pid);
                    rest.remove(pid);
                    if rest.is_empty() { self.after_round(guardian) } else { Step::Kill(rest) }
                }
                None => self.after_round(guardian),
            },
            _ => {
                let zombie = state.children(guardian).find(|child| state.step(*child) == Step::Zombie);
                if let Some(zombie) = zombie {
                    state.reap(zombie);
                    Step::Reap
                } else if guardian == UPPER && state.parent(LOWER) == Some(UPPER) {
                    state.interrupted.take().unwrap_or(Step::AwaitLower)
                } else if state.children(guardian).next().is_none() {
                    self.leave(guardian)
                } else {
                    Step::Survey
                }
            }
        }
    }

    fn after_round(&self, guardian: Pid) -> Step {
        match self.fault {
            Some(Fault::KillOnce) => self.leave(guardian),
            Some(Fault::KillChildOnly) if guardian == LOWER => self.leave(guardian),
            _ => Step::Reap,
        }
    }

    fn leave(&self, guardian: Pid) -> Step {
        if guardian == LOWER || self.has(Fault::NoProbeAtEnd) { Step::Exit } else { Step::Probe }
    }

    fn child(&self, state: &mut State) -> Step {
        match state.step(CHILD) {
            Step::AskForSignal => {
                state.mourners.insert(CHILD);
                if self.has(Fault::ChildTrustsItsParent) { Step::Exec } else { Step::CheckParent }
            }
            Step::CheckParent if state.parent(CHILD) == Some(LOWER) => Step::Exec,
            Step::CheckParent => Step::Exit,
            Step::Exec => {
                if !self.has(Fault::ChildKeepsHandle) {
                    state.close_handle(CHILD);
                }
                if !self.has(Fault::LockSharedWithChild) {
                    state.close_own(CHILD);
                }
                Step::Run
            }
            other => other,
        }
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}
