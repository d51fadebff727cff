//! Roles that tests of several sections have.

use shmobj::Access;

use crate::case::{Role, role};
use crate::kinds;
use crate::process::Cue;

pub(crate) const ROLES: &[Role] = &[role!(creates), role!(opens)];

/// Creates an object of a kind (argument 0) with a name (argument 1), or opens what exists; says `new`, `existed` or the error's
/// number. Keeps it until it is told something, then drops it, says `dropped`, and ends when it is told something again.
fn creates(cue: &Cue) {
    let handle = match kinds::create(cue, kinds::named(cue.argument(0)), cue.argument(1)) {
        Ok(handle) => handle,
        Err(error) => return cue.say(error.win32_code().to_string()),
    };
    cue.say(if kinds::existed(&handle) { "existed" } else { "new" });
    cue.hear();
    drop(handle);
    cue.say("dropped");
    cue.hear();
}

/// Opens an object of a kind (argument 0) with a name (argument 1) and all rights; says `opened` or the error's number. Keeps it
/// as `creates` does.
fn opens(cue: &Cue) {
    let handle = match kinds::open(cue, kinds::named(cue.argument(0)), cue.argument(1), Access::ALL) {
        Ok(handle) => handle,
        Err(error) => return cue.say(error.win32_code().to_string()),
    };
    cue.say("opened");
    cue.hear();
    drop(handle);
    cue.say("dropped");
    cue.hear();
}
