//! The board: what processes share about a job, behind its entry's page.
//!
//! `docs/abi.md` documents it; `the_board_is_where_the_abi_says` pins it. Like the words of the page it is hostile input: nothing in here is an
//! address, every index is checked, and a process number is believed only together with the time at which the process started.
//! It is written whole before the entry has its name, so no touch of it needs memory that is not there.
#![allow(unsafe_code)] // maps memory that other processes write

use std::mem::offset_of;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use super::super::guard::{self, Filling, Protected};
use crate::job::{Breakaway, Limit, Limits};

/// Where the board begins in the entry: behind the longest name and path, whatever the size of a page. What is between is a hole.
pub(crate) const BOARD_AT: u64 = 1 << 20;
pub(crate) const BOARD_BYTES: usize = 16384;

/// How many trees of processes a job can have at a time.
pub(super) const SLOTS: usize = 384;
const JOURNAL: usize = 256;
/// The longest path of a control group.
const PATH: usize = 1472;

const KILL_ON_CLOSE: u64 = 1;
const BREAKAWAY_OK: u64 = 2;
const SILENT_BREAKAWAY: u64 = 4;

/// See the module's documentation.
#[repr(C)]
pub(crate) struct Board {
    flags: AtomicU64,
    /// 0: no limit; likewise the others.
    max_processes: AtomicU64,
    memory: AtomicU64,
    process_memory: AtomicU64,
    /// Nanoseconds.
    cpu_time: AtomicU64,
    process_cpu_time: AtomicU64,
    /// What had been used when `cpu_time` was set, in nanoseconds.
    cpu_time_from: AtomicU64,
    /// How often the processes were ended, and the code of the last time: count << 32 | code.
    ended: AtomicU64,
    /// Nanoseconds of processes whose guardians are gone.
    user_time: AtomicU64,
    system_time: AtomicU64,
    peak_memory: AtomicU64,
    total_processes: AtomicU64,
    terminated_processes: AtomicU64,
    /// Whether a process has ever been in the job.
    used: AtomicU64,
    /// The id of the job that this one is inside of, if any.
    parent: [AtomicU64; 2],
    /// Counts what is written to the journal, and is slept on.
    activity: AtomicU32,
    _reserved: AtomicU32,
    written: AtomicU64,
    /// The youngest process that was counted without having been started in the job or assigned to it: see [`age`].
    counted: AtomicU64,
    _reserved_too: [AtomicU64; 45],
    journal: [AtomicU64; JOURNAL],
    /// The directory of the job's control group, and its length; 0: none.
    path_bytes: AtomicU64,
    _reserved_three: [AtomicU64; 7],
    path: [AtomicU64; PATH / 8],
    roster: [Slot; SLOTS],
}

/// One tree of processes, with its guardians.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Slot {
    /// The lower guardian; 0: free. The high half are flags.
    pub(super) guardian: AtomicU64,
    /// When it was started, in clock ticks since boot.
    pub(super) started: AtomicU64,
    /// The first process of the tree, with the PID namespace in the high half, and when it was started.
    pub(super) root: AtomicU64,
    pub(super) root_started: AtomicU64,
}

const _: () = assert!(size_of::<Board>() == BOARD_BYTES);

/// What a slot's flags say of its tree.
pub(super) mod tree {
    /// The root was assigned, and is no descendant of the guardian.
    pub(crate) const ASSIGNED: u32 = 1;
    /// It is in the job's control group.
    pub(crate) const GROUPED: u32 = 2;
}

/// What a slot says, if it is in use. Believed only of a process that runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) guardian: u32,
    pub(super) flags: u32,
    pub(super) started: u64,
    pub(super) root: u32,
    pub(super) root_started: u64,
    /// The PID namespace in which these numbers mean something (the low half of its inode number).
    pub(super) namespace: u32,
}

impl Tree {
    /// The guardian, of all that there will ever be.
    pub(super) fn identity(&self) -> (u32, u64) {
        (self.guardian, self.started)
    }

    pub(super) fn is_assigned(&self) -> bool {
        self.flags & tree::ASSIGNED != 0
    }

    pub(super) fn is_grouped(&self) -> bool {
        self.flags & tree::GROUPED != 0
    }
}

impl Slot {
    pub(super) fn read(&self) -> Option<Tree> {
        let guardian = self.guardian.load(Acquire);
        (guardian != 0).then(|| Tree {
            guardian: guardian as u32,
            flags: (guardian >> 32) as u32,
            started: self.started.load(Acquire),
            root: self.root.load(Acquire) as u32,
            namespace: (self.root.load(Acquire) >> 32) as u32,
            root_started: self.root_started.load(Acquire),
        })
    }

    /// The guardian comes last: a slot without one is free.
    pub(super) fn fill(&self, tree: &Tree) {
        self.guardian.store(0, Release);
        self.started.store(tree.started, Release);
        self.set_root(tree);
    }

    /// Tells the first process, and whether it is in the group, of a tree that is there: nobody may take its slot for free meanwhile.
    pub(super) fn set_root(&self, tree: &Tree) {
        self.root.store(u64::from(tree.namespace) << 32 | u64::from(tree.root), Release);
        self.root_started.store(tree.root_started, Release);
        self.guardian.store(u64::from(tree.flags) << 32 | u64::from(tree.guardian), Release);
    }

    pub(super) fn clear(&self) {
        self.guardian.store(0, Release);
    }
}

/// Something that a guardian or a spawner tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Started(u32),
    Ended(u32),
    Hit(Limit),
}

impl News {
    fn to_word(self, number: u64) -> u64 {
        let (sort, pid) = match self {
            Self::Started(pid) => (1, pid),
            Self::Ended(pid) => (2, pid),
            Self::Hit(Limit::Processes) => (3, 0),
            Self::Hit(Limit::Memory) => (4, 0),
            Self::Hit(Limit::ProcessMemory(pid)) => (5, pid),
            Self::Hit(Limit::CpuTime) => (6, 0),
            Self::Hit(Limit::ProcessCpuTime(pid)) => (7, pid),
        };
        number.wrapping_add(1) << 40 | sort << 32 | u64::from(pid)
    }

    /// `None`: it has been overwritten, or is not written yet, or nonsense.
    fn of_word(word: u64, number: u64) -> Option<Self> {
        let pid = word as u32;
        if word >> 40 != (number + 1) & 0xff_ffff {
            return None;
        }
        Some(match word >> 32 & 0xff {
            1 => Self::Started(pid),
            2 => Self::Ended(pid),
            3 => Self::Hit(Limit::Processes),
            4 => Self::Hit(Limit::Memory),
            5 => Self::Hit(Limit::ProcessMemory(pid)),
            6 => Self::Hit(Limit::CpuTime),
            7 => Self::Hit(Limit::ProcessCpuTime(pid)),
            _ => return None,
        })
    }
}

impl Board {
    pub(super) fn roster(&self) -> &[Slot; SLOTS] {
        &self.roster
    }

    pub(super) fn kills_on_close(&self) -> bool {
        self.flags.load(Acquire) & KILL_ON_CLOSE != 0
    }

    pub(super) fn breakaway(&self) -> Breakaway {
        breakaway(self.flags.load(Acquire))
    }

    pub(super) fn limits(&self) -> Limits {
        let number = |word: &AtomicU64| Some(word.load(Acquire)).filter(|&value| value > 0);
        let flags = self.flags.load(Acquire);
        Limits {
            kill_on_close: flags & KILL_ON_CLOSE != 0,
            max_processes: number(&self.max_processes).map(|value| value.min(u32::MAX.into()) as u32),
            memory: number(&self.memory),
            process_memory: number(&self.process_memory),
            cpu_time: number(&self.cpu_time).map(Duration::from_nanos),
            process_cpu_time: number(&self.process_cpu_time).map(Duration::from_nanos),
            breakaway: breakaway(flags),
        }
    }

    /// `used`: processor time used so far, which does not count for a limit that is set now.
    pub(super) fn set_limits(&self, limits: &Limits, used: Duration) {
        let words = Words::of(limits);
        self.cpu_time_from.store(used.as_nanos() as u64, Release);
        let fields = [
            (&self.flags, words.flags),
            (&self.max_processes, words.max_processes),
            (&self.memory, words.memory),
            (&self.process_memory, words.process_memory),
            (&self.cpu_time, words.cpu_time),
            (&self.process_cpu_time, words.process_cpu_time),
        ];
        for (field, value) in fields {
            field.store(value, Release);
        }
    }

    /// The processor time at which the job's own limit is used up.
    pub(super) fn cpu_time_until(&self) -> Option<u64> {
        let limit = self.cpu_time.load(Acquire);
        (limit > 0).then(|| limit.saturating_add(self.cpu_time_from.load(Acquire)))
    }

    /// How often the processes were ended, and the last code.
    pub(super) fn ended(&self) -> (u32, u32) {
        let word = self.ended.load(Acquire);
        ((word >> 32) as u32, word as u32)
    }

    pub(super) fn end(&self, code: u32) {
        let next = |word: u64| Some(((word >> 32) + 1) << 32 | u64::from(code));
        let _ = self.ended.fetch_update(AcqRel, Acquire, next);
    }

    /// Processor time of processes that nobody else accounts for any more: in user mode and in the kernel.
    pub(super) fn past_times(&self) -> (u64, u64) {
        (self.user_time.load(Acquire), self.system_time.load(Acquire))
    }

    pub(super) fn add_past_times(&self, user: u64, system: u64) {
        self.user_time.fetch_add(user, AcqRel);
        self.system_time.fetch_add(system, AcqRel);
    }

    pub(super) fn peak_memory(&self) -> u64 {
        self.peak_memory.load(Acquire)
    }

    pub(super) fn saw_memory(&self, bytes: u64) {
        self.peak_memory.fetch_max(bytes, AcqRel);
    }

    pub(super) fn total_processes(&self) -> u64 {
        self.total_processes.load(Acquire)
    }

    /// At least so many there have been.
    pub(super) fn saw_processes(&self, processes: u64) {
        self.total_processes.fetch_max(processes, AcqRel);
    }

    pub(super) fn terminated_processes(&self) -> u64 {
        self.terminated_processes.load(Acquire)
    }

    /// A process more, or one that was refused: both count (JQ-4).
    pub(super) fn count_process(&self) {
        self.total_processes.fetch_add(1, AcqRel);
    }

    /// A process that members have started and that is seen now, unless it was counted when it was seen before. Those that are older than one that was counted are taken for
    /// counted.
    pub(super) fn count_seen(&self, started: u64, pid: u32) {
        if self.counted.fetch_max(age(started, pid), AcqRel) < age(started, pid) {
            self.count_process();
        }
    }

    /// The same of one that is gone now: it says nothing about others.
    pub(super) fn count_unseen(&self, started: u64, pid: u32) {
        if self.counted.load(Acquire) < age(started, pid) {
            self.count_process();
        }
    }

    pub(super) fn count_terminated(&self, processes: u64) {
        self.terminated_processes.fetch_add(processes, AcqRel);
    }

    /// `None`: no process has been in the job yet. Otherwise the job around it, if there is one.
    pub(super) fn parent(&self) -> Option<Option<[u8; 16]>> {
        if self.used.load(Acquire) == 0 {
            return None;
        }
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.parent[0].load(Acquire).to_le_bytes());
        id[8..].copy_from_slice(&self.parent[1].load(Acquire).to_le_bytes());
        Some((id != [0; 16]).then_some(id))
    }

    /// Only under the job's lock.
    pub(super) fn set_parent(&self, parent: Option<[u8; 16]>) {
        let id = parent.unwrap_or_default();
        let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| id[at + index]));
        self.parent[0].store(half(0), Release);
        self.parent[1].store(half(8), Release);
        self.used.store(1, Release);
    }

    /// The directory of the job's control group.
    pub(super) fn path(&self) -> Option<Vec<u8>> {
        let bytes = self.path_bytes.load(Acquire) as usize;
        if bytes == 0 || bytes > PATH {
            return None;
        }
        let mut path: Vec<u8> =
            self.path[..bytes.div_ceil(8)].iter().flat_map(|word| word.load(Acquire).to_le_bytes()).collect();
        path.truncate(bytes);
        (!path.contains(&0)).then_some(path)
    }

    /// Only under the job's lock. False: it is too long.
    pub(super) fn set_path(&self, path: &[u8]) -> bool {
        if path.len() > PATH {
            return false;
        }
        self.path_bytes.store(0, Release);
        for (word, chunk) in self.path.iter().zip(path.chunks(8)) {
            let mut bytes = [0; 8];
            bytes[..chunk.len()].copy_from_slice(chunk);
            word.store(u64::from_le_bytes(bytes), Release);
        }
        self.path_bytes.store(path.len() as u64, Release);
        true
    }

    /// Writes to the journal, and wakes who reads it. Killed in between: they look again by themselves.
    pub(super) fn tell(&self, news: News) {
        let number = self.written.fetch_add(1, AcqRel);
        self.journal[number as usize % JOURNAL].store(news.to_word(number), Release);
        self.activity.fetch_add(1, AcqRel);
        let _ = rustix::thread::futex::wake(&self.activity, rustix::thread::futex::Flags::empty(), u32::MAX);
    }

    /// What was written from a number on; the number to go on from. What was overwritten meanwhile is lost (JP-5).
    pub(super) fn news(&self, from: u64, mut each: impl FnMut(News)) -> u64 {
        let until = self.written.load(Acquire);
        let from = if until.wrapping_sub(from) > JOURNAL as u64 {
            until.saturating_sub(JOURNAL as u64)
        } else {
            from
        };
        for number in from..until {
            // About to be written, or its writer was killed: then the next one shows it.
            if number + 1 == until && !is_written(&self.journal, number) {
                return number;
            }
            if let Some(news) = News::of_word(self.journal[number as usize % JOURNAL].load(Acquire), number) {
                each(news);
            }
        }
        until
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Acquire)
    }

    /// Sleeps until something is written that was not there when `seen` was read, or the time is over.
    pub(super) fn sleep(&self, seen: u32, time: Duration) {
        let timeout = rustix::thread::Timespec::try_from(time).ok();
        let _ = rustix::thread::futex::wait(
            &self.activity,
            rustix::thread::futex::Flags::empty(),
            seen,
            timeout.as_ref(),
        );
    }

    pub(super) fn activity(&self) -> u32 {
        self.activity.load(Acquire) // what is told is read after it
    }
}

/// Processes in the order in which they were started.
fn age(started: u64, pid: u32) -> u64 {
    started << 22 | u64::from(pid & 0x3f_ffff)
}

fn is_written(journal: &[AtomicU64; JOURNAL], number: u64) -> bool {
    journal[number as usize % JOURNAL].load(Acquire) >> 40 == (number + 1) & 0xff_ffff
}

fn breakaway(flags: u64) -> Breakaway {
    match (flags & SILENT_BREAKAWAY != 0, flags & BREAKAWAY_OK != 0) {
        (true, _) => Breakaway::Silent,
        (false, true) => Breakaway::Allowed,
        (false, false) => Breakaway::Denied,
    }
}

/// Limits as numbers.
struct Words {
    flags: u64,
    max_processes: u64,
    memory: u64,
    process_memory: u64,
    cpu_time: u64,
    process_cpu_time: u64,
}

impl Words {
    fn of(limits: &Limits) -> Self {
        let time = |time: Option<Duration>| {
            time.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
        };
        let kill = if limits.kill_on_close { KILL_ON_CLOSE } else { 0 };
        let breakaway = match limits.breakaway {
            Breakaway::Denied => 0,
            Breakaway::Allowed => BREAKAWAY_OK,
            Breakaway::Silent => SILENT_BREAKAWAY,
        };
        Self {
            flags: kill | breakaway,
            max_processes: limits.max_processes.unwrap_or(0).into(),
            memory: limits.memory.unwrap_or(0),
            process_memory: limits.process_memory.unwrap_or(0),
            cpu_time: time(limits.cpu_time),
            process_cpu_time: time(limits.process_cpu_time),
        }
    }
}

/// The bytes of a new job's board.
pub(crate) fn first_bytes(limits: &Limits) -> Vec<u8> {
    let words = Words::of(limits);
    let mut bytes = vec![0; BOARD_BYTES];
    let mut put = |at: usize, value: u64| bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    put(offset_of!(Board, flags), words.flags);
    put(offset_of!(Board, max_processes), words.max_processes);
    put(offset_of!(Board, memory), words.memory);
    put(offset_of!(Board, process_memory), words.process_memory);
    put(offset_of!(Board, cpu_time), words.cpu_time);
    put(offset_of!(Board, process_cpu_time), words.process_cpu_time);
    bytes
}

/// A mapping of the board.
#[derive(Debug)]
pub(crate) struct Mapped {
    base: NonNull<Board>,
    /// Whether it may be written. Who writes to one that may not dies of it.
    pub(super) writable: bool,
    /// Somebody can truncate the entry.
    protected: Option<Protected>,
}

// SAFETY: the board is reached only through atomics, which any thread may use.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// `fd` must carry no lock: the mapping keeps its description alive.
    pub(super) fn map(fd: &OwnedFd, writable: bool) -> Result<Self, Errno> {
        guard::unblock_once();
        if rustix::fs::fstat(fd)?.st_size < (BOARD_AT as usize + BOARD_BYTES) as i64 {
            return Err(Errno::INVAL);
        }
        let prot = if writable { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::READ };
        let (flags, at) = (MapFlags::SHARED, BOARD_AT);
        // SAFETY: a new mapping at an address that the kernel chooses touches no existing memory.
        let base = unsafe { rustix::mm::mmap(std::ptr::null_mut(), BOARD_BYTES, prot, flags, fd, at) }?;
        let base = NonNull::new(base.cast::<u8>()).ok_or(Errno::NOMEM)?;
        let mut mapped = Self { base: base.cast(), writable, protected: None };
        mapped.protected = Some(Protected::new(base, BOARD_BYTES, Filling::Zeros)?);
        Ok(mapped)
    }

    /// Where it is mapped.
    pub(super) fn range(&self) -> std::ops::Range<usize> {
        let start = self.base.as_ptr() as usize;
        start..start + BOARD_BYTES
    }
}

impl std::ops::Deref for Mapped {
    type Target = Board;

    fn deref(&self) -> &Board {
        // SAFETY: mapped as long as `self`; aligned, as pages are; made of atomics only, which all processes use.
        unsafe { self.base.as_ref() }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        self.protected = None; // while it is mapped
        // SAFETY: the mapping is ours, and no reference into it outlives `self`.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), BOARD_BYTES) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_board_is_where_the_abi_says() {
        assert_eq!(offset_of!(Board, flags), 0);
        assert_eq!(offset_of!(Board, cpu_time_from), 48);
        assert_eq!(offset_of!(Board, ended), 56);
        assert_eq!(offset_of!(Board, user_time), 64);
        assert_eq!(offset_of!(Board, peak_memory), 80);
        assert_eq!(offset_of!(Board, used), 104);
        assert_eq!(offset_of!(Board, parent), 112);
        assert_eq!(offset_of!(Board, activity), 128);
        assert_eq!(offset_of!(Board, written), 136);
        assert_eq!(offset_of!(Board, journal), 512);
        assert_eq!(offset_of!(Board, path_bytes), 2560);
        assert_eq!(offset_of!(Board, path), 2624);
        assert_eq!(offset_of!(Board, roster), 4096);
        assert_eq!(size_of::<Slot>(), 32);
    }

    #[test]
    fn news_are_read_as_they_were_written_and_nothing_else_is() {
        let all = [
            News::Started(7),
            News::Ended(u32::MAX),
            News::Hit(Limit::Processes),
            News::Hit(Limit::Memory),
            News::Hit(Limit::ProcessMemory(1)),
            News::Hit(Limit::CpuTime),
            News::Hit(Limit::ProcessCpuTime(2)),
        ];
        for (number, news) in all.into_iter().enumerate() {
            let number = number as u64 + 0xff_fffe;
            assert_eq!(News::of_word(news.to_word(number), number), Some(news));
            assert_eq!(News::of_word(news.to_word(number), number + JOURNAL as u64), None);
        }
        assert_eq!(News::of_word(0, 0), None);
        assert_eq!(News::of_word(1 << 40 | 9 << 32, 0), None);
    }
}
