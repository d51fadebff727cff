//! Handles that wait for whoever knows a token.
//!
//! A deposit is a handle of the depositor's, and two objects that the first half of the token names: a small section that tells where the handle
//! is, and a mutex that whoever claims it owns meanwhile. All end with the depositor (D1). The second half stands in the section, which nobody but the user can read:
//! names can be listed by everybody, so who has made up the section is not believed without it. The claimer sets the section's first word, and then takes the
//! handle out of the depositor, which closes it only while it owns the mutex: so no claimer ever takes what got the handle's number afterwards
//! (D2). Killed in between, the claimer abandons the mutex, and the deposit is claimed.
#![allow(unsafe_code)] // calls the system, and shares a word

use std::mem::ManuallyDrop;
use std::os::windows::io::{AsHandle, AsRawHandle, OwnedHandle};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use windows_sys::Win32::Foundation::{ERROR_INVALID_PARAMETER, FILETIME};
use windows_sys::Win32::Security::Cryptography::{BCRYPT_USE_SYSTEM_PREFERRED_RNG, BCryptGenRandom};
use windows_sys::Win32::System::Threading::GetProcessTimes;

use super::unpack::{Told, arrived};
use super::{Carried, process};
use crate::access::Access;
use crate::error::{Attempt, ErrorKind, Result};
use crate::kind::Kind;
use crate::mapping::{Allocation, LargePages, Protection};
use crate::name::{MAX_UTF16_UNITS, Name, Scope};
use crate::security::Security;
use crate::sys::contract::{Arrived, Initial, Intent, MappingWish, Source, SynchronizerWish, ViewRequest};
use crate::sys::windows::handle;
use crate::sys::windows::mapping::Mapping;
use crate::sys::windows::namespace::Place;
use crate::sys::windows::sync::{Deadline, Synchronizer, mutex, wait};
use crate::sys::windows::view::View;
use crate::transfer::sealed::Parts;

/// How long a claimer that does not go on is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many bytes stand in front of the name: a word that says whether it is claimed, the process, when it was started, the handle there,
/// its rights, the length of the name, and the second half of the token.
const HEAD: usize = 48;
/// How long a name can be, in bytes.
const LONGEST: usize = 3 * MAX_UTF16_UNITS;
/// How many characters of a token are in the objects' names.
const PUBLIC: usize = 16;
const FREE: u32 = 1;
const CLAIMED: u32 = 2;
const WITHDRAWN: u32 = 3;

/// A handle that waits, and what keeps it.
#[derive(Debug)]
pub(crate) struct Deposit {
    token: String,
    handle: ManuallyDrop<OwnedHandle>,
    mutex: Synchronizer,
    view: View,
    _section: Mapping,
}

impl Deposit {
    pub(crate) fn make(attempt: &Attempt<'_>, place: &Place, parts: Parts<'_>) -> Result<Self> {
        let carried = Carried::from(parts);
        let token =
            random().ok_or_else(|| attempt.fails(ErrorKind::Other, "the system gives no random numbers"))?;
        let kept = handle::duplicate(carried.handle, carried.kind, carried.access)
            .map_err(|code| attempt.os("keeping it", code))?;
        let wish =
            SynchronizerWish { initial: Initial::Mutex { owned: false }, security: &Security::OWNER_ONLY };
        let name = lock_name(&token);
        let (mutex, _) = Synchronizer::named(
            attempt,
            Kind::Mutex,
            place,
            local(&name),
            Intent::CreateNew,
            Some(wish),
            Access::ALL,
        )?;
        let size = (HEAD + carried.name.len()) as u64;
        let source = Source::Memory { size, allocation: Allocation::Commit, large_pages: LargePages::No };
        let wish = MappingWish { source, protection: Protection::ReadWrite, security: &Security::OWNER_ONLY };
        let name = section_name(&token);
        let (section, _) =
            Mapping::named(attempt, place, local(&name), Intent::CreateNew, Some(&wish), Access::ALL)?;
        let view = whole(attempt, &section, size)?;
        let mut head = [0; HEAD];
        head[4..8].copy_from_slice(&std::process::id().to_le_bytes());
        head[8..16].copy_from_slice(&started(&handle::current_process()).to_le_bytes());
        head[16..24].copy_from_slice(&(kept.as_raw_handle().addr() as u64).to_le_bytes());
        head[24..28].copy_from_slice(&carried.access.bits().to_le_bytes());
        head[28..32].copy_from_slice(&(carried.name.len() as u32).to_le_bytes());
        head[32..].copy_from_slice(&token.as_bytes()[PUBLIC..]);
        view.write(attempt, 0, &head)?;
        view.write(attempt, HEAD, carried.name.as_bytes())?;
        state(&view).store(FREE, Ordering::Release); // before that nobody claims it
        Ok(Self { token, handle: ManuallyDrop::new(kept), mutex, view, _section: section })
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn is_claimed(&self) -> bool {
        state(&self.view).load(Ordering::Acquire) == CLAIMED
    }
}

impl Drop for Deposit {
    fn drop(&mut self) {
        let _ = state(&self.view).compare_exchange(FREE, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire);
        // D2. A claimer that is stopped in the middle keeps the number from being used again, for as long as this process runs.
        if let Ok(Some(_)) = wait::one(&self.mutex, || Deadline::after(PATIENCE.as_nanos() as u64)) {
            // SAFETY: dropped once, here.
            unsafe { ManuallyDrop::drop(&mut self.handle) };
            let _ = mutex::release(&self.mutex);
        }
    }
}

pub(crate) fn claim(attempt: &Attempt<'_>, place: &Place, token: &str) -> Result<Arrived> {
    if token.len() != 32 || !token.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(attempt
            .fails(ErrorKind::InvalidParameter, "this is not a token, which has 32 hexadecimal digits")
            .with_remedy("give what Deposit::token tells"));
    }
    let gone = || {
        attempt
            .fails(ErrorKind::NotFound, "it was claimed before, taken back, or its process has ended")
            .with_remedy("have the handle deposited again")
    };
    let gone_if_not_there =
        |error: crate::Error| if error.kind() == ErrorKind::NotFound { gone() } else { error };
    let name = lock_name(token);
    let lock =
        Synchronizer::named(attempt, Kind::Mutex, place, local(&name), Intent::Open, None, Access::ALL);
    let (lock, _) = lock.map_err(gone_if_not_there)?;
    if wait::one(&lock, || Deadline::after(PATIENCE.as_nanos() as u64))
        .map_err(|it| it.of(attempt))?
        .is_none()
    {
        return Err(attempt
            .fails(ErrorKind::Stalled, "somebody else is claiming it, and does not go on")
            .with_remedy("see which processes of this user know its token, or can list its name"));
    }
    let claimed = claim_locked(attempt, place, token, gone_if_not_there, &gone);
    let _ = mutex::release(&lock);
    claimed
}

fn claim_locked(
    attempt: &Attempt<'_>,
    place: &Place,
    token: &str,
    gone_if_not_there: impl Fn(crate::Error) -> crate::Error,
    gone: &dyn Fn() -> crate::Error,
) -> Result<Arrived> {
    let name = section_name(token);
    let section = Mapping::named(attempt, place, local(&name), Intent::Open, None, Access::READ_WRITE);
    let (section, _) = section.map_err(gone_if_not_there)?;
    if !(HEAD as u64..=(HEAD + LONGEST).next_multiple_of(1 << 16) as u64).contains(&section.size()) {
        return Err(gone()); // nobody of this library made it
    }
    let view = whole(attempt, &section, section.size())?;
    let mut head = [0; HEAD];
    view.read(attempt, 0, &mut head)?;
    let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| head[at + index]));
    let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|index| head[at + index]));
    let (pid, access, length) = (word(4), word(24), word(28) as usize);
    if head[32..] != token.as_bytes()[PUBLIC..] || length > LONGEST {
        return Err(gone());
    }
    let unreachable = |code| {
        attempt
            .os("looking into the process that made it", code)
            .with_remedy("claim it as the same user, from a process that may look into the other")
    };
    let depositor = process::open(pid).map_err(|code| match code {
        ERROR_INVALID_PARAMETER => gone(), // it has ended
        code => unreachable(code),
    })?;
    if started(&depositor) != number(8) {
        return Err(gone()); // another process has the number by now
    }
    if state(&view).compare_exchange(FREE, CLAIMED, Ordering::AcqRel, Ordering::Acquire).is_err() {
        return Err(gone());
    }
    let raw = std::ptr::without_provenance_mut(number(16) as usize);
    let fetched = handle::fetch(depositor.as_handle(), raw).map_err(unreachable)?;
    let mut name = vec![0; length];
    view.read(attempt, HEAD, &mut name)?;
    let name = String::from_utf8_lossy(&name).into_owned();
    arrived(attempt, fetched, Some(Told { access: Access::from_bits_truncate(access), name }))
}

fn lock_name(token: &str) -> String {
    format!("shmobj-deposit-lock.{}", &token[..PUBLIC])
}

fn section_name(token: &str) -> String {
    format!("shmobj-deposit.{}", &token[..PUBLIC])
}

fn local(base: &str) -> Name<'_> {
    Name { scope: Scope::Local, base }
}

fn whole(attempt: &Attempt<'_>, section: &Mapping, size: u64) -> Result<View> {
    let request = ViewRequest {
        kind: crate::view::Kind::ReadWrite,
        range: 0..size,
        address: None,
        prefault: false,
        commits: false,
    };
    View::map(attempt, section, &request)
}

/// The word that says whether a deposit is claimed.
fn state(view: &View) -> &AtomicU32 {
    // SAFETY: the view's first four bytes, which are aligned and shared, and used as an atomic by everybody.
    unsafe { AtomicU32::from_ptr(view.pointer().cast()) }
}

/// When a process was started, which with its number identifies it; 0 if the system does not tell.
fn started(process: &impl AsHandle) -> u64 {
    let [mut created, mut other] = [FILETIME::default(); 2];
    let (times, rest) = (&raw mut created, &raw mut other);
    // SAFETY: the process is open, and there is room for what the system tells.
    let told = unsafe { GetProcessTimes(process.as_handle().as_raw_handle(), times, rest, rest, rest) };
    if told == 0 { 0 } else { u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime) }
}

/// A token that nobody guesses: 128 bits.
fn random() -> Option<String> {
    let mut bytes = [0_u8; 16];
    // SAFETY: the system fills in so many bytes.
    let status = unsafe {
        BCryptGenRandom(std::ptr::null_mut(), bytes.as_mut_ptr(), 16, BCRYPT_USE_SYSTEM_PREFERRED_RNG)
    };
    (status >= 0).then(|| format!("{:032x}", u128::from_le_bytes(bytes)))
}
