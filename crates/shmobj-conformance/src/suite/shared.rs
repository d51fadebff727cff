//! Roles that tests of several sections have.

use shmobj::Access;

use crate::case::{Role, role};
use crate::kinds;
use crate::objects::{Objects, PAGE};
use crate::process::Cue;

pub(crate) const ROLES: &[Role] = &[role!(creates), role!(creates_with_the_others), role!(opens)];

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

/// Creates memory of a name (argument 0) when it is told to, counts in it, and closes it.
fn creates_with_the_others(cue: &Cue) {
    cue.say("ready");
    loop {
        cue.hear();
        let mapping = cue.memory(cue.argument(0), PAGE as u64);
        cue.say(if mapping.existed() { "183" } else { "0" });
        cue.hear();
        let view = mapping.map_mut().unwrap();
        let count = view.read_vec(0, 1).unwrap()[0];
        view.write_at(0, &[count + 1]).unwrap();
        cue.say(count.to_string());
        cue.hear();
        drop((view, mapping));
        cue.say("closed");
    }
}
