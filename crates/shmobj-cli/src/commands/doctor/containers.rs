//! Whether this process is in a container, as far as that matters: by its user and PID namespaces.

use std::fs;

use super::check::Check;

/// The inode of the first PID namespace of a system (`PROC_PID_INIT_INO` of the kernel).
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";
/// As many users as there are numbers.
const EVERYBODY: u64 = 0xffff_ffff;

pub(super) fn checks() -> Vec<Check> {
    vec![pid_namespace(), user_namespace()]
}

fn pid_namespace() -> Check {
    const NAME: &str = "pid_namespace";
    match fs::read_link("/proc/self/ns/pid") {
        Ok(link) if link.as_os_str() == FIRST_PID_NAMESPACE => Check::ok(
            NAME,
            "the system's first",
            "processes find each other's memory, but for those of containers",
        ),
        Ok(_) => Check::ok(
            NAME,
            "one of its own, as in a container",
            "memory is shared with processes outside by across_pid_namespaces(true) only; all other objects need nothing",
        ),
        Err(error) => {
            Check::ok(NAME, format!("cannot be told: {error}"), "memory may be out of reach for others")
        }
    }
}

fn user_namespace() -> Check {
    const NAME: &str = "user_namespace";
    let Some(users) = fs::read_to_string("/proc/self/uid_map").ok().as_deref().and_then(users) else {
        return Check::ok(NAME, "cannot be told", "directories of users that are not known here are refused");
    };
    if users >= EVERYBODY {
        return Check::ok(NAME, "the system's first", "every user is known");
    }
    Check::ok(
        NAME,
        format!("one of its own; users known here: {users}"),
        "a namespace directory of a user who is not known here, even if that is root, is refused",
    )
}

/// How many users a map has.
fn users(map: &str) -> Option<u64> {
    map.lines().map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::users;

    #[test]
    fn a_map_has_as_many_users_as_its_ranges_together() {
        assert_eq!(users("         0          0 4294967295\n"), Some(4_294_967_295));
        assert_eq!(users("0 1000 1\n1 100000 65536\n"), Some(65_537));
        assert_eq!(users("nonsense"), None);
    }
}
