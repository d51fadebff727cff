//! Handles that wait for whoever knows a token.

use super::Transfer;
use crate::error::{Attempt, Result};
use crate::name::Scope;
use crate::namespace::Namespace;
use crate::sys::transfer::deposit;

/// A handle that waits for one process of the same user to claim it, by a token of 32 characters that cannot be guessed.
///
/// It can be claimed once, from the namespace that it was made in, also if its object has no name. It goes when it is dropped, and
/// when the process that made it ends; until then it keeps the object. The token may be told in an argument, a file or a message:
/// whoever knows it has to be the same user as well.
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let namespace = shmobj::Namespace::at(directory.path());
/// use shmobj::{Event, transfer};
/// let done = Event::options().create_unnamed()?;
/// let deposit = transfer::Deposit::in_namespace(&namespace, &done)?;
/// let token = deposit.token();
///
/// // ... in another process, which was told the token:
/// let event: Event = transfer::claim_in(&namespace, token)?;
/// event.set()?;
/// assert!(deposit.is_claimed());
/// # Ok(()) }
/// ```
///
/// # Windows
/// It keeps the object until it is dropped, also when it was claimed. The claimer takes the handle out of the process that made the deposit, so it must
/// be allowed to duplicate that process's handles: the same user's ordinary process cannot claim from an elevated one. Dropping a deposit
/// waits up to five seconds for somebody who is claiming it at that moment.
///
/// # Crashes
/// When the process that made it is killed, the deposit is gone with it. A process that is killed while it claims has
/// claimed it or not; if it has, the handle is gone with it.
#[derive(Debug)]
#[must_use = "a deposit goes when it is dropped"]
pub struct Deposit(deposit::Deposit);

impl Deposit {
    /// Deposits a handle in the process's default namespace, with the rights that it has.
    ///
    /// # Errors
    /// [`AccessDenied`](crate::ErrorKind::AccessDenied): on Linux, another user handed it to this process, and nobody could open it
    /// once more. Those of namespaces, see [`Namespace`].
    pub fn new(handle: &dyn Transfer) -> Result<Self> {
        Self::in_namespace(Namespace::default_namespace(), handle)
    }

    /// Deposits a handle in a namespace of one's own.
    ///
    /// # Errors
    /// Those of [`new`](Self::new).
    pub fn in_namespace(namespace: &Namespace, handle: &dyn Transfer) -> Result<Self> {
        let attempt = super::attempt(handle, "deposit");
        deposit::Deposit::make(&attempt, namespace.place(Scope::Local), handle.parts()).map(Self)
    }

    /// What the claimer has to know.
    #[must_use]
    pub fn token(&self) -> &str {
        self.0.token()
    }

    /// Whether somebody has claimed it.
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        self.0.is_claimed()
    }
}

/// Claims a deposit in the process's default namespace; [`AnyHandle`](super::AnyHandle) takes whatever it is.
///
/// # Errors
/// [`NotFound`](crate::ErrorKind::NotFound): it was claimed before, taken back, or the process that made it has ended.
/// [`InvalidParameter`](crate::ErrorKind::InvalidParameter): this is not a token. [`Unreachable`](crate::ErrorKind::Unreachable), on Windows
/// [`AccessDenied`](crate::ErrorKind::AccessDenied): that process cannot be looked into from here. [`WrongKind`](crate::ErrorKind::WrongKind): the handle is of another kind; it counts as claimed.
pub fn claim<T: Transfer>(token: &str) -> Result<T> {
    claim_in(Namespace::default_namespace(), token)
}

/// Claims a deposit in a namespace of one's own.
///
/// # Errors
/// Those of [`claim`].
pub fn claim_in<T: Transfer>(namespace: &Namespace, token: &str) -> Result<T> {
    let attempt = Attempt { verb: "claim", subject: "the deposit", name: "" };
    let arrived = deposit::claim(&attempt, namespace.place(Scope::Local), token)?;
    T::from_any(arrived.into())
}
