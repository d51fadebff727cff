//! What an error of the kernel means.

use rustix::io::Errno;

use crate::error::{Attempt, Error, ErrorKind};

impl Attempt<'_> {
    /// An error of the system, sorted into the kind that a caller can act on.
    pub(crate) fn os(&self, doing: &'static str, errno: Errno) -> Error {
        let kind = match errno {
            Errno::ACCESS | Errno::PERM | Errno::ROFS => ErrorKind::AccessDenied,
            Errno::NOENT => ErrorKind::NotFound,
            Errno::NOMEM => ErrorKind::OutOfMemory,
            Errno::NOSPC | Errno::DQUOT | Errno::FBIG => ErrorKind::DiskFull,
            Errno::MFILE | Errno::NFILE => ErrorKind::NoResources,
            Errno::NOSYS | Errno::OPNOTSUPP => ErrorKind::NotSupported,
            _ => ErrorKind::Other,
        };
        let error = self.fails(kind, doing).with_source(errno);
        match errno {
            Errno::MFILE => error.with_remedy("raise the limit of open descriptors (ulimit -n)"),
            Errno::NFILE => error.with_remedy("raise fs.file-max"),
            _ => error,
        }
    }
}
