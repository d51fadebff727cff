//! The entry's page: its layout, and the one place where its bytes are checked.
//!
//! `docs/abi.md` documents the layout for other programs; `layout_is_pinned` keeps the two together. All numbers are
//! little-endian and of fixed width. The page is hostile input: whoever may write it can put anything there, at any
//! time, so every field is read through [`Header::parse`] on a private copy, and an impossible value is the error
//! "corrupt entry".
//!
//! ```text
//!    0  magic, version, kind, object id, creation time, creator     (the first 64 bytes never change their meaning)
//!   64  creator's command, lengths of the texts, the kind's attributes
//!  512  64 hints of 8 bytes: who can hand out the data
//! 1024  the name, then the path of a mapped file; continued behind the first page if they are longer
//! P-512 the words that processes share (P is the system's page size)
//! ```

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::kind::Kind;
use crate::sys::linux::sync::words::WORDS_BYTES;

/// How much of an entry every reader needs: everything but the shared words and the rest of long texts.
pub(crate) const HEAD_BYTES: usize = 4096;

const MAGIC: [u8; 8] = *b"shmobj\x1a\n";
/// Changes with every change of the layout behind the first 64 bytes.
pub(crate) const VERSION: u32 = 2;

const AT_VERSION: usize = 8;
const AT_KIND: usize = 12;
const AT_ID: usize = 16;
const AT_CREATED: usize = 32;
const AT_CREATOR_PID: usize = 40;
const AT_CREATOR_UID: usize = 44;
const AT_PAGE_SIZE: usize = 48;
const AT_STORAGE: usize = 52;
const AT_COMMAND: Range<usize> = 64..80;
const AT_NAME_BYTES: usize = 80;
const AT_PATH_BYTES: usize = 84;
const AT_SIZE: usize = 88;
const AT_DATA_DEV: usize = 96;
const AT_DATA_INO: usize = 104;
const AT_PROTECTION: usize = 112;
const AT_FLAGS: usize = 116;
const AT_HINTS: usize = 512;
const HINT_BYTES: usize = 8;
/// How many holders an entry remembers; more are found by the scan.
pub(crate) const HINTS: usize = 64;
const TEXT: Range<usize> = 1024..3584;

/// The longest name in bytes: 32,766 UTF-16 units are at most three bytes each in UTF-8.
const MAX_NAME_BYTES: u32 = 3 * crate::name::MAX_UTF16_UNITS as u32;
const MAX_PATH_BYTES: u32 = 4096;

/// The object's identity: 128 random bits, never used twice and not to be guessed.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Id(pub(crate) [u8; 16]);

impl Id {
    pub(crate) fn of_now() -> Self {
        let pid = rustix::process::getpid().as_raw_nonzero().get() as u32;
        Self::new(pid, SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// One half is never the same twice, the other one cannot be guessed: the keyed hash of the standard library, with a
    /// random key per process. A system call for random bytes would cost more than all else here.
    pub(crate) fn new(pid: u32, now: Duration) -> Self {
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        static MADE: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(KEY.hash_one("object ids")));
        // A forked child has the key and the count of its parent, but not its number at the same time.
        let unique = MADE.fetch_add(1, Ordering::Relaxed) ^ u64::from(pid).rotate_right(22);
        let secret = KEY.hash_one((unique, now.as_nanos() as u64));
        let mut id = Self::default();
        id.0[..8].copy_from_slice(&secret.to_le_bytes());
        id.0[8..].copy_from_slice(&unique.to_le_bytes());
        id
    }
}

impl Id {
    /// 16 digits of the 32: enough where device and inode are compared as well.
    pub(crate) fn first_half(self) -> impl std::fmt::Display {
        Hexadecimal::<8>(array_at(&self.0, 0))
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Hexadecimal(self.0).fmt(f)
    }
}

/// On the way of every create, where formatting byte by byte would show.
struct Hexadecimal<const N: usize>([u8; N]);

impl<const N: usize> std::fmt::Display for Hexadecimal<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default() as u8;
        let digits = self.0.map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        f.write_str(std::str::from_utf8(digits.as_flattened()).unwrap_or_default())
    }
}

impl std::fmt::Debug for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// Where the data of a file mapping is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// The object has no data beside its page.
    None,
    /// A sealed memfd, found through its holders.
    Memfd,
    /// The user's own file, found through its holders or by its path.
    File,
    /// A file beside the entry, named by the object id.
    Beside,
}

impl Storage {
    const ALL: [Self; 4] = [Self::None, Self::Memfd, Self::File, Self::Beside];
}

/// A process that can hand out the data: `/proc/<pid>/fd/<fd>`. Nothing may depend on it being true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) pid: u32,
    pub(crate) fd: u32,
}

impl Hint {
    /// The hint that a process of this number has a descriptor.
    pub(crate) fn of(pid: u32, fd: &OwnedFd) -> Self {
        Self { pid, fd: fd.as_raw_fd() as u32 }
    }

    pub(crate) fn to_bytes(self) -> [u8; HINT_BYTES] {
        let mut bytes = [0; HINT_BYTES];
        bytes[..4].copy_from_slice(&self.pid.to_le_bytes());
        bytes[4..].copy_from_slice(&self.fd.to_le_bytes());
        bytes
    }

    /// Where the hint of this number stands in the entry.
    pub(crate) const fn offset(number: usize) -> u64 {
        (AT_HINTS + (number % HINTS) * HINT_BYTES) as u64
    }
}

/// What an entry says of its object when it is made. None of it changes afterwards but the hints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) id: Id,
    /// Nanoseconds since 1970, by the creator's clock.
    pub(crate) created: u64,
    pub(crate) creator_pid: u32,
    pub(crate) creator_uid: u32,
    /// The creator's command as the kernel shows it (`comm`), lossless only for UTF-8.
    pub(crate) command: Cow<'static, str>,
    pub(crate) storage: Storage,
    pub(crate) size: u64,
    pub(crate) data_dev: u64,
    pub(crate) data_ino: u64,
    pub(crate) protection: u32,
    pub(crate) flags: u32,
}

/// Why bytes are not an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    TooShort,
    /// Something that this library did not write.
    NotAnEntry,
    Version(u32),
    PageSize(u32),
    Field(&'static str),
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooShort => write!(f, "it is shorter than an entry"),
            Self::NotAnEntry => write!(f, "it is not an entry of this library"),
            Self::Version(found) => {
                write!(f, "it has layout version {found}, and this library reads version {VERSION}")
            }
            Self::PageSize(found) => write!(f, "it was made with pages of {found} bytes"),
            Self::Field(which) => write!(f, "its {which} is impossible"),
        }
    }
}

/// The part whose meaning never changes, so that every version can reclaim what another one left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frozen {
    pub(crate) version: u32,
    pub(crate) id: Id,
    pub(crate) storage: Storage,
}

impl Frozen {
    pub(crate) fn parse(head: &[u8]) -> Result<Self, Flaw> {
        if head.len() < 64 {
            return Err(Flaw::TooShort);
        }
        if head[..8] != MAGIC {
            return Err(Flaw::NotAnEntry);
        }
        let storage = u32_at(head, AT_STORAGE) as usize;
        Ok(Self {
            version: u32_at(head, AT_VERSION),
            id: Id(array_at(head, AT_ID)),
            storage: *Storage::ALL.get(storage).ok_or(Flaw::Field("storage"))?,
        })
    }
}

/// The bytes of a new entry: a whole number of pages, nearly always one of the usual size.
#[expect(clippy::large_enum_variant, reason = "made once, on the stack, on the way of every create")]
#[derive(Debug)]
pub(crate) enum Image {
    Page([u8; HEAD_BYTES]),
    Longer(Vec<u8>),
}

impl Image {
    pub(crate) fn new(
        header: &Header,
        page_size: usize,
        name: &str,
        path: &[u8],
        hint: Option<Hint>,
        words: Option<&[u8; WORDS_BYTES]>,
    ) -> Self {
        let overflow = (name.len() + path.len()).saturating_sub(TEXT.len());
        let bytes = page_size + overflow.next_multiple_of(page_size);
        let mut image =
            if bytes == HEAD_BYTES { Self::Page([0; HEAD_BYTES]) } else { Self::Longer(vec![0; bytes]) };
        let to = match &mut image {
            Self::Page(page) => &mut page[..],
            Self::Longer(pages) => &mut pages[..],
        };
        header.write(to, page_size, name, path);
        if let Some(hint) = hint {
            to[AT_HINTS..AT_HINTS + HINT_BYTES].copy_from_slice(&hint.to_bytes());
        }
        if let Some(words) = words {
            to[page_size - WORDS_BYTES..page_size].copy_from_slice(words);
        }
        image
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Page(page) => page,
            Self::Longer(pages) => pages,
        }
    }
}

impl Header {
    fn write(&self, image: &mut [u8], page_size: usize, name: &str, path: &[u8]) {
        image[..8].copy_from_slice(&MAGIC);
        put_u32(image, AT_VERSION, VERSION);
        put_u32(image, AT_KIND, self.kind.number());
        image[AT_ID..AT_ID + 16].copy_from_slice(&self.id.0);
        put_u64(image, AT_CREATED, self.created);
        put_u32(image, AT_CREATOR_PID, self.creator_pid);
        put_u32(image, AT_CREATOR_UID, self.creator_uid);
        put_u32(image, AT_PAGE_SIZE, page_size as u32);
        put_u32(image, AT_STORAGE, self.storage as u32);
        let command = &self.command.as_bytes()[..self.command.len().min(AT_COMMAND.len())];
        image[AT_COMMAND.start..AT_COMMAND.start + command.len()].copy_from_slice(command);
        put_u32(image, AT_NAME_BYTES, name.len() as u32);
        put_u32(image, AT_PATH_BYTES, path.len() as u32);
        put_u64(image, AT_SIZE, self.size);
        put_u64(image, AT_DATA_DEV, self.data_dev);
        put_u64(image, AT_DATA_INO, self.data_ino);
        put_u32(image, AT_PROTECTION, self.protection);
        put_u32(image, AT_FLAGS, self.flags);
        let mut put_text = |from: usize, text: &[u8]| {
            let (inline, overflow) = text.split_at(text.len().min(TEXT.len().saturating_sub(from)));
            image[TEXT.start + from..][..inline.len()].copy_from_slice(inline);
            let beyond = page_size + (from + inline.len()).saturating_sub(TEXT.len());
            image[beyond..][..overflow.len()].copy_from_slice(overflow);
        };
        put_text(0, name.as_bytes());
        put_text(name.len(), path);
    }

    /// Reads an entry's head from a private copy of it. `entry_bytes` is the file's length.
    pub(crate) fn parse(head: &[u8], entry_bytes: u64, page_size: usize) -> Result<(Self, Texts), Flaw> {
        let frozen = Frozen::parse(head)?;
        if frozen.version != VERSION {
            return Err(Flaw::Version(frozen.version));
        }
        if head.len() < HEAD_BYTES || entry_bytes < page_size as u64 {
            return Err(Flaw::TooShort);
        }
        if u32_at(head, AT_PAGE_SIZE) as usize != page_size {
            return Err(Flaw::PageSize(u32_at(head, AT_PAGE_SIZE)));
        }
        let kind = Kind::from_number(u32_at(head, AT_KIND)).ok_or(Flaw::Field("kind"))?;
        let name_bytes = u32_at(head, AT_NAME_BYTES);
        let path_bytes = u32_at(head, AT_PATH_BYTES);
        if name_bytes > MAX_NAME_BYTES {
            return Err(Flaw::Field("name's length"));
        }
        if path_bytes > MAX_PATH_BYTES {
            return Err(Flaw::Field("path's length"));
        }
        let overflow = (name_bytes as usize + path_bytes as usize).saturating_sub(TEXT.len());
        if entry_bytes < (page_size + overflow) as u64 {
            return Err(Flaw::TooShort);
        }
        let size = u64_at(head, AT_SIZE);
        if size > i64::MAX as u64 || (kind == Kind::FileMapping && size == 0) {
            return Err(Flaw::Field("size"));
        }
        let command = &head[AT_COMMAND];
        let command_bytes = command.iter().position(|&byte| byte == 0).unwrap_or(command.len());
        let header = Self {
            kind,
            id: frozen.id,
            created: u64_at(head, AT_CREATED),
            creator_pid: u32_at(head, AT_CREATOR_PID),
            creator_uid: u32_at(head, AT_CREATOR_UID),
            command: String::from_utf8_lossy(&command[..command_bytes]).into_owned().into(),
            storage: frozen.storage,
            size,
            data_dev: u64_at(head, AT_DATA_DEV),
            data_ino: u64_at(head, AT_DATA_INO),
            protection: u32_at(head, AT_PROTECTION),
            flags: u32_at(head, AT_FLAGS),
        };
        Ok((header, Texts { name_bytes: name_bytes as usize, path_bytes: path_bytes as usize }))
    }

    /// The hints of an entry's head, without the empty ones.
    pub(crate) fn hints(head: &[u8]) -> impl Iterator<Item = (usize, Hint)> + '_ {
        (0..HINTS).filter_map(|number| {
            let at = AT_HINTS + number * HINT_BYTES;
            let bytes = head.get(at..at + HINT_BYTES)?;
            let hint = Hint { pid: u32_at(bytes, 0), fd: u32_at(bytes, 4) };
            (hint.pid != 0).then_some((number, hint))
        })
    }
}

/// The header of a file that is an entry, or an unnamed object's page.
pub(crate) fn header_of(fd: &OwnedFd) -> Result<Header, Flaw> {
    let mut head = [0; HEAD_BYTES];
    let bytes = rustix::io::pread(fd, &mut head, 0).map_err(|_| Flaw::NotAnEntry)?;
    let stat = rustix::fs::fstat(fd).map_err(|_| Flaw::NotAnEntry)?;
    Header::parse(&head[..bytes], stat.st_size as u64, rustix::param::page_size()).map(|(header, _)| header)
}

/// Where the name and the path stand in an entry, checked against its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Texts {
    name_bytes: usize,
    path_bytes: usize,
}

impl Texts {
    /// How many bytes stand behind the first page.
    pub(crate) fn overflow(self) -> usize {
        (self.name_bytes + self.path_bytes).saturating_sub(TEXT.len())
    }

    /// The name and the path, from the head and what stands behind the first page.
    pub(crate) fn read(self, head: &[u8], overflow: &[u8]) -> Result<(String, Vec<u8>), Flaw> {
        let inline = (self.name_bytes + self.path_bytes).min(TEXT.len());
        let inline = head.get(TEXT.start..TEXT.start + inline).ok_or(Flaw::TooShort)?;
        let mut text = [inline, overflow].concat();
        if text.len() < self.name_bytes + self.path_bytes {
            return Err(Flaw::TooShort);
        }
        let path = text.split_off(self.name_bytes);
        let name = String::from_utf8(text).map_err(|_| Flaw::Field("name"))?;
        if path.contains(&0) {
            return Err(Flaw::Field("path"));
        }
        Ok((name, path))
    }

    /// Whether the entry has this name; without copying it, on the way of every open.
    pub(crate) fn name_is(self, name: &str, head: &[u8], overflow: &[u8]) -> bool {
        if name.len() != self.name_bytes {
            return false;
        }
        let (front, back) = name.as_bytes().split_at(name.len().min(TEXT.len()));
        head.get(TEXT.start..TEXT.start + front.len()) == Some(front)
            && overflow.get(..back.len()) == Some(back)
    }
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|index| bytes[at + index])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

fn put_u32(image: &mut [u8], at: usize, value: u32) {
    image[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn put_u64(image: &mut [u8], at: usize, value: u64) {
    image[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const P: usize = 4096;

    fn header() -> Header {
        Header {
            kind: Kind::FileMapping,
            id: Id(*b"0123456789abcdef"),
            created: 0x1122_3344_5566_7788,
            creator_pid: 77,
            creator_uid: 1000,
            command: "writer".into(),
            storage: Storage::Memfd,
            size: 0x10000,
            data_dev: 9,
            data_ino: 10,
            protection: 4,
            flags: 1,
        }
    }

    #[test]
    fn layout_is_pinned() {
        let hint = Hint { pid: 0x0403_0201, fd: 0x0807_0605 };
        let image = Image::new(&header(), P, "näme", b"/path", Some(hint), None);
        let mut expected = vec![0; P];
        expected[0..8].copy_from_slice(b"shmobj\x1a\n");
        expected[8] = 2; // version
        expected[12] = 1; // file mapping
        expected[16..32].copy_from_slice(b"0123456789abcdef");
        expected[32..40].copy_from_slice(&[0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11]);
        expected[40] = 77;
        expected[44..46].copy_from_slice(&[0xe8, 0x03]);
        expected[49] = 0x10; // 4096
        expected[52] = 1; // memfd
        expected[64..70].copy_from_slice(b"writer");
        expected[80] = 5;
        expected[84] = 5;
        expected[90] = 1; // 65536
        expected[96] = 9;
        expected[104] = 10;
        expected[112] = 4;
        expected[116] = 1;
        expected[512..520].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        expected[1024..1029].copy_from_slice("näme".as_bytes());
        expected[1029..1034].copy_from_slice(b"/path");
        assert_eq!(image.bytes(), expected);
    }

    fn image(name: &str, path: &str) -> Vec<u8> {
        Image::new(&header(), P, name, path.as_bytes(), None, None).bytes().to_vec()
    }

    fn read(image: &[u8]) -> Result<(Header, String, Vec<u8>), Flaw> {
        let head = &image[..image.len().min(HEAD_BYTES)];
        let (header, texts) = Header::parse(head, image.len() as u64, P)?;
        let overflow = &image[P..P + texts.overflow()];
        let (name, path) = texts.read(head, overflow)?;
        assert!(texts.name_is(&name, head, overflow));
        assert!(!texts.name_is(&format!("{name}x"), head, overflow));
        Ok((header, name, path))
    }

    #[test]
    fn what_is_written_is_read() {
        for (name, path) in [("n", ""), ("n", "/p"), (&*"x".repeat(98_298), &*"y".repeat(4096))] {
            let image = image(name, path);
            assert_eq!(image.len() % P, 0);
            assert_eq!(read(&image), Ok((header(), name.to_owned(), path.as_bytes().to_vec())));
        }
    }

    #[test]
    fn impossible_values_are_flaws() {
        let good = image("n", "");
        let cases: [(usize, u8, Flaw); 8] = [
            (0, 0, Flaw::NotAnEntry),
            (8, 9, Flaw::Version(9)),
            (12, 77, Flaw::Field("kind")),
            (49, 0x40, Flaw::PageSize(0x4000)),
            (52, 9, Flaw::Field("storage")),
            (83, 1, Flaw::Field("name's length")),
            (87, 1, Flaw::Field("path's length")),
            (95, 0x80, Flaw::Field("size")),
        ];
        for (at, value, flaw) in cases {
            let mut image = good.clone();
            image[at] = value;
            assert_eq!(read(&image), Err(flaw), "byte {at}");
        }
        assert_eq!(Header::parse(&good[..100], 100, P).err(), Some(Flaw::TooShort));
        assert_eq!(Header::parse(&good, 100, P).err(), Some(Flaw::TooShort));
        assert_eq!(Frozen::parse(&good[..63]).err(), Some(Flaw::TooShort));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..5000), magic: bool) {
            if magic && bytes.len() >= 56 {
                let good = image("n", "");
                bytes[..16].copy_from_slice(&good[..16]);
                bytes[48..56].copy_from_slice(&good[48..56]);
            }
            let _ = Frozen::parse(&bytes);
            let _ = Header::hints(&bytes).count();
            if let Ok((_, texts)) = Header::parse(&bytes, bytes.len() as u64, P) {
                let _ = texts.read(&bytes, bytes.get(P..).unwrap_or_default());
                let _ = texts.name_is("n", &bytes, &[]);
            }
        }
    }
}
