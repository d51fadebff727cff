//! Entries that the library did not write: by hand, from the documented layout.
//!
//! The offsets stand here once more on purpose. If the library's layout changes without its version, tests that use
//! these entries fail.

use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::system::page_size;

/// Where the layout version stands.
pub const AT_VERSION: usize = 8;
/// Where the kind of the object stands.
pub const AT_KIND: usize = 12;
/// Where the object's id stands.
pub const AT_ID: usize = 16;
/// Where the page size of the creator stands.
pub const AT_PAGE_SIZE: usize = 48;
/// Where the sort of the data stands.
pub const AT_STORAGE: usize = 52;
/// Where the device and the inode of the data stand.
pub const AT_DATA: usize = 96;
/// Where the flags of a mapping stand.
pub const AT_FLAGS: usize = 116;
/// Where the hints start: 64 pairs of process and descriptor.
pub const AT_HINTS: usize = 512;
/// How many hints there are.
pub const HINTS: usize = 64;
/// Where the name stands.
pub const AT_NAME: usize = 1024;

/// The page of an entry.
#[derive(Clone, Debug)]
pub struct Page(pub Vec<u8>);

impl Page {
    /// A good one, of a file mapping of 4096 bytes in a memfd that nobody has.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut page = Self(vec![0; page_size()]);
        page.put(0, b"shmobj\x1a\n");
        page.put_u32(AT_VERSION, 2);
        page.put_u32(AT_KIND, 1);
        page.put(AT_ID, &crate::random::unique().to_le_bytes());
        page.put_u32(AT_PAGE_SIZE, page_size() as u32);
        page.put_u32(AT_STORAGE, 1);
        page.put_u32(80, name.len() as u32);
        page.put(88, &4096_u64.to_le_bytes());
        page.put_u32(112, 4);
        page.put(AT_NAME, name.as_bytes());
        page
    }

    /// With another number of a kind.
    #[must_use]
    pub fn kind(mut self, kind: u32) -> Self {
        self.put_u32(AT_KIND, kind);
        self.put_u32(AT_STORAGE, 0);
        self
    }

    /// With other bytes somewhere.
    #[must_use]
    pub fn with(mut self, at: usize, bytes: &[u8]) -> Self {
        self.put(at, bytes);
        self
    }

    /// With the same hint 64 times.
    #[must_use]
    pub fn with_hints(mut self, pid: u32, fd: u32) -> Self {
        for number in 0..HINTS {
            self.put_u32(AT_HINTS + 8 * number, pid);
            self.put_u32(AT_HINTS + 8 * number + 4, fd);
        }
        self
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn put_u32(&mut self, at: usize, number: u32) {
        self.put(at, &number.to_le_bytes());
    }

    /// Makes it a file that only its owner may use.
    pub fn write(&self, path: &Path) {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path).expect("a new entry");
        file.write_all_at(&self.0, 0).expect("an entry's bytes");
    }
}

/// Overwrites bytes of a living entry.
pub fn scrawl(path: &Path, at: usize, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).open(path).expect("an entry");
    file.write_all_at(bytes, at as u64).expect("an entry's bytes");
}

/// The bytes of all hints, each the same pair.
#[must_use]
pub fn hints(pid: u32, fd: u32) -> Vec<u8> {
    Page::new("x").with_hints(pid, fd).0[AT_HINTS..AT_HINTS + 8 * HINTS].to_vec()
}
