//! The mutex word: lock, unlock, deaths of owners and of sleepers.
//!
//! The word is one of the kernel's robust words, so that the kernel gives it up when its owner dies:
//!
//! | Word | Means | Who moves it where |
//! |---|---|---|
//! | 0 | free | a locker to TID |
//! | OWNER_DIED | free, and its owner died | a locker to TID; it is told "abandoned" if `token` is not 0 |
//! | TID | owned | the owner to 0; at its death the kernel to OWNER_DIED |
//!
//! and each of them with WAITERS: somebody may be asleep on the word. (What a wait-all makes of it is in the
//! module [`gate`](crate::gate).) Two things lie beside it: `token`, who owns the mutex as far as anybody is
//! to be told, and `multi`, set for good when a thread waits for this *and* another mutex.
//!
//! A step is one access to shared memory or one system call, and any thread may be killed before any of them.
//! A load whose value a later CAS confirms is one step with it: had the word changed in between, the thread
//! would start again.
//!
//! | Step | Does | Then |
//! |---|---|---|
//! | `Pend` | pending := the word | `Try` |
//! | `Try` | free: CAS to TID, keeping WAITERS; else CAS WAITERS in | `Enlist`; `ReadMulti` |
//! | `ReadMulti`, `Sleep` | `futex_wait` for the value with WAITERS, pending still set | `Try` |
//! | `Enlist`, `UnpendOwner` | node on the list; pending := none | `ReadToken` |
//! | `ReadToken`, `Own` | abandoned := OWNER_DIED was set and the token is not 0; token := mine | `Disown` |
//! | `Disown` | token := 0 (not when the thread exits) | `PendOwner` |
//! | `PendOwner`, `Unlist` | pending := the word; node off the list | `Release` |
//! | `Release` | the word becomes 0, or OWNER_DIED at the thread's exit; **WAITERS stays** | `AskMulti`; `Unpend` |
//! | `AskMulti`, `Wake` | wake one, or all if `multi` | somebody woke: `Unpend`; else `Clear` |
//! | `Clear` | `FUTEX_WAKE_OP`: clear WAITERS and wake all | `Unpend` |
//!
//! **Only who wakes everybody clears WAITERS.** So as long as anybody may be asleep, whoever owns the word
//! will wake one when it unlocks, or the kernel will when it dies. That is what makes it harmless that the
//! kernel does nothing for a killed sleeper when the word has got a new owner
//! ([`Fault::UnlockDropsWaiters`]). And a free word with sleepers always has somebody whose pending is set on
//! his way to it: who released it, or who was woken.
//!
//! A waiter for the mutex or an object of another kind is a locker that may leave (`Leave`): it passes on the
//! wake that it may have used up. Who waits for two mutexes can't have both pending; if the kernel wakes it
//! after an owner's death, and it is killed before it has woken all others (`WakeAll`), they sleep until
//! their limit: the sleeps on a mutex word have one, a short one once `multi` is set.
//!
//! The invariants are in the constants ([`M1`] ...). [`Fault`] names the rules that can be broken.
//!
//! Not modelled: recursion and "do I own it", which are private to the thread; the spin before the sleep; how
//! long a limit is.

mod fault;
mod properties;
mod protocol;
mod state;
mod story;

use stateright::{Model, Property};

pub use crate::kernel::Action;
use crate::kernel::{Kernel, Life, TID, Thread, tid};
pub use fault::Fault;
pub use properties::{CONTENDED, M1, M2, M3, M4, M5, TOLD};
pub use state::State;
use state::{Player, Step, THREADS, Task};

/// Who does what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scene {
    /// Three threads lock and unlock, two of them twice.
    Three,
    /// Four threads lock and unlock.
    Four,
    /// Threads exit while they own the mutex.
    Exit,
    /// A thread gives up when its time is over.
    Timed,
    /// A thread waits for the mutex or an object of another kind.
    Either,
    /// Two threads wait for this or another mutex.
    Several,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Three, Self::Four, Self::Exit, Self::Timed, Self::Either, Self::Several];

    fn programs(self) -> &'static [&'static [Task]] {
        match self {
            Self::Three => &[&[Task::Lock, Task::Lock], &[Task::Lock, Task::Lock], &[Task::Lock]],
            Self::Four => &[&[Task::Lock], &[Task::Lock], &[Task::Lock], &[Task::Lock]],
            Self::Exit => &[&[Task::Exit], &[Task::Lock], &[Task::Lock, Task::Exit]],
            Self::Timed => &[&[Task::Lock], &[Task::Timed], &[Task::Lock], &[Task::Timed]],
            Self::Either => &[&[Task::Lock], &[Task::Either], &[Task::Lock], &[Task::Either]],
            Self::Several => &[&[Task::Several], &[Task::Several], &[Task::Lock], &[Task::Lock]],
        }
    }
}

/// The model: who does what, and which rule is broken, if any.
#[derive(Clone, Copy, Debug)]
pub struct Mutex {
    /// Who does what.
    pub scene: Scene,
    /// The rule that is broken.
    pub fault: Option<Fault>,
}

impl Model for Mutex {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            kernel: Kernel::new([0]),
            token: 0,
            multi: false,
            players: std::array::from_fn(|thread| Player { task: 0, step: self.first_step(thread, 0) }),
            untold: false,
            misled: false,
            owner_died: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (thread, player) in state.players.iter().enumerate() {
            let task = self.task(thread, player.task);
            match (state.kernel.life[thread], player.step) {
                (Life::Dead, _) | (Life::Running, Step::Done) => continue,
                (Life::Dying, _) => {
                    actions.push(Action::Walk(thread));
                    continue;
                }
                (Life::Asleep, Step::Asleep { limited: true }) => actions.push(Action::TimeOut(thread)),
                (Life::Asleep, _) if task == Some(Task::Timed) => actions.push(Action::TimeOut(thread)),
                (Life::Asleep, Step::AsleepOnAll) => {
                    actions.extend([Action::TimeOut(thread), Action::Leave(thread)]);
                }
                (Life::Asleep, _) if task == Some(Task::Either) => actions.push(Action::Leave(thread)),
                (Life::Asleep, _) => {}
                (Life::Running, step) => {
                    actions.push(Action::Step(thread));
                    match (step, task) {
                        (Step::Try, Some(Task::Timed)) if state.word() & TID != 0 => {
                            actions.push(Action::GiveUp(thread));
                        }
                        (Step::Try, Some(Task::Either)) | (Step::Look { .. }, _) => {
                            actions.push(Action::Leave(thread));
                        }
                        _ => {}
                    }
                }
            }
            actions.push(Action::Kill(thread));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut state = state.clone();
        match action {
            Action::Step(thread) => self.step(&mut state, thread),
            Action::Kill(thread) => {
                state.untold |= state.token == thread + 1;
                let step = state.step(thread);
                state.owner_died |= step.owns() || step.unlocks();
                state.kernel.crash(thread);
            }
            Action::Walk(thread) => {
                let equal = self.has(Fault::EqualTids) && thread == 1;
                state.kernel.walk(thread, tid(if equal { 0 } else { thread }));
            }
            Action::TimeOut(thread) => state.kernel.time_out(thread),
            Action::GiveUp(thread) => state.players[thread].step = Step::Unpend,
            Action::Leave(thread) => self.leave(&mut state, thread),
        }
        (0..THREADS).for_each(|thread| self.rouse(&mut state, thread));
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        Self::invariants().into_iter().chain(self.possibilities()).collect()
    }
}

impl Mutex {
    /// Puts a thread that has been woken before its next step, and forgets what the dead were doing.
    fn rouse(&self, state: &mut State, thread: Thread) {
        let life = state.kernel.life[thread];
        let Player { task, step } = &mut state.players[thread];
        match (life, *step) {
            (Life::Dying | Life::Dead, _) => (*task, *step) = (0, Step::Done),
            (Life::Running, Step::Asleep { .. }) => *step = Step::Try,
            (Life::Running, Step::AsleepOnAll) => *step = Step::Look { woken: true },
            _ => {}
        }
    }
}
