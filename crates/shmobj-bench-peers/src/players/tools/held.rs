//! What this process holds: memory and descriptors.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::players::{Made, Stage};
use crate::protocol::Answer;

/// How many descriptors this process has.
fn descriptors() -> u64 {
    std::fs::read_dir("/proc/self/fd").expect("its descriptors").count() as u64
}

/// Bytes: private memory and page tables of this process, and the blocks of every file of memory that it has open or that has its
/// stage's name. What the kernel needs for an inode or a directory entry is not in it.
fn memory(stage: &Stage) -> u64 {
    let mut files = HashSet::new();
    let mut bytes = own();
    let mut add = |path: &Path| {
        let Ok(data) = std::fs::metadata(path) else { return };
        if data.is_file() && files.insert((data.dev(), data.ino())) {
            bytes += data.blocks() * 512;
        }
    };
    for directory in ["/proc/self/fd", "/dev/shm", "/tmp"].map(Path::new) {
        let of_stage = directory.starts_with("/proc");
        each(directory, &mut |path| {
            if of_stage || path.to_string_lossy().contains(&stage.prefix) {
                add(path);
            }
        });
    }
    fn below(directory: &Path, add: &mut dyn FnMut(&Path)) {
        each(directory, &mut |path| if path.is_dir() { below(path, add) } else { add(path) });
    }
    below(&stage.directory, &mut add);
    bytes
}

fn each(directory: &Path, what: &mut dyn FnMut(&Path)) {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.for_each(|entry| what(&entry.path()));
}

/// Private memory, and the tables that lead to all of it.
fn own() -> u64 {
    let kilobytes = |path: &str, keys: &[&str]| -> u64 {
        let text = std::fs::read_to_string(path).expect("the kernel's account");
        let lines = text.lines().filter(|line| keys.iter().any(|key| line.starts_with(key)));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
    };
    let private = kilobytes("/proc/self/smaps_rollup", &["Private_Clean:", "Private_Dirty:"]);
    (private + kilobytes("/proc/self/status", &["VmPTE:"])) * 1024
}

/// Plays `memory-per-object` and `descriptors-per-object`: makes as many objects as the parameter says, and keeps them.
pub(crate) fn per_object<T: 'static>(stage: &Stage, mut object: impl FnMut(u64) -> T + 'static) -> Made {
    let stage = stage.clone();
    Made::of(move |_| {
        let mut objects = Vec::with_capacity(stage.parameter as usize);
        let look = |stage: &Stage| {
            if stage.operation == "memory-per-object" { memory(stage) } else { descriptors() }
        };
        let before = look(&stage);
        objects.extend((0..stage.parameter).map(&mut object));
        let held = look(&stage).saturating_sub(before);
        Answer::Is((held + stage.parameter / 2) / stage.parameter)
    })
}
