//! Users that nobody is, and places where they meet.

use std::path::PathBuf;

use shmobj::ErrorKind;
use shmobj_tests::entry::AT_ID;
use shmobj_tests::puppet;
use shmobj_tests::puppet::Puppet;
use shmobj_tests::random::unique;
use shmobj_tests::scratch::Scratch;

/// All kinds, as puppets call them.
pub(crate) const KINDS: [&str; 5] = ["mapping", "mutex", "event", "semaphore", "timer"];

/// A user or a group that no account and no other test has.
pub(crate) fn nobody() -> u32 {
    50_000 + (unique() % 1_900_000_000) as u32
}

/// A user with a group.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) group: u32,
    pub(crate) others: Vec<u32>,
}

impl User {
    pub(crate) fn new() -> Self {
        Self { id: nobody(), group: nobody(), others: Vec::new() }
    }

    /// A member of another group besides its own.
    pub(crate) fn in_group(mut self, group: u32) -> Self {
        self.others.push(group);
        self
    }

    /// A process of this user, in its default namespace.
    #[track_caller]
    pub(crate) fn puppet(&self, name: &str) -> Puppet {
        let mut puppet = puppet!(name);
        let others: String = self.others.iter().map(|group| format!(" {group}")).collect();
        puppet.does(format!("become-member {} {}{others}", self.id, self.group));
        puppet
    }

    /// A process of this user in a place.
    #[track_caller]
    pub(crate) fn at(&self, place: &Scratch, name: &str) -> Puppet {
        let mut puppet = self.puppet(name);
        puppet.does(format!("namespace {}", place.path().display()));
        puppet
    }
}

/// A directory of root's in which everybody may make objects, and nobody remove another one's.
pub(crate) fn market() -> Scratch {
    Scratch::with_mode(0o1777)
}

/// The only data file in a place.
#[track_caller]
pub(crate) fn data_file(place: &Scratch) -> PathBuf {
    let mut files = place.files();
    files.retain(|file| file.starts_with(".shmobj-data."));
    let [file] = files.as_slice() else { panic!("not one data file: {files:?}") };
    place.file(file)
}

/// A remedy follows what is the matter.
#[track_caller]
pub(crate) fn says_what_to_do(puppet: &mut Puppet, command: &str, kind: ErrorKind) -> String {
    let text = puppet.fails(command, kind).text;
    assert!(text.contains("; "), "no remedy in: {text}");
    text
}

/// A Global name that nobody else has, removed with its data file.
pub(crate) struct GlobalName {
    pub(crate) name: String,
    pub(crate) entry: PathBuf,
}

impl GlobalName {
    pub(crate) fn new() -> Self {
        let base = format!("test{:016x}", unique());
        let entry = PathBuf::from(format!("/dev/shm/shmobj.{base}"));
        Self { name: format!("Global\\{base}"), entry }
    }

    /// Where its data are, if they are in a file.
    pub(crate) fn data(&self) -> Option<PathBuf> {
        // Where a squatter has put a pipe, a read would wait for ever.
        let page = std::fs::symlink_metadata(&self.entry).ok().filter(std::fs::Metadata::is_file);
        let page = page.and_then(|_| std::fs::read(&self.entry).ok())?;
        let id: String = page.get(AT_ID..AT_ID + 16)?.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(PathBuf::from(format!("/dev/shm/.shmobj-data.{id}"))).filter(|path| path.exists())
    }
}

impl Drop for GlobalName {
    fn drop(&mut self) {
        if let Some(data) = self.data() {
            let _ = std::fs::remove_file(data);
        }
        let _ = std::fs::remove_file(&self.entry).or_else(|_| std::fs::remove_dir_all(&self.entry));
    }
}
