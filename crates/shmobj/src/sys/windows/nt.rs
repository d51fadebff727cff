//! What only the native interface tells about an object. The functions are old and stable, and documented in part.
#![allow(unsafe_code)] // calls the system

use std::ffi::c_void;
use std::mem::{MaybeUninit, size_of};
use std::os::windows::io::{AsRawHandle, BorrowedHandle};

use windows_sys::Win32::Foundation::{HANDLE, NTSTATUS, RtlNtStatusToDosError};

use super::Code;
use crate::kind::Kind;

#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "system" {
    fn NtQueryInformationProcess(
        h: HANDLE,
        class: u32,
        to: *mut c_void,
        bytes: u32,
        needed: *mut u32,
    ) -> NTSTATUS;
    fn NtQueryEvent(h: HANDLE, class: u32, to: *mut c_void, bytes: u32, needed: *mut u32) -> NTSTATUS;
    fn NtQueryMutant(h: HANDLE, class: u32, to: *mut c_void, bytes: u32, needed: *mut u32) -> NTSTATUS;
    fn NtQuerySemaphore(h: HANDLE, class: u32, to: *mut c_void, bytes: u32, needed: *mut u32) -> NTSTATUS;
    fn NtQueryTimer(h: HANDLE, class: u32, to: *mut c_void, bytes: u32, needed: *mut u32) -> NTSTATUS;
    fn NtQuerySection(h: HANDLE, class: u32, to: *mut c_void, bytes: usize, needed: *mut usize) -> NTSTATUS;
    fn NtQueryObject(h: HANDLE, class: u32, to: *mut c_void, bytes: u32, needed: *mut u32) -> NTSTATUS;
    fn NtResumeProcess(h: HANDLE) -> NTSTATUS;
    fn NtSetInformationJobObject(h: HANDLE, class: u32, from: *const c_void, bytes: u32) -> NTSTATUS;
}

/// Lets all threads of a process go that was started suspended.
pub(super) fn resume(process: BorrowedHandle<'_>) -> Result<(), Code> {
    // SAFETY: the handle is open.
    done(unsafe { NtResumeProcess(process.as_raw_handle()) })
}

/// Stops the processes of a job, or lets them go (`JobObjectFreezeInformation`).
pub(super) fn freeze(job: BorrowedHandle<'_>, frozen: bool) -> Result<(), Code> {
    const CLASS: u32 = 18;
    /// Says that `freeze` counts.
    const OPERATION: u32 = 1;
    #[repr(C)]
    struct Freeze {
        flags: u32,
        freeze: u8,
        swap: u8,
        reserved: [u8; 2],
        /// Who is woken nevertheless: nobody.
        wake_filter: [u32; 2],
    }
    let wanted =
        Freeze { flags: OPERATION, freeze: frozen.into(), swap: 0, reserved: [0; 2], wake_filter: [0; 2] };
    let (from, bytes) = ((&raw const wanted).cast(), size_of::<Freeze>() as u32);
    // SAFETY: so many bytes are there to be read; the handle is open.
    done(unsafe { NtSetInformationJobObject(job.as_raw_handle(), CLASS, from, bytes) })
}

fn done(status: NTSTATUS) -> Result<(), Code> {
    if status >= 0 {
        return Ok(());
    }
    // SAFETY: has no preconditions.
    Err(unsafe { RtlNtStatusToDosError(status) })
}

/// The number of the process that started this one. That may have ended.
pub(super) fn parent() -> Option<u32> {
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Process {
        status: i32,
        environment: usize,
        affinity: usize,
        priority: i32,
        id: usize,
        parent: usize,
    }
    impl Filled for Process {}
    let told: Process = ask(NtQueryInformationProcess, super::handle::current_process(), 0)?;
    u32::try_from(told.parent).ok()
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
        "Timer" | "IRTimer" => Some(Kind::WaitableTimer), // the second one is of high resolution
        "Job" => Some(Kind::Job),
        _ => None,
    }
}

/// The object's full path in the system's own namespace; empty without a name.
pub(super) fn path(handle: BorrowedHandle<'_>) -> Option<String> {
    text(handle, 1)
}

/// A string as the system counts it.
#[repr(C)]
#[derive(Clone, Copy)]
struct Counted {
    bytes: u16,
    room: u16,
    text: usize,
}

impl Filled for Counted {}

/// Both answers begin with a counted string, whose characters stand behind it in the same buffer.
fn text(handle: BorrowedHandle<'_>, class: u32) -> Option<String> {
    let mut buffer = vec![0_usize; (usize::from(u16::MAX) + 512) / size_of::<usize>()];
    let bytes = size_of_val(buffer.as_slice()) as u32;
    // SAFETY: as in `ask`.
    let status = unsafe {
        NtQueryObject(handle.as_raw_handle(), class, buffer.as_mut_ptr().cast(), bytes, std::ptr::null_mut())
    };
    if status < 0 {
        return None;
    }
    // SAFETY: the buffer is larger than that, and aligned for it; every bit pattern is a value.
    let counted = unsafe { buffer.as_ptr().cast::<Counted>().read() };
    if counted.bytes == 0 {
        return Some(String::new());
    }
    let length = usize::from(counted.bytes) / 2;
    let offset = counted.text.checked_sub(buffer.as_ptr().addr())?;
    if offset % 2 != 0 || offset + 2 * length > bytes as usize {
        return None;
    }
    let units = buffer.as_ptr().wrapping_byte_add(offset).cast::<u16>();
    // SAFETY: so many units are inside the buffer, which nobody changes, and aligned.
    let units = unsafe { std::slice::from_raw_parts(units, length) };
    Some(String::from_utf16_lossy(units))
}
