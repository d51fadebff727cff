//! Jobs are the system's own, and processes are started in them as the command says.

use super::*;

use shmobj::job::Limits;
use std::os::windows::process::CommandExt;
use windows_sys::Win32::Foundation::{GetHandleInformation, HANDLE_FLAG_INHERIT};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, IsProcessInJob, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation, SetInformationJobObject,
    TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_SUSPENDED, GetPriorityClass, IDLE_PRIORITY_CLASS, NORMAL_PRIORITY_CLASS, OpenProcess,
    PROCESS_QUERY_INFORMATION,
};

/// A process that ends with its input.
fn guest() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "jobs::stays", "--nocapture"]).env(ROLE, "stays");
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    command
}

const ROLE: &str = "SHMOBJ_TEST_GUEST";

/// What the processes do; in the tests' own process, nothing.
#[test]
fn stays() {
    if std::env::var_os(ROLE).is_some() {
        std::io::stdin().read_line(&mut String::new()).unwrap();
    }
}

#[test]
fn a_job_of_another_program_has_processes_that_the_library_starts() {
    let name = unique();
    let (theirs, _) = raw_create(Kind::Job, &name).unwrap();
    let job = Job::open(&name, Access::ASSIGN | Access::QUERY).unwrap();
    let mut child = job.spawn(&mut guest()).unwrap();
    let mut plain = guest().spawn().unwrap();
    // SAFETY: both handles are open.
    assert_ne!(unsafe { AssignProcessToJobObject(theirs.as_raw_handle(), plain.as_raw_handle()) }, 0);
    let mut listed = job.processes().unwrap();
    let mut expected = [child.id(), plain.id()];
    listed.sort_unstable();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    // SAFETY: the handle is open.
    assert_ne!(unsafe { TerminateJobObject(theirs.as_raw_handle(), 77) }, 0);
    assert_eq!((child.wait().unwrap().code(), plain.wait().unwrap().code()), (Some(77), Some(77)));
}

#[test]
fn another_program_finds_the_processes_of_a_job_of_the_library() {
    let name = unique();
    let job = Job::options().create(&name).unwrap();
    let mut child = job.spawn(&mut guest()).unwrap();
    let mut plain = guest().spawn().unwrap();
    let theirs = raw_open(Kind::Job, 0x4, &name).unwrap();
    let is_in = |process: &std::process::Child| {
        let mut answer = 0;
        // SAFETY: both handles are open, and the answer has a place.
        let told =
            unsafe { IsProcessInJob(process.as_raw_handle(), theirs.as_raw_handle(), &raw mut answer) };
        assert_ne!(told, 0);
        answer != 0
    };
    assert!(!is_in(&plain));
    job.assign(plain.id()).unwrap();
    assert!(is_in(&plain));
    job.terminate(0).unwrap();
    assert!(child.wait().unwrap().success() && plain.wait().unwrap().success());
    assert!(is_in(&plain), "JC-7");
}

/// What another program has asked for holds for the library's handles too.
#[test]
fn limits_of_another_program_are_the_jobs() {
    let name = unique();
    let (theirs, _) = raw_create(Kind::Job, &name).unwrap();
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    let bytes = size_of_val(&limits) as u32;
    // SAFETY: so many bytes are there to be read; the handle is open.
    let set = unsafe {
        SetInformationJobObject(
            theirs.as_raw_handle(),
            JobObjectExtendedLimitInformation,
            (&raw const limits).cast(),
            bytes,
        )
    };
    assert_ne!(set, 0);
    let job = Job::options().create(&name).unwrap();
    assert!(job.existed());
    if !on_wine() {
        assert_eq!(job.limits().unwrap(), Limits::new().kill_on_close(true)); // it tells none
    }
    let mut child = job.spawn(&mut guest()).unwrap();
    drop(theirs);
    assert_eq!(child.try_wait().unwrap(), None, "the library has a handle");
    drop(job);
    let _input = child.stdin.take(); // still open, so it does not end by itself
    child.wait().unwrap();
}

#[test]
fn flags_of_a_new_process_are_given_to_the_spawn() {
    let job = Job::options().create_unnamed().unwrap();
    let priority = |child: &mut shmobj::job::Child| {
        // SAFETY: has no preconditions.
        let process = taken(unsafe { OpenProcess(PROCESS_QUERY_INFORMATION, 0, child.id()) }).unwrap();
        // SAFETY: the handle is open.
        unsafe { GetPriorityClass(process.as_raw_handle()) }
    };
    let mut command = guest();
    command.creation_flags(IDLE_PRIORITY_CLASS);
    let mut child = job.spawn(&mut command).unwrap();
    assert_eq!(priority(&mut child), NORMAL_PRIORITY_CLASS, "those of the command cannot be known");
    assert!(child.wait().unwrap().success(), "it runs");
    for flags in [IDLE_PRIORITY_CLASS, IDLE_PRIORITY_CLASS | CREATE_SUSPENDED] {
        let mut child = job.spawn_with_flags(&mut command, flags).unwrap();
        if !on_wine() {
            assert_eq!(priority(&mut child), IDLE_PRIORITY_CLASS); // it starts all alike
        }
        assert!(job.contains(child.id()).unwrap());
        assert!(child.wait().unwrap().success(), "it runs");
    }
    let mut plain = command.spawn().unwrap();
    drop(plain.stdin.take());
    assert!(plain.wait().unwrap().success(), "the command is not left with flags of ours");
}

#[test]
fn the_last_two_bits_of_a_number_count() {
    let job = Job::options().create_unnamed().unwrap();
    let mut child = job.spawn(&mut guest()).unwrap();
    assert!(job.contains(child.id()).unwrap());
    for other in 1..4 {
        assert_eq!(code(job.contains(child.id() + other)), 87);
        assert_eq!(code(job.assign(child.id() + other)), 87);
    }
    child.wait().unwrap();
}

#[test]
fn a_handle_of_a_job_goes_to_other_processes_only_when_it_is_passed_on() {
    let job = Job::options().create_unnamed().unwrap();
    let mut flags = 0;
    // SAFETY: the handle is open, and the answer has a place.
    assert_ne!(unsafe { GetHandleInformation(job.as_raw_handle(), &raw mut flags) }, 0);
    assert_eq!(flags & HANDLE_FLAG_INHERIT, 0);
    let again: Job = transfer::duplicate_from(std::process::id(), job.as_raw_handle()).unwrap();
    assert!(again.is_same_object(&job) && again.access() == job.access());
    let owned = OwnedHandle::try_from(again.try_clone_with(Access::QUERY).unwrap()).unwrap();
    let looker = Job::try_from(owned).unwrap();
    assert_eq!((looker.access(), code(looker.terminate(1)), code(looker.processes())), (Access::QUERY, 5, 0));
}
