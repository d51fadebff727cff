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
use super::{Key, Synchronizer, Trouble, handover, latch, liveness};
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

/// See the module's documentation. In front is what a lock that nobody else wants needs: one cache line, and `taken`.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Seat {
    key: Key,
    /// At the end of the first of two pages.
    words: NonNull<Words>,
    quick: Cell<Option<Place>>,
    /// A random number, never 0: thread numbers are not unique across PID namespaces.
    pub(super) token: u64,
    pub(super) thread: u32,
    /// How many times the thread owns the mutex.
    pub(super) depth: Cell<u32>,
    /// Whether the latch is taken: `depth` is not 0, or it is a gate, or tentative.
    taken: Cell<bool>,
    /// Whether this thread may give the latch back by a store: see [`handover`](super::handover).
    pub(super) stores: Cell<bool>,
    /// How often it was given back by a compare-exchange although a store would do.
    pub(super) exchanges: Cell<u32>,
    /// How many calls on this thread's stack refer to it.
    users: Cell<u32>,
    list: Option<Place>,
    /// For threads without a list; otherwise 0.
    signature: u64,
    base: NonNull<u8>,
    bytes: usize,
    /// The first of the two pages, if somebody can truncate the entry.
    protected: Option<Protected>,
}

/// The latch's place on the list of its thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    list: RobustList,
    node: Node,
}

impl Seat {
    #[inline]
    pub(super) fn words(&self) -> &Words {
        // SAFETY: mapped as long as `self`, aligned, and made of atomics only.
        unsafe { self.words.as_ref() }
    }

    /// The latch's place on this thread's list, where it may be pending without a look. `None`: the kernel does not know what this
    /// thread takes, or might take it for another one.
    #[inline]
    pub(super) fn quick(&self) -> Option<Place> {
        self.quick.get()
    }

    /// For good.
    pub(super) fn lose_quick(&self) {
        self.quick.set(None);
    }

    /// Tells the kernel to look at this latch if the thread dies now.
    #[inline]
    pub(super) fn pend(&self) {
        if let Some(place) = self.list {
            place.pend();
        }
    }

    #[inline]
    pub(super) fn unpend(&self) {
        if let Some(place) = self.list {
            place.unpend();
        }
    }

    /// The latch has been taken: the kernel is to know until it is given back.
    #[inline]
    pub(super) fn enlist(&self) {
        match self.list {
            Some(place) => self.enlist_at(place),
            None => {
                liveness::sign(self.words(), self.signature);
                self.taken.set(true);
            }
        }
    }

    /// The same, at its place on the list.
    #[inline]
    pub(super) fn enlist_at(&self, Place { list, node }: Place) {
        debug_assert!(!self.taken.get(), "a latch is taken once");
        // SAFETY: the node is in the private half of a mapping that no other thread uses and that is kept while
        // `taken`; and it is on no list, as it was not taken.
        unsafe { list.link(node) };
        self.taken.set(true);
    }

    #[inline]
    pub(super) fn delist(&self) {
        match self.list {
            Some(place) => self.delist_at(place),
            None => {
                liveness::erase(self.words());
                self.taken.set(false);
            }
        }
    }

    #[inline]
    pub(super) fn delist_at(&self, Place { list, node }: Place) {
        // SAFETY: on the list since it was taken.
        unsafe { list.unlink(node) };
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
        let base: NonNull<u8> = NonNull::new(base.cast()).ok_or(Errno::NOMEM)?;
        let mut seat = Self {
            key: object.key,
            // SAFETY: the end of the first of two pages.
            words: unsafe { base.add(page - WORDS_BYTES) }.cast(),
            quick: Cell::new(None),
            token: thread.token,
            thread: thread.number,
            depth: Cell::new(0),
            taken: Cell::new(false),
            stores: Cell::new(handover::is_registered()),
            exchanges: Cell::new(0),
            users: Cell::new(0),
            list: None,
            signature: 0,
            base,
            bytes,
            protected: None,
        };
        SEATS_OF_ALL.fetch_add(1, Relaxed);
        if object.is_truncatable() {
            seat.protected = Some(Protected::new(seat.base, page, Filling::Words)?);
        }
        let word = futex_word(&seat.words().latch) as usize;
        seat.list = thread
            .list
            .and_then(|list| Some(Place { list, node: list.node(word, start + page..start + bytes)? }));
        if seat.list.is_none() {
            seat.signature = liveness::signature(thread.number);
        }
        latch::introduce(seat.words(), seat.list.is_some(), thread.pid_namespace);
        seat.quick.set(seat.list);
        latch::learn(&seat);
        Ok(seat)
    }
}

impl Place {
    /// See [`Seat::pend`].
    #[inline]
    pub(super) fn pend(self) {
        self.list.set_pending(Some(self.node));
    }

    #[inline]
    pub(super) fn unpend(self) {
        self.list.set_pending(None);
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
    /// Boxed, so that they stay where they are.
    all: RefCell<BTreeMap<Key, Box<Seat>>>,
    /// How many were left when the idle ones were given back last.
    left: Cell<usize>,
}

thread_local! {
    /// The seats used last, by a hash of their keys; all of them are in `SEATS`, which takes them away from here before it drops them.
    /// Without a destructor of its own, a look costs no question whether the thread is ending.
    static LATELY: [Cell<*const Seat>; FAST] = const { [const { Cell::new(std::ptr::null()) }; FAST] };

    static SEATS: Seats = const {
        Seats {
            thread: Cell::new(None),
            all: RefCell::new(BTreeMap::new()),
            left: Cell::new(0),
        }
    };
}

/// This thread's seat for an object; made if there is none.
#[inline]
pub(super) fn of(object: &Synchronizer) -> Result<InUse, Trouble> {
    match known(object.key) {
        Some(seat) => Ok(seat),
        None => find_or_make(object),
    }
}

#[cold]
fn find_or_make(object: &Synchronizer) -> Result<InUse, Trouble> {
    SEATS.try_with(|seats| seats.find_or_make(object)).unwrap_or(Err(Trouble::ThreadEnding))
}

/// This thread's seat for an object, if it was used lately.
#[inline]
pub(super) fn known(key: Key) -> Option<InUse> {
    // SAFETY: it gets a user, and nothing else happens.
    unsafe { with_known(key, InUse::new) }
}

/// The same for what is done at once, without becoming a user of the seat.
///
/// # Safety
/// Whatever `work` does, it neither makes nor gives back a seat of this thread.
#[inline]
pub(super) unsafe fn with_known<R>(key: Key, work: impl FnOnce(&Seat) -> R) -> Option<R> {
    let seat = LATELY.with(|lately| lately[key.slot(FAST)].get());
    // SAFETY: a seat is taken away from there before it is dropped, and none is dropped until `work` is done.
    unsafe { seat.as_ref() }.filter(|seat| seat.key == key).map(work)
}

/// This thread's seat for an object, if there is one.
#[inline]
pub(super) fn existing(key: Key) -> Option<InUse> {
    known(key).or_else(|| find(key))
}

#[cold]
fn find(key: Key) -> Option<InUse> {
    SEATS.try_with(|seats| seats.find(key)).ok().flatten()
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
    #[inline]
    fn new(seat: &Seat) -> Self {
        seat.users.set(seat.users.get() + 1);
        Self(NonNull::from(seat))
    }
}

impl std::ops::Deref for InUse {
    type Target = Seat;

    #[inline]
    fn deref(&self) -> &Seat {
        // SAFETY: seats with users are not dropped before their thread has ended, and neither does this leave it.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for InUse {
    #[inline]
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

    fn find(&self, key: Key) -> Option<InUse> {
        let all = self.all.borrow();
        let seat = all.get(&key)?;
        LATELY.with(|lately| lately[key.slot(FAST)].set(std::ptr::from_ref(&**seat)));
        Some(InUse::new(seat))
    }

    fn find_or_make(&self, object: &Synchronizer) -> Result<InUse, Trouble> {
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
            // A seat that is not there any more must not be found: first the way to it, then the seat.
            LATELY.with(|lately| {
                let lately = &lately[key.slot(FAST)];
                if all.get(&key).is_some_and(|seat| std::ptr::eq(&**seat, lately.get())) {
                    lately.set(std::ptr::null());
                }
            });
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
        LATELY.with(|lately| lately.iter().for_each(|seat| seat.set(std::ptr::null())));
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
