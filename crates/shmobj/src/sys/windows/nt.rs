//! What only the native interface tells about an object. The functions are old and stable, and documented in part.
#![allow(unsafe_code)] // calls the system

use std::ffi::c_void;
use std::mem::{MaybeUninit, size_of};
use std::os::windows::io::{AsRawHandle, BorrowedHandle};

use windows_sys::Win32::Foundation::{HANDLE, NTSTATUS};

use crate::kind::Kind;

#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "system" {
    fn NtQueryEvent(h: HANDLE, class: u32, to: *mut c_void, bytes: u32, needed: *mut u32) -> NTSTATUS;
    fn NtQueryMutant(h: HANDLE, class: u32, to: *mut c_void, bytes: u32, needed: *mut u32) -> NTSTATUS;
    fn NtQuerySemaphore(h: HANDLE, class: u32, to: *mut c_void, bytes: u32, needed: *mut u32) -> NTSTATUS;
    fn NtQueryTimer(h: HANDLE, class: u32, to: *mut c_void, bytes: u32, needed: *mut u32) -> NTSTATUS;
    fn NtQuerySection(h: HANDLE, class: u32, to: *mut c_void, bytes: usize, needed: *mut usize) -> NTSTATUS;
    fn NtQueryObject(h: HANDLE, class: u32, to: *mut c_void, bytes: u32, needed: *mut u32) -> NTSTATUS;
}

type Query = unsafe extern "system" fn(HANDLE, u32, *mut c_void, u32, *mut u32) -> NTSTATUS;

/// Plain numbers that the system fills in. Every bit pattern is a value.
trait Filled: Copy {}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Event {
    pub(super) is_auto: i32,
    pub(super) is_signaled: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Mutant {
    /// 1: free; 0 and below: owned, once more for each step.
    pub(super) count: i32,
    pub(super) is_owned_by_caller: u8,
    pub(super) is_abandoned: u8,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct MutantOwner {
    pub(super) process: usize,
    pub(super) thread: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Semaphore {
    pub(super) count: u32,
    pub(super) maximum: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Timer {
    /// In units of 100 ns.
    pub(super) remaining: i64,
    pub(super) is_signaled: u8,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Section {
    base: usize,
    /// The `SEC_*` flags.
    pub(super) attributes: u32,
    pub(super) size: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Object {
    attributes: u32,
    granted: u32,
    rest: [u32; 12],
}

impl Filled for Event {}
impl Filled for Mutant {}
impl Filled for MutantOwner {}
impl Filled for Semaphore {}
impl Filled for Timer {}
impl Filled for Section {}
impl Filled for Object {}

/// What a query tells, if it tells anything: the handle may lack the right, or the system the query.
fn ask<T: Filled>(query: Query, handle: BorrowedHandle<'_>, class: u32) -> Option<T> {
    let mut told = MaybeUninit::<T>::zeroed();
    let bytes = size_of::<T>() as u32;
    // SAFETY: the system writes at most so many bytes, which are there; the handle is open.
    let status = unsafe {
        query(handle.as_raw_handle(), class, told.as_mut_ptr().cast(), bytes, std::ptr::null_mut())
    };
    // SAFETY: zeroed and then written by the system, and every bit pattern is a value.
    (status >= 0).then(|| unsafe { told.assume_init() })
}

pub(super) fn event(handle: BorrowedHandle<'_>) -> Option<Event> {
    ask(NtQueryEvent, handle, 0)
}

pub(super) fn mutant(handle: BorrowedHandle<'_>) -> Option<Mutant> {
    ask(NtQueryMutant, handle, 0)
}

pub(super) fn mutant_owner(handle: BorrowedHandle<'_>) -> Option<MutantOwner> {
    ask(NtQueryMutant, handle, 1)
}

pub(super) fn semaphore(handle: BorrowedHandle<'_>) -> Option<Semaphore> {
    ask(NtQuerySemaphore, handle, 0)
}

pub(super) fn timer(handle: BorrowedHandle<'_>) -> Option<Timer> {
    ask(NtQueryTimer, handle, 0)
}

pub(super) fn section(handle: BorrowedHandle<'_>) -> Option<Section> {
    let mut told = MaybeUninit::<Section>::zeroed();
    // SAFETY: as in `ask`.
    let status = unsafe {
        NtQuerySection(
            handle.as_raw_handle(),
            0,
            told.as_mut_ptr().cast(),
            size_of::<Section>(),
            std::ptr::null_mut(),
        )
    };
    // SAFETY: as in `ask`.
    (status >= 0).then(|| unsafe { told.assume_init() })
}

/// The access mask that a handle has.
pub(super) fn granted(handle: BorrowedHandle<'_>) -> Option<u32> {
    ask::<Object>(NtQueryObject, handle, 0).map(|object| object.granted)
}

/// The kind of object behind a handle; `None` for what is none of this library's.
pub(super) fn kind(handle: BorrowedHandle<'_>) -> Option<Kind> {
    match text(handle, 2)?.as_str() {
        "Section" => Some(Kind::FileMapping),
        "Mutant" => Some(Kind::Mutex),
        "Event" => Some(Kind::Event),
        "Semaphore" => Some(Kind::Semaphore),
        "Timer" => Some(Kind::WaitableTimer),
        "Job" => Some(Kind::Job),
        _ => None,
    }
}

/// The object's full path in the system's own namespace; empty without a name.
pub(super) fn path(handle: BorrowedHandle<'_>) -> Option<String> {
    text(handle, 1)
}

/// Both answers begin with a counted string, whose characters stand behind it in the same buffer.
fn text(handle: BorrowedHandle<'_>, class: u32) -> Option<String> {
    const HEAD: usize = 2; // two lengths of 16 bits, padding and a pointer, in units of 8 bytes
    let mut buffer = vec![0_u64; (0xffff + 512) / 8];
    let bytes = (buffer.len() * 8) as u32;
    // SAFETY: as in `ask`.
    let status = unsafe {
        NtQueryObject(handle.as_raw_handle(), class, buffer.as_mut_ptr().cast(), bytes, std::ptr::null_mut())
    };
    if status < 0 {
        return None;
    }
    let length = usize::from(buffer[0] as u16) / 2;
    let start = usize::try_from(buffer[1]).ok()?.checked_sub(buffer.as_ptr().addr());
    let (Some(start), true) = (start, length > 0) else { return Some(String::new()) };
    let bytes: Vec<u8> = buffer[HEAD.min(start / 8)..].iter().flat_map(|word| word.to_le_bytes()).collect();
    let skipped = start - HEAD.min(start / 8) * 8;
    let units = bytes.get(skipped..skipped + length * 2)?.chunks_exact(2);
    let units: Vec<u16> = units.map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    Some(String::from_utf16_lossy(&units))
}
