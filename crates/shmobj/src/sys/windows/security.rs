//! Who may open an object: a [`Security`] as a security descriptor.
#![allow(unsafe_code)] // calls the system

use std::ffi::c_void;
use std::fmt::Write;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{
    GetTokenInformation, SECURITY_ATTRIBUTES, TOKEN_OWNER, TOKEN_PRIMARY_GROUP, TOKEN_QUERY, TokenOwner,
    TokenPrimaryGroup,
};
use windows_sys::Win32::System::Threading::OpenProcessToken;

use super::error::last_error;
use super::handle::current_process;
use super::{Code, rights};
use crate::access::Access;
use crate::error::{Attempt, Result};
use crate::kind::Kind;
use crate::security::{Principal, Security, Sid};

/// What a create takes: `lpSecurityDescriptor`, which is null for the token's default list.
#[derive(Debug)]
pub(super) struct Descriptor(*mut c_void);

impl Descriptor {
    /// The descriptor of an object of this kind.
    pub(super) fn of(attempt: &Attempt<'_>, kind: Kind, security: &Security) -> Result<Self> {
        if *security == Security::OWNER_ONLY {
            return Ok(Self(null_mut()));
        }
        let failed = |code| attempt.os("making its access control list", code);
        let text = sddl(kind, security).map_err(failed)?;
        let wide: Vec<u16> = text.encode_utf16().chain([0]).collect();
        let mut descriptor = null_mut();
        // SAFETY: the text ends with 0; the system allocates what it answers.
        let made = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                wide.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                null_mut(),
            )
        };
        if made == 0 { Err(failed(last_error())) } else { Ok(Self(descriptor)) }
    }

    /// The attributes of a create. No handle of this library is inheritable from the beginning.
    pub(super) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: self.0,
            bInheritHandle: 0,
        }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: the system allocated it for us, or it is null, which is nothing.
        unsafe { LocalFree(self.0) };
    }
}

/// The list as text: denials, then the owner and the system, then everybody else.
fn sddl(kind: Kind, security: &Security) -> Result<String, Code> {
    let mut list = String::from("D:P");
    let mut add = |sort: char, mask: u32, who: &dyn std::fmt::Display| {
        let _ = write!(list, "({sort};;{mask:#x};;;{who})");
    };
    let everything = rights::everything(kind);
    for grant in security.grants().filter(|grant| grant.access.is_empty()) {
        let Principal::Sid(sid) = grant.who;
        add('D', everything, &sid);
    }
    add('A', everything, &own_sid(TokenOwner)?);
    add('A', everything, &Sid::SYSTEM);
    let bits = security.mode_bits();
    if let Some(access) = of_bits(kind, bits >> 3) {
        add('A', rights::granted(kind, access), &own_sid(TokenPrimaryGroup)?);
    }
    if let Some(access) = of_bits(kind, bits) {
        add('A', rights::granted(kind, access), &Sid::EVERYONE);
    }
    for grant in security.grants().filter(|grant| !grant.access.is_empty()) {
        let Principal::Sid(sid) = grant.who;
        add('A', rights::granted(kind, grant.access), &sid);
    }
    Ok(list)
}

/// What permission bits mean for a kind.
fn of_bits(kind: Kind, bits: u32) -> Option<Access> {
    let (read, write) = match kind {
        Kind::FileMapping => (Access::READ, Access::WRITE),
        _ => (Access::SYNCHRONIZE, Access::MODIFY),
    };
    let access = [(4, read), (2, write)].into_iter().filter(|(bit, _)| bits & bit != 0);
    let access: Access = access.map(|(_, right)| right).collect();
    (!access.is_empty()).then_some(access)
}

/// Who will own the objects of this process, or its primary group, as text.
fn own_sid(which: i32) -> Result<String, Code> {
    let mut token = null_mut();
    let process = current_process().as_raw_handle();
    // SAFETY: asks for this process's own token.
    if unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) } == 0 {
        return Err(last_error());
    }
    // SAFETY: just opened, and nobody else's.
    let token = unsafe { OwnedHandle::from_raw_handle(token) };
    // One pointer, and the identifier of up to 68 bytes behind it; aligned for the pointer.
    let mut answer = [0_usize; 16];
    let (mut needed, bytes) = (0, size_of_val(&answer) as u32);
    // SAFETY: the system writes at most so many bytes.
    let told = unsafe {
        GetTokenInformation(token.as_raw_handle(), which, answer.as_mut_ptr().cast(), bytes, &raw mut needed)
    };
    if told == 0 {
        return Err(last_error());
    }
    const { assert!(size_of::<TOKEN_OWNER>() == size_of::<usize>()) };
    const { assert!(size_of::<TOKEN_PRIMARY_GROUP>() == size_of::<usize>()) };
    let sid = std::ptr::with_exposed_provenance_mut::<c_void>(answer[0]);
    let mut text = null_mut();
    // SAFETY: both answers begin with the pointer to an identifier in the same buffer.
    if unsafe { ConvertSidToStringSidW(sid, &raw mut text) } == 0 {
        return Err(last_error());
    }
    let mut units = Vec::new();
    // SAFETY: the text ends with 0, so each unit up to there is inside.
    while let unit @ 1.. = unsafe { text.wrapping_add(units.len()).read() } {
        units.push(unit);
    }
    // SAFETY: the system allocated it for us.
    unsafe { LocalFree(text.cast()) };
    Ok(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_comes_first_and_others_after_the_owner() {
        let [users, guests]: [Sid; 2] = ["S-1-5-32-545", "S-1-5-32-546"].map(|sid| sid.parse().unwrap());
        let security = Security::mode(0o604)
            .grant(Principal::Sid(users), Access::MODIFY)
            .grant(Principal::Sid(guests), Access::empty());
        let owner = own_sid(TokenOwner).unwrap();
        assert!(owner.starts_with("S-1-5-"), "{owner}");
        let expected = format!(
            "D:P(D;;0x1f0003;;;S-1-5-32-546)(A;;0x1f0003;;;{owner})(A;;0x1f0003;;;S-1-5-18)\
             (A;;0x120001;;;S-1-1-0)(A;;0x20003;;;S-1-5-32-545)"
        );
        assert_eq!(sddl(Kind::Event, &security).unwrap(), expected);
    }

    #[test]
    fn bits_are_rights_of_the_kind() {
        for (bits, expected) in [(0, None), (4, Some(Access::READ)), (6, Some(Access::READ_WRITE)), (1, None)]
        {
            assert_eq!(of_bits(Kind::FileMapping, bits), expected);
        }
        assert_eq!(of_bits(Kind::Mutex, 4), Some(Access::SYNCHRONIZE));
        assert_eq!(of_bits(Kind::WaitableTimer, 6), Some(Access::SYNCHRONIZE | Access::MODIFY));
    }
}
