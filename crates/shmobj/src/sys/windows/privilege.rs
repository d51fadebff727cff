//! The privilege that large pages need: `SeLockMemoryPrivilege`, which a user may hold and which is off until it is switched on.
#![allow(unsafe_code)] // calls the system

use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::LUID;
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, LUID_AND_ATTRIBUTES, LookupPrivilegeValueW, SE_LOCK_MEMORY_NAME,
    SE_PRIVILEGE_ENABLED, TOKEN_ADJUST_PRIVILEGES, TOKEN_PRIVILEGES,
};
use windows_sys::Win32::System::Threading::OpenProcessToken;

use super::handle::current_process;

/// Switches it on for this process, if the user holds it. If not, the create that needs it says so.
pub(super) fn allow_large_pages() {
    let mut token = null_mut();
    let process = current_process().as_raw_handle();
    // SAFETY: asks for this process's own token.
    if unsafe { OpenProcessToken(process, TOKEN_ADJUST_PRIVILEGES, &raw mut token) } == 0 {
        return;
    }
    // SAFETY: just opened, and nobody else's.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    let mut luid = LUID::default();
    // SAFETY: the name is a constant that ends with 0.
    if unsafe { LookupPrivilegeValueW(null(), SE_LOCK_MEMORY_NAME, &raw mut luid) } == 0 {
        return;
    }
    let one = LUID_AND_ATTRIBUTES { Luid: luid, Attributes: SE_PRIVILEGE_ENABLED };
    let wanted = TOKEN_PRIVILEGES { PrivilegeCount: 1, Privileges: [one] };
    // SAFETY: the wish is there during the call; nothing is asked back.
    unsafe {
        AdjustTokenPrivileges(token.as_raw_handle(), 0, &raw const wanted, 0, null_mut(), null_mut());
    }
}
