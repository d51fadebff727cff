//! All processes that /proc shows, in one pass: who is whose parent, what it has used.
//!
//! Guardians read it, which have no allocator: it is in memory that is mapped for it, and nothing here needs any other.
#![allow(unsafe_code)] // maps memory for the rows

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;
use rustix::mm::{MapFlags, MremapFlags, ProtFlags};

/// Clock ticks.
const YOUTH: u64 = 2;
/// How many processes there is room for at first.
const FIRST: usize = 4096;

/// What the kernel shows as the command of guardians.
pub(crate) const GUARDIAN: &[u8] = b"shmobj-guardian";
/// Likewise, of the guardians of what has been let out of jobs; a digit follows that says of how many.
pub(super) const OUTSIDE: &[u8] = b"shmobj-outside";
/// Of how many jobs at most.
pub(super) const MOST_OUTSIDE: usize = 9;

/// One process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row {
    pub(super) pid: u32,
    pub(super) parent: u32,
    state: u8,
    threads: u64,
    /// Clock ticks: in user mode and in the kernel, its own and those of the children that it has waited for.
    pub(super) user: u64,
    pub(super) system: u64,
    pub(super) children_user: u64,
    pub(super) children_system: u64,
    /// Clock ticks since boot.
    pub(super) started: u64,
    /// Pages in memory.
    pub(super) pages: u64,
    command: [u8; 16],
    /// What [`Trees::mark`](super::members::Trees::mark) has found.
    pub(super) mark: Mark,
}

/// What a process is to a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// It descends from a guardian of the job, or was assigned to it. Guardians of inner jobs do as well.
    pub(super) belongs: bool,
    /// It was started in the job, or assigned to it.
    pub(super) is_root: bool,
    /// It is the guardian with which a tree begins.
    pub(super) is_lead: bool,
    /// Whether what descends from it belongs to the job, if that is known.
    pub(super) below: Option<bool>,
}

impl Row {
    pub(super) fn command(&self) -> &[u8] {
        let end = self.command.iter().position(|&byte| byte == 0).unwrap_or(self.command.len());
        &self.command[..end]
    }

    /// One of ours, that keeps processes of jobs.
    pub(super) fn is_guardian(&self) -> bool {
        self.command() == GUARDIAN || self.leaves().is_some()
    }

    /// How many jobs were left by what descends from this process, if it is the guardian of such.
    fn leaves(&self) -> Option<usize> {
        match self.command().strip_prefix(OUTSIDE)? {
            [digit @ b'0'..=b'9'] => Some(usize::from(digit - b'0')),
            _ => None,
        }
    }

    /// It has ended with all its threads, and nobody has waited for it yet.
    pub(super) fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X') && self.threads <= 1
    }

    /// It is a process of the job that was marked, alive or dead, and not one of ours. A root may still be called like the guardian that forked it.
    pub(super) fn is_member(&self) -> bool {
        self.mark.belongs && (self.mark.is_root || !self.is_guardian())
    }

    /// It was started just now, and may be on its way to become a guardian.
    pub(super) fn is_young(&self, now: u64) -> bool {
        self.started + YOUTH > now
    }

    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.state, b'T' | b't') || self.is_dead()
    }
}

/// The processes, in the order of their numbers.
#[derive(Debug)]
pub(super) struct Table {
    proc: OwnedFd,
    list: List,
}

/// Rows in memory of their own.
#[derive(Debug)]
struct List {
    rows: NonNull<Row>,
    length: usize,
    room: usize,
}

impl List {
    fn new() -> Result<Self, Errno> {
        let bytes = FIRST * size_of::<Row>();
        let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a new mapping at an address that the kernel chooses touches no existing memory.
        let rows = unsafe { rustix::mm::mmap_anonymous(std::ptr::null_mut(), bytes, prot, flags) }?;
        Ok(Self { rows: NonNull::new(rows.cast()).ok_or(Errno::NOMEM)?, length: 0, room: FIRST })
    }

    fn rows(&self) -> &[Row] {
        // SAFETY: so many have been written, and the memory belongs to this list.
        unsafe { std::slice::from_raw_parts(self.rows.as_ptr(), self.length) }
    }

    fn rows_mut(&mut self) -> &mut [Row] {
        // SAFETY: so many have been written, and the memory belongs to this list, which is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.rows.as_ptr(), self.length) }
    }

    fn grow(&mut self) -> Result<(), Errno> {
        let (bytes, flags) = (self.room * size_of::<Row>(), MremapFlags::MAYMOVE);
        // SAFETY: the mapping is ours, and no reference into it is alive: `self` is borrowed mutably.
        let rows = unsafe { rustix::mm::mremap(self.rows.as_ptr().cast(), bytes, 2 * bytes, flags) }?;
        self.rows = NonNull::new(rows.cast()).ok_or(Errno::NOMEM)?;
        self.room *= 2;
        Ok(())
    }

    fn push(&mut self, row: Row) -> Result<(), Errno> {
        // /proc lists in ascending order; what would break that is left out.
        if self.rows().last().is_some_and(|last| last.pid >= row.pid) {
            return Ok(());
        }
        if self.length == self.room {
            self.grow()?;
        }
        // SAFETY: inside of the mapping, as just checked.
        let place = unsafe { self.rows.as_ptr().add(self.length) };
        // SAFETY: as above; aligned, and nobody else has a reference to it.
        unsafe { place.write(row) };
        self.length += 1;
        Ok(())
    }
}

impl Drop for List {
    fn drop(&mut self) {
        let bytes = self.room * size_of::<Row>();
        // SAFETY: the mapping is ours, and no reference into it outlives `self`.
        let _ = unsafe { rustix::mm::munmap(self.rows.as_ptr().cast(), bytes) };
    }
}

impl Table {
    /// An empty table.
    pub(super) fn new() -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { proc: rustix::fs::open(c"/proc", flags, Mode::empty())?, list: List::new()? })
    }

    /// The processes of now.
    pub(super) fn of_now() -> Result<Self, Errno> {
        let mut table = Self::new()?;
        table.read()?;
        Ok(table)
    }

    /// The descriptor of /proc that it keeps.
    pub(super) fn proc(&self) -> BorrowedFd<'_> {
        self.proc.as_fd()
    }

    pub(super) fn rows(&self) -> &[Row] {
        self.list.rows()
    }

    /// Reads all again. Who starts or ends meanwhile may be in it or not.
    pub(super) fn read(&mut self) -> Result<(), Errno> {
        self.list.length = 0;
        rustix::fs::seek(&self.proc, rustix::fs::SeekFrom::Start(0))?;
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut entries = RawDir::new(&self.proc, &mut buffer);
        while let Some(entry) = entries.next() {
            let pid = number(entry?.file_name().to_bytes());
            if let Some(row) = pid.and_then(|pid| look(&self.proc, pid)) {
                self.list.push(row)?;
            }
        }
        Ok(())
    }

    /// The rows, to be marked or sorted. After that, nothing can be found by number any more until they are read again, if they were sorted.
    pub(super) fn rows_mut(&mut self) -> &mut [Row] {
        self.list.rows_mut()
    }

    pub(super) fn index(&self, pid: u32) -> Option<usize> {
        self.rows().binary_search_by_key(&pid, |row| row.pid).ok()
    }

    pub(super) fn find(&self, pid: u32) -> Option<&Row> {
        self.index(pid).map(|index| &self.rows()[index])
    }

    /// The ancestors of a process, from its parent on.
    pub(super) fn ancestors<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a Row> {
        // Rows are of different moments: a number that was used again could lead around in a circle.
        std::iter::successors(self.find(row.parent), |row| self.find(row.parent)).take(self.list.length)
    }

    /// The ancestors of a process. If it was let out on the way: of how many of the trees whose guardians are there, or come above.
    pub(super) fn way_up<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = (&'a Row, Option<usize>)> {
        let mut left = row.leaves();
        self.ancestors(row).map(move |row| {
            left = left.max(row.leaves());
            let here = left;
            if self.is_lower(row) {
                left = left.and_then(|left| left.checked_sub(1));
            }
            (row, here)
        })
    }

    /// Whether this is the lower one of two guardians, where the tree of a job begins. The upper one of an inner job is a child of the outer job's lower one, so they take turns.
    pub(super) fn is_lower(&self, row: &Row) -> bool {
        let is_one = |row: &&Row| row.command() == GUARDIAN;
        is_one(&row) && self.ancestors(row).take_while(is_one).count() % 2 == 1
    }
}

/// Now, as `started` tells it.
pub(super) fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let ticks = rustix::param::clock_ticks_per_second();
    now.tv_sec as u64 * ticks + now.tv_nsec as u64 * ticks / 1_000_000_000
}

/// One process, seen through a descriptor of /proc.
pub(super) fn look(proc: impl AsFd, pid: u32) -> Option<Row> {
    let mut path = [0; 24];
    let path = path_below(pid, b"/stat", &mut path);
    let file = rustix::fs::openat(proc, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let mut text = [0; 1024];
    let bytes = rustix::io::read(&file, &mut text).ok()?;
    parse(&text[..bytes])
}

/// One process.
pub(super) fn look_up(pid: u32) -> Option<Row> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    look(rustix::fs::open(c"/proc", flags, Mode::empty()).ok()?, pid)
}

/// The path of a process below /proc, with what follows, at most 13 bytes: without an allocator.
pub(super) fn path_below<'a>(pid: u32, below: &[u8], buffer: &'a mut [u8; 24]) -> &'a CStr {
    let mut digits = [0; 10];
    let mut at = digits.len();
    let mut rest = pid;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let length = digits.len() - at;
    buffer[..length].copy_from_slice(&digits[at..]);
    buffer[length..length + below.len()].copy_from_slice(below);
    buffer[length + below.len()] = 0;
    CStr::from_bytes_until_nul(buffer).unwrap_or(c"")
}

fn number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u32, |number, byte| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u32::from(byte - b'0')),
        _ => None,
    })
}

/// Reads a line of `/proc/<pid>/stat`. The command, in parentheses, may contain anything.
fn parse(text: &[u8]) -> Option<Row> {
    let open = text.iter().position(|&byte| byte == b'(')?;
    let close = text.iter().rposition(|&byte| byte == b')')?;
    let pid = number(text.get(..open)?.trim_ascii())?;
    let name = text.get(open + 1..close)?;
    let mut command = [0; 16];
    let kept = name.len().min(15);
    command[..kept].copy_from_slice(&name[..kept]);
    let mut fields = text.get(close + 2..)?.split(|&byte| byte == b' ');
    let state = *fields.next()?.first()?;
    let mut row = Row { pid, state, command, ..Row::default() };
    // Counted from 4, as proc_pid_stat(5) does.
    for (index, field) in fields.enumerate().take(21) {
        let value = || field.iter().filter(|byte| byte.is_ascii_digit()).fold(0_u64, digit);
        match index + 4 {
            4 => row.parent = value() as u32,
            14 => row.user = value(),
            15 => row.system = value(),
            16 => row.children_user = value(),
            17 => row.children_system = value(),
            20 => row.threads = value(),
            22 => row.started = value(),
            24 => row.pages = value(),
            _ => {}
        }
    }
    Some(row)
}

fn digit(number: u64, byte: &u8) -> u64 {
    number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn row(pid: u32, parent: u32, name: &[u8]) -> Row {
        let mut command = [0; 16];
        command[..name.len()].copy_from_slice(name);
        Row { pid, parent, command, state: b'S', ..Row::default() }
    }

    /// Of an outer job (10, 11) and an inner one (20, 21).
    pub(in super::super) fn nested() -> Table {
        let mut table = Table::new().unwrap();
        for (pid, parent, name) in [
            (10, 1, GUARDIAN),
            (11, 10, GUARDIAN),
            (12, 11, b"member"),
            (20, 11, GUARDIAN),
            (21, 20, GUARDIAN),
            (22, 21, b"member"),
            (30, 22, b"shmobj-outside1"),
            (31, 30, b"out of one"),
            (40, 22, b"shmobj-outside2"),
            (41, 40, b"out of both"),
        ] {
            table.list.push(row(pid, parent, name)).unwrap();
        }
        table
    }

    #[test]
    fn who_was_let_out_of_one_job_has_not_left_the_one_around_it() {
        let table = nested();
        let left = |pid: u32, from: u32| {
            let mut way = table.way_up(table.find(pid).unwrap());
            way.find(|(row, _)| row.pid == from).map(|(_, left)| left)
        };
        assert_eq!((left(12, 11), left(12, 21)), (Some(None), None));
        assert_eq!((left(22, 11), left(22, 21)), (Some(None), Some(None)));
        assert_eq!((left(31, 11), left(31, 21)), (Some(Some(0)), Some(Some(1))));
        assert_eq!((left(41, 11), left(41, 21)), (Some(Some(1)), Some(Some(2))));
    }

    #[test]
    fn a_line_is_read_whatever_the_command_is() {
        let line = b"4711 (a) b (S 1) R 17 4711 1 0 -1 4194560 9 8 0 0 11 12 13 14 20 0 1 0 98765 1000 55 18446744073709551615 1 1";
        let row = parse(line).unwrap();
        assert_eq!((row.pid, row.parent, row.state), (4711, 17, b'R'));
        assert_eq!((row.user, row.system, row.children_user, row.children_system), (11, 12, 13, 14));
        assert_eq!((row.started, row.pages), (98765, 55));
        assert_eq!(row.command(), b"a) b (S 1");
        assert!(parse(b"").is_none());
        assert!(parse(b"4711 (sh").is_none());
    }

    #[test]
    fn this_process_is_in_the_table_with_its_parent_above_it() {
        let table = Table::of_now().unwrap();
        let own = table.find(std::process::id()).unwrap();
        assert_eq!(own.parent, std::os::unix::process::parent_id());
        assert!(!own.is_dead() && !own.is_guardian());
        assert!(own.started <= now() && now() < own.started + 3600 * 100);
        assert!(table.ancestors(own).count() >= 1);
        assert!(look_up(own.pid).unwrap().started == own.started);
    }

    #[test]
    fn paths_are_made_of_all_digits() {
        let mut buffer = [0; 24];
        assert_eq!(path_below(0, b"/stat", &mut buffer), c"0/stat");
        assert_eq!(path_below(4_294_967_295, b"/stat", &mut [0; 24]), c"4294967295/stat");
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        assert_eq!((number(b"4294967296"), number(b""), number(b"self")), (None, None, None));
    }
}
