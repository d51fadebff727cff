//! The kernel that the protocols of shared words rely on: futex queues, `FUTEX_WAKE_OP`, robust lists.
//!
//! | Call | What a protocol may rely on |
//! |---|---|
//! | [`Kernel::wait`] | sleeps only if the word has the expected value, in one step |
//! | [`Kernel::queue`], then `wait` | `futex_waitv`: the words are looked at one after the other |
//! | [`Kernel::wake`] | wakes the first n of the word's queue, says how many |
//! | [`Kernel::wake_op`] | changes the word and wakes, and no kill comes in between |
//! | [`Kernel::crash`], [`Kernel::walk`] | a killed thread leaves the queues; then its robust words are visited one by one |
//!
//! A thread that is killed asleep leaves the queue at once. In fact it stays there until it runs again, and
//! may use up a wake meanwhile; that is the same as to be woken first and killed then.

use std::fmt;

/// A thread, by its number. What a robust word calls its owner is this number plus one.
pub(crate) type Thread = usize;

/// What can happen next, to one thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// It takes its next step.
    Step(usize),
    /// It is killed.
    Kill(usize),
    /// What it stored reaches the memory that the others see.
    Flush(usize),
    /// It was killed, and the kernel visits one of its robust words.
    Walk(usize),
    /// It sleeps, and its time is over.
    TimeOut(usize),
    /// It doesn't sleep, and gives up because its time is over.
    GiveUp(usize),
    /// It waits for several objects, and does without this one because another is signalled.
    Leave(usize),
}

/// The part of a robust word that names the owner.
pub(crate) const TID: u32 = (1 << 30) - 1;
/// The owner of a robust word died.
pub(crate) const OWNER_DIED: u32 = 1 << 30;
/// Somebody may be asleep on a robust word.
pub(crate) const WAITERS: u32 = 1 << 31;

/// What a robust word calls this thread.
pub(crate) fn tid(thread: Thread) -> u32 {
    u32::try_from(thread + 1).expect("a model has few threads")
}

/// The names of the threads in a story.
pub(crate) const NAMES: [&str; 5] = ["A", "B", "C", "D", "E"];

/// A robust word in words.
pub(crate) struct Robust(pub(crate) u32);

impl fmt::Display for Robust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.0 & TID).checked_sub(1) {
            None => "free",
            Some(owner) => NAMES.get(owner as usize).unwrap_or(&"?"),
        })?;
        let bits = [(OWNER_DIED, "OWNER_DIED"), (WAITERS, "WAITERS")];
        bits.iter().filter(|(bit, _)| self.0 & bit != 0).try_for_each(|(_, name)| write!(f, "|{name}"))
    }
}

/// Those asleep on one word, the first to be woken first: a nibble each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Queue(u32);

impl Queue {
    fn push(&mut self, thread: Thread) {
        let places = (0..8).map(|place| 4 * place);
        let end = places.into_iter().find(|place| self.0 >> place == 0).expect("a model has few threads");
        self.0 |= tid(thread) << end;
    }

    fn first(self) -> Option<Thread> {
        (self.0 & 0xf).checked_sub(1).map(|thread| thread as Thread)
    }

    fn contains(self, thread: Thread) -> bool {
        (0..8).any(|place| (self.0 >> (4 * place)) & 0xf == tid(thread))
    }

    fn remove(&mut self, thread: Thread) {
        let rest = (0..8).map(|place| (self.0 >> (4 * place)) & 0xf).filter(|it| *it != tid(thread));
        self.0 = rest.enumerate().fold(0, |queue, (place, it)| queue | it << (4 * place));
    }
}

/// What the kernel knows of a thread's being.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Life {
    Running,
    Asleep,
    /// Killed; its robust words have not all been visited yet.
    Dying,
    Dead,
}

/// `W` words that `T` threads share, and who sleeps on which.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Kernel<const T: usize, const W: usize> {
    pub(crate) words: [u32; W],
    pub(crate) life: [Life; T],
    queues: [Queue; W],
    /// The words on each thread's robust list, a bit each.
    lists: [u8; T],
    /// Each thread's `list_op_pending`.
    pub(crate) pending: [Option<u8>; T],
}

impl<const T: usize, const W: usize> Kernel<T, W> {
    pub(crate) fn new(words: [u32; W]) -> Self {
        Self {
            words,
            life: [Life::Running; T],
            queues: [Queue::default(); W],
            lists: [0; T],
            pending: [None; T],
        }
    }

    /// `futex_wait`. False: the word has another value.
    pub(crate) fn wait(&mut self, thread: Thread, word: usize, expected: u32) -> bool {
        let sleeps = self.queue(thread, word, expected);
        if sleeps {
            self.life[thread] = Life::Asleep;
        } else {
            self.leave_queues(thread);
        }
        sleeps
    }

    /// The part of `futex_waitv` that looks at one word and, if it has the expected value, enters its
    /// queue. From then on the thread can be woken although it doesn't sleep yet.
    pub(crate) fn queue(&mut self, thread: Thread, word: usize, expected: u32) -> bool {
        let as_expected = self.words[word] == expected;
        if as_expected {
            self.queues[word].push(thread);
        }
        as_expected
    }

    /// Is the thread in the word's queue?
    pub(crate) fn is_queued(&self, thread: Thread, word: usize) -> bool {
        self.queues[word].contains(thread)
    }

    /// How many are in the word's queue.
    pub(crate) fn queued(&self, word: usize) -> usize {
        (0..T).filter(|thread| self.is_queued(*thread, word)).count()
    }

    pub(crate) fn is_alive(&self, thread: Thread) -> bool {
        matches!(self.life[thread], Life::Running | Life::Asleep)
    }

    /// Those who slept `before` and don't any more, in words.
    pub(crate) fn woken_since(&self, before: &Self) -> String {
        let woken =
            |thread: &Thread| before.life[*thread] == Life::Asleep && self.life[*thread] == Life::Running;
        (0..T).filter(woken).map(|thread| format!("; {} wakes up", NAMES[thread])).collect()
    }

    /// Wakes a thread without anybody's doing: its time is up.
    pub(crate) fn time_out(&mut self, thread: Thread) {
        self.leave_queues(thread);
        self.life[thread] = Life::Running;
    }

    fn leave_queues(&mut self, thread: Thread) {
        self.queues.iter_mut().for_each(|queue| queue.remove(thread));
    }

    /// `FUTEX_WAKE`: how many of the `most` were there to be woken.
    pub(crate) fn wake(&mut self, word: usize, most: usize) -> usize {
        for woken in 0..most {
            let Some(thread) = self.queues[word].first() else { return woken };
            self.leave_queues(thread);
            self.life[thread] = Life::Running;
        }
        most
    }

    /// `FUTEX_WAKE_OP`: changes the word, wakes `most`, and `more` if the word was negative.
    pub(crate) fn wake_op(
        &mut self,
        word: usize,
        op: impl Fn(u32) -> u32,
        most: usize,
        more: usize,
    ) -> usize {
        let old = self.words[word];
        self.words[word] = op(old);
        let woken = self.wake(word, most);
        if old >> 31 == 1 { woken + self.wake(word, more) } else { woken }
    }

    /// Puts a word on the thread's robust list.
    pub(crate) fn list(&mut self, thread: Thread, word: usize) {
        self.lists[thread] |= 1 << word;
    }

    /// Takes a word off the thread's robust list.
    pub(crate) fn unlist(&mut self, thread: Thread, word: usize) {
        self.lists[thread] &= !(1 << word);
    }

    /// `SIGKILL`.
    pub(crate) fn crash(&mut self, thread: Thread) {
        self.leave_queues(thread);
        self.life[thread] = Life::Dying;
        self.settle_death(thread);
    }

    /// Visits the next of a dying thread's robust words: its list first, the pending one last. `own` is
    /// its TID as the kernel knows it.
    pub(crate) fn walk(&mut self, thread: Thread, own: u32) {
        let pending = self.pending[thread].map(usize::from);
        let listed = (0..W).find(|word| self.lists[thread] & (1 << word) != 0 && Some(*word) != pending);
        if let Some(word) = listed {
            self.unlist(thread, word);
            self.visit(own, word, false);
        } else if let Some(word) = pending {
            self.unlist(thread, word);
            self.pending[thread] = None;
            self.visit(own, word, true);
        }
        self.settle_death(thread);
    }

    /// `handle_futex_death` of `kernel/futex/core.c`.
    fn visit(&mut self, own: u32, word: usize, pending: bool) {
        let value = self.words[word];
        if pending && value & TID == 0 {
            self.wake(word, 1);
        } else if value & TID == own {
            self.words[word] = (value & WAITERS) | OWNER_DIED;
            if value & WAITERS != 0 {
                self.wake(word, 1);
            }
        }
    }

    fn settle_death(&mut self, thread: Thread) {
        if self.lists[thread] == 0 && self.pending[thread].is_none() {
            self.life[thread] = Life::Dead;
        }
    }
}

/// Wake everybody.
pub(crate) const EVERYBODY: usize = 8;
