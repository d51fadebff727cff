//! Who may open an object: a [`Security`] as a security descriptor.
#![allow(unsafe_code)] // calls the system

use std::ffi::c_void;
use std::fmt::Write;
use std::mem::offset_of;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{ERROR_NO_TOKEN, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{
    GetTokenInformation, SECURITY_ATTRIBUTES, TOKEN_INFORMATION_CLASS, TOKEN_OWNER, TOKEN_PRIMARY_GROUP,
    TOKEN_QUERY, TOKEN_USER, TokenOwner, TokenPrimaryGroup, TokenUser,
};
use windows_sys::Win32::System::Threading::{GetCurrentThread, OpenProcessToken, OpenThreadToken};

use super::error::last_error;
use super::handle::current_process;
use super::{Code, rights};
use crate::access::Access;
use crate::error::{Attempt, Result};
use crate::kind::Kind;
use crate::security::{Principal, Security, Sid};

/// What a create takes: `lpSecurityDescriptor`. Null where it does not matter, because nobody finds the object.
#[derive(Debug)]
pub(super) struct Descriptor(*mut c_void);

impl Descriptor {
    /// Of an object without a name.
    pub(super) fn unnamed() -> Self {
        Self(null_mut())
    }

    /// Of an object of this kind. Also for its owner alone: the default list of a token may let others in (its logon session may read).
    pub(super) fn of(attempt: &Attempt<'_>, kind: Kind, security: &Security) -> Result<Self> {
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

/// The list as text: the owner and the system, then denials, then everybody else. The first entry that speaks of a right decides (DA-6).
fn sddl(kind: Kind, security: &Security) -> Result<String, Code> {
    let mut list = String::from("D:P");
    let mut add = |sort: char, mask: u32, who: &dyn std::fmt::Display| {
        let _ = write!(list, "({sort};;{mask:#x};;;{who})");
    };
    let everything = rights::everything(kind);
    let token = own_token()?;
    let (user, owner) = (sid_of(&token, TokenUser)?, sid_of(&token, TokenOwner)?);
    add('A', everything, &user);
    if owner != user {
        add('A', everything, &owner); // an elevated administrator's objects belong to the group
    }
    add('A', everything, &Sid::SYSTEM);
    for grant in security.grants().filter(|grant| grant.access.is_empty()) {
        let Principal::Sid(sid) = grant.who;
        add('D', everything, &sid);
    }
    let bits = security.mode_bits();
    if let Some(access) = of_bits(kind, bits >> 3) {
        add('A', rights::granted(kind, access), &sid_of(&token, TokenPrimaryGroup)?);
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
        Kind::Job => (Access::SYNCHRONIZE, Access::MODIFY | Access::ASSIGN | Access::TERMINATE),
        _ => (Access::SYNCHRONIZE, Access::MODIFY),
    };
    let access = [(4, read), (2, write)].into_iter().filter(|(bit, _)| bits & bit != 0);
    let access: Access = access.map(|(_, right)| right).collect();
    (!access.is_empty()).then_some(access)
}

/// The token that the kernel makes objects with: this thread's, if it acts for somebody else, or the process's.
fn own_token() -> Result<OwnedHandle, Code> {
    let mut token = null_mut();
    // SAFETY: has no preconditions.
    let thread = unsafe { GetCurrentThread() };
    // SAFETY: asks for this thread's own token, as the process.
    let opened = unsafe { OpenThreadToken(thread, TOKEN_QUERY, 1, &raw mut token) };
    if opened == 0 {
        let code = last_error();
        if code != ERROR_NO_TOKEN {
            return Err(code);
        }
        let process = current_process().as_raw_handle();
        // SAFETY: asks for this process's own token.
        if unsafe { OpenProcessToken(process, TOKEN_QUERY, &raw mut token) } == 0 {
            return Err(last_error());
        }
    }
    // SAFETY: just opened, and nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(token) })
}

/// The user, the owner of new objects, or the primary group, as text.
fn sid_of(token: &OwnedHandle, which: TOKEN_INFORMATION_CLASS) -> Result<String, Code> {
    // A pointer, perhaps flags, and the identifier of up to 68 bytes behind it; aligned for the pointer.
    let mut answer = [0_usize; 16];
    let (mut needed, bytes) = (0, size_of_val(&answer) as u32);
    // SAFETY: the system writes at most so many bytes.
    let told = unsafe {
        GetTokenInformation(token.as_raw_handle(), which, answer.as_mut_ptr().cast(), bytes, &raw mut needed)
    };
    if told == 0 {
        return Err(last_error());
    }
    const { assert!(offset_of!(TOKEN_OWNER, Owner) == 0 && offset_of!(TOKEN_PRIMARY_GROUP, PrimaryGroup) == 0) };
    const { assert!(offset_of!(TOKEN_USER, User.Sid) == 0 && size_of::<TOKEN_USER>() + 68 <= 128) };
    let sid = std::ptr::with_exposed_provenance_mut::<c_void>(answer[0]);
    let mut text = null_mut();
    // SAFETY: all three answers begin with the pointer to an identifier in the same buffer.
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
    fn denials_come_behind_the_owner_and_before_all_others() {
        let [users, guests]: [Sid; 2] = ["S-1-5-32-545", "S-1-5-32-546"].map(|sid| sid.parse().unwrap());
        let security = Security::mode(0o604)
            .grant(Principal::Sid(users), Access::MODIFY)
            .grant(Principal::Sid(guests), Access::empty());
        let token = own_token().unwrap();
        let [user, owner] = [TokenUser, TokenOwner].map(|which| sid_of(&token, which).unwrap());
        assert!(user.starts_with("S-1-5-") && owner.starts_with("S-1-5-"), "{user} {owner}");
        let owner = if owner == user { String::new() } else { format!("(A;;0x1f0003;;;{owner})") };
        let own = format!("D:P(A;;0x1f0003;;;{user}){owner}(A;;0x1f0003;;;S-1-5-18)");
        let expected =
            format!("{own}(D;;0x1f0003;;;S-1-5-32-546)(A;;0x120001;;;S-1-1-0)(A;;0x20003;;;S-1-5-32-545)");
        assert_eq!(sddl(Kind::Event, &security).unwrap(), expected);
        assert_eq!(sddl(Kind::Event, &Security::OWNER_ONLY).unwrap(), own);
    }

    #[test]
    fn bits_are_rights_of_the_kind() {
        for (bits, expected) in [(0, None), (4, Some(Access::READ)), (6, Some(Access::READ_WRITE)), (1, None)]
        {
            assert_eq!(of_bits(Kind::FileMapping, bits), expected);
        }
        assert_eq!(of_bits(Kind::Job, 6), Some(Access::JOB - Access::QUERY));
        assert_eq!(of_bits(Kind::Mutex, 4), Some(Access::SYNCHRONIZE));
        assert_eq!(of_bits(Kind::WaitableTimer, 6), Some(Access::SYNCHRONIZE | Access::MODIFY));
    }
}
