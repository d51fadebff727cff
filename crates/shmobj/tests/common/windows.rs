//! What these tests ask of Windows.
#![allow(unsafe_code)] // calls the system

use std::ffi::c_void;
use std::fs::File;
use std::io;
use std::mem::size_of;
use std::os::windows::fs::FileExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::{null_mut, with_exposed_provenance, with_exposed_provenance_mut};
use std::sync::LazyLock;
use std::time::Duration;

use windows_sys::Win32::Foundation::{HANDLE, NTSTATUS};
use windows_sys::Win32::System::Diagnostics::Debug::{ReadProcessMemory, WriteProcessMemory};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_FREE, MEMORY_BASIC_INFORMATION, PAGE_EXECUTE_WRITECOPY, PAGE_READONLY, PAGE_READWRITE,
    PAGE_WRITECOPY, VirtualQuery,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, GetCurrentThreadId};
use windows_sys::w;

use shmobj::{MappingOptions, Security};

use super::Place;

/// The longest name in a namespace of one's own, in UTF-16 units: what stands in front of it counts (NM-17).
pub(crate) const LONGEST_NAME: usize = 32_766 - r"Local\shmobj-0123456789abcdef0123456789abcdef.".len();

/// Whether this is Wine, which differs from Windows in the rows that the specification marks with `W!`.
pub(crate) fn on_wine() -> bool {
    static ANSWER: LazyLock<bool> = LazyLock::new(|| {
        // SAFETY: the name is a constant that ends with 0.
        let ntdll = unsafe { GetModuleHandleW(w!("ntdll.dll")) };
        // SAFETY: ntdll is in every process, and the name ends with 0.
        unsafe { GetProcAddress(ntdll, c"wine_get_version".as_ptr().cast()) }.is_some()
    });
    *ANSWER
}

/// Memory that other users may open.
pub(crate) fn for_others(options: MappingOptions<'_>) -> MappingOptions<'_> {
    options.security(Security::mode(0o666))
}

/// An open file that no mapping can be of (CF-21).
pub(crate) fn not_mappable() -> File {
    File::open("NUL").unwrap()
}

/// Reads a part of a file.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let read = file.seek_read(buffer, offset)?;
    assert_eq!(read, buffer.len(), "tests read what is there");
    Ok(())
}

/// Writes a part of a file.
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let written = file.seek_write(bytes, offset)?;
    assert_eq!(written, bytes.len());
    Ok(())
}

/// This process's memory at any address, by way of the kernel: an error where a touch would fault.
pub(crate) fn peek(address: usize, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0_u8; length];
    let (from, to) = (with_exposed_provenance::<c_void>(address), bytes.as_mut_ptr().cast());
    // SAFETY: has no preconditions.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: the buffer has room for so many bytes; the kernel finds out whether they can be read.
    let done = unsafe { ReadProcessMemory(process, from, to, length, null_mut()) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(bytes) }
}

/// Writes this process's memory in the same way.
pub(crate) fn poke(address: usize, bytes: &[u8]) -> io::Result<()> {
    let to = with_exposed_provenance::<c_void>(address);
    // SAFETY: has no preconditions.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: the kernel finds out whether so many bytes can be written; the tests name memory of views only.
    let done = unsafe { WriteProcessMemory(process, to, bytes.as_ptr().cast(), bytes.len(), null_mut()) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The rights of the page at an address, as Linux shows them: `rw-s`. `None` where nothing is mapped. A page that was copied when it
/// was written is readable and writable like any other (CW-3), but what was asked for when it was mapped still says that it is private.
pub(crate) fn rights(address: usize) -> Option<String> {
    let mut told = MEMORY_BASIC_INFORMATION::default();
    let at = with_exposed_provenance_mut(address);
    // SAFETY: asks about an address without touching it.
    let bytes = unsafe { VirtualQuery(at, &raw mut told, size_of::<MEMORY_BASIC_INFORMATION>()) };
    if bytes == 0 || told.State == MEM_FREE {
        return None;
    }
    let rights = match told.Protect {
        _ if told.State != MEM_COMMIT => "---",
        PAGE_READONLY => "r--",
        PAGE_READWRITE | PAGE_WRITECOPY => "rw-",
        other => panic!("a protection that no view has: {other:#x}"),
    };
    let is_private = matches!(told.AllocationProtect, PAGE_WRITECOPY | PAGE_EXECUTE_WRITECOPY);
    Some(format!("{rights}{}", if is_private { 'p' } else { 's' }))
}

/// This thread's number, as a mutex shows its owner.
pub(crate) fn own_number() -> u32 {
    // SAFETY: has no preconditions.
    unsafe { GetCurrentThreadId() }
}

/// Whether a thread sleeps in its wait. The system does not tell everywhere: it is given a moment to fall asleep.
pub(crate) fn sleeps(_number: u32) -> bool {
    std::thread::sleep(Duration::from_millis(40));
    true
}

#[repr(C)]
struct UnicodeString {
    /// In bytes.
    length: u16,
    capacity: u16,
    units: *const u16,
}

impl UnicodeString {
    fn of(text: &[u16]) -> Self {
        let length = (text.len() * 2) as u16;
        Self { length, capacity: length, units: text.as_ptr() }
    }
}

#[repr(C)]
struct ObjectAttributes<'a> {
    size: u32,
    root: HANDLE,
    name: &'a UnicodeString,
    flags: u32,
    security: *const c_void,
    quality: *const c_void,
}

#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "system" {
    fn NtOpenDirectoryObject(made: *mut HANDLE, access: u32, which: *const ObjectAttributes<'_>) -> NTSTATUS;
    fn NtQueryDirectoryObject(
        directory: HANDLE,
        buffer: *mut c_void,
        bytes: u32,
        single: u8,
        restart: u8,
        context: *mut u32,
        needed: *mut u32,
    ) -> NTSTATUS;
    fn NtQueryObject(h: HANDLE, class: u32, to: *mut c_void, bytes: u32, needed: *mut u32) -> NTSTATUS;
}

/// The full path of an object in the system's own namespace.
pub(crate) fn path_of(object: &impl AsRawHandle) -> String {
    let mut answer = vec![0_u64; 9000];
    let bytes = (answer.len() * 8) as u32;
    // SAFETY: the system writes at most so many bytes.
    let status =
        unsafe { NtQueryObject(object.as_raw_handle(), 1, answer.as_mut_ptr().cast(), bytes, null_mut()) };
    assert!(status >= 0, "the name of an object can be asked for: {status:#x}");
    // SAFETY: the answer begins with a counted string, whose characters stand behind it in the same buffer.
    unsafe { text(answer.as_ptr().cast()) }
}

/// The access mask that a handle has.
pub(crate) fn granted(handle: HANDLE) -> u32 {
    let mut answer = [0_u32; 14];
    let (to, bytes) = (answer.as_mut_ptr().cast(), size_of_val(&answer) as u32);
    // SAFETY: the system writes at most so many bytes.
    let status = unsafe { NtQueryObject(handle, 0, to, bytes, null_mut()) };
    assert!(status >= 0, "{status:#x}");
    answer[1]
}

/// # Safety
/// It has to lead to a counted string, whose characters are there.
unsafe fn text(string: *const UnicodeString) -> String {
    // SAFETY: the caller's promise.
    let string = unsafe { string.read() };
    if string.length == 0 {
        return String::new();
    }
    // SAFETY: as above.
    let units = unsafe { std::slice::from_raw_parts(string.units, usize::from(string.length) / 2) };
    String::from_utf16_lossy(units)
}

impl Place {
    /// The objects that exist in the test's namespace, by the names that the system knows. None, when all handles are gone.
    pub(crate) fn entries(&self) -> Vec<String> {
        let probe = self.events().create("looking around").unwrap();
        let path = path_of(&probe);
        let (directory, name) = path.rsplit_once('\\').unwrap();
        let prefix = name.strip_suffix("looking around").unwrap();
        names_in(directory)
            .into_iter()
            .filter(|known| known != name)
            .filter_map(|known| known.strip_prefix(prefix).map(str::to_owned))
            .collect()
    }
}

/// What a directory of the system's own namespace contains.
fn names_in(directory: &str) -> Vec<String> {
    const QUERY: u32 = 1;
    let units: Vec<u16> = directory.encode_utf16().collect();
    let name = UnicodeString::of(&units);
    let which = ObjectAttributes {
        size: size_of::<ObjectAttributes<'_>>() as u32,
        root: null_mut(),
        name: &name,
        flags: 0,
        security: null_mut(),
        quality: null_mut(),
    };
    let mut opened = null_mut();
    // SAFETY: the name is there during the call.
    let status = unsafe { NtOpenDirectoryObject(&raw mut opened, QUERY, &raw const which) };
    assert!(status >= 0, "{directory}: {status:#x}");
    // SAFETY: just opened, and nobody else's.
    let opened = unsafe { OwnedHandle::from_raw_handle(opened) };
    let (mut names, mut context) = (Vec::new(), 0);
    let mut buffer = vec![0_u64; 9000]; // more than the longest name
    loop {
        let (to, bytes) = (buffer.as_mut_ptr().cast(), (buffer.len() * 8) as u32);
        // SAFETY: the system writes at most so many bytes.
        let status = unsafe {
            NtQueryDirectoryObject(opened.as_raw_handle(), to, bytes, 1, 0, &raw mut context, null_mut())
        };
        if status != 0 {
            return names; // no more
        }
        // SAFETY: one entry, which begins with its name.
        names.push(unsafe { text(buffer.as_ptr().cast()) });
    }
}
