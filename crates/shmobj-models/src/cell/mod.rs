//! The cell: events and semaphores, by setters, resetters and waiters, any of which may be killed.
//!
//! A cell is 64 bits that one compare-and-swap changes. The low half is the word on which the kernel lets
//! threads sleep:
//!
//! | Bits | Name | Set by | Cleared by |
//! |---|---|---|---|
//! | 0 | SIGNALED | a set or release, or by its settle | a take, a reset |
//! | 1 | WAITERS | who is about to sleep | a set that knows that nobody sleeps |
//! | 2 | LOCKED | a wait-all (module [`gate`](crate::gate)) | the same |
//! | 3 | ALL | who is about to sleep and waits for all of several | with WAITERS; who leaves a wait-all |
//! | 4-15 | TICKETS | a set that found WAITERS | a take, a settle |
//! | 16-30 | SEQ | counts takes | |
//! | 31 | MULTI | who is about to sleep and waits for any or all of several | with WAITERS |
//!
//! The high half is a semaphore's count; its SIGNALED says that the count is not 0. A manual-reset event has
//! in bits 4-30 a GENERATION, which counts resets and pulses.
//!
//! A *ticket* is a signal that a sleeper was woken for. Anybody may take it, but a reset leaves it alone, and
//! it doesn't count against a semaphore's maximum. So two sets while two threads sleep release two, as they
//! must, although SIGNALED is only one bit.
//!
//! | Step | Does | Then |
//! |---|---|---|
//! | `Begin` | set, release: nobody sleeps (no WAITERS): CAS SIGNALED or the count in | done; `WakeOp` |
//! | `WakeOp` | one `FUTEX_WAKE_OP`: add a ticket, wake one; all if MULTI | `Settle` |
//! | `Settle` | CAS: a ticket that nobody was woken for (each, if ALL is seen now or was at `Begin`) becomes SIGNALED or a count; WAITERS, MULTI and ALL go if all were woken, the cell had no tickets at `Begin`, and nothing but this one has been added | done |
//! | `WakeOp`, `Clear` | manual-reset: SIGNALED in, wake all; WAITERS, MULTI and ALL go likewise | done |
//! | `PulseLook` | after the reset that a pulse begins with: nobody sleeps: done | `WakeOp` |
//! | `Look` | take a ticket, or SIGNALED, and count SEQ; else CAS WAITERS (MULTI) in | done, or `Return` if it slept for any; `Sleep`, or the next cell |
//! | `Return` | a ticket of the other cell becomes an ordinary signal, if there is none | done |
//! | `Sleep` | `futex_wait` for the word just written | `Look` |
//! | `QueueFirst`, `QueueSecond` | `futex_waitv`, which visits the words one by one | `Look` |
//! | `LastLook` | a waiter whose time is over looks once more | done |
//!
//! A step is one access to shared memory or one system call, and any thread may be killed before any of them.
//! A load whose value a later CAS confirms is one step with it.
//!
//! **Signal and wake are one step**, so a killed setter has done both or neither. What it leaves is at most a
//! ticket that it would have settled, a signal that anybody can take. And while a ticket is there nobody goes
//! to sleep, and SEQ counts when it is taken: so a cell that is what `Begin` saw plus the ticket is one on
//! which nobody has gone to sleep since the wake, and WAITERS may go. (Not if there were tickets at `Begin`:
//! see the `EarlyClear` of the module [`gate`](crate::gate).)
//!
//! **Who waits for any and slept returns a ticket** of the cell that it does without: it may be the one that was woken
//! for it, and a ticket that nobody comes for is a signal that no reset takes ([`Fault::TicketKept`]). Beside an ordinary
//! signal it stays, or two signals were one ([`Fault::TicketReturnedOntoSignal`]).
//!
//! A settle that finds no room below the maximum takes its tickets back, and the release is refused
//! ([`Fault::MaximumIgnored`]).
//!
//! The invariants are in the constants ([`C1`] ...). [`Fault`] names the rules that can be broken.
//!
//! Not modelled: a set that rings after a ticket was returned and before the single waiter that it was meant for has run:
//! it settles onto the returned signal, and the two are one. LOCKED and ALL, which are the module [`gate`](crate::gate)'s; pulses of auto-reset events; TICKETS and SEQ that overflow; the
//! order in which signals and waiters meet beyond what C2, C3 and C6 say.

mod fault;
mod properties;
mod signal;
mod state;
mod story;
mod wait;
pub(crate) mod word;

use stateright::{Model, Property};

pub use crate::kernel::Action;
use crate::kernel::{Kernel, Life, Thread};
pub use fault::Fault;
pub use properties::{C1, C2, C3, C4, C5, C6, C7, C8, CLEARED, SETTLED};
pub use state::State;
use state::{CELLS, History, Player, Step, THREADS, Task};
use wait::first_look;

/// What a cell is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Auto,
    Manual,
    Semaphore,
}

/// Who does what. The cells are auto-reset events unless the scene's name says something else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scene {
    /// Three single waiters, and one thread that sets twice.
    Singles,
    /// Waits, some of them repeated, and two setters.
    Repeated,
    /// Single waiters, and a set that is reset at once.
    Reset,
    /// The same with a waiter whose time may be over.
    Timed,
    /// Waiters for one and for any of two cells.
    Any,
    /// Two waiters for any of two cells.
    TwoAny,
    /// A cell is set by several while a waiter for any takes the other cell.
    Elsewhere,
    /// A waiter for any and a single waiter sleep, and one thread sets one cell twice, then the other.
    Kept,
    /// A manual-reset event is set, reset and pulsed.
    Manual,
    /// A manual-reset event and an auto-reset event, with waiters for any.
    ManualAny,
    /// A semaphore with single waiters.
    Semaphore,
    /// A semaphore with waiters for any of two cells.
    SemaphoreAny,
    /// A semaphore that is soon full.
    Full,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Singles,
        Self::Repeated,
        Self::Reset,
        Self::Timed,
        Self::Any,
        Self::TwoAny,
        Self::Elsewhere,
        Self::Kept,
        Self::Manual,
        Self::ManualAny,
        Self::Semaphore,
        Self::SemaphoreAny,
        Self::Full,
    ];

    fn programs(self) -> &'static [&'static [Task]] {
        use Task::{Any, One, Pulse, Release, Reset, Set, Timed};
        match self {
            Self::Singles => &[&[One(0)], &[One(0)], &[One(0)], &[Set(0), Set(0)], &[Set(0)]],
            Self::Repeated => &[&[One(0), One(0)], &[One(0)], &[Set(0), Set(0)], &[Set(0)]],
            Self::Reset => &[&[One(0)], &[One(0)], &[Set(0), Reset(0)], &[Set(0)]],
            Self::Timed => &[&[Timed(0)], &[One(0)], &[Set(0), Reset(0)], &[Set(0)]],
            Self::Any => &[&[Any], &[One(0)], &[Set(0), Set(1)], &[Set(0), Reset(0)]],
            Self::TwoAny => &[&[Any], &[Any], &[Set(0), Set(1)], &[One(1)], &[Set(1)]],
            Self::Elsewhere => &[&[Any], &[Timed(1)], &[Set(1)], &[Set(1)], &[Set(0)]],
            Self::Kept => &[&[Any], &[One(1)], &[Set(1), Set(1), Set(0)]],
            Self::Manual => &[&[One(0)], &[One(0), One(0)], &[Pulse(0), Pulse(0)], &[Set(0), Reset(0)]],
            Self::ManualAny => &[&[Any], &[One(0)], &[Set(0), Reset(0)], &[Set(1)], &[Any]],
            Self::Semaphore => &[&[One(0)], &[One(0)], &[Release(0, 2)], &[Release(0, 1), One(0)]],
            Self::SemaphoreAny => &[&[Any], &[One(0)], &[Release(0, 2)], &[One(0)], &[Release(0, 1)]],
            Self::Full => &[&[Timed(0)], &[Release(0, 1)], &[Release(0, 1)], &[Timed(0)]],
        }
    }

    fn kind(self, cell: usize) -> Kind {
        match (self, cell) {
            (Self::Manual | Self::ManualAny, 0) => Kind::Manual,
            (Self::Semaphore | Self::SemaphoreAny | Self::Full, 0) => Kind::Semaphore,
            _ => Kind::Auto,
        }
    }

    fn maximum(self) -> u32 {
        if self == Self::Full { 1 } else { 3 }
    }

    /// All who wait sleep before anything else happens.
    fn begins_asleep(self) -> bool {
        self == Self::Kept
    }

    fn has_any_waiters(self) -> bool {
        self.programs().iter().any(|program| program.contains(&Task::Any))
    }
}

/// The model: who does what, and which rule is broken, if any.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// Who does what.
    pub scene: Scene,
    /// The rule that is broken.
    pub fault: Option<Fault>,
}

impl Model for Cell {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = State {
            kernel: Kernel::new([0; CELLS]),
            counts: [0; CELLS],
            players: std::array::from_fn(|thread| self.at_task(thread, 0)),
            history: [History::default(); CELLS],
            missed: false,
            crashed: false,
        };
        if self.scene.begins_asleep() {
            (0..THREADS).for_each(|thread| self.put_to_sleep(&mut state, thread));
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (thread, player) in state.players.iter().enumerate() {
            let timed = matches!(self.task(thread, player.task), Some(Task::Timed(_)));
            match (state.kernel.life[thread], player.step) {
                (Life::Dead | Life::Dying, _) | (Life::Running, Step::Done) => continue,
                (Life::Asleep, _) if timed => actions.push(Action::TimeOut(thread)),
                (Life::Asleep, _) => {}
                (Life::Running, Step::Look { .. }) if timed => {
                    actions.extend([Action::Step(thread), Action::TimeOut(thread)]);
                }
                (Life::Running, _) => actions.push(Action::Step(thread)),
            }
            actions.push(Action::Kill(thread));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::Step(thread) => self.step(&mut state, thread),
            Action::TimeOut(thread) => {
                state.kernel.time_out(thread);
                state.players[thread].step = Step::LastLook;
                if self.has(Fault::NoLastLook) {
                    self.finish(&mut state, thread);
                }
            }
            Action::Kill(thread) => self.kill(&mut state, thread),
            Action::Walk(_) | Action::GiveUp(_) | Action::Leave(_) | Action::Flush(_) => return None,
        }
        for thread in 0..THREADS {
            let Some(task) = self.task(thread, state.players[thread].task) else { continue };
            if state.kernel.life[thread] == Life::Running && state.players[thread].step == Step::Asleep {
                state.players[thread].step = first_look(task, true);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        self.invariants().into_iter().chain(self.possibilities()).collect()
    }
}

impl Cell {
    fn task(&self, thread: Thread, number: u8) -> Option<Task> {
        self.scene.programs().get(thread)?.get(usize::from(number)).copied()
    }

    fn at_task(&self, thread: Thread, number: u8) -> Player {
        let task = self.task(thread, number);
        Player { task: number, step: task.map_or(Step::Done, |task| first_look(task, false)), ..Player::DONE }
    }

    /// A thread that begins with a wait does so, and sleeps.
    fn put_to_sleep(&self, state: &mut State, thread: Thread) {
        let waits = matches!(self.task(thread, 0), Some(Task::One(_) | Task::Any));
        while waits && state.kernel.life[thread] == Life::Running {
            self.step(state, thread);
        }
    }

    fn finish(&self, state: &mut State, thread: Thread) {
        state.players[thread] = self.at_task(thread, state.players[thread].task + 1);
    }

    fn step(&self, state: &mut State, thread: Thread) {
        let Some(task) = self.task(thread, state.players[thread].task) else { return };
        let next = match task {
            Task::Set(cell) => self.signal(state, thread, cell, 1),
            Task::Release(cell, number) => self.signal(state, thread, cell, number),
            Task::Pulse(cell) => self.pulse(state, thread, cell),
            Task::Reset(cell) => {
                self.reset(state, cell);
                None
            }
            Task::One(_) | Task::Timed(_) | Task::Any => self.wait(state, thread, task),
        };
        match next {
            Some(step) => state.players[thread].step = step,
            None => self.finish(state, thread),
        }
    }

    fn kill(&self, state: &mut State, thread: Thread) {
        let Player { task, step, .. } = state.players[thread];
        match (step, self.task(thread, task)) {
            (Step::Look { cell, woken: true }, Some(Task::One(_) | Task::Timed(_)))
            | (Step::LastLook, Some(Task::Timed(cell))) => state.history[cell].excused += 1,
            _ => {}
        }
        state.kernel.crash(thread);
        state.crashed = true;
        state.players[thread] = Player::DONE;
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}
