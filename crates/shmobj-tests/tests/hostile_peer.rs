//! Peers that have all rights on some objects, or hand some on, and mean no good for as long as they live. Those objects are broken then.
//! Nobody crashes of it, nobody who was not asked to wait hangs, and objects that they do not have are right all the time.

use std::time::{Duration, Instant};

use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, number};
use shmobj_tests::random::{Random, unique};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::storm::length;
use shmobj_tests::system::{note, until};

const KINDS: [&str; 6] = ["mapping", "mutex", "auto", "manual", "semaphore", "timer"];

/// What one call may take: five seconds of patience with an entry, five with who decides about a second object, and what a loaded
/// machine adds.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the enemies of one round are at it, in milliseconds.
const LONG: u64 = 2500;

/// One round, or as many as fit into `SHMOBJ_STORM_SECONDS`.
#[track_caller]
fn again_and_again(round: impl Fn()) {
    let begun = Instant::now();
    let length = length(0);
    round();
    while begun.elapsed() < length {
        round();
    }
}

/// The victims come through. What their canaries saw would be told instead.
#[track_caller]
fn come_through(victims: &mut [Puppet]) {
    for victim in victims {
        let counts = victim.answer().expect("counts");
        note(&counts);
        assert!(number(&counts, "canaries") > 0, "nothing was done: {counts}");
        assert!(number(&counts, "longest") < PATIENCE.as_millis() as u64, "{counts}");
    }
}

#[test]
fn peers_that_write_all_over_the_entries_they_may_open_harm_these_objects_only() {
    again_and_again(enemies_write_all_over_entries);
}

fn enemies_write_all_over_entries() {
    let scratch = Scratch::new();
    let mut victims: Vec<Puppet> =
        (0..3).map(|index| puppet!(&format!("victim {index}"), &scratch)).collect();
    for victim in &mut victims {
        victim.tell(format!("endure {LONG}"));
    }
    let entries = KINDS.map(|kind| scratch.file(&format!("shared-{kind}")));
    for entry in &entries {
        let is_there = || entry.exists();
        assert!(until(PATIENCE, is_there), "{} is made", entry.display());
    }
    let mut random = Random::new(unique());
    let mut enemies: Vec<Puppet> = entries.iter().map(|_| puppet!("enemy", &scratch)).collect();
    for (enemy, entry) in enemies.iter_mut().zip(&entries) {
        enemy.tell(format!("assail {} {}", entry.display(), random.below(LONG)));
    }
    // Half of them die in the middle of it.
    std::thread::sleep(Duration::from_millis(LONG / 4));
    for enemy in enemies.iter_mut().step_by(2) {
        enemy.strike();
    }
    come_through(&mut victims);
}

#[test]
fn peers_that_tamper_with_what_they_hand_on_harm_these_objects_only() {
    again_and_again(enemies_hand_on_handles);
}

fn enemies_hand_on_handles() {
    let scratch = Scratch::new();
    let mut victims: Vec<(Puppet, String)> = (0..2)
        .map(|index| {
            (
                puppet!(&format!("victim {index}"), &scratch),
                scratch.file(&format!(".socket-{index}")).display().to_string(),
            )
        })
        .collect();
    let mut enemies = Vec::new();
    for (victim, socket) in &mut victims {
        victim.tell(format!("welcome {socket} {LONG}"));
        for _ in 0..2 {
            let mut enemy = puppet!("enemy", &scratch);
            enemy.tell(format!("offer {socket} {LONG}"));
            enemies.push(enemy);
        }
    }
    // One dies, with messages on their way.
    std::thread::sleep(Duration::from_millis(LONG / 3));
    enemies[0].strike();
    let mut victims: Vec<Puppet> = victims.into_iter().map(|(victim, _)| victim).collect();
    come_through(&mut victims);
    for enemy in &mut enemies[1..] {
        enemy.answer().expect("it lives");
    }
}

#[test]
fn what_enemies_leave_behind_is_reclaimed_and_the_names_are_free() {
    let scratch = Scratch::new();
    let mut victim = puppet!("victim", &scratch);
    victim.tell("endure 1000");
    let entry = scratch.file("shared-auto");
    assert!(until(PATIENCE, || entry.exists()), "it is made");
    let mut enemy = puppet!("enemy", &scratch);
    enemy.does(format!("assail {} 300", entry.display()));
    victim.answer().expect("counts");
    victim.kill();
    enemy.kill();
    let mut next = puppet!("who comes next", &scratch);
    next.does("gc");
    scratch.assert_empty("when all are gone");
}
