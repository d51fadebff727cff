//! Who plays.

use std::fmt;

/// A process, by its seat.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Pid(pub(super) usize);

/// Opens the job, spawns, and closes.
pub(super) const SPAWNER: Pid = Pid(0);
/// Forked by the spawner, forks the upper guardian, and ends.
pub(super) const FORKER: Pid = Pid(1);
pub(super) const UPPER: Pid = Pid(2);
pub(super) const LOWER: Pid = Pid(3);
/// The process that was asked for.
pub(super) const CHILD: Pid = Pid(4);
/// Those that descend from it have this seat and the next ones.
pub(super) const FIRST_DESCENDANT: usize = 5;
/// Creates the name, or opens it, again and again; each time it is another process. In one scene it terminates the job instead.
pub(super) const OPENER: Pid = Pid(7);
pub(super) const SEATS: usize = 8;

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(["S", "C", "K1", "K2", "P", "D", "E", "O"][self.0])
    }
}

/// A set of processes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Pids(u8);

impl Pids {
    pub(super) fn contains(self, pid: Pid) -> bool {
        self.0 & (1 << pid.0) != 0
    }

    pub(super) fn insert(&mut self, pid: Pid) {
        self.0 |= 1 << pid.0;
    }

    pub(super) fn remove(&mut self, pid: Pid) {
        self.0 &= !(1 << pid.0);
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn first(self) -> Option<Pid> {
        (0..SEATS).map(Pid).find(|pid| self.contains(*pid))
    }
}

impl FromIterator<Pid> for Pids {
    fn from_iter<I: IntoIterator<Item = Pid>>(pids: I) -> Self {
        let mut set = Self::default();
        pids.into_iter().for_each(|pid| set.insert(pid));
        set
    }
}
