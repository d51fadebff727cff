//! The mutex.

mod fault;
mod properties;
mod protocol;
mod state;

use stateright::{Model, Path, Property};

use crate::kernel::{Kernel, Life, TID, Thread, tid};
pub use fault::Fault;
pub use properties::{M1, M2, M3, M4};
pub use state::State;
use state::{Player, Step, THREADS, Task};

/// Who does what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Play {
    /// Three threads lock and unlock, one of them twice.
    Three,
    /// Four
    Four,
    /// One exits
    Exit,
    /// One gives up
    Timed,
    /// One waits for several objects.
    Multi,
    /// two of them
    MultiTwo,
}

impl Play {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Three, Self::Four, Self::Exit, Self::Timed, Self::Multi, Self::MultiTwo];

    fn programs(self) -> &'static [&'static [Task]] {
        use Task::{Exit, Hold, Multi, Timed};
        match self {
            Self::Three => &[&[Hold, Hold], &[Hold, Hold], &[Hold]],
            Self::Four => &[&[Hold], &[Hold], &[Hold], &[Hold]],
            Self::Exit => &[&[Exit], &[Hold], &[Hold, Exit]],
            Self::Timed => &[&[Hold, Hold], &[Timed], &[Hold]],
            Self::Multi => &[&[Hold, Hold], &[Multi], &[Hold]],
            Self::MultiTwo => &[&[Multi], &[Multi], &[Hold]],
        }
    }
}

/// The model.
#[derive(Clone, Copy, Debug)]
pub struct Mutex {
    /// Who does what.
    pub play: Play,
    /// The rule that is broken.
    pub fault: Option<Fault>,
}

/// What can happen next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// A thread takes its next step.
    Step(Thread),
    /// A thread is killed.
    Kill(Thread),
    /// The kernel visits a robust word of a killed thread.
    Walk(Thread),
    /// time
    TimeOut(Thread),
    /// gives up
    GiveUp(Thread),
    /// another object
    Leave(Thread),
}

impl Model for Mutex {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let player = |thread| Player { task: 0, step: self.first_step(self.task(thread, 0)) };
        vec![State {
            kernel: Kernel::new([0]),
            token: 0,
            multi: false,
            players: std::array::from_fn(player),
            owed: false,
            wrong: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for thread in 0..THREADS {
            let player = state.players[thread];
            let task = self.task(thread, player.task);
            match state.kernel.life[thread] {
                Life::Dead => continue,
                Life::Dying => {
                    actions.push(Action::Walk(thread));
                    continue;
                }
                Life::Asleep => match player.step {
                    Step::Asleep { limited: true } => actions.push(Action::TimeOut(thread)),
                    Step::Asleep { .. } if task == Some(Task::Timed) => actions.push(Action::TimeOut(thread)),
                    Step::AsleepOnAll => actions.push(Action::TimeOut(thread)),
                    _ => {}
                },
                Life::Running => {
                    if player.step == Step::Done {
                        continue;
                    }
                    actions.push(Action::Step(thread));
                    if player.step == Step::Try && task == Some(Task::Timed) && state.word() & TID != 0 {
                        actions.push(Action::GiveUp(thread));
                    }
                    if let Step::Look { .. } = player.step {
                        actions.push(Action::Leave(thread))
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
                state.owed |= state.token == tid(thread);
                state.kernel.crash(thread);
            }
            Action::Walk(thread) => state.kernel.walk(thread),
            Action::TimeOut(thread) => state.kernel.time_out(thread),
            Action::GiveUp(thread) => state.players[thread].step = Step::GiveUp,
            Action::Leave(thread) => {
                let Step::Look { woken } = state.step(thread) else { return None };
                self.leave(&mut state, thread, woken);
            }
        }
        for thread in 0..THREADS {
            let player = &mut state.players[thread];
            player.step = match (state.kernel.life[thread], player.step) {
                (Life::Dying | Life::Dead, _) => {
                    player.task = 0;
                    Step::Done
                }
                (Life::Running, Step::Asleep { .. }) => Step::Try,
                (Life::Running, Step::AsleepOnAll) => Step::Look { woken: true },
                (_, step) => step,
            };
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        Self::invariants()
    }
}
