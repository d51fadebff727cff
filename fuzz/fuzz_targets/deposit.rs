//! A deposit that somebody wrote who knows how, claimed.
#![no_main]

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use rustix::fs::FlockOperation;
use shmobj::transfer::{self, AnyHandle};
use shmobj_fuzz::enemy::Enemy;
use shmobj_fuzz::scene::scene;
use shmobj_fuzz::victim;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = run(&mut Unstructured::new(bytes));
    scene().is_whole();
});

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let scene = scene();
    let path = scene.directory.join(format!(".shmobj-deposit.{TOKEN}"));
    let mut enemy = Enemy::new(scene, input);
    let (record, _) = enemy.record()?;
    let given = [enemy.descriptor()?, enemy.descriptor()?];
    let mut image = Vec::new();
    image.extend_from_slice(b"shmobjD\n");
    image.extend_from_slice(&1_u32.to_le_bytes());
    image.extend_from_slice(&std::process::id().to_le_bytes());
    let number = |fd: &OwnedFd| (fd.as_raw_fd() as u32).to_le_bytes();
    given.iter().for_each(|fd| image.extend_from_slice(&number(fd)));
    for fd in &given {
        let stat = rustix::fs::fstat(fd).expect("a stat");
        image.extend_from_slice(&stat.st_dev.to_le_bytes());
        image.extend_from_slice(&stat.st_ino.to_le_bytes());
    }
    image.extend_from_slice(&[enemy.input.int_in_range(0..=3)?, 0, 0, 0, 0, 0, 0, 0]);
    image.extend_from_slice(&record);
    for _ in 0..enemy.input.int_in_range(0..=2)? {
        // The numbers stay: what a process of one's own says of itself is believed.
        let at = enemy.input.int_in_range(24..=image.len() - 1)?;
        image[at] = enemy.input.arbitrary()?;
    }
    if enemy.input.ratio(1, 10)? {
        image.truncate(enemy.input.int_in_range(0..=image.len())?);
    }
    let _ = fs::remove_file(&path);
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).expect("a file");
    fs::write(&path, &image).expect("a write");
    let file = fs::File::open(&path).expect("a file");
    if enemy.input.ratio(9, 10)? {
        rustix::fs::flock(&file, FlockOperation::LockShared).expect("a lock");
    }
    let claimed = transfer::claim_in::<AnyHandle>(&scene.namespace, TOKEN);
    drop(given);
    let _ = fs::remove_file(&path);
    victim::uses(claimed.into_iter().collect(), enemy.input)
}
