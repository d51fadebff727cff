//! A process that was started in a job, as its spawner sees it: a descriptor of the process, and a socket to its guardians, who wait for it.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::process::Signal;

use super::guardian::{Answer, TOLD_BYTES};
use crate::error::{Attempt, ErrorKind, Result};

#[derive(Debug)]
pub(crate) struct Child {
    pid: u32,
    process: Option<OwnedFd>,
    link: OwnedFd,
    status: Option<ExitStatus>,
}

/// What comes over the link.
pub(super) fn receive(link: &OwnedFd, waits: bool) -> Result<Option<(Answer, Option<OwnedFd>)>, Errno> {
    let mut bytes = [0; TOLD_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | if waits { RecvFlags::empty() } else { RecvFlags::DONTWAIT };
    let received = rustix::io::retry_on_intr(|| {
        rustix::net::recvmsg(link, &mut [std::io::IoSliceMut::new(&mut bytes)], &mut ancillary, flags)
    })?;
    let mut descriptor = None;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            descriptor = descriptors.last();
        }
    }
    if received.bytes != TOLD_BYTES {
        return Ok(None); // the end: the guardians are gone
    }
    Ok(Answer::of_bytes(bytes).map(|answer| (answer, descriptor)))
}

impl Child {
    pub(super) fn new(pid: u32, process: Option<OwnedFd>, link: OwnedFd) -> Self {
        Self { pid, process, link, status: None }
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid
    }

    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.look(true)? {
                return Ok(status);
            }
        }
    }

    pub(crate) fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        self.look(false)
    }

    fn look(&mut self, waits: bool) -> Result<Option<ExitStatus>> {
        if self.status.is_some() {
            return Ok(self.status);
        }
        match receive(&self.link, waits) {
            Ok(Some((Answer::Ended(status), _))) => {
                self.status = Some(ExitStatus::from_raw(status));
                Ok(self.status)
            }
            Ok(Some(_)) | Err(Errno::AGAIN) => Ok(None),
            Ok(None) => Err(attempt("wait for")
                .fails(ErrorKind::Unreachable, "its guardians were killed, so nobody knows how it ended")
                .with_remedy("end jobs with `terminate`, and leave processes called shmobj-guardian alone")),
            Err(errno) => Err(attempt("wait for").os("listening to its guardians", errno)),
        }
    }

    pub(crate) fn kill(&mut self) -> Result<()> {
        if self.status.is_some() {
            return Ok(());
        }
        let Some(process) = &self.process else {
            return Err(attempt("kill")
                .fails(ErrorKind::NoResources, "no descriptor was free for it when it was started")
                .with_remedy("raise the limit of open files, or terminate the job"));
        };
        match rustix::process::pidfd_send_signal(process.as_fd(), Signal::KILL) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(errno) => Err(attempt("kill").os("sending it a signal", errno)),
        }
    }
}

fn attempt(verb: &'static str) -> Attempt<'static> {
    Attempt { verb, subject: "the process", name: "" }
}
