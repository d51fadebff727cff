//! What a parent tells a child in the environment, with descriptors that are there, that are not, and that are told twice.
#![no_main]

use std::fmt::Write;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use shmobj_fuzz::enemy::Enemy;
use shmobj_fuzz::scene::scene;
use shmobj_fuzz::victim;

/// The descriptors from here on are the parent's gifts, and nothing else's.
const FIRST: RawFd = 500;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = run(&mut Unstructured::new(bytes));
    // SAFETY: what is still open there was given to nobody.
    unsafe { libc::close_range(FIRST as u32, FIRST as u32 + 100, 0) };
    scene().is_whole();
});

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let mut text = String::new();
    let mut given: Vec<(RawFd, u64, u64)> = Vec::new();
    let mut enemy = Enemy::new(scene(), input);
    for _ in 0..enemy.input.int_in_range(0..=3)? {
        let (record, _) = enemy.record()?;
        let mut numbers = [None; 2];
        for (index, number) in numbers.iter_mut().enumerate() {
            if record[8] & 1 << index != 0 {
                *number = Some(if !given.is_empty() && enemy.input.ratio(1, 5)? {
                    *enemy.input.choose(&given)?
                } else {
                    give(&enemy.descriptor()?, &mut given)
                });
            }
        }
        text.push_str(enemy.input.choose(&["a", "b", "a%20b", "%", ""])?);
        for number in numbers {
            let _ = match number {
                Some((fd, device, inode)) => write!(text, ":{fd}.{device:x}.{inode:x}"),
                None => write!(text, ":-"),
            };
        }
        text.push(':');
        record.iter().for_each(|byte| {
            let _ = write!(text, "{byte:02x}");
        });
        text.push(';');
    }
    if enemy.input.ratio(1, 6)? {
        // Noise behind it, and in it, but no digits: it must not name what this process needs.
        let noise: String =
            enemy.input.arbitrary::<String>()?.chars().filter(|it| !it.is_numeric()).collect();
        text.push_str(&noise);
    }
    let handles = shmobj::fuzzing::inherited(&text);
    victim::uses(handles.into_iter().flatten().collect(), enemy.input)
}

/// Where the child finds it: open, and not close-on-exec.
fn give(fd: &OwnedFd, given: &mut Vec<(RawFd, u64, u64)>) -> (RawFd, u64, u64) {
    let stat = rustix::fs::fstat(fd).expect("a stat");
    // SAFETY: duplicates a descriptor; the number goes to whoever is told it.
    let number = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD, FIRST) };
    assert!(number >= FIRST, "no descriptors left");
    let gift = (number, stat.st_dev, stat.st_ino);
    given.push(gift);
    gift
}
