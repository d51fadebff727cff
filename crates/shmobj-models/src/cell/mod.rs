//! The cell.
mod state;
pub(crate) mod word;
use crate::kernel::{ALL, Kernel, Life, Thread};
pub use state::State;
use state::*;
use stateright::{Model, Property};
use word::*;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Auto,
    Manual,
    Semaphore,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Play {
    Singles,
    Setters,
    Reset,
    Timed,
    Any,
    AnyTwo,
    AnySingles,
    Repeat,
    Manual,
    Pulse,
    ManualAny,
    Semaphore,
    SemaphoreMax,
    SemaphoreAny,
}
impl Play {
    pub const ALL: [Self; 14] = [
        Self::Singles,
        Self::Setters,
        Self::Reset,
        Self::Timed,
        Self::Any,
        Self::AnyTwo,
        Self::AnySingles,
        Self::Repeat,
        Self::Manual,
        Self::Pulse,
        Self::ManualAny,
        Self::Semaphore,
        Self::SemaphoreMax,
        Self::SemaphoreAny,
    ];
    fn programs(self) -> &'static [&'static [Task]] {
        use Task::*;
        match self {
            Self::Singles => &[&[One(0)], &[One(0)], &[Set(0), Set(0)], &[One(0)]],
            Self::Setters => &[&[One(0)], &[One(0)], &[Set(0)], &[Set(0)]],
            Self::Reset => &[&[One(0)], &[One(0)], &[Set(0), Reset(0)], &[Set(0)]],
            Self::Timed => &[&[Timed(0)], &[One(0)], &[Set(0), Reset(0)], &[Set(0)]],
            Self::Any => &[&[Any], &[One(0)], &[Set(0), Set(1)], &[Set(0)]],
            Self::AnyTwo => &[&[Any], &[Any], &[Set(0), Set(1)], &[One(1)]],
            Self::AnySingles => &[&[Any], &[One(0)], &[Set(0), Set(0), Reset(0)], &[One(0)]],
            Self::Repeat => &[&[One(0), One(0)], &[One(0)], &[Set(0), Set(0)], &[Set(0)]],
            Self::Manual => &[&[One(0)], &[One(0)], &[Set(0), Reset(0)], &[Set(0)]],
            Self::Pulse => &[&[One(0)], &[One(0), One(0)], &[Pulse(0), Pulse(0)], &[Set(0), Reset(0)]],
            Self::ManualAny => &[&[Any], &[One(0)], &[Set(0), Reset(0)], &[Set(1)]],
            Self::Semaphore => &[&[One(0)], &[One(0)], &[Release(0, 2)], &[Release(0, 1), One(0)]],
            Self::SemaphoreMax => &[&[Timed(0)], &[Release(0, 1)], &[Release(0, 1)]],
            Self::SemaphoreAny => &[&[Any], &[One(0)], &[Release(0, 2)], &[One(0)]],
        }
    }
    fn kind(self, cell: u8) -> Kind {
        match self {
            Self::Manual | Self::Pulse => Kind::Manual,
            Self::ManualAny if cell == 0 => Kind::Manual,
            Self::Semaphore | Self::SemaphoreAny | Self::SemaphoreMax if cell == 0 => Kind::Semaphore,
            _ => Kind::Auto,
        }
    }
    fn maximum(self) -> u8 {
        match self {
            Self::SemaphoreMax => 1,
            _ => 3,
        }
    }
    fn singles(self) -> bool {
        !matches!(self, Self::Any | Self::AnyTwo | Self::AnySingles | Self::ManualAny | Self::SemaphoreAny)
    }
}
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    NoSeq,
    BlindClear,
    SetThenWake,
    WakeBeforeSet,
    MultiIgnored,
    NoMultiReread,
    NoSettle,
    ResetTakesTickets,
    NoGeneration,
    LastLookSkipped,
    SignalInsteadOfTicket,
    ClearBeforeWake,
}
impl Fault {
    pub const ALL: [Self; 12] = [
        Self::NoSeq,
        Self::BlindClear,
        Self::SetThenWake,
        Self::WakeBeforeSet,
        Self::MultiIgnored,
        Self::NoMultiReread,
        Self::NoSettle,
        Self::ResetTakesTickets,
        Self::NoGeneration,
        Self::LastLookSkipped,
        Self::SignalInsteadOfTicket,
        Self::ClearBeforeWake,
    ];
}
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    pub play: Play,
    pub fault: Option<Fault>,
}
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    Step(Thread),
    Kill(Thread),
    TimeOut(Thread),
}

impl Cell {
    fn has(&self, f: Fault) -> bool {
        self.fault == Some(f)
    }
    fn task(&self, t: Thread, n: u8) -> Option<Task> {
        self.play.programs().get(t)?.get(usize::from(n)).copied()
    }
    fn first(&self, t: Option<Task>) -> Step {
        match t {
            None => Step::Done,
            Some(Task::One(c) | Task::Timed(c)) => Step::Look { cell: c, woken: 0 },
            Some(Task::Any) => Step::Look { cell: 0, woken: 0 },
            Some(_) => Step::Begin,
        }
    }
    fn over(&self, s: &mut State, t: Thread) -> Step {
        let p = &mut s.players[t];
        *p = Player {
            task: p.task + 1,
            step: Step::Done,
            seen: [0; CELLS],
            since: [None; CELLS],
            promised: false,
        };
        self.first(self.task(t, p.task))
    }
    fn signals(&self, w: u32, count: u8) -> u32 {
        let _ = count;
        tickets(w) + (w & SIGNALED)
    }
    fn step(&self, s: &mut State, t: Thread) {
        let task = self.task(t, s.players[t].task).unwrap();
        s.players[t].step = match task {
            Task::One(c) | Task::Timed(c) => self.wait(s, t, task, &[c]),
            Task::Any => self.wait(s, t, task, &[0, 1]),
            Task::Set(c) => self.signal(s, t, c, 1),
            Task::Release(c, n) => self.signal(s, t, c, n),
            Task::Reset(c) => {
                self.reset(s, c);
                self.over(s, t)
            }
            Task::Pulse(c) => match s.players[t].step {
                Step::Begin if s.word(c) & SIGNALED != 0 => {
                    self.reset(s, c);
                    self.over(s, t)
                }
                Step::Begin => Step::WakeOp { before: 0 },
                _ => {
                    self.promise(s, c);
                    s.kernel.wake_op(c.into(), |w| w.wrapping_add(GENERATION), ALL, 0);
                    self.over(s, t)
                }
            },
        };
    }
    fn reset(&self, s: &mut State, c: u8) {
        let w = s.word(c);
        if self.play.kind(c) == Kind::Manual {
            if w & SIGNALED != 0 {
                *s.word_mut(c) = (w & !SIGNALED) + if self.has(Fault::NoGeneration) { 0 } else { GENERATION };
            }
        } else {
            *s.word_mut(c) = w & !SIGNALED;
            if self.has(Fault::ResetTakesTickets) {
                *s.word_mut(c) &= !(0xff << 4);
            }
        }
    }
    fn promise(&self, s: &mut State, c: u8) {
        for o in 0..THREADS {
            if s.kernel.is_queued(o, c.into()) {
                s.players[o].promised = true;
            }
        }
    }
    fn signal(&self, s: &mut State, t: Thread, c: u8, n: u8) -> Step {
        let ci = usize::from(c);
        let kind = self.play.kind(c);
        let nn = u32::from(n);
        match s.players[t].step {
            Step::Begin => {
                let w = s.word(c);
                if kind == Kind::Semaphore && s.count[ci] + n > self.play.maximum() {
                    return self.over(s, t);
                }
                if w & WAITERS == 0 {
                    if kind == Kind::Semaphore {
                        s.count[ci] += n;
                    }
                    s.begun[ci] += n;
                    *s.word_mut(c) |= SIGNALED;
                    return self.over(s, t);
                }
                Step::WakeOp { before: w }
            }
            Step::WakeOp { before } if kind == Kind::Manual => {
                self.promise(s, c);
                s.kernel.wake_op(ci, |w| w | SIGNALED, ALL, 0);
                Step::Clear { before }
            }
            Step::Clear { before } => {
                if s.word(c) == before | SIGNALED || self.has(Fault::BlindClear) {
                    *s.word_mut(c) &= !(WAITERS | MULTI);
                }
                self.over(s, t)
            }
            Step::WakeOp { before } => {
                s.begun[ci] += n;
                let add = if self.has(Fault::SignalInsteadOfTicket) { 0 } else { nn * TICKET };
                let sig = if self.has(Fault::SignalInsteadOfTicket) { 1 } else { 0 };
                let more = if self.has(Fault::MultiIgnored) { 0 } else { ALL };
                let k = s.kernel.wake_op(ci, |w| (w + add) | sig, nn as usize, more);
                s.handed[ci] += (k as u8).min(n);
                let left = if before & MULTI != 0 { n } else { n - (k as u8).min(n) };
                if self.has(Fault::NoSettle) {
                    self.over(s, t)
                } else if left == n {
                    Step::Settle { before, left }
                } else if self.has(Fault::NoMultiReread) {
                    if left > 0 { Step::Settle { before, left } } else { self.over(s, t) }
                } else {
                    Step::Reread { before, left }
                }
            }
            Step::Reread { before, left } => {
                let left = if s.word(c) & MULTI != 0 { n } else { left };
                if left > 0 { Step::Settle { before, left } } else { self.over(s, t) }
            }
            Step::Settle { before, left } => {
                let w = s.word(c);
                let moved = tickets(w).min(left.into());
                let mut new = w - moved * TICKET;
                if moved > 0 {
                    new |= SIGNALED;
                    if kind == Kind::Semaphore {
                        s.count[ci] += moved as u8;
                    }
                }
                if w == before + nn * TICKET || self.has(Fault::BlindClear) {
                    new &= !(WAITERS | MULTI);
                }
                *s.word_mut(c) = new;
                self.over(s, t)
            }
            _ => Step::Done,
        }
    }
    fn try_take(&self, s: &mut State, t: Thread, c: u8) -> bool {
        let ci = usize::from(c);
        let w = s.word(c);
        let seq = if self.has(Fault::NoSeq) { 0 } else { SEQ };
        if self.play.kind(c) == Kind::Manual {
            let since = *s.players[t].since[ci].get_or_insert(generation(w));
            return w & SIGNALED != 0 || generation(w) != since;
        }
        if tickets(w) > 0 {
            *s.word_mut(c) = w - TICKET + seq;
        } else if w & SIGNALED != 0 {
            if self.play.kind(c) == Kind::Semaphore {
                s.count[ci] -= 1;
                *s.word_mut(c) = (w & !SIGNALED) + u32::from(s.count[ci] > 0) + seq;
            } else {
                *s.word_mut(c) = (w & !SIGNALED) + seq;
            }
        } else {
            return false;
        }
        s.taken[ci] += 1;
        true
    }
    fn wait(&self, s: &mut State, t: Thread, task: Task, cells: &[u8]) -> Step {
        match s.players[t].step {
            Step::Look { cell, .. } => {
                if self.try_take(s, t, cell) {
                    return self.over(s, t);
                }
                let mark = if cells.len() > 1 { WAITERS | MULTI } else { WAITERS };
                *s.word_mut(cell) |= mark;
                s.players[t].seen[usize::from(cell)] = s.word(cell);
                if cells.len() > 1 {
                    if cell == 0 { Step::Look { cell: 1, woken: 0 } } else { Step::QueueFirst }
                } else {
                    Step::Sleep
                }
            }
            Step::Sleep => {
                let c = cells[0];
                if s.kernel.wait(t, c.into(), s.players[t].seen[usize::from(c)]) {
                    s.broken |= s.players[t].promised;
                    Step::Asleep
                } else {
                    self.again(s, t, task, 0)
                }
            }
            Step::QueueFirst => {
                if s.kernel.queue(t, 0, s.players[t].seen[0]) {
                    Step::QueueSecond
                } else {
                    self.again(s, t, task, 0)
                }
            }
            Step::QueueSecond => {
                if !s.kernel.is_queued(t, 0) {
                    return self.again(s, t, task, 0);
                }
                if s.kernel.wait(t, 1, s.players[t].seen[1]) {
                    s.broken |= s.players[t].promised;
                    Step::Asleep
                } else {
                    self.again(s, t, task, 0)
                }
            }
            Step::Last => {
                let Task::Timed(c) = task else { return Step::Done };
                if !self.has(Fault::LastLookSkipped) {
                    self.try_take(s, t, c);
                }
                self.over(s, t)
            }
            _ => Step::Done,
        }
    }
    fn again(&self, s: &mut State, t: Thread, task: Task, woken: u8) -> Step {
        s.players[t].seen = [0; CELLS];
        match task {
            Task::One(c) | Task::Timed(c) => Step::Look { cell: c, woken },
            _ => Step::Look { cell: 0, woken },
        }
    }
}
pub const C1: &str = "C1: a signal satisfies at most one wait";
pub const C2: &str = "C2: a signal handed to a sleeper is not lost";
pub const C3: &str = "C3: nobody sleeps who could be satisfied";
pub const C4: &str = "C4: WAITERS and MULTI are set while somebody sleeps";
pub const C5: &str = "C5: no stray tickets without a crash";
pub const C6: &str = "C6: who slept when it was set is released";
pub const C7: &str = "C7: maximum of semaphore";
fn quiet(s: &State) -> bool {
    (0..THREADS).all(|t| match s.kernel.life[t] {
        Life::Dead | Life::Asleep => true,
        Life::Dying => false,
        Life::Running => s.players[t].step == Step::Done,
    })
}
impl Model for Cell {
    type State = State;
    type Action = Action;
    fn init_states(&self) -> Vec<State> {
        vec![State {
            kernel: Kernel::new([0; CELLS]),
            count: [0; CELLS],
            players: std::array::from_fn(|t| Player {
                task: 0,
                step: self.first(self.task(t, 0)),
                seen: [0; CELLS],
                since: [None; CELLS],
                promised: false,
            }),
            begun: [0; CELLS],
            taken: [0; CELLS],
            handed: [0; CELLS],
            excused: [0; CELLS],
            broken: false,
            crashed: false,
        }]
    }
    fn actions(&self, s: &State, a: &mut Vec<Action>) {
        for t in 0..THREADS {
            match s.kernel.life[t] {
                Life::Dead | Life::Dying => continue,
                Life::Asleep => {
                    if let Some(Task::Timed(_)) = self.task(t, s.players[t].task) {
                        a.push(Action::TimeOut(t))
                    }
                }
                Life::Running if s.players[t].step == Step::Done => continue,
                Life::Running => {
                    a.push(Action::Step(t));
                    if let (Some(Task::Timed(_)), Step::Look { .. }) =
                        (self.task(t, s.players[t].task), s.players[t].step)
                    {
                        a.push(Action::TimeOut(t))
                    }
                }
            }
            a.push(Action::Kill(t));
        }
    }
    fn next_state(&self, s: &State, a: Action) -> Option<State> {
        let mut s = s.clone();
        match a {
            Action::Step(t) => self.step(&mut s, t),
            Action::TimeOut(t) => {
                s.kernel.time_out(t);
                s.players[t].step = Step::Last;
            }
            Action::Kill(t) => {
                if let Step::Look { woken: 1, cell } = s.players[t].step {
                    if self.task(t, s.players[t].task) != Some(Task::Any) {
                        s.excused[usize::from(cell)] += 1;
                    }
                }
                if let (Step::Last, Some(Task::Timed(c))) =
                    (s.players[t].step, self.task(t, s.players[t].task))
                {
                    s.excused[usize::from(c)] += 1;
                }
                s.kernel.crash(t);
                s.crashed = true;
            }
        }
        for t in 0..THREADS {
            match (s.kernel.life[t], s.players[t].step) {
                (Life::Dead, _) => {
                    s.players[t] = Player {
                        task: 0,
                        step: Step::Done,
                        seen: [0; CELLS],
                        since: [None; CELLS],
                        promised: false,
                    }
                }
                (Life::Running, Step::Asleep) => {
                    let task = self.task(t, s.players[t].task).unwrap();
                    s.players[t].step = self.again(&mut s, t, task, 1);
                }
                _ => {}
            }
        }
        Some(s)
    }
    fn properties(&self) -> Vec<Property<Self>> {
        let mut v = vec![
            Property::<Self>::always(C1, |m, s| {
                (0..CELLS).all(|c| m.play.kind(c as u8) == Kind::Manual || s.taken[c] <= s.begun[c])
            }),
            Property::<Self>::always(C3, |m, s| {
                !quiet(s)
                    || (0..CELLS).all(|c| {
                        let n = (0..THREADS).filter(|t| s.kernel.is_queued(*t, c)).count() as u32;
                        match m.play.kind(c as u8) {
                            Kind::Manual => n == 0 || s.kernel.words[c] & SIGNALED == 0,
                            Kind::Semaphore => {
                                n.min(tickets(s.kernel.words[c]) + u32::from(s.count[c]))
                                    <= s.excused[c].into()
                            }
                            Kind::Auto => {
                                n.min(m.signals(s.kernel.words[c], s.count[c])) <= s.excused[c].into()
                            }
                        }
                    })
            }),
            Property::<Self>::always(C4, |m, s| {
                (0..CELLS).all(|c| {
                    (0..THREADS).all(|t| {
                        !s.kernel.is_queued(t, c) || {
                            let any = m.task(t, s.players[t].task) == Some(Task::Any);
                            let w = s.kernel.words[c];
                            w & WAITERS != 0 && (!any || w & MULTI != 0)
                        }
                    })
                })
            }),
            Property::<Self>::always(C5, |m, s| {
                !quiet(s)
                    || s.crashed
                    || (0..CELLS)
                        .all(|c| m.play.kind(c as u8) == Kind::Manual || tickets(s.kernel.words[c]) == 0)
            }),
            Property::<Self>::always(C6, |_, s| !s.broken),
            Property::<Self>::always(C7, |m, s| {
                (0..CELLS).all(|c| {
                    m.play.kind(c as u8) != Kind::Semaphore
                        || (s.count[c] <= m.play.maximum()
                            && (s.count[c] > 0) == (s.kernel.words[c] & SIGNALED != 0))
                })
            }),
        ];
        if self.play.singles() {
            v.push(Property::<Self>::always(C2, |m, s| {
                (0..CELLS).all(|c| {
                    m.play.kind(c as u8) == Kind::Manual
                        || u32::from(s.taken[c]) + tickets(s.kernel.words[c]) >= s.handed[c].into()
                })
            }))
        }
        v
    }
}
