//! What is left under a prefix when everybody is dead: names and bytes, wherever names can be.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::results::Left;

/// Where names of files can be that outlive a process.
const PLACES: &[&str] = &["/dev/shm", "/tmp", "/dev/mqueue", "/run/shm"];

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

/// What there is besides the conductor's own page.
pub(super) fn look(directory: &Path) -> Left {
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
    let bytes = found.iter().map(bytes).sum();
    let name = |path: &PathBuf| path.to_string_lossy().replace(&*prefix, "PREFIX");
    Left { names: found.iter().map(name).collect(), bytes }
}

/// Removes what [`look`] finds outside the directory.
pub(super) fn remove(prefix: &str) {
    for path in paths(prefix) {
        let _ = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
    }
}
