//! Handles that children inherit.

use std::process::Command;

use super::Transfer;
use crate::error::{Attempt, ErrorKind, Result};
use crate::sys::transfer::environment;

/// Lets children inherit handles.
pub trait InheritExt {
    /// Lets each child that this command starts inherit a handle, for a role that both agree on. The child takes it with
    /// [`inherited`].
    ///
    /// A program that knows nothing of it passes what it inherited on to its own children; one that has called [`inherited`] does not, but
    /// can by `inherit`. The numbers are in the environment variable `SHMOBJ_INHERITED`, so clear the environment before, and not after.
    ///
    /// On Linux each child gets descriptors of its own, with the rights that the handle has now; nothing else of this library reaches a child,
    /// because everything is close-on-exec. The command keeps the object until it is dropped. A process that tried to become the command
    /// (`exec`) and failed should drop it before it starts other children, which would inherit as well.
    ///
    /// # Windows
    /// The handle itself is made inheritable, and the child gets it under its number. So **keep the handle until the child is started**: if it is
    /// closed before, the child gets nothing. As long as it is open, every child that this process starts inherits it, because the standard library
    /// offers no list of handles; a duplicate for the purpose ([`try_clone_with`](crate::FileMapping::try_clone_with)) that is dropped after
    /// `spawn` keeps that time short. Only that child can take it: not what a program in between starts.
    ///
    /// # Errors
    /// [`NoResources`](ErrorKind::NoResources): on Linux, this process has too few descriptors left. [`InvalidParameter`](ErrorKind::InvalidParameter):
    /// an empty role; on Windows also more handles and names than fit into a variable of 32,767 characters. [`AlreadyExists`](ErrorKind::AlreadyExists): the command has a handle for this role.
    ///
    /// # Crashes
    /// A parent that is killed takes nothing from its children. A child that is killed, before or after its `exec`, has no handle
    /// any more.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::process::Command;
    /// use shmobj::{Access, FileMapping, transfer::InheritExt};
    ///
    /// let frames = FileMapping::options().size(64 << 20).create_unnamed()?;
    /// let reader = frames.try_clone_with(Access::READ)?;
    /// Command::new("./viewer").inherit("frames", &reader)?.spawn()?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "bInheritHandle")]
    #[doc(alias = "PROC_THREAD_ATTRIBUTE_HANDLE_LIST")]
    fn inherit(&mut self, role: &str, handle: &dyn Transfer) -> Result<&mut Self>;
}

impl InheritExt for Command {
    fn inherit(&mut self, role: &str, handle: &dyn Transfer) -> Result<&mut Self> {
        let attempt = super::attempt(handle, "pass on");
        if role.is_empty() {
            return Err(attempt
                .fails(ErrorKind::InvalidParameter, "the role is empty")
                .with_remedy("give it a name that the child knows"));
        }
        if environment::is_promised(self, role) {
            return Err(attempt
                .fails(ErrorKind::AlreadyExists, format!("the command has a handle for the role {role:?}"))
                .with_remedy("choose another role, or make a new command"));
        }
        environment::pass_on(&attempt, self, role, handle.parts())?;
        Ok(self)
    }
}

/// Takes the handle that this process has inherited for a role. Each can be taken once; [`AnyHandle`](super::AnyHandle) takes
/// whatever it is.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound): nothing was inherited for this role, it was taken before, or a program in between has closed
/// it. [`WrongKind`](ErrorKind::WrongKind): it is of another kind, and closed now. [`Corrupt`](ErrorKind::Corrupt): it is damaged.
///
/// ```no_run
/// # fn main() -> Result<(), shmobj::Error> {
/// use shmobj::{FileMapping, transfer};
/// let frames: FileMapping = transfer::inherited("frames")?;
/// let view = frames.map()?;
/// # Ok(()) }
/// ```
pub fn inherited<T: Transfer>(role: &str) -> Result<T> {
    let subject = T::kind().map_or("handle", crate::Kind::as_str);
    let attempt = Attempt { verb: "take the inherited", subject, name: role };
    let arrived = environment::take(&attempt, role).ok_or_else(|| {
        let there = match roles() {
            _ if environment::is_named(role) => {
                "it was taken before, or a program in between has closed it".to_owned()
            }
            roles if roles.is_empty() => "this process has inherited no handle that it could take".to_owned(),
            roles => format!("this process has inherited no such handle, but {}", roles.join(", ")),
        };
        attempt.fails(ErrorKind::NotFound, there).with_remedy(
            "start it with Command::inherit (on Linux also `shmobj exec --inherit`), and take each role once",
        )
    })?;
    T::from_any(arrived?.into())
}

/// The roles for which this process has inherited a handle and not taken it yet.
#[must_use]
pub fn roles() -> Vec<String> {
    environment::roles()
}
