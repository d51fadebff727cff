//! An object that travels between processes, and one that only watches: whether the object is held, or gone with all it had.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use shmobj::ErrorKind;

use crate::puppet::Puppet;
use crate::random::unique;
use crate::scratch::Scratch;
use crate::system::is_locked;

/// All kinds that travel.
pub const KINDS: [&str; 5] = ["mapping", "mutex", "event", "semaphore", "timer"];

/// An object's kind and name, the namespace, and who watches.
#[derive(Debug)]
pub struct Scene {
    /// The namespace.
    pub scratch: Scratch,
    /// What is tested, for messages.
    pub story: String,
    program: &'static str,
    kind: &'static str,
    name: String,
    watcher: Puppet,
}

impl Scene {
    /// A scene for an object with a name or without.
    #[must_use]
    pub fn new(program: &'static str, kind: &'static str, is_named: bool) -> Self {
        let scratch = Scratch::new();
        let name = if is_named { format!("travel{:016x}", unique()) } else { "-".to_owned() };
        let watcher = started(program, "watcher", &scratch);
        Self { scratch, story: format!("{kind} {name}"), program, kind, name, watcher }
    }

    /// A scene for each kind, with a name and without. `about` is what is tested.
    pub fn each(program: &'static str, about: &str, play: impl FnMut(&mut Self)) {
        Self::of(&KINDS, program, about, play);
    }

    /// The same for a mapping and a synchronization object only, where each takes its time.
    pub fn some(program: &'static str, about: &str, play: impl FnMut(&mut Self)) {
        Self::of(&["mapping", "event"], program, about, play);
    }

    fn of(kinds: &[&'static str], program: &'static str, about: &str, mut play: impl FnMut(&mut Self)) {
        for &kind in kinds {
            for is_named in [true, false] {
                let mut scene = Self::new(program, kind, is_named);
                scene.story = format!("{about}: {}", scene.story);
                play(&mut scene);
            }
        }
    }

    /// Whether the object has a name.
    #[must_use]
    pub fn is_named(&self) -> bool {
        self.name != "-"
    }

    /// The object's kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The object's entry.
    #[must_use]
    pub fn entry(&self) -> PathBuf {
        self.scratch.file(&self.name)
    }

    /// A process that uses the namespace.
    #[must_use]
    pub fn puppet(&self, name: &str) -> Puppet {
        started(self.program, name, &self.scratch)
    }

    /// A process that has made the object, as its handle `h`.
    #[must_use]
    pub fn maker(&self, name: &str) -> Puppet {
        let mut maker = self.puppet(name);
        maker.does(format!("have h {} {}", self.kind, self.name));
        maker
    }

    /// Two processes, the first of which has the object, with a socket `s` between them.
    #[must_use]
    pub fn pair(&self, sort: &str) -> (Puppet, Puppet) {
        let (mut one, mut other) = (self.maker("sender"), self.puppet("receiver"));
        connect(&mut one, &mut other, "s", sort);
        (one, other)
    }

    /// This handle of this process leads to the object with this identity, and works.
    #[track_caller]
    pub fn assert_works(&self, puppet: &mut Puppet, handle: &str, identity: &str) {
        assert_eq!(puppet.does(format!("identity {handle}")), identity, "{}: another object", self.story);
        puppet.does(format!("use {handle}"));
        let name = if self.is_named() { self.name.as_str() } else { "" };
        let about = puppet.does(format!("about {handle}"));
        assert_eq!(crate::puppet::value(&about, "name"), name, "{}", self.story);
    }

    /// Somebody holds the object: its name is taken, whoever died. (That an unnamed one is held only its holders can show.)
    #[track_caller]
    pub fn assert_held(&mut self) {
        if self.is_named() {
            assert!(is_locked(&self.entry()), "{}: nobody has a lock on the entry", self.story);
            self.watcher
                .fails(format!("have probe {} {} new", self.kind, self.name), ErrorKind::AlreadyExists);
        }
    }

    /// Nobody holds the object, nobody has its memory, and at most its entry is left, which goes when the name is used again.
    #[track_caller]
    pub fn assert_gone(&mut self, identity: &str) {
        let story = self.story.clone();
        assert!(!is_locked(&self.entry()), "{story}: somebody has a lock on the entry");
        assert_eq!(who_has(identity), [0; 0], "{story}: they have its memory");
        let left = self.scratch.files();
        assert!(left.iter().filter(|file| !file.starts_with('.')).count() <= 1, "{story}: left are {left:?}");
        if self.is_named() {
            self.watcher.does(format!("have probe {} {} new", self.kind, self.name));
            self.watcher.does("lose probe");
        }
        self.watcher.does("gc");
        self.scratch.assert_empty(&format!("({story}) after the name was used again"));
    }

    /// The same where the last holder closed its handle: nothing is left to begin with.
    #[track_caller]
    pub fn assert_gone_without_a_trace(&mut self, identity: &str) {
        self.scratch.assert_empty(&format!("({}) after the last holder closed it", self.story));
        self.assert_gone(identity);
    }
}

fn started(program: &str, name: &str, scratch: &Scratch) -> Puppet {
    let mut puppet = Puppet::start(program, name, &[]);
    puppet.does(format!("namespace {}", scratch.path().display()));
    puppet
}

/// Makes a socket of this name between two processes.
#[track_caller]
pub fn connect(one: &mut Puppet, other: &mut Puppet, name: &str, sort: &str) {
    let address = format!("shmobj-test.{:016x}", unique());
    if sort == "dgram" {
        other.does(format!("listen {name} {address} {sort}"));
        one.does(format!("call {name} {address} {sort}"));
    } else {
        other.does(format!("listen l {address} {sort}"));
        one.does(format!("call {name} {address} {sort}"));
        other.does(format!("accept {name} l"));
        other.does("hang-up l");
    }
}

/// The processes that have a file, by device and inode, as a descriptor or as a mapping of shared memory.
#[must_use]
pub fn who_has(identity: &str) -> Vec<u32> {
    let inode = identity.split('.').next_back().unwrap_or_default();
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let has = |pid: &u32| {
        let mut links = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let is_ours = |target: PathBuf| target.to_string_lossy().contains("shmobj");
        links.any(|link| {
            std::fs::read_link(link.path()).is_ok_and(is_ours)
                && std::fs::metadata(link.path())
                    .is_ok_and(|stat| format!("{}.{}", stat.dev(), stat.ino()) == identity)
        }) || std::fs::read_to_string(format!("/proc/{pid}/maps")).is_ok_and(|maps| {
            maps.lines()
                .any(|line| line.contains("shmobj") && line.split_ascii_whitespace().nth(4) == Some(inode))
        })
    };
    pids.filter(has).collect()
}
