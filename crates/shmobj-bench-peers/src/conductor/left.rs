//! What is left under a prefix when everybody is dead: names and bytes, wherever names can be.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::results::Left;

/// Where names of files can be that outlive a process.
const PLACES: &[&str] = &["/dev/shm", "/tmp", "/dev/mqueue"];

/// The paths in those places that have the prefix in their names, but the directory of the cast itself.
fn paths(prefix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for place in PLACES {
        let Ok(entries) = std::fs::read_dir(place) else { continue };
        let ours = entries.flatten().filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.contains(prefix) && name != prefix
        });
        found.extend(ours.map(|entry| entry.path()));
    }
    found
}

/// Everything below a directory that is not one itself.
fn below(directory: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => below(&entry.path(), found),
            _ => found.push(entry.path()),
        }
    }
}

/// What System V's tables say was made by one of these processes.
fn system_v(processes: &[u32]) -> (Vec<String>, u64) {
    let table = std::fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    let made = table.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let creator: u32 = columns.get(4)?.parse().ok()?;
        let bytes: u64 = columns.get(3)?.parse().ok()?;
        processes.contains(&creator).then(|| (format!("System V segment {}", columns[0]), bytes))
    });
    let made: Vec<(String, u64)> = made.collect();
    let bytes = made.iter().map(|(_, bytes)| bytes).sum();
    (made.into_iter().map(|(name, _)| name).collect(), bytes)
}

/// What there is besides the conductor's own page, and was made by players which were these processes.
pub(super) fn look(directory: &Path, processes: &[u32]) -> Left {
    let prefix = directory.file_name().unwrap_or_default().to_string_lossy();
    let mut found = Vec::new();
    below(directory, &mut found);
    found.retain(|path| *path != directory.join("page"));
    for path in paths(&prefix) {
        if path.is_dir() {
            below(&path, &mut found);
        } else {
            found.push(path);
        }
    }
    found.sort();
    let bytes = |path: &PathBuf| std::fs::symlink_metadata(path).map_or(0, |data| data.blocks() * 512);
    let bytes: u64 = found.iter().map(bytes).sum();
    let name = |path: &PathBuf| path.to_string_lossy().replace(&*prefix, "PREFIX");
    let (segments, more) = system_v(processes);
    Left { names: found.iter().map(name).chain(segments).collect(), bytes: bytes + more }
}

/// Removes what [`look`] finds outside the directory.
pub(super) fn remove(prefix: &str) {
    for path in paths(prefix) {
        let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::tidy::Scratch;

    #[test]
    fn a_file_below_the_directory_and_one_beside_it_are_found_and_removed() {
        let scratch = Scratch::new().expect("a directory");
        assert_eq!(look(scratch.path(), &[]), Left::default());
        std::fs::write(scratch.path().join("page"), [0; 4096]).expect("the conductor's page");
        std::fs::create_dir(scratch.path().join("objects")).expect("a directory");
        std::fs::write(scratch.path().join("objects/left"), [1; 4096]).expect("a file");
        let beside = format!("{}-sem", scratch.path().display());
        std::fs::write(&beside, [1; 100]).expect("a file");
        let left = look(scratch.path(), &[]);
        assert_eq!(left.names, ["/dev/shm/PREFIX/objects/left", "/dev/shm/PREFIX-sem"]);
        assert_eq!(left.bytes, 8192);
        drop(scratch);
        assert!(!Path::new(&beside).exists());
    }
}
