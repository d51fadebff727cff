//! Descriptors of an enemy: memory, entries, and anything else, as the fuzzer's input says.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use rustix::fs::{CWD, FlockOperation, MemfdFlags, Mode, OFlags, SealFlags};

use crate::scene::{SORTS, Scene};

/// Where the fields of an entry stand that matter most, and of the words, from the end of the page.
const FIELDS: [usize; 14] = [0, 8, 12, 16, 48, 52, 80, 84, 88, 96, 104, 112, 116, 512];
const WORDS: [usize; 12] = [512, 504, 496, 480, 472, 464, 64, 56, 48, 40, 16, 8];
const PAGE: usize = 4096;

pub struct Enemy<'a, 'b> {
    pub input: &'a mut Unstructured<'b>,
    scene: &'static Scene,
    /// What has been made so far; the data of later entries are among it.
    made: Vec<OwnedFd>,
}

impl<'a, 'b> Enemy<'a, 'b> {
    pub fn new(scene: &'static Scene, input: &'a mut Unstructured<'b>) -> Self {
        Self { input, scene, made: Vec::new() }
    }

    /// One descriptor.
    pub fn descriptor(&mut self) -> Result<OwnedFd> {
        let fd = match self.input.int_in_range(0..=9)? {
            0..=2 => self.page()?,
            3..=5 => self.entry()?,
            6 | 7 => self.memory()?,
            8 => self.again()?,
            _ => self.oddity()?,
        };
        let fd = self.with_other_rights(fd)?;
        if self.input.ratio(1, 3)? {
            self.lock(&fd)?;
        }
        self.made.push(fd.try_clone().expect("a descriptor"));
        Ok(fd)
    }

    /// A field's number: small, at a limit, or anything.
    pub fn number(&mut self) -> Result<u64> {
        Ok(match self.input.int_in_range(0..=5)? {
            0 => self.input.int_in_range(0..=9)?,
            1 => 1 << self.input.int_in_range(0..=63)?,
            2 => u64::MAX >> self.input.int_in_range(0..=63)?,
            3 => std::process::id().into(),
            4 => PAGE as u64 * self.input.int_in_range(0..=3)?,
            _ => self.input.arbitrary()?,
        })
    }

    fn patched(&mut self, mut page: Vec<u8>) -> Result<Vec<u8>> {
        for _ in 0..self.input.int_in_range(0..=5)? {
            let at = match self.input.int_in_range(0..=3)? {
                0 | 1 => *self.input.choose(&FIELDS)?,
                2 => PAGE - *self.input.choose(&WORDS)?,
                _ => self.input.int_in_range(0..=PAGE - 8)?,
            };
            let bytes = self.number()?.to_le_bytes();
            let length = *self.input.choose(&[1, 4, 8])?;
            page[at..at + length].copy_from_slice(&bytes[..length]);
        }
        Ok(page)
    }

    fn sort(&mut self) -> Result<usize> {
        self.input.int_in_range(0..=SORTS - 1)
    }

    /// The page of an unnamed object, or nearly.
    fn page(&mut self) -> Result<OwnedFd> {
        let sort = self.sort()?.max(1);
        let page = self.patched(self.scene.unnamed[sort].clone())?;
        self.memfd(&page)
    }

    fn memfd(&mut self, bytes: &[u8]) -> Result<OwnedFd> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = rustix::fs::memfd_create("shmobj:enemy", flags).expect("a memfd");
        rustix::io::pwrite(&fd, bytes, 0).expect("a write");
        if self.input.ratio(1, 6)? {
            let length = *self.input.choose(&[0, 1, 63, 64, 4095, 4097, 8192, 12_288])?;
            rustix::fs::ftruncate(&fd, length).expect("a length");
        }
        if self.input.ratio(1, 6)? {
            rustix::fs::fchmod(&fd, Mode::from_raw_mode(0o400)).expect("a mode");
        }
        let seals = if self.input.ratio(1, 4)? {
            SealFlags::from_bits_truncate(self.input.int_in_range(0..=31)?)
        } else {
            SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL
        };
        rustix::fs::fcntl_add_seals(&fd, seals).expect("seals");
        Ok(fd)
    }

    /// Memory, as that of a mapping.
    fn memory(&mut self) -> Result<OwnedFd> {
        let bytes = vec![0x5a; self.input.int_in_range(0..=9000)?];
        let fd = self.memfd(&bytes)?;
        if self.input.ratio(1, 4)? {
            // As reserved memory is: nothing there. What is sealed stays as it is.
            let _ = rustix::fs::ftruncate(&fd, 1 << self.input.int_in_range(0..=40)?);
        }
        Ok(fd)
    }

    /// An entry in a directory, or nearly.
    fn entry(&mut self) -> Result<OwnedFd> {
        let sort = self.sort()?;
        let mut page = self.patched(self.scene.named[sort].clone())?;
        if sort == 0 && !self.made.is_empty() && self.input.ratio(3, 4)? {
            let data = self.input.choose_index(self.made.len())?;
            let stat = rustix::fs::fstat(&self.made[data]).expect("a stat");
            page[96..104].copy_from_slice(&stat.st_dev.to_le_bytes());
            page[104..112].copy_from_slice(&stat.st_ino.to_le_bytes());
            page[88..96].copy_from_slice(&(stat.st_size as u64).to_le_bytes());
        }
        let name = if self.input.ratio(1, 8)? { "another".to_owned() } else { format!("x{sort}") };
        let path = self.scene.directory.join(name);
        if self.input.ratio(1, 2)? {
            let _ = fs::remove_file(&path);
        }
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC;
        let fd = rustix::fs::open(&path, flags, Mode::from_raw_mode(0o600)).expect("a file");
        rustix::io::pwrite(&fd, &page, 0).expect("a write");
        if self.input.ratio(1, 8)? {
            let _ = fs::set_permissions(&path, fs::Permissions::from_mode(0o400));
        }
        Ok(fd)
    }

    fn again(&mut self) -> Result<OwnedFd> {
        if self.made.is_empty() {
            return self.page();
        }
        let index = self.input.choose_index(self.made.len())?;
        Ok(self.made[index].try_clone().expect("a descriptor"))
    }

    fn oddity(&mut self) -> Result<OwnedFd> {
        let open = |path: &str, flags| {
            rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()).expect("opened")
        };
        Ok(match self.input.int_in_range(0..=8)? {
            0 => rustix::pipe::pipe().expect("a pipe").0,
            1 => std::os::unix::net::UnixStream::pair().expect("sockets").0.into(),
            2 => open("/", OFlags::RDONLY),
            3 => open("/dev/zero", OFlags::RDWR),
            4 => open("/proc/self/maps", OFlags::RDONLY),
            5 => open("/proc/self/mem", OFlags::RDONLY),
            6 => rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).expect("an eventfd"),
            7 => open("/proc/self/exe", OFlags::RDONLY),
            _ => open("/sys/kernel/mm/transparent_hugepage/enabled", OFlags::RDONLY),
        })
    }

    fn with_other_rights(&mut self, fd: OwnedFd) -> Result<OwnedFd> {
        let flags = match self.input.int_in_range(0..=9)? {
            0..=5 => return Ok(fd),
            6 | 7 => OFlags::RDONLY,
            8 => OFlags::WRONLY,
            _ => OFlags::PATH,
        };
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        Ok(rustix::fs::openat(CWD, path, flags | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())
            .unwrap_or(fd))
    }

    fn lock(&mut self, fd: &OwnedFd) -> Result<()> {
        let shared = self.input.ratio(5, 6)?;
        let operation = match shared {
            true => FlockOperation::NonBlockingLockShared,
            false => FlockOperation::NonBlockingLockExclusive,
        };
        if self.input.ratio(2, 3)? {
            let _ = rustix::fs::flock(fd.as_fd(), operation);
        } else {
            let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
            let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
            if let Ok(other) = rustix::fs::open(path, flags, Mode::empty()) {
                let _ = rustix::fs::flock(&other, operation);
                self.made.push(other);
            }
        }
        Ok(())
    }

    /// A record of the documented layout, and how many descriptors it asks for.
    pub fn record(&mut self) -> Result<([u8; 32], u32)> {
        let mut record = [0; 32];
        let descriptors = if self.input.ratio(1, 10)? {
            self.input.arbitrary()?
        } else {
            self.input.int_in_range(1..=3)?
        };
        let fields = [
            (0, self.input.int_in_range(1..=6)?),
            (4, self.input.arbitrary::<u32>()? & 0x10_0017),
            (8, descriptors),
            (12, *self.input.choose(&[2, 4, 8])?),
            (16, self.input.int_in_range(0..=7)?),
        ];
        for (at, value) in fields {
            record[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        record[24..].copy_from_slice(&self.number()?.to_le_bytes());
        if self.input.ratio(1, 8)? {
            let at = self.input.int_in_range(0..=31)?;
            record[at] = self.input.arbitrary()?;
        }
        Ok((record, (descriptors & 3).count_ones()))
    }
}
