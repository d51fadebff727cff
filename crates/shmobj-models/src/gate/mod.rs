//! The gate.
use crate::cell::word::{self as cell, LOCKED, MULTI, SEQ, SIGNALED, TICKET, is_signalled, tickets};
use crate::kernel::{ALL, Kernel, Life, OWNER_DIED, TID, Thread, WAITERS, tid};
use stateright::{Model, Property};

pub(super) const THREADS: usize = 4;
const GATE: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Task {
    All,
    AllBackwards,
    One(u8),
    Lock,
    Set(u8),
    Reset(u8),
    Observe([u8; 2]),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Phase {
    Look,
    Pass,
    Prepare,
    Commit,
    Undo,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Step {
    Look,
    Sleep,
    Asleep,
    // gate of object `at`
    Pend,
    Try,
    GateSleep,
    GateAsleep,
    List,
    Unpend,
    Recover,
    Lock,
    Take,
    ClearLocked,
    PendAgain,
    Unlist,
    Release,
    WakeGate,
    UnpendAgain,
    // mutex
    MPend,
    MTry,
    MSleep,
    MAsleep,
    MPassOn,
    MUnpendToLook,
    MList,
    MUnpend,
    MReadToken,
    MToken,
    MOwn,
    MPendAgain,
    MUnlist,
    MUndo,
    MUndoWake,
    MUnpendAgain,
    Disown,
    UPend,
    UUnlist,
    URelease,
    UWake,
    UClear,
    UUnpend,
    Begin,
    WakeOp,
    Reread,
    Settle,
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Player {
    task: u8,
    step: Step,
    at: u8,
    phase: Phase,
    seen: u32,
    died: bool,
    abandoned: bool,
    left: u8,
    woken: bool,
    noted: u8,
}
const IDLE: Player = Player {
    task: 0,
    step: Step::Done,
    at: 0,
    phase: Phase::Look,
    seen: 0,
    died: false,
    abandoned: false,
    left: 0,
    woken: false,
    noted: 0,
};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct State {
    kernel: Kernel<THREADS, 4>,
    token: u32,
    players: [Player; THREADS],
    /// which wait-alls have committed which object
    committed: [u8; THREADS],
    begun: [u8; 2],
    taken: [u8; 2],
    excused: [u8; 2],
    owed: bool,
    wrong: bool,
    partial: bool,
}
impl State {
    pub fn show(&self) -> String {
        let w = self.kernel.words;
        let c = |w: u32| {
            format!(
                "[{}{}{}{} t{}]",
                if w & SIGNALED != 0 { "S" } else { "" },
                if w & cell::WAITERS != 0 { "W" } else { "" },
                if w & MULTI != 0 { "M" } else { "" },
                if w & LOCKED != 0 { "L" } else { "" },
                tickets(w)
            )
        };
        format!(
            "{} {}/{:x} g {:x} {:x} tok {} {:?} {:?}",
            c(w[0]),
            c(w[1]),
            w[1],
            w[2],
            w[3],
            self.token,
            self.players.map(|p| format!("{:?} {:?}@{}", p.phase, p.step, p.at)),
            self.kernel.life
        )
    }
}
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Play {
    AllOne,
    AllAll,
    AllObserve,
    AllObserveReset,
    MutexAll,
    MutexAllAll,
    MutexObserve,
    MutexCross,
}
impl Play {
    pub const ALL: [Self; 8] = [
        Self::AllOne,
        Self::AllAll,
        Self::AllObserve,
        Self::AllObserveReset,
        Self::MutexAll,
        Self::MutexAllAll,
        Self::MutexObserve,
        Self::MutexCross,
    ];
    fn programs(self) -> &'static [&'static [Task]] {
        use Task::*;
        match self {
            Self::AllOne => &[&[All], &[One(0)], &[Set(0), Set(1)], &[Set(0)]],
            Self::AllAll => &[&[All], &[AllBackwards], &[Set(0), Set(1), Set(0), Set(1)]],
            Self::AllObserve => &[&[All], &[Observe([0, 1])], &[Set(0), Set(1)], &[Observe([1, 0])]],
            Self::AllObserveReset => &[&[All], &[Observe([0, 1])], &[Set(0), Set(1)], &[Reset(1)]],
            Self::MutexAll => &[&[All], &[Lock], &[Set(0)], &[Lock]],
            Self::MutexAllAll => &[&[All], &[AllBackwards], &[Set(0), Set(0)], &[Lock]],
            Self::MutexObserve => &[&[All], &[Observe([0, 1])], &[Set(0)], &[Lock]],
            Self::MutexCross => &[&[All], &[All], &[Set(0), Set(0)], &[Observe([1, 0])]],
        }
    }
    fn mutex(self) -> bool {
        matches!(self, Self::MutexAll | Self::MutexAllAll | Self::MutexObserve | Self::MutexCross)
    }
}
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    SilentCommit,
    SwapThenWake,
    DifferentOrders,
    TakersIgnoreLocked,
    ObserverIgnoresLocked,
    CommitWithoutLocked,
    NoRecovery,
    ReleaseBeforeClear,
    WakeOne,
    NoPassOn,
    NoPendingAsleep,
    UndoSilent,
    DropMark,
    ResetIgnoresLocked,
    OneByOne,
}
impl Fault {
    pub const ALL: [Self; 15] = [
        Self::SilentCommit,
        Self::SwapThenWake,
        Self::DifferentOrders,
        Self::TakersIgnoreLocked,
        Self::ObserverIgnoresLocked,
        Self::CommitWithoutLocked,
        Self::NoRecovery,
        Self::ReleaseBeforeClear,
        Self::WakeOne,
        Self::NoPassOn,
        Self::NoPendingAsleep,
        Self::UndoSilent,
        Self::DropMark,
        Self::ResetIgnoresLocked,
        Self::OneByOne,
    ];
}
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    pub play: Play,
    pub fault: Option<Fault>,
}
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Step(Thread),
    Kill(Thread),
    Walk(Thread),
}

impl Gate {
    fn has(&self, f: Fault) -> bool {
        self.fault == Some(f)
    }
    fn task(&self, t: Thread, n: u8) -> Option<Task> {
        self.play.programs().get(t)?.get(usize::from(n)).copied()
    }
    fn is_mutex(&self, o: u8) -> bool {
        self.play.mutex() && o == 1
    }
    fn begin(&self, t: Thread, n: u8) -> Player {
        let mut p = Player { task: n, ..IDLE };
        (p.step, p.at) = match self.task(t, n) {
            None => (Step::Done, 0),
            Some(Task::All | Task::AllBackwards) => (Step::Look, 0),
            Some(Task::One(c) | Task::Reset(c)) => (Step::Look, c),
            Some(Task::Observe([c, _])) => (Step::Look, c),
            Some(Task::Lock) => (Step::MPend, 1),
            Some(Task::Set(c)) => (Step::Begin, c),
        };
        p
    }
    fn over(&self, s: &mut State, t: Thread) {
        s.players[t] = self.begin(t, s.players[t].task + 1);
    }
    fn order(&self, t: Thread, s: &State) -> [u8; 2] {
        if self.task(t, s.players[t].task) == Some(Task::AllBackwards) && self.has(Fault::DifferentOrders) {
            [1, 0]
        } else {
            [0, 1]
        }
    }
    fn restart(&self, s: &mut State, t: Thread) {
        let n = s.players[t].task;
        let noted = s.players[t].noted;
        let at = s.players[t].at;
        s.players[t] = self.begin(t, n);
        if let Some(Task::Observe(_)) = self.task(t, n) {
            s.players[t].at = at;
            s.players[t].noted = noted;
        }
    }
    fn prepare(&self, s: &mut State, t: Thread, o: u8) {
        let p = &mut s.players[t];
        p.phase = Phase::Prepare;
        p.at = o;
        p.step = if self.is_mutex(o) { Step::MPend } else { Step::Pend };
    }
    fn commit(&self, s: &mut State, t: Thread, o: u8) {
        let m = self.is_mutex(o);
        let p = &mut s.players[t];
        p.phase = Phase::Commit;
        p.at = o;
        p.step = if m { Step::MReadToken } else { Step::Take };
    }
    fn after_prepared(&self, s: &mut State, t: Thread) {
        let [a, b] = self.order(t, s);
        if s.players[t].at == a { self.prepare(s, t, b) } else { self.commit(s, t, a) }
    }
    fn after_committed(&self, s: &mut State, t: Thread) {
        let [a, b] = self.order(t, s);
        if s.players[t].at == a {
            self.commit(s, t, b)
        } else if self.play.mutex() {
            s.players[t].step = Step::Disown;
            s.players[t].at = 1
        } else {
            self.over(s, t)
        }
    }
    /// object at could not be prepared; undo those before
    fn undo_before(&self, s: &mut State, t: Thread) {
        let [a, b] = self.order(t, s);
        if s.players[t].at == b {
            let m = self.is_mutex(a);
            let p = &mut s.players[t];
            p.phase = Phase::Undo;
            p.at = a;
            p.step = if m { Step::MPendAgain } else { Step::ClearLocked };
        } else {
            self.restart(s, t)
        }
    }
    fn takeable(&self, s: &State, o: u8) -> bool {
        let w = s.kernel.words[usize::from(o)];
        if self.is_mutex(o) { w & TID == 0 } else { is_signalled(w) }
    }
    fn take_cell(&self, s: &mut State, o: u8) {
        let i = usize::from(o);
        let w = &mut s.kernel.words[i];
        if tickets(*w) > 0 {
            *w -= TICKET;
        } else {
            *w &= !SIGNALED;
        }
        *w += SEQ;
        s.taken[i] += 1;
    }
    fn step(&self, s: &mut State, t: Thread) {
        let task = self.task(t, s.players[t].task).unwrap();
        let p = s.players[t];
        let o = p.at;
        let i = usize::from(o);
        let g = GATE + i;
        let own = tid(t);
        macro_rules! go {
            ($x:ident) => {
                s.players[t].step = Step::$x
            };
        }
        match p.step {
            Step::Look => self.look(s, t, task),
            Step::Sleep => {
                if s.kernel.wait(t, i, p.seen) {
                    go!(Asleep)
                } else {
                    self.restart(s, t)
                }
            }
            Step::Asleep | Step::GateAsleep | Step::MAsleep | Step::Done => {}
            Step::Pend => {
                s.kernel.pending[t] = Some(g as u8);
                go!(Try)
            }
            Step::Try => {
                let w = s.kernel.words[g];
                if w & TID == 0 {
                    s.kernel.words[g] = own | (w & WAITERS);
                    go!(List)
                } else {
                    s.kernel.words[g] |= WAITERS;
                    s.players[t].seen = w | WAITERS;
                    if self.has(Fault::NoPendingAsleep) {
                        s.kernel.pending[t] = None;
                    }
                    go!(GateSleep)
                }
            }
            Step::GateSleep => {
                if s.kernel.wait(t, g, p.seen) {
                    go!(GateAsleep)
                } else {
                    go!(Try)
                }
                s.players[t].seen = 0;
            }
            Step::List => {
                s.kernel.list(t, g);
                go!(Unpend)
            }
            Step::Unpend => {
                s.kernel.pending[t] = None;
                if p.phase == Phase::Pass || s.kernel.words[i] & LOCKED != 0 {
                    go!(Recover)
                } else {
                    go!(Lock)
                }
            }
            Step::Recover => {
                if !self.has(Fault::NoRecovery) {
                    s.kernel.words[i] &= !LOCKED;
                }
                if p.phase == Phase::Pass { go!(PendAgain) } else { go!(Lock) }
            }
            Step::Lock => {
                if is_signalled(s.kernel.words[i]) {
                    if !self.has(Fault::CommitWithoutLocked) {
                        s.kernel.words[i] |= LOCKED;
                    }
                    if self.has(Fault::OneByOne) {
                        return self.commit(s, t, o);
                    }
                    self.after_prepared(s, t)
                } else {
                    s.players[t].phase = Phase::Undo;
                    go!(PendAgain);
                    s.players[t].seen = 1 /* no LOCKED */
                }
            }
            Step::Take => {
                if is_signalled(s.kernel.words[i]) {
                    self.take_cell(s, o);
                    s.committed[t] |= 1 << o;
                }
                if !self.has(Fault::ReleaseBeforeClear) {
                    s.kernel.words[i] &= !LOCKED;
                }
                go!(PendAgain)
            }
            Step::ClearLocked => {
                s.kernel.words[i] &= !LOCKED;
                if self.has(Fault::ReleaseBeforeClear) && p.phase == Phase::Commit {
                    return self.after_committed(s, t);
                }
                go!(PendAgain)
            }
            Step::PendAgain => {
                s.kernel.pending[t] = Some(g as u8);
                go!(Unlist)
            }
            Step::Unlist => {
                s.kernel.unlist(t, g);
                go!(Release)
            }
            Step::Release => {
                let w = s.kernel.words[g] & WAITERS != 0;
                if self.has(Fault::SwapThenWake) {
                    s.kernel.words[g] = 0;
                    if w { go!(WakeGate) } else { go!(UnpendAgain) }
                } else {
                    s.kernel.wake_op(g, |_| 0, if self.has(Fault::WakeOne) { 1 } else { ALL }, 0);
                    go!(UnpendAgain)
                }
            }
            Step::WakeGate => {
                s.kernel.wake(g, ALL);
                go!(UnpendAgain)
            }
            Step::UnpendAgain => {
                s.kernel.pending[t] = None;
                match p.phase {
                    Phase::Pass | Phase::Look => self.restart(s, t),
                    Phase::Commit if self.has(Fault::ReleaseBeforeClear) => go!(ClearLocked),
                    Phase::Commit | Phase::Prepare => {
                        if self.has(Fault::OneByOne) && o == self.order(t, s)[0] {
                            let b = self.order(t, s)[1];
                            self.prepare(s, t, b)
                        } else {
                            self.after_committed(s, t)
                        }
                    }
                    Phase::Undo if p.seen == 1 => {
                        s.players[t].seen = 0;
                        self.undo_before(s, t)
                    }
                    Phase::Undo => self.restart(s, t),
                }
            }
            // mutex
            Step::MPend => {
                s.kernel.pending[t] = Some(1);
                go!(MTry)
            }
            Step::MTry => {
                let w = s.kernel.words[1];
                if w & TID == 0 {
                    if p.phase == Phase::Look && task != Task::Lock {
                        return go!(MUnpendToLook);
                    }
                    s.players[t].died = w & OWNER_DIED != 0;
                    s.kernel.words[1] =
                        own | (w & WAITERS) | if p.phase == Phase::Prepare { OWNER_DIED } else { 0 };
                    go!(MList)
                } else if p.phase == Phase::Prepare && w & OWNER_DIED == 0 {
                    go!(MUnpend);
                    s.players[t].seen = 1;
                } else if matches!(task, Task::Observe(_)) && w & OWNER_DIED == 0 {
                    go!(MUnpendToLook)
                } else {
                    s.kernel.words[1] |= WAITERS;
                    s.players[t].seen = w | WAITERS;
                    if self.has(Fault::NoPendingAsleep) {
                        s.kernel.pending[t] = None;
                    }
                    go!(MSleep)
                }
            }
            Step::MSleep => {
                if s.kernel.wait(t, 1, p.seen) {
                    go!(MAsleep)
                } else {
                    go!(MTry)
                }
                s.players[t].seen = 0;
            }
            Step::MPassOn => {
                if s.kernel.words[1] & TID == 0 && !self.has(Fault::NoPassOn) {
                    s.kernel.wake(1, ALL);
                }
                go!(MUnpendToLook)
            }
            Step::MUnpendToLook => {
                s.kernel.pending[t] = None;
                self.restart(s, t)
            }
            Step::MList => {
                s.kernel.list(t, 1);
                go!(MUnpend)
            }
            Step::MUnpend => {
                s.kernel.pending[t] = None;
                if p.seen == 1 {
                    s.players[t].seen = 0;
                    return self.undo_before(s, t);
                }
                if p.phase == Phase::Prepare { self.after_prepared(s, t) } else { go!(MReadToken) }
            }
            Step::MReadToken => {
                s.players[t].abandoned = p.died && s.token != 0;
                go!(MToken)
            }
            Step::MToken => {
                s.token = own;
                s.wrong |= p.abandoned != s.owed;
                s.owed = false;
                if task == Task::Lock { go!(Disown) } else { go!(MOwn) }
            }
            Step::MOwn => {
                let w = s.kernel.words[1];
                if w & WAITERS != 0 && !self.has(Fault::SilentCommit) {
                    s.kernel.wake_op(1, |w| w & !OWNER_DIED, ALL, 0);
                } else {
                    s.kernel.words[1] &= !OWNER_DIED;
                }
                s.committed[t] |= 2;
                self.after_committed(s, t)
            }
            Step::MPendAgain => {
                s.kernel.pending[t] = Some(1);
                go!(MUnlist)
            }
            Step::MUnlist => {
                s.kernel.unlist(t, 1);
                go!(MUndo)
            }
            Step::MUndo => {
                let died = if p.died && s.token != 0 { OWNER_DIED } else { 0 };
                s.kernel.wake_op(1, |_| died, if self.has(Fault::UndoSilent) { 0 } else { ALL }, 0);
                go!(MUnpendAgain)
            }
            Step::MUndoWake => {}
            Step::MUnpendAgain => {
                s.kernel.pending[t] = None;
                self.restart(s, t)
            }
            Step::Disown => {
                s.token = 0;
                go!(UPend)
            }
            Step::UPend => {
                s.kernel.pending[t] = Some(1);
                go!(UUnlist)
            }
            Step::UUnlist => {
                s.kernel.unlist(t, 1);
                go!(URelease)
            }
            Step::URelease => {
                let w = s.kernel.words[1] & WAITERS;
                s.kernel.words[1] = w;
                if w != 0 { go!(UWake) } else { go!(UUnpend) }
            }
            Step::UWake => {
                if s.kernel.wake(1, 1) == 0 {
                    go!(UClear)
                } else {
                    go!(UUnpend)
                }
            }
            Step::UClear => {
                s.kernel.wake_op(1, |w| w & !WAITERS, ALL, 0);
                go!(UUnpend)
            }
            Step::UUnpend => {
                s.kernel.pending[t] = None;
                self.over(s, t)
            }
            // setter
            Step::Begin => {
                let w = s.kernel.words[i];
                if w & cell::WAITERS == 0 {
                    s.begun[i] += 1;
                    s.kernel.words[i] |= SIGNALED;
                    self.over(s, t)
                } else {
                    s.players[t].seen = w;
                    go!(WakeOp)
                }
            }
            Step::WakeOp => {
                s.begun[i] += 1;
                let k = s.kernel.wake_op(i, |w| w + TICKET, 1, ALL);
                s.players[t].left = u8::from(k == 0 || p.seen & MULTI != 0);
                if s.players[t].left == 1 { go!(Settle) } else { go!(Reread) }
            }
            Step::Reread => {
                if s.kernel.words[i] & MULTI != 0 {
                    go!(Settle)
                } else {
                    self.over(s, t)
                }
            }
            Step::Settle => {
                let w = s.kernel.words[i];
                let mut new = w;
                if tickets(w) > 0 {
                    new = (w - TICKET) | SIGNALED;
                }
                if w == p.seen + TICKET {
                    new &= !(cell::WAITERS | MULTI);
                }
                s.kernel.words[i] = new;
                self.over(s, t)
            }
        }
    }
    fn look(&self, s: &mut State, t: Thread, task: Task) {
        let p = s.players[t];
        let o = p.at;
        let i = usize::from(o);
        let w = s.kernel.words[i];
        if self.is_mutex(o) {
            let tentative = w & TID != 0 && w & OWNER_DIED != 0;
            match task {
                Task::Observe(order) => {
                    if tentative && !self.has(Fault::ObserverIgnoresLocked) {
                        s.players[t].step = Step::MPend;
                        return;
                    }
                    return self.observe(s, t, order);
                }
                _ => {
                    if w & TID == 0 {
                        return self.looked(s, t);
                    } else {
                        s.players[t].step = Step::MPend;
                        return;
                    }
                }
            }
        }
        let ignores = match task {
            Task::One(_) => self.has(Fault::TakersIgnoreLocked),
            Task::Reset(_) => self.has(Fault::ResetIgnoresLocked),
            Task::Observe(_) => self.has(Fault::ObserverIgnoresLocked),
            _ => false,
        };
        if w & LOCKED != 0 && !ignores {
            let p = &mut s.players[t];
            p.phase = Phase::Pass;
            p.step = Step::Pend;
            return;
        }
        match task {
            Task::One(_) => {
                if is_signalled(w) {
                    self.take_cell(s, o);
                    self.over(s, t)
                } else {
                    s.kernel.words[i] |= cell::WAITERS;
                    s.players[t].seen = s.kernel.words[i];
                    s.players[t].step = Step::Sleep
                }
            }
            Task::Reset(_) => {
                s.kernel.words[i] &= !SIGNALED;
                self.over(s, t)
            }
            Task::Observe(order) => self.observe(s, t, order),
            _ => {
                if is_signalled(w) {
                    self.looked(s, t)
                } else {
                    s.kernel.words[i] |= cell::WAITERS | if self.has(Fault::DropMark) { 0 } else { MULTI };
                    s.players[t].seen = s.kernel.words[i];
                    s.players[t].step = Step::Sleep
                }
            }
        }
    }
    fn looked(&self, s: &mut State, t: Thread) {
        if s.players[t].at == 0 {
            s.players[t].at = 1
        } else {
            let a = self.order(t, s)[0];
            self.prepare(s, t, a)
        }
    }
    fn observe(&self, s: &mut State, t: Thread, order: [u8; 2]) {
        let o = s.players[t].at;
        if o == order[0] {
            s.players[t].noted =
                (0..THREADS).filter(|j| s.committed[*j] & (1 << o) != 0).fold(0, |n, j| n | 1 << j);
            s.players[t].at = order[1];
        } else {
            s.partial |= self.takeable(s, o)
                && (0..THREADS).any(|j| {
                    s.players[t].noted & (1 << j) != 0
                        && s.committed[j] & (1 << o) == 0
                        && !matches!(s.kernel.life[j], Life::Dying | Life::Dead)
                });
            self.over(s, t);
        }
    }
}
pub const G1: &str = "G1: LOCKED is cleared before the gate is released";
pub const G2: &str = "G2: nobody sees half of a wait-all";
pub const G3: &str = "G3: nobody sleeps who could proceed";
pub const G4: &str = "G4: after any deaths gates are free";
pub const G5: &str = "G5: a signal satisfies at most one wait";
pub const G6: &str = "G6: a death is told to one";
pub const G7: &str = "G7: marks while asleep";
fn quiet(s: &State) -> bool {
    (0..THREADS).all(|t| match s.kernel.life[t] {
        Life::Dead | Life::Asleep => true,
        Life::Dying => false,
        Life::Running => s.players[t].step == Step::Done,
    })
}
impl Model for Gate {
    type State = State;
    type Action = Action;
    fn init_states(&self) -> Vec<State> {
        vec![State {
            kernel: Kernel::new([0; 4]),
            token: 0,
            players: std::array::from_fn(|t| self.begin(t, 0)),
            committed: [0; THREADS],
            begun: [0; 2],
            taken: [0; 2],
            excused: [0; 2],
            owed: false,
            wrong: false,
            partial: false,
        }]
    }
    fn actions(&self, s: &State, a: &mut Vec<Action>) {
        for t in 0..THREADS {
            match s.kernel.life[t] {
                Life::Dead => continue,
                Life::Dying => {
                    a.push(Action::Walk(t));
                    continue;
                }
                Life::Asleep => {}
                Life::Running if s.players[t].step == Step::Done => continue,
                Life::Running => a.push(Action::Step(t)),
            }
            a.push(Action::Kill(t));
        }
    }
    fn next_state(&self, s: &State, a: Action) -> Option<State> {
        let mut s = s.clone();
        match a {
            Action::Step(t) => self.step(&mut s, t),
            Action::Walk(t) => s.kernel.walk(t),
            Action::Kill(t) => {
                let p = s.players[t];
                if let Some(Task::One(c)) = self.task(t, p.task) {
                    if p.woken {
                        s.excused[usize::from(c)] = 1;
                    }
                }
                s.owed |= s.token == tid(t);
                s.kernel.crash(t);
            }
        }
        for t in 0..THREADS {
            let p = &mut s.players[t];
            match (s.kernel.life[t], p.step) {
                (Life::Dead | Life::Dying, _) => *p = IDLE,
                (Life::Running, Step::Asleep) => {
                    self.restart(&mut s, t);
                    s.players[t].woken = true;
                }
                (Life::Running, Step::GateAsleep) => p.step = Step::Try,
                (Life::Running, Step::MAsleep) => {
                    p.step = if p.phase == Phase::Look && self.task(t, p.task) != Some(Task::Lock) {
                        Step::MPassOn
                    } else {
                        Step::MTry
                    }
                }
                _ => {}
            }
        }
        Some(s)
    }
    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always(G1, |m, s| {
                (0..2).all(|c| {
                    m.is_mutex(c as u8)
                        || s.kernel.words[c] & LOCKED == 0
                        || s.kernel.words[GATE + c] & (TID | OWNER_DIED) != 0
                })
            }),
            Property::<Self>::always(G2, |_, s| !s.partial),
            Property::<Self>::always(G3, |m, s| {
                !quiet(s)
                    || (0..THREADS).all(|t| {
                        s.kernel.life[t] != Life::Asleep || {
                            let p = s.players[t];
                            let w = s.kernel.words[usize::from(p.at)];
                            match p.step {
                                Step::Asleep => match m.task(t, p.task) {
                                    Some(Task::One(c)) => !is_signalled(w) || s.excused[usize::from(c)] > 0,
                                    _ => !is_signalled(w),
                                },
                                _ => false,
                            }
                        }
                    })
            }),
            Property::<Self>::always(G4, |m, s| {
                !quiet(s)
                    || ((1..4).all(|c| {
                        if c == 1 {
                            !m.is_mutex(1) || s.kernel.words[1] & TID == 0
                        } else {
                            s.kernel.words[c] & TID == 0
                        }
                    }))
            }),
            Property::<Self>::always(G5, |m, s| {
                (0..2).all(|c| m.is_mutex(c as u8) || s.taken[c] <= s.begun[c])
            }),
            Property::<Self>::always(G6, |_, s| !s.wrong),
            Property::<Self>::always(G7, |m, s| {
                (0..2).all(|c| {
                    m.is_mutex(c as u8)
                        || (0..THREADS).all(|t| {
                            !s.kernel.is_queued(t, c) || {
                                let w = s.kernel.words[c];
                                w & cell::WAITERS != 0
                                    && (matches!(m.task(t, s.players[t].task), Some(Task::One(_)))
                                        || w & MULTI != 0)
                            }
                        })
                })
            }),
        ]
    }
}
