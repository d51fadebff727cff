//! Whether systemd removes a user's entries when the user logs out.
//!
//! `RemoveIPC=` of logind, on by default, removes what a user owns in /dev/shm when the user's last session ends, also
//! while services of the user's go on. It spares system users and those who linger.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use shmobj::Scope;

use super::check::Check;
use crate::{Place, users};

const NAME: &str = "remove_ipc";
/// Users with lower numbers are the system's, to logind.
const FIRST_ORDINARY_USER: u32 = 1000;
/// Where drop-ins are, the weakest first.
const DROP_INS: [&str; 4] = [
    "/usr/lib/systemd/logind.conf.d",
    "/usr/local/lib/systemd/logind.conf.d",
    "/run/systemd/logind.conf.d",
    "/etc/systemd/logind.conf.d",
];

pub(super) fn check(place: &Place) -> Check {
    const SAFE: &str = "entries stay when a user logs out";
    let uid = rustix::process::geteuid().as_raw();
    if !Path::new("/run/systemd/seats").exists() {
        return Check::ok(NAME, "systemd-logind does not run", SAFE);
    }
    if !is_on(configuration().iter().map(String::as_str)) {
        return Check::ok(NAME, "RemoveIPC=no", SAFE);
    }
    if uid < FIRST_ORDINARY_USER {
        return Check::ok(NAME, "RemoveIPC=yes, which spares system users", SAFE);
    }
    let lingers =
        users::name(uid).is_some_and(|name| Path::new("/var/lib/systemd/linger").join(name).exists());
    if lingers {
        return Check::ok(NAME, "RemoveIPC=yes, which spares users who linger", SAFE);
    }
    if !place.namespace.directory(Scope::Local).starts_with("/dev/shm") {
        return Check::ok(NAME, "RemoveIPC=yes, which concerns /dev/shm only", SAFE);
    }
    Check::degraded(
        NAME,
        "RemoveIPC=yes",
        "when this user's last session ends, names in /dev/shm vanish while services still hold them; memory stays",
    )
    .remedy("loginctl enable-linger, or RemoveIPC=no in /etc/systemd/logind.conf, or SHMOBJ_DIR on another tmpfs")
}

/// The texts of all files that configure it, the strongest last.
fn configuration() -> Vec<String> {
    let mut files: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for directory in DROP_INS {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            files.insert(entry.file_name(), entry.path());
        }
    }
    let main = ["/usr/lib/systemd/logind.conf", "/etc/systemd/logind.conf"].map(PathBuf::from);
    main.into_iter().chain(files.into_values()).filter_map(|path| fs::read_to_string(path).ok()).collect()
}

/// The last word on it; yes if there is none.
fn is_on<'a>(texts: impl Iterator<Item = &'a str>) -> bool {
    let lines = texts.flat_map(str::lines).filter_map(|line| line.trim().strip_prefix("RemoveIPC"));
    let values = lines.filter_map(|rest| rest.trim_start().strip_prefix('=').map(str::trim));
    !values.last().is_some_and(|value| matches!(value, "no" | "false" | "off" | "0"))
}

#[cfg(test)]
mod tests {
    use super::is_on;

    #[test]
    fn the_last_word_counts_and_comments_do_not() {
        assert!(is_on(["[Login]\n#RemoveIPC=no\n"].into_iter()));
        assert!(!is_on(["[Login]\nRemoveIPC = no\n"].into_iter()));
        assert!(is_on(["RemoveIPC=no", "RemoveIPC=yes"].into_iter()));
        assert!(!is_on(["RemoveIPC=yes", "RemoveIPC=off"].into_iter()));
    }
}
