//! Words that an enemy writes between the operations of a victim, and during them.
#![no_main]

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use shmobj::transfer::AnyHandle;
use shmobj_fuzz::scene::{SORTS, all_sorts, descriptor_of, scene};
use shmobj_fuzz::victim;

const PAGE: u64 = 4096;
/// The words, from the end of the page.
const WORDS: [u64; 12] = [512, 504, 496, 480, 472, 464, 64, 56, 48, 40, 16, 8];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = run(&mut Unstructured::new(bytes));
    scene().is_whole();
});

/// A word that is to be written.
#[derive(Clone, Copy)]
struct Scribble {
    object: usize,
    at: u64,
    word: u64,
}

fn scribble(input: &mut Unstructured<'_>) -> Result<Scribble> {
    let at = PAGE - *input.choose(&WORDS)? + if input.ratio(1, 6)? { 4 } else { 0 };
    let thread = thread_number();
    let word = match input.int_in_range(0..=6)? {
        0 => 0,
        1 => 1 << input.int_in_range(0..=63)?,
        2 => u64::MAX,
        3 => thread,
        4 => thread | 1 << input.int_in_range(0..=63)?,
        5 => 0x3fff_fff0 | 1 << input.int_in_range(0..=63)?,
        _ => input.arbitrary()?,
    };
    Ok(Scribble { object: input.int_in_range(1..=SORTS - 1)?, at, word })
}

/// The number of this thread, as it stands in latches.
fn thread_number() -> u64 {
    // SAFETY: it has no preconditions.
    unsafe { libc::syscall(libc::SYS_gettid) as u64 }
}

fn write(pages: &[OwnedFd], Scribble { object, at, word }: Scribble) {
    let bytes = word.to_le_bytes();
    let bytes = &bytes[..bytes.len().min((PAGE - at) as usize)];
    rustix::io::pwrite(&pages[object], bytes, at).expect("a write");
}

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let scene = scene();
    let named = input.ratio(1, 4)?;
    let handles = all_sorts(&scene.namespace, if named { "w" } else { "" });
    let pages: Vec<OwnedFd> =
        handles.iter().map(|it| descriptor_of(it).try_clone_to_owned().expect("a descriptor")).collect();
    let meanwhile: Vec<Scribble> = if input.ratio(1, 4)? {
        (0..input.int_in_range(1..=8)?).map(|_| scribble(input)).collect::<Result<_>>()?
    } else {
        Vec::new()
    };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        if !meanwhile.is_empty() {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    meanwhile.iter().for_each(|&it| write(&pages, it));
                }
            });
        }
        let result = act(&handles, &pages, input);
        done.store(true, Ordering::Relaxed);
        result
    })?;
    victim::uses(handles, input)
}

fn act(handles: &[AnyHandle], pages: &[OwnedFd], input: &mut Unstructured<'_>) -> Result<()> {
    for _ in 0..input.int_in_range(0..=20)? {
        match input.int_in_range(0..=8)? {
            0..=3 => write(pages, scribble(input)?),
            4 => victim::several(handles, input)?,
            _ => victim::use_once(&handles[input.int_in_range(1..=SORTS - 1)?], input)?,
        }
    }
    Ok(())
}
