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
//! to be told, and MULTI in the word's upper half, set for good when a thread waits for several objects.
//!
//! A third thing is `handover`: how an owner gives the word back. At first by a plain *store* of 0, which stays in the processor for a
//! while (`Flush`) and erases whatever others have marked. Before anybody sleeps for the first time, it announces a *change*, and makes all
//! processors finish their writes (`Barrier`). An owner that chose the store before that looks behind it whether a change was announced. The next
//! one ends the change: from then on all use compare-*exchanges*. So only one store can ever erase a mark: that of the owner at the time of
//! the barrier.
//!
//! A step is one access to shared memory or one system call, and any thread may be killed before any of them.
//! A load whose value a later CAS confirms is one step with it: had the word changed in between, the thread
//! would start again.
//!
//! | Step | Does | Then |
//! |---|---|---|
//! | `Look` | pending is cleared if the word is owned (`UnpendLook`) | free: `Pend`; before the end of the change: `Announce`; else `Mark` |
//! | `Announce`, `Barrier` | handover := change, if it is store; what any thread has stored is seen by all | `Mark` |
//! | `Mark` | owned: CAS WAITERS in (MULTI too, for several objects) | free: `Pend`; `PendSleep`; several: `SleepAmongSeveral` |
//! | `Pend`, `Try` | pending := the word; CAS a free word to TID, keeping WAITERS | `Enlist`; `Look` |
//! | `PendSleep`, `Sleep` | pending := the word; `futex_wait` for the value with WAITERS | `Look`, pending still set |
//! | `SleepAmongSeveral`, `PassOn`, `WakeAll` | `futex_waitv`, without pending; then, if the word is free with WAITERS, wake all | `Look` |
//! | `Enlist`, `UnpendOwner` | node on the list; pending := none | `ReadToken` |
//! | `ReadToken`, `Own` | abandoned := OWNER_DIED was set and the token is not 0; token := mine | `Disown` |
//! | `Disown` | token := 0 (not when the thread exits) | `PendOwner` |
//! | `PendOwner`, `Unlist` | pending := the word; node off the list | `Choose` |
//! | `Choose` | looks at handover, and at the word | store, no mark: `Store`; change: `Settle`; else `Release` |
//! | `Store` | the word becomes 0, soon | `LookBehind` |
//! | `LookBehind`, `WakeBehind` | a change was announced: wake all | `Unpend` |
//! | `Settle`, `SettleHandover`, `ReleaseAll` | WAITERS in, as it may have been erased; handover := exchange; one `FUTEX_WAKE_OP`: 0 (OWNER_DIED), wake all | `Unpend` |
//! | `Release` | with WAITERS and MULTI one `FUTEX_WAKE_OP`: 0 (OWNER_DIED at the thread's exit), wake all | `Unpend` |
//! | `Release` | else the word becomes 0, or OWNER_DIED; **WAITERS stays** | `Unpend`; with WAITERS `Wake` |
//! | `Wake` | wake one | somebody woke: `Unpend`; else `Clear` |
//! | `Clear` | `FUTEX_WAKE_OP`: clear WAITERS and wake all | `Unpend` |
//!
//! **Only who wakes everybody clears WAITERS.** So as long as anybody may be asleep, whoever owns the word
//! will wake one when it unlocks, or the kernel will when it dies. That is what makes it harmless that the
//! kernel does nothing for a killed sleeper when the word has got a new owner
//! ([`Fault::UnlockDropsWaiters`]). And a free word with sleepers always has somebody whose pending is set on
//! his way to it: who released it, or who was woken.
//!
//! Who waits for several objects can have only one word pending, and has none. If the kernel wakes it after
//! an owner's death, and it is killed before it has woken all others (`WakeAll`), they sleep until their
//! limit. Every sleep on a mutex word has one, a short one once MULTI is set, and during the change; the model shows that it is needed only
//! there ([`M3`], [`M5`]).
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
use state::{Handover, Player, Step, THREADS, Task};

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
    /// Two threads wait for the mutex or another object.
    Several,
    /// Two threads cannot make a barrier, and so do not store either.
    Unfenced,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Three, Self::Four, Self::Exit, Self::Timed, Self::Several, Self::Unfenced];

    fn programs(self) -> &'static [&'static [Task]] {
        match self {
            Self::Three => &[&[Task::Lock, Task::Lock], &[Task::Lock, Task::Lock], &[Task::Lock]],
            Self::Four => &[&[Task::Lock], &[Task::Lock], &[Task::Lock], &[Task::Lock]],
            Self::Exit => &[&[Task::Exit], &[Task::Lock], &[Task::Lock, Task::Exit]],
            Self::Timed => &[&[Task::Lock], &[Task::Timed], &[Task::Lock], &[Task::Timed]],
            Self::Several => &[&[Task::Several], &[Task::Several], &[Task::Lock], &[Task::Lock]],
            Self::Unfenced => &[&[Task::Lock, Task::Lock], &[Task::Lock], &[Task::Lock, Task::Lock]],
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
            handover: Handover::Store,
            stored: [false; THREADS],
            players: std::array::from_fn(|thread| Player { task: 0, step: self.first_step(thread, 0) }),
            untold: false,
            misled: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (thread, player) in state.players.iter().enumerate() {
            let task = self.task(thread, player.task);
            if state.stored[thread] {
                actions.push(Action::Flush(thread));
            }
            match (state.kernel.life[thread], player.step) {
                (Life::Dead, _) | (Life::Running, Step::Done) => continue,
                (Life::Dying, _) => {
                    actions.push(Action::Walk(thread));
                    continue;
                }
                (Life::Asleep, Step::Asleep { limited: true }) => actions.push(Action::TimeOut(thread)),
                (Life::Asleep, _) if task == Some(Task::Timed) => actions.push(Action::TimeOut(thread)),
                (Life::Asleep, Step::AsleepAmongSeveral) => actions.push(Action::TimeOut(thread)),
                (Life::Asleep, _) => {}
                (Life::Running, step) => {
                    actions.push(Action::Step(thread));
                    match (step, task) {
                        (Step::Look | Step::Mark, Some(Task::Timed)) if state.word() & TID != 0 => {
                            actions.push(Action::GiveUp(thread));
                        }
                        (Step::Look | Step::Mark, Some(Task::Several)) => actions.push(Action::Leave(thread)),
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
                state.flush(thread); // it leaves its processor
                state.untold |= state.token == thread + 1;
                state.kernel.crash(thread);
            }
            Action::Walk(thread) => {
                let equal = self.has(Fault::EqualTids) && thread == 1;
                state.kernel.walk(thread, tid(if equal { 0 } else { thread }));
            }
            Action::Flush(thread) => state.flush(thread),
            Action::TimeOut(thread) => state.kernel.time_out(thread),
            Action::GiveUp(thread) | Action::Leave(thread) => state.players[thread].step = Step::Unpend,
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
            (Life::Running, Step::Asleep { .. }) => *step = Step::Look,
            (Life::Running, Step::AsleepAmongSeveral) => *step = Step::PassOn,
            _ => {}
        }
    }
}
