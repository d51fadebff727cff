//! Memory: memfds and their seals, how much may be committed, and large pages.

use std::fs;
use std::path::Path;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::io::Errno;
use shmobj::Scope;

use super::check::{Check, field, number};
use super::namespace::existing;
use crate::{Place, size};

/// With less than this left, a mapping of an ordinary size fails.
const LITTLE: u64 = 64 << 20;

pub(super) fn checks(place: &Place) -> Vec<Check> {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let transparent = transparent_pages(&existing(place.namespace.directory(Scope::Local)));
    vec![memfd(), noexec(), overcommit(&meminfo), control_group(), page_pool(&meminfo), transparent]
}

/// Really makes one and tries to break its seals.
fn memfd() -> Check {
    const NAME: &str = "memfd";
    let tried = || -> Result<bool, Errno> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let fd = match memfd_create("shmobj-doctor", flags | MemfdFlags::NOEXEC_SEAL) {
            Err(Errno::INVAL) => memfd_create("shmobj-doctor", flags)?,
            made => made?,
        };
        ftruncate(&fd, 4096)?;
        fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        Ok(ftruncate(&fd, 0).is_err() && ftruncate(&fd, 8192).is_err())
    };
    let meaning =
        "memory that only its owner may open is in memfds, which nobody can make shorter under a peer";
    match tried() {
        Ok(true) => Check::ok(NAME, "works, with seals", meaning),
        Ok(false) => Check::broken(NAME, "the seals do not hold", meaning).remedy("use another kernel"),
        Err(errno) => Check::broken(NAME, errno.to_string(), meaning)
            .remedy("let the sandbox permit memfd_create, and fcntl to add seals"),
    }
}

fn noexec() -> Check {
    const NAME: &str = "memfd_noexec";
    let meaning = "memory is never executable, so every setting is good";
    match number("/proc/sys/vm/memfd_noexec") {
        None => Check::ok(NAME, "this kernel has no such setting", meaning),
        Some(value) => Check::ok(NAME, format!("vm.memfd_noexec = {value}"), meaning),
    }
}

fn overcommit(meminfo: &str) -> Check {
    const NAME: &str = "overcommit";
    match number("/proc/sys/vm/overcommit_memory") {
        Some(2) => {
            let bytes = |name| field(meminfo, name).map_or(0, |kilobytes| kilobytes * 1024);
            let limit = bytes("CommitLimit:");
            let left = limit.saturating_sub(bytes("Committed_AS:"));
            Check::degraded(
                NAME,
                format!("never (2): {} of {} left", size::human(left), size::human(limit)),
                "copy-on-write views count in full, so creating and mapping fail earlier",
            )
            .remedy("sysctl vm.overcommit_memory=0, or a higher vm.overcommit_ratio")
        }
        Some(mode) => {
            let word = if mode == 1 { "always" } else { "by judgement" };
            Check::ok(
                NAME,
                format!("{word} ({mode})"),
                "committed memory is allocated when it is created anyway",
            )
        }
        None => {
            Check::ok(NAME, "this kernel does not tell", "committed memory is allocated when it is created")
        }
    }
}

fn control_group() -> Check {
    const NAME: &str = "control_group";
    let meaning = "shared memory counts against the group of the process that creates it";
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let Some((limit, used)) = tightest(&groups) else {
        return Check::ok(NAME, "no limit of memory", meaning);
    };
    let left = limit.saturating_sub(used);
    let found = format!("{} of {} left", size::human(left), size::human(limit));
    if left < LITTLE {
        return Check::degraded(NAME, found, "creating larger mappings fails")
            .remedy("raise the group's memory.max");
    }
    Check::ok(NAME, found, meaning)
}

/// Limit and use of the group, of this process's and those above it, that leaves the least.
fn tightest(groups: &str) -> Option<(u64, u64)> {
    let mut tightest: Option<(u64, u64)> = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let (root, limit, used) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max", "memory.current"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
            _ => continue,
        };
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            let read = |file: &str| number(Path::new(root).join(group).join(file).to_str()?);
            // "max" is no number, and what stands for it in the first version is larger than any memory.
            let Some(limit) = read(limit).filter(|limit| *limit < 1 << 60) else { continue };
            let this = (limit, read(used).unwrap_or(0));
            let left = |(limit, used): (u64, u64)| limit.saturating_sub(used);
            if tightest.is_none_or(|least| left(this) < left(least)) {
                tightest = Some(this);
            }
        }
    }
    tightest
}

fn page_pool(meminfo: &str) -> Check {
    const NAME: &str = "huge_page_pool";
    let (total, free) = (field(meminfo, "HugePages_Total:"), field(meminfo, "HugePages_Free:"));
    let page = field(meminfo, "Hugepagesize:").unwrap_or(0) * 1024;
    let on_demand = number("/proc/sys/vm/nr_overcommit_hugepages").unwrap_or(0);
    let found = match (total, on_demand) {
        (None, _) => "this kernel has none".to_owned(),
        (Some(0), 0) => "empty".to_owned(),
        (Some(total), on_demand) => format!(
            "{} of {total} pages of {} free, {on_demand} more on demand",
            free.unwrap_or(0),
            size::human(page)
        ),
    };
    if free.unwrap_or(0) + on_demand == 0 {
        return Check::degraded(NAME, found, "mappings that require large pages cannot be created")
            .remedy("sysctl vm.nr_hugepages=N, or use transparent huge pages");
    }
    Check::ok(NAME, found, "mappings that require large pages can be created")
}

fn transparent_pages(directory: &Path) -> Check {
    const NAME: &str = "transparent_pages";
    let setting = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/shmem_enabled").unwrap_or_default();
    let chosen = chosen(&setting).unwrap_or("not there");
    let mount = huge_option(directory).unwrap_or_else(|| "never".into());
    let found = format!("shmem_enabled {chosen}, the namespace directory huge={mount}");
    let works = |setting: &str| matches!(setting, "always" | "within_size" | "advise" | "force");
    match (works(chosen), works(&mount)) {
        (true, _) => Check::ok(NAME, found, "mappings get transparent huge pages if they ask for them"),
        (false, true) => {
            Check::ok(NAME, found, "mappings that ask for transparent huge pages are kept beside their entry")
        }
        (false, false) => {
            Check::degraded(NAME, found, "mappings that ask for transparent huge pages have ordinary ones")
                .remedy("echo advise > /sys/kernel/mm/transparent_hugepage/shmem_enabled")
        }
    }
}

/// The word in brackets.
fn chosen(setting: &str) -> Option<&str> {
    Some(setting.split_once('[')?.1.split_once(']')?.0)
}

/// The `huge=` option of the tmpfs that a directory is on.
fn huge_option(directory: &Path) -> Option<String> {
    let stat = rustix::fs::stat(directory).ok()?;
    let device = format!("{}:{}", rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev));
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = mounts.lines().find(|line| line.split(' ').nth(2) == Some(&device))?;
    let options = mount.rsplit(' ').next()?;
    options.split(',').find_map(|option| option.strip_prefix("huge=")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_in_force_stands_in_brackets() {
        assert_eq!(chosen("always within_size advise [never] deny force\n"), Some("never"));
        assert_eq!(chosen(""), None);
    }
}
