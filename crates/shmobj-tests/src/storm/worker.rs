//! One process of a storm; see the parent for what it checks.
#![allow(unsafe_code)] // fork, in a process with one thread

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use shmobj::test_hooks::{Then, arm};
use shmobj::{Access, ErrorKind, FileMapping, Namespace, ReadWrite, Scope, View};

use super::table::{Count, NAMES, Table, WORKERS};
use super::travel::Luggage;
use crate::random::Random;

/// What a worker makes.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Data in a file beside the entry.
    pub beside: bool,
    /// The size of the objects.
    pub bytes: u64,
    /// Handles travel between the workers, and to children.
    pub travels: bool,
    /// Workers have children that inherit their handles, and drop them or end with them.
    pub forks: bool,
}

/// Where an object's token stands in its memory.
pub(super) const TOKEN: usize = 0;
/// How many processes think that they have made the object.
const MAKERS: usize = 8;
/// A word that holders keep at the complement of the token.
const COMPLEMENT: usize = 16;

/// A process of a storm.
#[derive(Debug)]
pub struct Worker<'a> {
    pub(super) table: &'a Table,
    pub(super) number: usize,
    pub(super) random: Random,
    pub(super) namespace: Namespace,
    pub(super) prefix: String,
    plan: Plan,
    pub(super) held: [Option<Held>; NAMES],
    pub(super) luggage: Option<Luggage>,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) mapping: FileMapping,
    view: View<ReadWrite>,
    pub(super) token: u64,
}

impl<'a> Worker<'a> {
    /// The worker of a row of the table.
    #[must_use]
    pub fn new(
        table: &'a Table,
        number: usize,
        seed: u64,
        namespace: Namespace,
        prefix: String,
        plan: Plan,
    ) -> Self {
        let held = std::array::from_fn(|_| None);
        let luggage = plan.travels.then(|| Luggage::new(&prefix, number));
        Self { table, number, random: Random::new(seed), namespace, prefix, plan, held, luggage }
    }

    /// Goes on until it is killed.
    pub fn run(mut self) {
        loop {
            let name = self.random.below(NAMES as u64) as usize;
            // Marked first, so that nobody takes the claims of one who may die at the next step for live ones.
            let armed = self.random.once_in(150);
            if armed {
                self.table.mark(self.number, true);
                arm("", 1 + self.random.below(9) as u32, Then::Die);
            }
            match self.held[name].take() {
                held if self.plan.travels && self.random.once_in(2) => {
                    self.held[name] = held;
                    self.travel(name);
                }
                Some(held) => self.close(name, held),
                None => self.obtain(name),
            }
            if armed {
                arm("no step at all", 1, Then::Die);
                self.table.mark(self.number, false);
            } else if self.plan.forks && self.random.once_in(20) {
                self.fork();
            }
            if self.random.once_in(50) {
                self.sweep();
            }
            if self.random.once_in(3) {
                std::thread::sleep(Duration::from_micros(self.random.below(300)));
            }
        }
    }

    /// A child that has all our handles for a moment. It makes no claims: it only keeps objects alive.
    fn fork(&mut self) {
        let pause = Duration::from_micros(self.random.below(2000));
        let drops = self.random.once_in(2);
        // SAFETY: this process has one thread, so the child may do whatever the parent may.
        if unsafe { libc::fork() } == 0 {
            std::thread::sleep(pause);
            if drops {
                self.held = std::array::from_fn(|_| None);
            }
            // SAFETY: ends the child without running what belongs to its parent.
            unsafe { libc::_exit(0) };
        }
    }

    fn sweep(&self) {
        if let Err(error) = self.namespace.collect_garbage(Scope::Local) {
            self.violated(Count::Errors, &error.to_string());
        }
    }

    pub(super) fn close(&mut self, name: usize, held: Held) {
        self.check_memory(&held);
        self.table.set_claim(self.number, name, 0);
        let Held { mapping, view, .. } = held;
        if self.random.once_in(2) {
            drop(view);
            drop(mapping);
        } else {
            drop(mapping);
            drop(view);
        }
    }

    fn obtain(&mut self, name: usize) {
        let before: [u64; WORKERS] = std::array::from_fn(|worker| self.table.claim(worker, name));
        let full = format!("{}-{name}", self.prefix);
        let options = FileMapping::options().namespace(&self.namespace).size(self.plan.bytes);
        let result = match self.random.below(3) {
            0 => options.open(&full, Access::READ_WRITE),
            _ => options.across_pid_namespaces(self.plan.beside).create(&full),
        };
        self.table.add(self.number, Count::Rounds);
        match result {
            Ok(mapping) => match mapping.map_mut() {
                Ok(view) => self.hold(name, before, mapping, view),
                Err(error) => self.violated(Count::Errors, &error.to_string()),
            },
            Err(error) if error.kind() == ErrorKind::NotFound && !error.to_string().contains("data file") => {
                self.table.add(self.number, Count::NotFound);
                self.check_lost(name, before, 0);
            }
            // Its memory may be on its way to somebody: to us, even.
            Err(error) if self.plan.travels && error.kind() == ErrorKind::Unreachable => {}
            Err(error) => self.violated(Count::Errors, &error.to_string()),
        }
    }

    pub(super) fn hold(
        &mut self,
        name: usize,
        before: [u64; WORKERS],
        mapping: FileMapping,
        view: View<ReadWrite>,
    ) {
        let word = |offset| view.atomic::<AtomicU64>(offset).expect("a word inside the view");
        let mine = self.random.next_u64() | 1;
        let token = match word(TOKEN).compare_exchange(0, mine, SeqCst, SeqCst) {
            Ok(_) => mine,
            Err(theirs) => theirs,
        };
        if mapping.existed() {
            self.table.add(self.number, Count::Opened);
        } else {
            self.table.add(self.number, Count::Created);
            if word(MAKERS).fetch_add(1, SeqCst) != 0 {
                self.violated(Count::WrongMemory, "two processes made one object");
            }
        }
        word(COMPLEMENT).store(!token, SeqCst);
        self.table.set_claim(self.number, name, token);
        for worker in (0..WORKERS).filter(|&worker| worker != self.number) {
            let claim = self.table.claim(worker, name);
            if claim == 0 || self.table.is_marked(worker) || self.table.claim(worker, name) != claim {
                continue;
            }
            self.table.add(self.number, Count::Compared);
            if claim != token {
                self.violated(Count::TwoObjects, &format!("worker {worker} holds another {name}"));
            }
        }
        self.check_lost(name, before, token);
        let held = Held { mapping, view, token };
        self.check_memory(&held);
        self.held[name] = Some(held);
    }

    /// What was held before and is held now was there all the time.
    fn check_lost(&self, name: usize, before: [u64; WORKERS], found: u64) {
        for (worker, claim) in before.into_iter().enumerate() {
            if claim == 0 || claim == found || self.table.is_marked(worker) {
                continue;
            }
            if self.table.claim(worker, name) == claim {
                self.violated(Count::Lost, &format!("worker {worker} holds {name}, which was not found"));
            }
        }
    }

    fn check_memory(&self, held: &Held) {
        let load = |offset| held.view.load::<AtomicU64>(offset, SeqCst).expect("a word inside the view");
        if load(TOKEN) != held.token || load(COMPLEMENT) != !held.token {
            self.violated(Count::WrongMemory, "the memory of a held object changed");
        }
    }

    #[expect(
        clippy::print_stderr,
        reason = "the story of a violation, which the counter makes the test fail for"
    )]
    pub(super) fn violated(&self, count: Count, story: &str) {
        self.table.add(self.number, count);
        eprintln!("worker {}: {count:?}: {story}", self.number);
    }
}
