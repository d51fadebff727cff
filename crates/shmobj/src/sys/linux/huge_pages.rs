//! Where this system gives shared memory transparent huge pages.
//!
//! memfds follow `/sys/kernel/mm/transparent_hugepage/shmem_enabled`; files on a tmpfs follow the `huge=` option it
//! was mounted with. Views ask for them with `MADV_HUGEPAGE` and are aligned for them.

use std::fs;

use super::namespace::Place;

/// Whether a memfd has none, and a file in the place's directory has them.
pub(crate) fn only_beside(place: &Place) -> bool {
    !for_memfds() && for_files_in(place)
}

fn for_memfds() -> bool {
    let text = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/shmem_enabled").unwrap_or_default();
    ["[always]", "[within_size]", "[advise]", "[force]"].iter().any(|chosen| text.contains(chosen))
}

/// The mount that a directory is on, by its device.
fn for_files_in(place: &Place) -> bool {
    let Ok(stat) = rustix::fs::stat(place.path()) else { return false };
    let device = format!("{}:{}", rustix::fs::major(stat.st_dev), rustix::fs::minor(stat.st_dev));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounts.lines().any(|line| is_huge_mount(line, &device))
}

/// A line of mountinfo: `36 35 0:32 / /dev/shm rw,nosuid shared:5 - tmpfs tmpfs rw,size=1g,huge=advise`.
fn is_huge_mount(line: &str, device: &str) -> bool {
    let Some((mount, file_system)) = line.split_once(" - ") else { return false };
    let options = file_system.rsplit(' ').next().unwrap_or_default();
    mount.split(' ').nth(2) == Some(device)
        && file_system.starts_with("tmpfs ")
        && options
            .split(',')
            .any(|option| matches!(option, "huge=advise" | "huge=always" | "huge=within_size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tmpfs_mounted_for_huge_pages_has_them() {
        let line = "36 35 0:32 / /mnt rw,nosuid shared:5 - tmpfs none rw,size=1g,huge=advise";
        assert!(is_huge_mount(line, "0:32"));
        assert!(!is_huge_mount(line, "0:3"));
        assert!(!is_huge_mount("36 35 0:32 / /mnt rw - tmpfs none rw,size=1g", "0:32"));
        assert!(!is_huge_mount("36 35 0:32 / /mnt rw - ext4 /dev/x rw,huge=advise", "0:32"));
        assert!(!is_huge_mount("nonsense", "0:32"));
    }
}
