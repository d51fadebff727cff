//! A thread's own access to the latch of an object: its *seat*.
//!
//! A seat is a second mapping of the object's page with a private page right behind it:
//!
//! ```text
//!   shared with all processes              this thread's alone
//!   [ header ... words, latch ][ node of the robust list ........ ]
//! ```
//!
//! Each thread has seats of its own, so no two threads ever touch one node, whatever other processes write into the shared
//! page (a process that frees a mutex that it does not own makes two threads owners; their lists stay whole). And
//! **whether a thread owns a mutex is read from its seat alone**: neither an equal thread number in another PID
//! namespace nor a scribbling peer can make it believe so.
//!
//! A seat takes 8 KiB of addresses, two mappings and up to a page of memory. A thread makes one the first time it takes a latch,
//! and gives back the idle ones when there are [`KEPT`] more than before, and all when it ends. Then it also abandons what it still
//! owns; the kernel's walk over the robust list is for deaths that run no destructor. A child of `fork` begins without seats.
#![allow(unsafe_code)] // maps memory, and hands out references into it

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rustix::io::Errno;
use rustix::mm::{MapFlags, MremapFlags, ProtFlags};

use super::robust::{Node, RobustList};
use super::words::{WORDS_BYTES, Words, futex_word};
use super::{Key, Synchronizer, Trouble, latch, liveness};
use crate::sys::linux::fork::Operation;
use crate::sys::linux::guard::{self, Filling, Protected};
use crate::sys::linux::object::page::Id;

/// How many seats a thread makes before it gives back those that are idle.
const KEPT: usize = 128;
/// The same if the process has many: it may have 65,530 mappings in all.
const KEPT_OF_MANY: usize = 4;
const MANY: usize = 8192;
/// How many seats there are in the process.
static SEATS_OF_ALL: AtomicUsize = AtomicUsize::new(0);

const FAST: usize = 16;

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Seat {
    base: NonNull<u8>,
    bytes: usize,
    /// The first of the two pages, if somebody can truncate the entry.
    protected: Option<Protected>,
    key: Key,
    list: Option<(RobustList, Node)>,
    /// For threads without a list; otherwise 0.
    signature: u64,
    pub(super) thread: u32,
    /// A random number, never 0: thread numbers are not unique across PID namespaces.
    pub(super) token: u64,
    /// How many times the thread owns the mutex.
    pub(super) depth: Cell<u32>,
    /// Whether the latch is taken: `depth` is not 0, or it is a gate, or tentative.
    taken: Cell<bool>,
    /// How many calls on this thread's stack refer to it.
    users: Cell<u32>,
}

impl Seat {
    pub(super) fn words(&self) -> &Words {
        let at = self.bytes / 2 - WORDS_BYTES;
        // SAFETY: the end of the first of two pages.
        let words = unsafe { self.base.as_ptr().add(at) };
        // SAFETY: mapped as long as `self`, aligned, and made of atomics only.
        unsafe { &*words.cast::<Words>() }
    }

    /// Tells the kernel to look at this latch if the thread dies now.
    #[inline]
    pub(super) fn pend(&self) {
        if let Some((list, node)) = self.list {
            list.set_pending(Some(node));
        }
    }

    #[inline]
    pub(super) fn unpend(&self) {
        if let Some((list, _)) = self.list {
            list.set_pending(None);
        }
    }

    /// The latch has been taken: the kernel is to know until it is given back.
    #[inline]
    pub(super) fn enlist(&self) {
        debug_assert!(!self.taken.get(), "a latch is taken once");
        if let Some((list, node)) = self.list {
            // SAFETY: the node is in the private half of a mapping that no other thread uses and that is kept while
            // `taken`; and it is on no list, as it was not taken.
            unsafe { list.link(node) };
        } else {
            liveness::sign(self.words(), self.signature);
        }
        self.taken.set(true);
    }

    #[inline]
    pub(super) fn delist(&self) {
        if let Some((list, node)) = self.list {
            // SAFETY: on the list since it was taken.
            unsafe { list.unlink(node) };
        } else {
            liveness::erase(self.words());
        }
        self.taken.set(false);
    }

    /// Whether the kernel knows what this thread takes.
    pub(super) fn is_listed(&self) -> bool {
        self.list.is_some()
    }

    pub(super) fn is_taken(&self) -> bool {
        self.taken.get()
    }

    fn is_idle(&self) -> bool {
        !self.taken.get() && self.users.get() == 0
    }

    /// Another mapping of the page behind `words`, with a private page behind it.
    fn make(object: &Synchronizer, thread: &Thread) -> Result<Self, Errno> {
        let page = rustix::param::page_size();
        let bytes = 2 * page;
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses touches no existing memory.
        let base =
            unsafe { rustix::mm::mmap_anonymous(std::ptr::null_mut(), bytes, prot, MapFlags::PRIVATE) }?;
        let words_end = std::ptr::from_ref(object.words()) as usize + WORDS_BYTES;
        let shared = std::ptr::with_exposed_provenance_mut(words_end - page);
        // A length of 0 means: map the same shared pages once more, and leave the old mapping.
        // SAFETY: the destination is the first half of the mapping that was just made, and nobody knows of it yet.
        let mapped = unsafe { rustix::mm::mremap_fixed(shared, 0, page, MremapFlags::MAYMOVE, base) };
        let start = base.expose_provenance();
        if let Err(errno) = mapped {
            // The failed call may have unmapped the first page, and by now it may be another thread's: it is left alone.
            let second = std::ptr::with_exposed_provenance_mut(start + page);
            // SAFETY: ours, and nobody knows of it.
            let _ = unsafe { rustix::mm::munmap(second, page) };
            return Err(errno);
        }
        let mut seat = Self {
            base: NonNull::new(base.cast()).ok_or(Errno::NOMEM)?,
            bytes,
            protected: None,
            key: object.key,
            list: None,
            signature: 0,
            thread: thread.number,
            token: thread.token,
            depth: Cell::new(0),
            taken: Cell::new(false),
            users: Cell::new(0),
        };
        SEATS_OF_ALL.fetch_add(1, Relaxed);
        if object.is_truncatable() {
            seat.protected = Some(Protected::new(seat.base, page, Filling::Words)?);
        }
        let word = futex_word(&seat.words().latch) as usize;
        seat.list = thread.list.and_then(|list| Some((list, list.node(word, start + page..start + bytes)?)));
        if seat.list.is_none() {
            seat.signature = liveness::signature(thread.number);
        }
        latch::introduce(seat.words(), seat.list.is_some(), thread.pid_namespace);
        Ok(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        SEATS_OF_ALL.fetch_sub(1, Relaxed);
        self.protected = None; // while it is mapped
        // SAFETY: the mapping is ours; the node in it is on no list, and no reference into it is left.
        let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}

/// Who this thread is.
#[derive(Clone, Copy, Debug)]
struct Thread {
    number: u32,
    token: u64,
    list: Option<RobustList>,
    pid_namespace: u64,
}

impl Thread {
    fn this() -> Self {
        let Id(random) = Id::of_now();
        let token = random.iter().fold(0, |token: u64, &byte| token.rotate_left(8) ^ u64::from(byte));
        Self {
            number: rustix::thread::gettid().as_raw_nonzero().get() as u32,
            token: token.max(1),
            list: RobustList::of_this_thread(),
            pid_namespace: liveness::own_pid_namespace(),
        }
    }
}

struct Seats {
    thread: Cell<Option<Thread>>,
    /// The seats used last, by a hash of their keys; all of them are in `all`.
    fast: [Cell<*const Seat>; FAST],
    /// Boxed, so that they stay where they are.
    all: RefCell<BTreeMap<Key, Box<Seat>>>,
    /// How many were left when the idle ones were given back last.
    left: Cell<usize>,
}

thread_local! {
    static SEATS: Seats = const {
        Seats {
            thread: Cell::new(None),
            fast: [const { Cell::new(std::ptr::null()) }; FAST],
            all: RefCell::new(BTreeMap::new()),
            left: Cell::new(0),
        }
    };
}

/// This thread's seat for an object; made if there is none.
#[inline]
pub(super) fn of(object: &Synchronizer) -> Result<InUse, Trouble> {
    SEATS
        .try_with(|seats| match seats.known(object.key) {
            Some(seat) => Ok(InUse::new(seat)),
            None => seats.find_or_make(object).map(InUse::new),
        })
        .unwrap_or(Err(Trouble::ThreadEnding))
}

/// This thread's seat for an object, if it was used lately.
#[inline]
pub(super) fn known(key: Key) -> Option<InUse> {
    SEATS.try_with(|seats| seats.known(key).map(InUse::new)).ok().flatten()
}

/// This thread's seat for an object, if there is one.
#[inline]
pub(super) fn existing(key: Key) -> Option<InUse> {
    SEATS.try_with(|seats| seats.known(key).or_else(|| seats.find(key)).map(InUse::new)).ok().flatten()
}

/// This thread's number and token.
pub(super) fn identity() -> Result<(u32, u64), Trouble> {
    let thread = SEATS.try_with(Seats::thread).map_err(|_| Trouble::ThreadEnding)?;
    Ok((thread.number, thread.token))
}

/// A seat that is not dropped while somebody on this thread's stack refers to it.
#[derive(Debug)]
pub(super) struct InUse(NonNull<Seat>);

impl InUse {
    fn new(seat: &Seat) -> Self {
        seat.users.set(seat.users.get() + 1);
        Self(NonNull::from(seat))
    }
}

impl std::ops::Deref for InUse {
    type Target = Seat;

    fn deref(&self) -> &Seat {
        // SAFETY: seats with users are not dropped before their thread has ended, and neither does this leave it.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.users.set(self.users.get() - 1);
    }
}

impl Seats {
    fn thread(&self) -> Thread {
        let thread = self.thread.get().unwrap_or_else(Thread::this);
        self.thread.set(Some(thread));
        thread
    }

    #[inline]
    fn known(&self, key: Key) -> Option<&Seat> {
        let seat = self.fast[key.slot(FAST)].get();
        // SAFETY: a seat is removed from here before it is dropped; that happens in `drop_if` only, which leaves seats with
        // users alone, and the callers become one before anything else happens in this thread.
        unsafe { seat.as_ref() }.filter(|seat| seat.key == key)
    }

    #[cold]
    fn find(&self, key: Key) -> Option<&Seat> {
        let seat = self.all.borrow().get(&key).map(|seat| std::ptr::from_ref(&**seat))?;
        self.fast[key.slot(FAST)].set(seat);
        self.known(key)
    }

    #[cold]
    fn find_or_make(&self, object: &Synchronizer) -> Result<&Seat, Trouble> {
        let key = object.key;
        if let Some(seat) = self.find(key) {
            return Ok(seat);
        }
        // A fork in the middle of somebody's first random number would leave a child that waits for it for ever.
        let _operation = Operation::start();
        let thread = self.thread();
        self.tidy_up();
        guard::unblock_once();
        let seat = Seat::make(object, &thread).or_else(|errno| {
            self.drop_if(Seat::is_idle);
            Seat::make(object, &thread).map_err(|_| errno)
        });
        let seat = seat.map_err(|errno| match errno {
            // Private memory cannot be mapped twice.
            Errno::INVAL if latch::is_gone(object.words()) => Trouble::Corrupt,
            errno => Trouble::System("mapping its page for this thread", errno),
        })?;
        self.all.borrow_mut().insert(key, Box::new(seat));
        self.find(key).ok_or(Trouble::ThreadEnding)
    }

    fn tidy_up(&self) {
        let count = self.all.borrow().len();
        let kept = if SEATS_OF_ALL.load(Relaxed) > MANY { KEPT_OF_MANY } else { KEPT };
        if count >= self.left.get() + kept {
            self.drop_if(Seat::is_idle);
            self.left.set(self.all.borrow().len());
        }
    }

    fn drop_if(&self, is_dropped: impl Fn(&Seat) -> bool) {
        let mut all = self.all.borrow_mut();
        let dropped: Vec<Key> = all.values().filter(|seat| is_dropped(seat)).map(|seat| seat.key).collect();
        for key in dropped {
            let fast = &self.fast[key.slot(FAST)];
            // A seat that is not there any more must not be found: first the way to it, then the seat.
            if all.get(&key).is_some_and(|seat| std::ptr::eq(&**seat, fast.get())) {
                fast.set(std::ptr::null());
            }
            all.remove(&key);
        }
    }
}

/// The last handle of this process to an object goes: so does this thread's seat, unless it owns the mutex (MX-15).
pub(super) fn forget(key: Key) {
    let _ = SEATS.try_with(|seats| seats.drop_if(|seat| seat.key == key && seat.is_idle()));
}

/// The thread ends: what it owns is abandoned (MX-9, MX-21), then everything is unmapped.
impl Drop for Seats {
    fn drop(&mut self) {
        for seat in self.all.get_mut().values().filter(|seat| seat.is_taken()) {
            latch::abandon(seat);
        }
    }
}

/// In a child of `fork`: it owns nothing, and its thread has another number. The kernel emptied its robust list.
pub(crate) fn forget_all_in_child() {
    let _ = SEATS.try_with(|seats| {
        seats.thread.set(None);
        seats.left.set(0);
        for seat in seats.all.borrow().values() {
            seat.depth.set(0);
            seat.taken.set(false);
        }
        seats.drop_if(Seat::is_idle);
    });
}
