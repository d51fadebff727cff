//! Jobs: the kernel's own.
//!
//! | room | what |
//! |---|---|
//! | [`spawn`] | processes that are started, inside and outside |
//! | [`processes`] | those that are in it: put, listed, looked for, ended, stopped |
//! | [`limits`] | limits, and what was used |
//! | [`port`] | what happens in it |
#![allow(unsafe_code)] // calls the system

mod limits;
mod port;
mod processes;
mod spawn;

use std::mem::size_of;
use std::os::windows::io::{AsRawHandle, BorrowedHandle};
use std::ptr::null_mut;

use windows_sys::Win32::System::JobObjects::{
    JOBOBJECTINFOCLASS, QueryInformationJobObject, SetInformationJobObject,
};
use windows_sys::core::BOOL;

use super::Code;
use super::error::last_error;

pub(crate) use limits::{limits, set_limits, usage};
pub(crate) use port::Port;
pub(crate) use processes::{assign, contains, freeze, processes, terminate};
pub(crate) use spawn::{Child, Pipes, spawn, spawn_breakaway, spawn_with_flags};

/// Numbers and handles that the system fills in, or reads. Every bit pattern is a value.
trait Information: Copy + Default {
    const CLASS: JOBOBJECTINFOCLASS;
}

/// What the system tells of a job.
fn query<T: Information>(job: BorrowedHandle<'_>) -> Result<T, Code> {
    let mut told = T::default();
    let bytes = size_of::<T>() as u32;
    // SAFETY: the system writes at most so many bytes, which are there; the handle is open.
    done(unsafe {
        QueryInformationJobObject(job.as_raw_handle(), T::CLASS, (&raw mut told).cast(), bytes, null_mut())
    })
    .map(|()| told)
}

fn set<T: Information>(job: BorrowedHandle<'_>, wanted: &T) -> Result<(), Code> {
    let bytes = size_of::<T>() as u32;
    // SAFETY: so many bytes are there to be read; the handle is open.
    done(unsafe {
        SetInformationJobObject(job.as_raw_handle(), T::CLASS, (&raw const *wanted).cast(), bytes)
    })
}

fn done(result: BOOL) -> Result<(), Code> {
    if result == 0 { Err(last_error()) } else { Ok(()) }
}
