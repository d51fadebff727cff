//! The C library's robust mutexes and the library's in one thread: both are nodes of one list, which the kernel reads when the thread dies.
//! In whatever order they are locked and released, and wherever the thread is killed: each that is still held is told to
//! the next one, and each that was released is not.

use std::collections::BTreeSet;

use shmobj_tests::puppet;
use shmobj_tests::puppet::Puppet;
use shmobj_tests::scratch::Scratch;

/// Two of ours, and two of the C library's.
const MUTEXES: usize = 4;

fn command(number: usize, locks: bool) -> String {
    match (number, locks) {
        (0 | 1, true) => format!("wait m{number} 0"),
        (0 | 1, false) => format!("release m{number}"),
        (_, true) => format!("c-lock {}", number - 2),
        (_, false) => format!("c-unlock {}", number - 2),
    }
}

/// Whether the last owner died, as the next one is told it. Nobody may own it; nobody does afterwards.
fn was_abandoned(next: &mut Puppet, number: usize) -> bool {
    let told = match number {
        0 | 1 => next.does(format!("wait m{number} 10000")),
        _ => next.does(format!("c-look {}", number - 2)),
    };
    next.does(command(number, false));
    match &*told {
        "signaled" | "free" => false,
        "abandoned" | "owner-died" => true,
        other => panic!("mutex {number}: {other}"),
    }
}

struct Stage {
    scratch: Scratch,
    /// The mutexes of the C library are in a file elsewhere.
    files: Scratch,
    next: Puppet,
}

impl Stage {
    fn new() -> Self {
        let (scratch, files) = (Scratch::new(), Scratch::new());
        let mut next = puppet!("next", &scratch);
        next.does("make m0 mutex m0");
        next.does("make m1 mutex m1");
        next.does(format!("c-make {} 2", files.file("robust").display()));
        Self { scratch, files, next }
    }

    fn victim(&self) -> Puppet {
        let mut victim = puppet!("victim", &self.scratch);
        victim.does("reach m0 mutex m0");
        victim.does("reach m1 mutex m1");
        victim.does(format!("c-map {}", self.files.file("robust").display()));
        victim
    }

    /// A process does all this and is killed.
    #[track_caller]
    fn play(&mut self, commands: &[(usize, bool)]) {
        let mut victim = self.victim();
        let mut held = [false; MUTEXES];
        for &(number, locks) in commands {
            victim.does(command(number, locks));
            held[number] = locks;
        }
        victim.kill();
        for (number, held) in held.into_iter().enumerate() {
            assert_eq!(was_abandoned(&mut self.next, number), held, "mutex {number} after {commands:?}");
        }
    }
}

/// All orders of the mutexes.
fn orders() -> Vec<[usize; MUTEXES]> {
    let mut orders = Vec::new();
    for code in 0..MUTEXES.pow(MUTEXES as u32) {
        let order: [usize; MUTEXES] = std::array::from_fn(|at| code / MUTEXES.pow(at as u32) % MUTEXES);
        if (0..MUTEXES).all(|number| order.contains(&number)) {
            orders.push(order);
        }
    }
    assert_eq!(orders.len(), 24);
    orders
}

/// All ways to order two locks of ours, two of the C library's, and their releases, as far as each is locked before it is released; and of
/// those that differ by the names of two alike, one.
fn plays() -> Vec<Vec<(usize, bool)>> {
    fn go_on(play: &mut Vec<(usize, bool)>, plays: &mut Vec<Vec<(usize, bool)>>) {
        if play.len() == 2 * MUTEXES {
            plays.push(play.clone());
            return;
        }
        for number in 0..MUTEXES {
            let has = |locks| play.contains(&(number, locks));
            let next = match (has(true), has(false)) {
                (false, _) => (number, true),
                (true, false) => (number, false),
                _ => continue,
            };
            // The second one of each sort is locked after the first.
            if number % 2 == 1 && next.1 && !play.contains(&(number - 1, true)) {
                continue;
            }
            play.push(next);
            go_on(play, plays);
            play.pop();
        }
    }
    let mut plays = Vec::new();
    go_on(&mut Vec::new(), &mut plays);
    plays
}

#[test]
fn in_all_orders_of_locking_each_is_told_when_all_are_held() {
    let mut stage = Stage::new();
    for order in orders() {
        stage.play(&order.map(|number| (number, true)));
    }
}

#[test]
fn in_all_orders_of_releasing_what_is_left_is_told() {
    let mut stage = Stage::new();
    for (index, order) in orders().into_iter().enumerate() {
        let locks = orders()[(7 * index + 3) % 24].map(|number| (number, true));
        for released in 1..=MUTEXES {
            let releases = order[..released].iter().map(|&number| (number, false));
            stage.play(&locks.into_iter().chain(releases).collect::<Vec<_>>());
        }
    }
}

/// Each of the 630 plays goes through to its end in one process: a list that was damaged shows in those that follow.
#[test]
fn all_interleavings_of_locks_and_releases_leave_the_list_whole() {
    let mut stage = Stage::new();
    let plays = plays();
    assert_eq!(plays.len(), 630);
    let mut victim = stage.victim();
    for play in &plays {
        for &(number, locks) in play {
            victim.does(command(number, locks));
        }
    }
    for number in 0..MUTEXES {
        victim.does(command(number, true));
    }
    victim.kill();
    for number in 0..MUTEXES {
        assert!(was_abandoned(&mut stage.next, number), "mutex {number} after all plays");
    }
}

/// A kill after each command of each play; plays that begin in the same way are the same until then.
fn killed_after(length_of_play: std::ops::RangeInclusive<usize>) {
    let lengths = || length_of_play.clone();
    let beginnings: BTreeSet<Vec<(usize, bool)>> =
        plays().iter().flat_map(|play| lengths().map(|length| play[..length].to_vec())).collect();
    let mut stage = Stage::new();
    for beginning in &beginnings {
        stage.play(beginning);
    }
}

#[test]
fn killed_after_up_to_five_commands_of_an_interleaving_what_is_held_is_told() {
    killed_after(1..=5);
}

#[test]
fn killed_after_six_commands_of_an_interleaving_what_is_held_is_told() {
    killed_after(6..=6);
}

#[test]
fn killed_after_seven_or_all_commands_of_an_interleaving_what_is_held_is_told() {
    killed_after(7..=8);
}

#[test]
fn killed_at_a_step_of_ours_those_of_the_c_library_are_told_as_well() {
    let mut stage = Stage::new();
    for (step, does, ours) in [
        ("latch: taken", "wait m1 0", false),
        ("mutex: owned", "wait m1 0", true),
        ("mutex: token erased", "release m0", true),
        ("latch: about to be given back", "release m0", true),
    ] {
        let mut victim = stage.victim();
        for number in [2, 0, 3] {
            victim.does(command(number, true));
        }
        victim.does(format!("arm die 1 {step}"));
        assert!(victim.dies_of(does), "{step}");
        assert!(was_abandoned(&mut stage.next, 2) && was_abandoned(&mut stage.next, 3), "{step}");
        assert_eq!(was_abandoned(&mut stage.next, 0), !does.starts_with("release"), "{step}: the first");
        assert_eq!(was_abandoned(&mut stage.next, 1), ours && does.starts_with("wait"), "{step}: the second");
    }
}

#[test]
fn a_thread_that_ends_leaves_both_sorts_to_the_next_one() {
    let mut stage = Stage::new();
    let mut victim = stage.victim();
    victim.does("thread t");
    for order in [[0, 2, 1, 3], [2, 0, 3, 1], [3, 2, 1, 0], [0, 1, 2, 3]] {
        for number in order {
            victim.does(format!("in t {}", command(number, true)));
        }
        victim.does("leave t");
        victim.does("thread t");
        for number in 0..MUTEXES {
            assert!(was_abandoned(&mut stage.next, number), "mutex {number} after {order:?}");
        }
    }
}
