//! What these tests ask of Linux.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use shmobj::MappingOptions;

use super::Place;

/// The longest name in a namespace of one's own, in UTF-16 units (NM-17).
pub(crate) const LONGEST_NAME: usize = 32_766;

impl Place {
    /// The files in the directory of entries.
    pub(crate) fn entries(&self) -> Vec<String> {
        let Ok(listing) = std::fs::read_dir(self.names()) else { return Vec::new() };
        listing.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    }
}

/// Whether this is Wine, which differs from Windows in the rows that the specification marks with `W!`.
pub(crate) const fn on_wine() -> bool {
    false
}

/// Memory that is where other processes find it by its path.
pub(crate) fn for_others(options: MappingOptions<'_>) -> MappingOptions<'_> {
    options.across_pid_namespaces(true)
}

/// An open file that no mapping can be of (CF-21).
pub(crate) fn not_mappable() -> File {
    File::open("/dev/null").unwrap()
}

/// Reads a part of a file, whatever else reads it.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(buffer, offset)
}

/// Writes a part of a file.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

/// This process's memory at any address, by way of the kernel: an error where a touch would fault.
pub(crate) fn peek(address: usize, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    File::open("/proc/self/mem")?.read_exact_at(&mut bytes, address as u64)?;
    Ok(bytes)
}

/// Writes this process's memory in the same way.
pub(crate) fn poke(address: usize, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new().write(true).open("/proc/self/mem")?.write_all_at(bytes, address as u64)
}

/// The rights of the page at an address, as `/proc/self/maps` shows them: `rw-s`. `None` where nothing is mapped.
pub(crate) fn rights(address: usize) -> Option<String> {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).unwrap();
        (number(start)..number(end)).contains(&address).then(|| rest[..4].to_owned())
    })
}

/// This thread's number, as `inspect` shows it.
pub(crate) fn own_number() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get() as u32
}

/// Whether a thread of this process sleeps on words that processes share: a lock of the allocator or of std is in private memory.
pub(crate) fn sleeps(number: u32) -> bool {
    let task = Path::new("/proc/self/task").join(number.to_string());
    if let Ok(call) = std::fs::read_to_string(task.join("syscall")) {
        let mut fields = call.split_whitespace();
        return match fields.next().and_then(|field| field.parse().ok()) {
            Some(libc::SYS_futex) => fields.next().is_some_and(is_shared),
            Some(libc::SYS_futex_waitv) => true,
            _ => false,
        };
    }
    // A kernel that does not tell the call tells that the thread sleeps.
    std::fs::read_to_string(task.join("stat"))
        .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" S")))
}

fn is_shared(address: &str) -> bool {
    usize::from_str_radix(address.trim_start_matches("0x"), 16)
        .is_ok_and(|address| rights(address).is_some_and(|rights| rights.ends_with('s')))
}
