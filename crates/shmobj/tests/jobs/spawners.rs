//! Spawners and commands that are out of the ordinary.
#![allow(unsafe_code)] // maps memory, and runs code between fork and exec

use std::os::unix::process::CommandExt;

use rustix::mm::{MapFlags, ProtFlags};
use shmobj::ErrorKind;

use crate::common::{Place, error};
use crate::peers::{command, start};

/// A program of so many libraries that the guardians do not remember all of them.
#[test]
fn a_process_of_very_many_libraries_can_start_others() {
    let place = Place::new();
    let directory = tempfile::tempdir().unwrap();
    for number in 0..300 {
        let path = directory.path().join(number.to_string());
        std::fs::write(&path, [0; 64]).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        let prot = ProtFlags::READ | ProtFlags::EXEC;
        // SAFETY: a new mapping at an address that the kernel chooses touches no existing memory. It stays, as libraries do.
        unsafe { rustix::mm::mmap(std::ptr::null_mut(), 64, prot, MapFlags::PRIVATE, &file, 0) }.unwrap();
    }
    let job = place.job("n");
    let (mut child, voice) = start(&place, &job, "stays");
    assert_eq!(voice.hears_number(), child.id(), "its guardians live");
    assert!(job.contains(child.id()).unwrap());
    job.terminate(3).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn a_command_that_closes_all_descriptors_before_starts_nothing_that_nobody_guards() {
    let place = Place::new();
    let job = place.job("n");
    let mut careless = command(&place, "stays");
    let close_all = || {
        // SAFETY: in a copy of the process, whose descriptors nobody else uses.
        unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) };
        Ok(())
    };
    // SAFETY: makes a system call only.
    unsafe { careless.pre_exec(close_all) };
    assert!(job.spawn(&mut careless).is_err());
    assert_eq!(job.processes().unwrap(), []);
}

#[test]
fn a_command_that_enters_another_pid_namespace_before_is_refused() {
    let place = Place::new();
    let job = place.job("n");
    let mut elsewhere = command(&place, "stays");
    let enter = || {
        // SAFETY: takes a number only.
        match unsafe { libc::unshare(libc::CLONE_NEWPID) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: makes a system call only.
    unsafe { elsewhere.pre_exec(enter) };
    let refused = error(job.spawn(&mut elsewhere));
    let is_permitted = refused.kind() != ErrorKind::AccessDenied; // only root may enter one
    assert!(!is_permitted || refused.kind() == ErrorKind::NotSupported, "{refused}");
    assert_eq!(job.processes().unwrap(), []);
}
