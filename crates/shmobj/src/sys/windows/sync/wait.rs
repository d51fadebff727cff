//! Waits: the kernel's, which are atomic over all objects.
#![allow(unsafe_code)] // calls the system

use windows_sys::Win32::Foundation::{
    ERROR_INVALID_PARAMETER, ERROR_MUTANT_LIMIT_EXCEEDED, HANDLE, WAIT_ABANDONED_0, WAIT_FAILED,
    WAIT_OBJECT_0, WAIT_TIMEOUT,
};
use windows_sys::Win32::System::Threading::{WaitForMultipleObjects, WaitForSingleObject};

use super::{Deadline, Synchronizer};
use crate::kind::Kind;
use crate::sys::contract::{Got, Trouble};
use crate::sys::windows::error::last_error;
use crate::sys::windows::nt;

/// How many objects one wait is for at most (WM-2).
pub(crate) const MAXIMUM_OBJECTS: usize = 64;

/// The trouble with the object of this index.
pub(crate) type At<T> = Result<T, (usize, Trouble)>;

/// Waits for one object. `None`: not before the deadline.
pub(crate) fn one(
    object: &Synchronizer,
    deadline: impl FnOnce() -> Deadline,
) -> Result<Option<Got>, Trouble> {
    // SAFETY: the handle is open as long as `object` is borrowed.
    let got =
        until(deadline(), 1, |milliseconds| unsafe { WaitForSingleObject(object.raw(), milliseconds) })?;
    Ok(got.map(|(_, got)| got))
}

/// Waits for any of the objects, and takes the first that is signalled. `None`: not before the deadline.
pub(crate) fn any(
    objects: &[&Synchronizer],
    deadline: impl FnOnce() -> Deadline,
) -> At<Option<(usize, Got)>> {
    let mut handles = [std::ptr::null_mut(); MAXIMUM_OBJECTS];
    let list = list(objects, &mut handles);
    let wait = |milliseconds| multiple(list, false, milliseconds);
    // Which of them is the matter, the system does not tell: all were open, and had the right to wait as far as this library knows.
    until(deadline(), objects.len(), wait).map_err(|trouble| (0, trouble))
}

/// Waits for all objects, and takes all of them at one instant. `None`: not before the deadline. Otherwise the indices of the mutexes
/// whose owners may have ended without releasing them, if one has: the system does not tell which, so these are all that this
/// thread did not own before.
pub(crate) fn all(objects: &[&Synchronizer], deadline: Deadline) -> At<Option<Vec<usize>>> {
    let mut handles = [std::ptr::null_mut(); MAXIMUM_OBJECTS];
    let list = list(objects, &mut handles);
    let may_be_abandoned: Vec<usize> =
        (0..objects.len()).filter(|&index| is_mutex_of_others(objects[index])).collect();
    let wait = |milliseconds| multiple(list, true, milliseconds);
    match until(deadline, objects.len(), wait) {
        Ok(Some((_, Got::Abandoned))) => Ok(Some(may_be_abandoned)),
        Ok(got) => Ok(got.map(|_| Vec::new())),
        Err(trouble @ Trouble::System(_, ERROR_INVALID_PARAMETER)) => match first_duplicate(objects) {
            Some(twice) => Err((twice, Trouble::GivenTwice)),
            None => Err((0, trouble)),
        },
        Err(trouble) => Err((0, trouble)),
    }
}

/// Waits, and again for what is left if that was more than one wait can be told, or if the system's clock was a tick ahead.
fn until(
    deadline: Deadline,
    count: usize,
    wait: impl Fn(u32) -> u32,
) -> Result<Option<(usize, Got)>, Trouble> {
    loop {
        let milliseconds = deadline.milliseconds();
        let outcome = wait(milliseconds);
        let index = |from: u32| outcome.checked_sub(from).map(|at| at as usize).filter(|&at| at < count);
        if let Some(index) = index(WAIT_OBJECT_0) {
            return Ok(Some((index, Got::Plainly)));
        }
        if let Some(index) = index(WAIT_ABANDONED_0) {
            return Ok(Some((index, Got::Abandoned)));
        }
        match outcome {
            WAIT_TIMEOUT if milliseconds > 0 => {} // it may be 0 now
            WAIT_TIMEOUT => return Ok(None),
            WAIT_FAILED => {
                return Err(match last_error() {
                    ERROR_MUTANT_LIMIT_EXCEEDED => Trouble::TooDeep, // MX-16
                    code => Trouble::System("waiting", code),
                });
            }
            _ => return Err(Trouble::System("waiting", ERROR_INVALID_PARAMETER)),
        }
    }
}

fn multiple(list: &[HANDLE], all: bool, milliseconds: u32) -> u32 {
    // SAFETY: the handles are open: the objects that have them are borrowed by the caller.
    unsafe { WaitForMultipleObjects(list.len() as u32, list.as_ptr(), i32::from(all), milliseconds) }
}

fn list<'a>(objects: &[&Synchronizer], handles: &'a mut [HANDLE; MAXIMUM_OBJECTS]) -> &'a [HANDLE] {
    for (object, handle) in objects.iter().zip(handles.iter_mut()) {
        *handle = object.raw();
    }
    &handles[..objects.len()]
}

fn is_mutex_of_others(object: &Synchronizer) -> bool {
    let is_ours = || nt::mutant(object.handle()).is_some_and(|told| told.is_owned_by_caller != 0);
    object.kind == Kind::Mutex && !is_ours()
}

/// The first object that stands in the list before already.
fn first_duplicate(objects: &[&Synchronizer]) -> Option<usize> {
    (1..objects.len()).find(|&at| objects[..at].iter().any(|before| before.is_same_object(objects[at])))
}
