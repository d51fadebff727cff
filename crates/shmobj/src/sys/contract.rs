//! What the public types ask of a system, and what it answers: the words that both trees share.

use std::ops::Range;

use super::{BorrowedFile, Code, mapping, sync};
use crate::access::Access;
use crate::error::{Attempt, Error, ErrorKind};
use crate::job::Limits;
use crate::kind::Kind;
use crate::mapping::{Allocation, LargePages, Protection};
use crate::security::Security;

/// What an operation on a name is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Open,
    OpenOrCreate,
    CreateNew,
}

/// The first state of a synchronization object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Initial {
    Mutex { owned: bool },
    Event { manual: bool, signaled: bool },
    Semaphore { count: u32, maximum: u32 },
    Timer { manual: bool },
    Job { limits: Limits },
}

/// What a synchronization object is to be, if it has to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SynchronizerWish<'a> {
    pub(crate) initial: Initial,
    /// Who else is to open it.
    pub(crate) security: &'a Security,
}

/// What a new mapping is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    Memory { size: u64, allocation: Allocation, large_pages: LargePages },
    File { file: BorrowedFile<'a>, size: u64 },
}

/// What a mapping object is to be, if it has to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MappingWish<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) protection: Protection,
    /// Who else is to open the object.
    pub(crate) security: &'a Security,
    /// Whether processes in other PID namespaces are to find the data.
    #[cfg(target_os = "linux")]
    pub(crate) across_pid_namespaces: bool,
    /// Whether the memory can be sealed later.
    #[cfg(target_os = "linux")]
    pub(crate) sealable: bool,
}

/// What a view is to be. The range is inside the mapping and not empty.
#[derive(Clone, Debug)]
pub(crate) struct ViewRequest {
    pub(crate) kind: crate::view::Kind,
    pub(crate) range: Range<u64>,
    pub(crate) address: Option<usize>,
    pub(crate) prefault: bool,
    /// Whether the handle may write, which committing needs.
    pub(crate) commits: bool,
}

/// When a timer is due first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// Nanoseconds from now; the time while the machine is suspended does not count (TI-7).
    After(u64),
    /// Nanoseconds since 1970. Follows the wall clock when it is set (TI-6).
    At(u64),
}

/// How an object was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// Nothing special.
    Plainly,
    /// A mutex, whose owner ended without releasing it.
    Abandoned,
}

/// A handle that has arrived from another process.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) whole: Whole,
    pub(crate) kind: Kind,
    pub(crate) access: Access,
    /// Empty if it has none.
    pub(crate) name: String,
}

#[derive(Debug)]
pub(crate) enum Whole {
    Mapping(mapping::Mapping),
    Synchronizer(sync::Synchronizer),
}

/// What can be the matter with an operation on a synchronization object. The public types know on which object it was tried.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(windows, allow(dead_code))] // there nobody else can write into an object, or stop while deciding about it
pub(crate) enum Trouble {
    /// Somebody wrote nonsense into the shared words.
    Corrupt,
    /// Somebody is deciding about it, and does not come to a decision.
    Stalled,
    NotOwner,
    OverMaximum {
        count: u32,
        maximum: u32,
    },
    TooDeep,
    /// An object of a wait for all is there a second time.
    GivenTwice,
    /// The thread's own storage is gone.
    ThreadEnding,
    System(&'static str, Code),
}

impl Trouble {
    #[cold]
    pub(crate) fn of(self, attempt: &Attempt<'_>) -> Error {
        match self {
            Self::Corrupt => attempt
                .fails(
                    ErrorKind::Corrupt,
                    "its shared state is impossible: a process that may open it wrote into it, or truncated it",
                )
                .with_remedy("close all handles to it and create it anew"),
            Self::Stalled => attempt
                .fails(ErrorKind::Stalled, "another process is deciding about it, and does not go on")
                .with_remedy("see with `shmobj stat` who holds it, and end or continue that process"),
            Self::NotOwner => attempt
                .fails(ErrorKind::NotOwner, "this thread does not own it") // MX-6
                .with_remedy("release it in the thread that acquired it, once for each time"),
            Self::OverMaximum { count, maximum } => attempt
                .fails(
                    ErrorKind::TooManyPosts,
                    format!("its count is {count}, and so much would exceed its maximum of {maximum}"),
                )
                .with_remedy("release only what was acquired"),
            Self::TooDeep => attempt
                .fails(ErrorKind::TooDeep, "this thread owns it 2147483647 times already") // MX-16
                .with_remedy("release it as often as it was acquired"),
            Self::GivenTwice => attempt
                .fails(ErrorKind::InvalidParameter, "it is given twice, and cannot be taken twice at once") // WM-8
                .with_remedy("give each object once"),
            Self::ThreadEnding => attempt
                .fails(ErrorKind::NotSupported, "this thread is ending, and has abandoned what it owned")
                .with_remedy("do it before the thread's local storage is destroyed"),
            Self::System(doing, code) => attempt.os(doing, code),
        }
    }
}
