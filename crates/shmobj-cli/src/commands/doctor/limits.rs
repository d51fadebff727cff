//! Limits of a process.

use rustix::process::{Resource, getrlimit};

use super::check::{Check, number};

/// What most systems give, and programs expect.
const USUAL_DESCRIPTORS: u64 = 1024;
const USUAL_MAPPINGS: u64 = 65_530;

pub(super) fn checks() -> Vec<Check> {
    vec![descriptors(), mappings()]
}

fn descriptors() -> Check {
    const NAME: &str = "open_descriptors";
    let meaning = "every object that a process holds takes two or three";
    let limit = getrlimit(Resource::Nofile);
    let shown = |limit: Option<u64>| limit.map_or("unlimited".to_owned(), |limit| limit.to_string());
    let found = format!("{}, at most {}", shown(limit.current), shown(limit.maximum));
    match limit.current {
        Some(current) if current < USUAL_DESCRIPTORS => {
            Check::degraded(NAME, found, meaning).remedy("ulimit -n 1024, or LimitNOFILE= of the service")
        }
        _ => Check::ok(NAME, found, meaning),
    }
}

fn mappings() -> Check {
    const NAME: &str = "max_map_count";
    let meaning = "every view is a mapping of its process";
    match number("/proc/sys/vm/max_map_count") {
        Some(limit) if limit < USUAL_MAPPINGS => Check::degraded(NAME, limit.to_string(), meaning)
            .remedy(format!("sysctl vm.max_map_count={USUAL_MAPPINGS}")),
        Some(limit) => Check::ok(NAME, limit.to_string(), meaning),
        None => Check::ok(NAME, "this kernel does not tell", meaning),
    }
}
