//! Single descriptors, taken for each kind of handle; and the handles that they become, taken apart again.
#![no_main]

use std::os::fd::OwnedFd;

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use shmobj::transfer::AnyHandle;
use shmobj::{Event, FileMapping, Mutex, Semaphore, WaitableTimer};
use shmobj_fuzz::enemy::Enemy;
use shmobj_fuzz::scene::scene;
use shmobj_fuzz::victim;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = run(&mut Unstructured::new(bytes));
    scene().is_whole();
});

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let mut enemy = Enemy::new(scene(), input);
    let mut handles = Vec::new();
    for _ in 0..enemy.input.int_in_range(1..=4)? {
        let fd = enemy.descriptor()?;
        let kind = enemy.input.int_in_range(0..=4)?;
        handles.extend(taken(fd, kind));
    }
    if enemy.input.ratio(1, 3)? && !handles.is_empty() {
        let handle = handles.swap_remove(enemy.input.choose_index(handles.len())?);
        let kind = enemy.input.int_in_range(0..=4)?;
        handles.extend(apart(handle).and_then(|fd| taken(fd, kind)));
    }
    victim::uses(handles, enemy.input)
}

fn taken(fd: OwnedFd, kind: u8) -> Option<AnyHandle> {
    match kind {
        0 => FileMapping::try_from(fd).map(Into::into),
        1 => Mutex::try_from(fd).map(Into::into),
        2 => Event::try_from(fd).map(Into::into),
        3 => Semaphore::try_from(fd).map(Into::into),
        _ => WaitableTimer::try_from(fd).map(Into::into),
    }
    .ok()
}

fn apart(handle: AnyHandle) -> Option<OwnedFd> {
    match handle {
        AnyHandle::FileMapping(it) => it.try_into().ok(),
        AnyHandle::Mutex(it) => it.try_into().ok(),
        AnyHandle::Event(it) => it.try_into().ok(),
        AnyHandle::Semaphore(it) => it.try_into().ok(),
        AnyHandle::WaitableTimer(it) => it.try_into().ok(),
        _ => None,
    }
}
