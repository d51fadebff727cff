//! This thread's robust list: the kernel reads it when the thread dies, and tells the next owner of every latch on it.
//!
//! The C library registers one list per thread, for its own robust mutexes; our nodes go into the same list, with its order of
//! writes. A node is a pair of pointers at a fixed distance from the futex word, and that distance is the C library's:
//! -32 bytes for glibc, -28 for musl. The word stands 16 bytes before the end of a shared page, so the node lies in the
//! private page behind it: other processes can neither change our list nor learn an address from it.
//!
//! Everything here happens in the one thread that owns list and nodes. Only its order matters, as the kernel may stop the
//! thread between any two writes: fences keep the compiler from moving them past each other.
#![allow(unsafe_code)] // reads and writes the C library's list

use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::atomic::{Ordering, compiler_fence};

use crate::test_hooks::{Fault, is_forced};

/// `struct robust_list_head` of the kernel.
#[derive(Debug)]
#[repr(C)]
struct Head {
    first: usize,
    futex_offset: isize,
    pending: usize,
}

/// The list of one thread, if it has one that fits.
#[derive(Clone, Copy, Debug)]
pub(super) struct RobustList {
    head: NonNull<Head>,
    futex_offset: isize,
}

/// A node for one futex word; its `next` is at this address, its `prev` before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node(usize);

const POINTER: usize = size_of::<usize>();
/// The C library marks mutexes with priority inheritance in the lowest bit of a pointer.
const MARK: usize = 1;

impl RobustList {
    /// `None`: the C library has registered none, or this is not a machine whose list has two links.
    pub(super) fn of_this_thread() -> Option<Self> {
        if is_forced(Fault::RobustList) || cfg!(not(target_pointer_width = "64")) {
            return None;
        }
        let head = registered().or_else(|| {
            make_the_c_library_register_one();
            registered()
        })?;
        // SAFETY: the list that this thread registered is there for as long as the thread.
        let Head { futex_offset, .. } = unsafe { head.read() };
        Some(Self { head, futex_offset })
    }

    /// The node for a word, if all of it lies in the private memory behind it.
    pub(super) fn node(self, word: usize, private: std::ops::Range<usize>) -> Option<Node> {
        let next = word.checked_add_signed(self.futex_offset.checked_neg()?)?;
        (next - POINTER >= private.start && next + POINTER <= private.end).then_some(Node(next))
    }

    /// The operation that the kernel is to finish if the thread dies in its middle. One per thread.
    #[inline]
    pub(super) fn set_pending(self, node: Option<Node>) {
        compiler_fence(Ordering::SeqCst);
        // SAFETY: the head is the C library's, of this thread.
        let pending = unsafe { &raw mut (*self.head.as_ptr()).pending };
        // SAFETY: as above; only the kernel reads it besides.
        unsafe { pending.write_volatile(node.map_or(0, |node| node.0)) };
        compiler_fence(Ordering::SeqCst);
    }

    /// Puts a node at the front. `pending` must be the node.
    ///
    /// # Safety
    /// The node must be mapped, private to this thread, and on no list; it must stay mapped until it is taken off.
    #[inline]
    pub(super) unsafe fn link(self, node: Node) {
        let head = self.head.as_ptr() as usize;
        // SAFETY: the head is the C library's, of this thread.
        let first = unsafe { read(head) };
        // SAFETY: the node is ours, the caller says.
        unsafe { write(node.0, first) };
        // SAFETY: as above.
        unsafe { write(node.0 - POINTER, head) };
        if first & !MARK != head {
            // SAFETY: the list holds live nodes only, each with its `prev` before its `next`.
            unsafe { write((first & !MARK) - POINTER, node.0) };
        }
        compiler_fence(Ordering::SeqCst);
        // SAFETY: the head is the C library's, of this thread.
        unsafe { write(head, node.0) };
        compiler_fence(Ordering::SeqCst);
    }

    /// Takes a node off. `pending` must be the node.
    ///
    /// # Safety
    /// The node must have been put on this thread's list, and be on it.
    #[inline]
    pub(super) unsafe fn unlink(self, node: Node) {
        let head = self.head.as_ptr() as usize;
        // SAFETY: the node is on the list, the caller says.
        let next = unsafe { read(node.0) };
        // SAFETY: as above.
        let previous = unsafe { read(node.0 - POINTER) };
        if next & !MARK != head {
            // SAFETY: the neighbours of a node on the list are live.
            unsafe { write((next & !MARK) - POINTER, previous) };
        }
        // SAFETY: as above; the head has its `next` in front.
        unsafe { write(previous & !MARK, next) };
        compiler_fence(Ordering::SeqCst);
    }
}

fn registered() -> Option<NonNull<Head>> {
    let mut head: *mut Head = std::ptr::null_mut();
    let mut bytes = 0usize;
    // SAFETY: the kernel writes one pointer and one size.
    let failed = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut bytes) };
    NonNull::new(head).filter(|_| failed == 0 && bytes == size_of::<Head>())
}

/// musl registers a thread's list only when the thread locks its first robust mutex.
fn make_the_c_library_register_one() {
    let mut attributes = MaybeUninit::<libc::pthread_mutexattr_t>::uninit();
    let mut mutex = MaybeUninit::<libc::pthread_mutex_t>::uninit();
    // SAFETY: initialises the attributes.
    unsafe { libc::pthread_mutexattr_init(attributes.as_mut_ptr()) };
    // SAFETY: initialised above.
    unsafe { libc::pthread_mutexattr_setrobust(attributes.as_mut_ptr(), libc::PTHREAD_MUTEX_ROBUST) };
    // SAFETY: initialises the mutex, which does not move until it is destroyed.
    let failed = unsafe { libc::pthread_mutex_init(mutex.as_mut_ptr(), attributes.as_ptr()) };
    if failed == 0 {
        // SAFETY: initialised, and known to nobody else.
        unsafe { libc::pthread_mutex_lock(mutex.as_mut_ptr()) };
        // SAFETY: locked by this thread.
        unsafe { libc::pthread_mutex_unlock(mutex.as_mut_ptr()) };
        // SAFETY: unlocked, and not used any more.
        unsafe { libc::pthread_mutex_destroy(mutex.as_mut_ptr()) };
    }
    // SAFETY: not used any more.
    unsafe { libc::pthread_mutexattr_destroy(attributes.as_mut_ptr()) };
}

/// Not aligned with musl, whose distance is not a multiple of a pointer.
#[inline]
unsafe fn read(at: usize) -> usize {
    let at = std::ptr::with_exposed_provenance::<usize>(at);
    // SAFETY: the caller's.
    unsafe { at.read_unaligned() }
}

#[inline]
unsafe fn write(at: usize, value: usize) {
    let at = std::ptr::with_exposed_provenance_mut::<usize>(at);
    // SAFETY: the caller's.
    unsafe { at.write_unaligned(value) };
}
