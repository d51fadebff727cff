//! Copies from and to views of files, whose disk or network can fail: that raises an exception (`EXCEPTION_IN_PAGE_ERROR`) in whoever touches the
//! page, and a copy has to be an error instead.
//!
//! (Wine says `EXCEPTION_ACCESS_VIOLATION`, which nothing else in a copy from or to a view can be.)
//!
//! On x86-64 a handler that sees exceptions first looks whether this one happened inside our copying routine, and lets that return early. All
//! others go on to whom they are for. Elsewhere, and without a handler, the kernel copies, whose faults are its own.
#![allow(unsafe_code)] // copies between raw pointers, handles exceptions

#[cfg(target_arch = "x86_64")]
pub(super) use handled::copy;
#[cfg(not(target_arch = "x86_64"))]
pub(super) use kernel::copy;

#[cfg(target_arch = "x86_64")]
mod handled {
    use std::sync::OnceLock;

    use windows_sys::Win32::Foundation::{EXCEPTION_ACCESS_VIOLATION, EXCEPTION_IN_PAGE_ERROR};
    use windows_sys::Win32::System::Diagnostics::Debug::{AddVectoredExceptionHandler, EXCEPTION_POINTERS};

    use crate::sys::guarded_copy;

    const CONTINUE_EXECUTION: i32 = -1;
    const CONTINUE_SEARCH: i32 = 0;

    /// Copies `length` bytes; false: a page was not there, and what was copied before stays.
    ///
    /// # Safety
    /// `from` must be readable and `to` writable for `length` bytes, but for pages that their disk does not give, and the ranges must not overlap.
    pub(in super::super) unsafe fn copy(to: *mut u8, from: *const u8, length: usize) -> bool {
        static IS_HANDLED: OnceLock<bool> = OnceLock::new();
        let is_handled = *IS_HANDLED.get_or_init(|| {
            // SAFETY: the handler touches nothing but what it is given. It stays for as long as the process.
            !unsafe { AddVectoredExceptionHandler(1, Some(leave_routine)) }.is_null()
        });
        if !is_handled {
            // SAFETY: the caller's promise.
            return unsafe { super::kernel::copy(to, from, length) };
        }
        // SAFETY: the caller's promise; the handler is there.
        unsafe { guarded_copy::copy(to, from, length) }
    }

    /// In the thread that had the exception, before anybody else. It takes no lock, and allocates nothing.
    unsafe extern "system" fn leave_routine(exception: *mut EXCEPTION_POINTERS) -> i32 {
        // SAFETY: the system passes what happened, and the registers, to this thread alone.
        let EXCEPTION_POINTERS { ExceptionRecord: record, ContextRecord: context } =
            unsafe { exception.read() };
        // SAFETY: as above.
        let record = unsafe { &*record };
        // SAFETY: as above.
        let context = unsafe { &mut *context };
        let is_fault = matches!(record.ExceptionCode, EXCEPTION_IN_PAGE_ERROR | EXCEPTION_ACCESS_VIOLATION);
        match guarded_copy::way_out(context.Rip as usize) {
            Some(way_out) if is_fault => {
                // The routine keeps nothing on the stack: it returns from there as if it had come to it.
                context.Rip = way_out as u64;
                CONTINUE_EXECUTION
            }
            _ => CONTINUE_SEARCH,
        }
    }
}

mod kernel {
    use std::os::windows::io::AsRawHandle;
    use std::ptr::null_mut;

    use windows_sys::Win32::System::Diagnostics::Debug::WriteProcessMemory;

    use crate::sys::windows::handle::current_process;

    /// Copies `length` bytes; false: a page was not there, and what was copied before stays.
    ///
    /// # Safety
    /// As of the other one.
    pub(in super::super) unsafe fn copy(to: *mut u8, from: *const u8, length: usize) -> bool {
        let process = current_process().as_raw_handle();
        // SAFETY: the caller's promise; the kernel looks at every page of both.
        length == 0 || unsafe { WriteProcessMemory(process, to.cast(), from.cast(), length, null_mut()) } != 0
    }
}
