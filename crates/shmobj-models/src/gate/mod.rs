//! The gate: how a wait for all of several objects takes them as one, also when it is killed in the middle.
//!
//! A cell has a second word, its *gate*, a robust word that is locked as a mutex is. A mutex is its own gate:
//!
//! | Mutex word | Means | Who moves it where |
//! |---|---|---|
//! | 0, OWNER_DIED | free | a wait-all to TID + OWNER_DIED; else as in the module [`mutex`](crate::mutex) |
//! | TID + OWNER_DIED | tentatively taken: neither owned nor free | its wait-all to TID, or back; at its death the kernel to OWNER_DIED |
//! | TID | owned | |
//!
//! each also with WAITERS. A wait-all of the objects O:
//!
//! | Phase | Does | Then |
//! |---|---|---|
//! | look | each object in turn: an unsignalled one is marked (WAITERS, MULTI, ALL) and slept on, alone; LOCKED: *pass* | all look signalled: prepare; else start again |
//! | prepare | in the global order: lock the gate, set LOCKED if the cell is signalled; take a free mutex tentatively | commit; or undo |
//! | commit | in the same order: take the signal and clear LOCKED in one CAS, release the gate; token := mine, the mutex word to TID | done |
//! | undo | in reverse order: clear LOCKED, release the gate; the mutex word back to what it was | look |
//! | leave | on each cell that it slept on: if it gives up, a ticket becomes an ordinary signal; if ALL is set, one `FUTEX_WAKE_OP`: ALL off, wake all | done |
//!
//! *Passing* the gate is what everybody else does who meets LOCKED and would take, reset or report the cell:
//! lock the gate, clear a LOCKED that is still there, release the gate, look again. A set doesn't pass: it
//! adds. The same goes for a tentatively taken mutex: who meets it sleeps until it is decided.
//!
//! The steps are those of [`State`]'s threads; each is one access to shared memory or one system call, and
//! any thread may be killed before any of them. A load whose value a later CAS confirms is one step with it.
//!
//! **G1: LOCKED is set in a cell only by the holder of its gate, and cleared before the gate is released.**
//! So who takes the gate and finds LOCKED knows that its owner is dead.
//!
//! Three rules keep sleepers from being forgotten:
//! - Who releases a gate or decides about a mutex clears WAITERS, if at all, and wakes *all* in one `FUTEX_WAKE_OP`. To release first
//!   and wake then loses them ([`Fault::SwapThenWake`]); to confirm the mutex in silence is a deadlock
//!   ([`Fault::SilentCommit`]).
//! - Who sleeps at a gate, or for the decision about a mutex, has pending set: if it is killed when it has just been woken, the kernel wakes another.
//! - An unlock of the mutex wakes one. So who wakes and doesn't take the mutex, because it starts again with another
//!   object or was only looking, passes that wake on. A wait-all that sleeps on an owned mutex has no pending, sets MULTI, and
//!   wakes all others.
//!
//! The invariants are in the constants ([`G1`] ...). [`Fault`] names the rules that can be broken.
//!
//! Not modelled: manual-reset events and semaphores among the objects (their take is another CAS), time-outs,
//! and two wait-alls that undo for each other again and again: here that is a cycle.

mod fault;
mod lock;
mod mutex;
mod properties;
mod protocol;
mod state;
mod story;

use stateright::{Model, Property};

use crate::cell::word::{LOCKED, SIGNALED, is_signalled};
pub use crate::kernel::Action;
use crate::kernel::{Kernel, Life, Thread, tid};
pub use fault::Fault;
pub use properties::{COMMITTED, G1, G2, G3, G4, G5, G6, G7, G8, G9, RECOVERED, UNDONE};
pub use state::State;
use state::{MUTEX, OBJECTS, Phase, Player, Step, THREADS, Task};

/// Who does what. There are two cells, or a cell and a mutex.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scene {
    /// A wait-all and a single waiter.
    Single,
    /// Two wait-alls, and one of the cells is set from the beginning.
    Two,
    /// A wait-all, and two who look at the objects, in either order.
    Observed,
    /// A wait-all, who looks, and a reset.
    Reset,
    /// A wait-all whose time may be over, a single waiter, two setters and a reset.
    Timed,
    /// With a mutex: a wait-all and two lockers.
    Mutex,
    /// With a mutex: two wait-alls and a locker, and the cell is set from the beginning.
    MutexTwo,
    /// With a mutex: a wait-all, who looks, and a locker.
    MutexObserved,
    /// With a mutex that comes first in the order: a wait-all, a single waiter and a locker.
    MutexFirst,
    /// With a mutex: a wait-all that keeps it and waits for the cell, and another wait-all.
    MutexKept,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Single,
        Self::Two,
        Self::Observed,
        Self::Reset,
        Self::Timed,
        Self::Mutex,
        Self::MutexTwo,
        Self::MutexObserved,
        Self::MutexFirst,
        Self::MutexKept,
    ];

    fn programs(self) -> &'static [&'static [Task]] {
        use Task::{All, AllKeep, AllTimed, Lock, Observe, One, Reset, Set, Unlock};
        match self {
            Self::Single => &[&[All], &[One(1)], &[Set(0), Set(1)], &[Set(1)]],
            Self::Two => &[&[All], &[All], &[Set(0), Set(1), Set(0)]],
            Self::Observed => &[&[All], &[Observe([0, 1])], &[Set(0), Set(1)], &[Observe([1, 0])]],
            Self::Reset => &[&[All], &[Observe([0, 1])], &[Set(0), Set(1)], &[Reset(1)]],
            Self::Timed => &[&[AllTimed], &[One(0)], &[Set(0), Set(0)], &[Set(0), Reset(0)]],
            Self::Mutex => &[&[All], &[Lock], &[Set(0)], &[Lock]],
            Self::MutexTwo => &[&[All], &[All], &[Lock]],
            Self::MutexObserved => &[&[All], &[Observe([0, 1])], &[Set(0)], &[Lock]],
            Self::MutexFirst => &[&[All], &[One(0)], &[Set(0)], &[Lock]],
            Self::MutexKept => &[&[AllKeep, One(0), Unlock], &[All], &[Set(0), Set(0)]],
        }
    }

    /// The cells that are set from the beginning.
    fn set_cells(self) -> [u8; OBJECTS] {
        match self {
            Self::Two => [0, 1],
            Self::MutexTwo => [1, 0],
            _ => [0, 0],
        }
    }

    fn has_mutex(self) -> bool {
        self.programs().iter().flat_map(|program| program.iter()).any(|task| *task == Task::Lock)
            || self == Self::MutexKept
    }
}

/// The model: who does what, and which rule is broken, if any.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// Who does what.
    pub scene: Scene,
    /// The rule that is broken.
    pub fault: Option<Fault>,
}

impl Model for Gate {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let signals = self.scene.set_cells();
        let [first, second] = signals.map(u32::from);
        vec![State {
            kernel: Kernel::new([first * SIGNALED, second * SIGNALED, 0, 0]),
            token: 0,
            multi: false,
            players: std::array::from_fn(|thread| self.at_task(thread, 0)),
            committed: [0; THREADS],
            signals,
            taken: [0; OBJECTS],
            excused: [false; OBJECTS],
            untold: false,
            misled: false,
            torn: false,
            robbed: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (thread, player) in state.players.iter().enumerate() {
            let timed = self.task(thread, player.task) == Some(Task::AllTimed);
            if timed && state.kernel.life[thread] == Life::Asleep && player.step == Step::Asleep {
                actions.push(Action::TimeOut(thread));
            }
            let word = state.word(player.object);
            if timed && player.step == Step::Look && word & LOCKED == 0 && !is_signalled(word) {
                actions.push(Action::GiveUp(thread));
            }
            match state.kernel.life[thread] {
                Life::Dying => actions.push(Action::Walk(thread)),
                Life::Asleep => actions.push(Action::Kill(thread)),
                Life::Running if player.step != Step::Done => {
                    actions.extend([Action::Step(thread), Action::Kill(thread)]);
                }
                Life::Running | Life::Dead => {}
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::Step(thread) => self.step(&mut state, thread),
            Action::Kill(thread) => self.kill(&mut state, thread),
            Action::Walk(thread) => state.kernel.walk(thread, tid(thread)),
            Action::TimeOut(thread) => state.kernel.time_out(thread),
            Action::GiveUp(thread) => self.leave_next(&mut state, thread),
            Action::Leave(_) | Action::Flush(_) => return None,
        }
        (0..THREADS).for_each(|thread| self.rouse(&mut state, thread));
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        Self::invariants().into_iter().chain(self.possibilities()).collect()
    }
}

impl Gate {
    fn task(&self, thread: Thread, number: u8) -> Option<Task> {
        self.scene.programs().get(thread)?.get(usize::from(number)).copied()
    }

    fn at_task(&self, thread: Thread, number: u8) -> Player {
        let (step, object) = match self.task(thread, number) {
            None => (Step::Done, 0),
            Some(Task::All | Task::AllKeep | Task::AllTimed) => (Step::Look, 0),
            Some(Task::One(cell) | Task::Reset(cell) | Task::Observe([cell, _])) => (Step::Look, cell),
            Some(Task::Lock) => (Step::MutexLook, MUTEX),
            Some(Task::Unlock) => (Step::Disown, MUTEX),
            Some(Task::Set(cell)) => (Step::SetBegin, cell),
        };
        Player { task: number, step, object, ..Player::DONE }
    }

    fn finish(&self, state: &mut State, thread: Thread) {
        state.players[thread] = self.at_task(thread, state.players[thread].task + 1);
    }

    /// Looks again, from the first object; who observes, where it was.
    fn restart(&self, state: &mut State, thread: Thread) {
        let Player { task, object, noted, slept_on, .. } = state.players[thread];
        let player = Player { slept_on, ..self.at_task(thread, task) };
        state.players[thread] = match self.task(thread, task) {
            Some(Task::Observe(_)) => Player { object, noted, ..player },
            _ => player,
        };
    }

    fn kill(&self, state: &mut State, thread: Thread) {
        let player = state.players[thread];
        if let (true, Some(Task::One(cell))) = (player.woken, self.task(thread, player.task)) {
            state.excused[cell] = true;
        }
        state.untold |= state.token == thread + 1;
        state.kernel.crash(thread);
    }

    /// Puts a thread that has been woken before its next step, and forgets what the dead were doing.
    fn rouse(&self, state: &mut State, thread: Thread) {
        let player = state.players[thread];
        match (state.kernel.life[thread], player.step) {
            (Life::Dying | Life::Dead, _) => state.players[thread] = Player::DONE,
            (Life::Running, Step::Asleep) => {
                self.restart(state, thread);
                state.players[thread].woken = true;
            }
            (Life::Running, Step::GateAsleep) => state.go(thread, Step::GateLook),
            (Life::Running, Step::MutexAsleep) => {
                let takes =
                    player.phase == Phase::Prepare || self.task(thread, player.task) == Some(Task::Lock);
                state.go(thread, if takes { Step::MutexLook } else { Step::PassOn });
            }
            (Life::Running, Step::AllAsleep) => state.go(thread, Step::AllPassOn),
            _ => {}
        }
    }

    fn is_mutex(&self, object: usize) -> bool {
        self.scene.has_mutex() && object == MUTEX
    }

    /// The order in which a wait-all locks.
    fn order(&self, thread: Thread) -> [usize; OBJECTS] {
        let reversed = self.has(Fault::DifferentOrders) && thread == 1;
        if reversed || self.scene == Scene::MutexFirst { [1, 0] } else { [0, 1] }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}
