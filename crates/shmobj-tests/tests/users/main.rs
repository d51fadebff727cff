//! Users and what they may do to each other's objects: with processes that really are other users, because only the kernel's answer
//! counts. Needs root, which becomes them.
//!
//! | room | what |
//! |---|---|
//! | `grants` | who may do what, for each grant, kind of object and operation |
//! | `intruders` | what nobody can do to objects that are not shared |
//! | `squatters` | what another user has put where an object or a directory should be |
//! | `leftovers` | what crashes of one user leave to another |
//! | `handing_on` | handles that one user hands to another |
//! | `support` | users and places |

mod grants;
mod handing_on;
mod intruders;
mod leftovers;
mod squatters;
mod support;
