//! What the kernel does for the protocol: `fork`, the end of a process, orphans, `flock`, `unlink`.
//!
//! A process that ends, or is killed, loses its descriptors first; then, in one step, its children go to the nearest
//! subreaper above it that isn't ending itself, those who asked for it get their signal, and its parent gets SIGCHLD
//! (`do_exit`, `exit_notify`, `forget_original_parent` of `kernel/exit.c`).

use super::state::{Description, Entry, FORKER, LOWER, Lock, OPENER, Pid, Pids, SPAWNER, State, Step, UPPER};

impl State {
    /// `fork`: the child has all descriptors of its parent.
    pub(super) fn fork(&mut self, parent: Pid, child: Pid, first: Step) {
        self.steps[child.0] = first;
        self.parents[child.0] = Some(parent);
        for set in [&mut self.handle, &mut self.own] {
            if set.contains(parent) {
                set.insert(child);
            }
        }
    }

    /// A double fork: the process in between has ended.
    pub(super) fn orphan(&mut self, child: Pid) {
        if let Some(parent) = self.parent(child) {
            self.parents[child.0] = self.reaper(parent);
        }
    }

    /// Who gets the children of a process that ends, if `above` is its parent.
    fn reaper(&self, above: Pid) -> Option<Pid> {
        let mut above = std::iter::successors(Some(above), |pid| self.parent(*pid));
        above.find(|pid| self.subreapers.contains(*pid) && self.lives(*pid))
    }

    /// The end of a process, by itself or by SIGKILL: the kernel closes its descriptors.
    pub(super) fn end(&mut self, pid: Pid) {
        self.close_all(pid);
        match pid {
            SPAWNER => self.probe = None,
            OPENER => self.opened = None,
            _ => {}
        }
        self.closing.remove(pid);
        // Nobody cares for the end of the first three: the rest of it is nobody else's business.
        self.steps[pid.0] = match pid {
            OPENER => Step::Rest,
            SPAWNER | FORKER => Step::Gone,
            _ => Step::Exiting,
        };
    }

    /// A member ends because somebody kills it.
    pub(super) fn slay(&mut self, pid: Pid) {
        if self.lives(pid) {
            self.wronged |= self.is_held() && self.killed.is_empty() && !self.is_being_ended();
            self.end(pid);
        }
    }

    /// The rest of an end: orphans, signals, and a zombie for the parent.
    pub(super) fn depart(&mut self, pid: Pid, signal_kills: bool) {
        let orphans: Vec<_> = self.children(pid).collect();
        let reaper = self.parent(pid).and_then(|parent| self.reaper(parent));
        for orphan in orphans {
            self.parents[orphan.0] = reaper;
            if self.mourners.contains(orphan) && self.lives(orphan) {
                match orphan {
                    LOWER if signal_kills => self.end(LOWER),
                    LOWER => self.told = true,
                    _ => self.slay(orphan),
                }
            }
            if self.step(orphan) == Step::Zombie {
                self.tell_parent(orphan);
            }
        }
        self.steps[pid.0] = Step::Zombie;
        self.subreapers.remove(pid);
        self.mourners.remove(pid);
        match pid {
            UPPER => (self.bereaved, self.interrupted) = (false, None),
            LOWER => (self.told, self.called) = (false, false),
            _ => {}
        }
        self.tell_parent(pid);
    }

    /// SIGCHLD. Members, and those outside, reap at once.
    fn tell_parent(&mut self, zombie: Pid) {
        match self.parent(zombie) {
            Some(UPPER) if self.step(UPPER) == Step::Asleep => {
                self.interrupted = Some(Step::LookAtFlag);
                self.steps[UPPER.0] = Step::Reap;
            }
            Some(UPPER) => self.bereaved = true,
            Some(LOWER) => {}
            _ => self.reap(zombie),
        }
    }

    /// `waitpid`.
    pub(super) fn reap(&mut self, zombie: Pid) {
        self.steps[zombie.0] = Step::Gone;
        self.parents[zombie.0] = None;
    }

    /// The description of a process that a name was opened with.
    fn private(&mut self, pid: Pid) -> &mut Option<Description> {
        if pid == SPAWNER { &mut self.probe } else { &mut self.opened }
    }

    pub(super) fn description(&self, pid: Pid) -> Option<Description> {
        if pid == SPAWNER { self.probe } else { self.opened }
    }

    /// `open(name)`. False: ENOENT.
    pub(super) fn open(&mut self, pid: Pid) -> bool {
        let description = self.name.map(|entry| Description { entry, lock: Lock::None });
        *self.private(pid) = description;
        description.is_some()
    }

    /// An entry that has no name yet, locked.
    pub(super) fn make(&mut self, pid: Pid) {
        *self.private(pid) = Some(Description { entry: Entry::Next, lock: Lock::Shared });
    }

    /// `close` of what a name was opened with.
    pub(super) fn close(&mut self, pid: Pid) {
        *self.private(pid) = None;
    }

    /// `flock(NB)` of the spawner's and the opener's own description.
    pub(super) fn lock(&mut self, pid: Pid, wanted: Lock) -> bool {
        let Some(Description { entry, .. }) = self.description(pid) else { return false };
        let other = if pid == SPAWNER { OPENER } else { SPAWNER };
        let others = self.description(other).filter(|it| it.entry == entry).map(|it| it.lock);
        let guardians = [self.handle_lock(), self.own_lock].into_iter().filter(|_| entry == Entry::Job);
        let free = guardians.chain(others).all(|lock| are_compatible(lock, wanted));
        *self.private(pid) = Some(Description { entry, lock: if free { wanted } else { Lock::None } });
        free
    }

    /// `flock(EX)` of K1's description. False: somebody else has a lock.
    pub(super) fn lock_own(&mut self) -> bool {
        let free = self.own_is_free();
        if free {
            self.own_lock = Lock::Exclusive;
        }
        free
    }

    pub(super) fn own_is_free(&self) -> bool {
        let others = [self.probe, self.opened].into_iter().flatten().filter(|it| it.entry == Entry::Job);
        others.map(|it| it.lock).chain([self.handle_lock()]).all(|lock| lock == Lock::None)
    }

    fn handle_lock(&self) -> Lock {
        if self.handle.is_empty() { Lock::None } else { Lock::Shared }
    }

    /// `close` of all that is inherited. Locks go with the last descriptor.
    pub(super) fn close_all(&mut self, pid: Pid) {
        self.close_handle(pid);
        self.close_own(pid);
    }

    pub(super) fn close_handle(&mut self, pid: Pid) {
        self.handle.remove(pid);
    }

    pub(super) fn close_own(&mut self, pid: Pid) {
        self.own.remove(pid);
        if self.own.is_empty() {
            self.own_lock = Lock::None;
        }
    }

    /// Does the name mean what the process has open?
    pub(super) fn is_named(&self, pid: Pid) -> bool {
        self.name.is_some() && self.name == self.description(pid).map(|it| it.entry)
    }

    /// `linkat`. False: EEXIST.
    pub(super) fn link(&mut self, pid: Pid) -> bool {
        let free = self.name.is_none();
        if free {
            self.name = self.description(pid).map(|it| it.entry);
        }
        free
    }

    /// `unlink(name)`, whatever it means.
    pub(super) fn unlink(&mut self, pid: Pid) {
        let Some(victim) = self.name.take() else { return };
        let lawful = match pid {
            UPPER => victim == Entry::Job && self.own_lock == Lock::Exclusive && self.own.contains(UPPER),
            _ => self.description(pid) == Some(Description { entry: victim, lock: Lock::Exclusive }),
        };
        self.unlawful |= !lawful;
    }

    /// A look into the table of processes: those who descend from a guardian, and live.
    pub(super) fn survey(&self, guardian: Pid) -> Pids {
        let guarded = |pid: &Pid| self.descends(*pid, guardian);
        self.living_members().filter(guarded).collect()
    }
}

fn are_compatible(there: Lock, wanted: Lock) -> bool {
    there == Lock::None || (there == Lock::Shared && wanted == Lock::Shared)
}
