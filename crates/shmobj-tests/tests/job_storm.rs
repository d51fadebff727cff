//! Storms over jobs: processes make, fill, end and limit a few jobs at random, while a killer kills them, their members and their
//! guardians. All jobs kill on close: when nobody lives any more who holds one, nothing is left.
//!
//! Each storm lasts a few seconds; `SHMOBJ_STORM_SECONDS` makes them as long as one likes. Storms take their turns.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use shmobj_tests::lab::{Lab, PATIENCE};
use shmobj_tests::puppet::Puppet;
use shmobj_tests::random::{Random, unique};
use shmobj_tests::storm::length;
use shmobj_tests::system::{note, until};

/// One storm at a time: two would mostly wait for processors.
static TURN: Mutex<()> = Mutex::new(());

const WORKERS: usize = 4;

/// Whom the killer kills besides the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prey {
    /// Members, and one guardian of a pair.
    All,
    /// Members. Workers and guardians die at steps.
    Members,
}

#[derive(Debug, Default)]
struct Tally {
    kills: u64,
    members: u64,
    guardians: u64,
    deaths: u64,
    most: usize,
}

fn rage(prey: Prey, seconds: u64) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    Lab::each(env!("CARGO_BIN_EXE_puppet"), "a storm over jobs", |lab| {
        let mut random = Random::new(unique());
        let time = length(seconds);
        let end = Instant::now() + time;
        let start = |seed: u64| {
            let mut worker = lab.puppet("worker");
            let steps = if prey == Prey::Members { "steps" } else { "" };
            let left = end.saturating_duration_since(Instant::now()) + Duration::from_secs(60);
            worker.tell(format!("job-storm {} {seed} {} {steps}", left.as_millis(), lab.reports().display()));
            worker
        };
        let mut workers: Vec<Puppet> = (0..WORKERS).map(|_| start(random.next_u64())).collect();
        let mut tally = Tally::default();
        while Instant::now() < end {
            std::thread::sleep(Duration::from_micros(random.below(20_000)));
            match random.below(3) {
                0 => kill_worker(&mut workers, &mut random, &mut tally, &start),
                1 => kill_member(lab, &mut random, &mut tally),
                _ if prey == Prey::All => kill_guardian(lab, &mut random, &mut tally),
                _ => {}
            }
            bury(&mut workers, &mut random, &mut tally, &start);
        }
        drop(workers);
        lab.no_process_is_left("after the storm");
        note(&format!("{prey:?}, {:?}: {tally:?}", lab.means));
        assert!(tally.kills > 0 && tally.members > 0, "a storm that did nothing proves nothing: {tally:?}");
        assert_eq!(prey == Prey::All, tally.guardians > 0, "{tally:?}");
        lab.puppet("sweeper").does("gc");
        lab.nothing_is_left_after_a_sweep("storm0", "after the storm");
    });
}

fn kill_worker(
    workers: &mut [Puppet],
    random: &mut Random,
    tally: &mut Tally,
    start: &impl Fn(u64) -> Puppet,
) {
    let place = random.below(WORKERS as u64) as usize;
    workers[place].strike();
    workers[place] = start(random.next_u64());
    tally.kills += 1;
}

/// Who has died at a step is followed by another one.
fn bury(workers: &mut [Puppet], random: &mut Random, tally: &mut Tally, start: &impl Fn(u64) -> Puppet) {
    for worker in workers.iter_mut() {
        if worker.is_gone() {
            let ended = worker.ended();
            assert_eq!(ended.signal, Some(9), "{worker} ended by itself: {ended}");
            *worker = start(random.next_u64());
            tally.deaths += 1;
        }
    }
}

fn kill(pid: u32) {
    if let Some(pid) = Pid::from_raw(pid as i32) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn kill_member(lab: &Lab, random: &mut Random, tally: &mut Tally) {
    let members = lab.members();
    tally.most = tally.most.max(members.len());
    // Not one that may become a guardian, or is about to become a member.
    let escaped: Vec<_> = members.iter().filter(|process| process.arguments.contains(" escape ")).collect();
    if !escaped.is_empty() {
        kill(escaped[random.below(escaped.len() as u64) as usize].pid);
        tally.members += 1;
    }
}

/// One of a pair, and no other one before that pair is gone: what both at once leave behind is not what this is about.
fn kill_guardian(lab: &Lab, random: &mut Random, tally: &mut Tally) {
    let guardians: Vec<_> =
        lab.running().into_iter().filter(shmobj_tests::lab::Marked::is_guardian).collect();
    let pairs: Vec<_> = guardians
        .iter()
        .filter(|lower| guardians.iter().any(|upper| upper.pid == lower.parent))
        .map(|lower| [lower.parent, lower.pid])
        .collect();
    if pairs.is_empty() {
        return;
    }
    let pair = pairs[random.below(pairs.len() as u64) as usize];
    let before: Vec<_> = guardians.iter().filter(|process| pair.contains(&process.pid)).collect();
    kill(pair[random.below(2) as usize]);
    tally.guardians += 1;
    let gone = || !lab.running().iter().any(|process| before.contains(&process));
    assert!(until(PATIENCE, gone), "a guardian goes on without the other one: {:?}", lab.running());
}

#[test]
fn workers_members_and_guardians_are_killed() {
    rage(Prey::All, 5);
}

#[test]
fn workers_and_guardians_die_at_steps() {
    rage(Prey::Members, 5);
}
