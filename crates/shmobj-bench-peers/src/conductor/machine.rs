//! Where a run is done.

use std::collections::BTreeMap;

use crate::contender::Contender;
use crate::results::Machine;

/// The cores that this process may use.
pub(super) fn cores() -> Vec<usize> {
    let set = rustix::thread::sched_getaffinity(None).expect("its own cores");
    (0..rustix::thread::CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
}

/// What can be said of the machine; what cannot is empty.
pub(super) fn describe(contenders: &[&Contender]) -> Machine {
    let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: String, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_once([':', '=']).map_or("", |(_, value)| value).trim().trim_matches('"').to_owned()
    };
    let kilobytes = value(text("/proc/meminfo"), "MemTotal");
    let kilobytes: u64 = kilobytes.trim_end_matches(" kB").parse().unwrap_or(0);
    let versions: BTreeMap<String, String> = contenders
        .iter()
        .filter_map(|contender| Some((contender.name.to_owned(), (contender.version?)()?)))
        .collect();
    Machine {
        processor: value(text("/proc/cpuinfo"), "model name"),
        cores: cores().len(),
        kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
        memory_bytes: kilobytes * 1024,
        system: value(text("/etc/os-release"), "PRETTY_NAME"),
        versions,
    }
}

/// Today, by the universal time.
pub(super) fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    date(since.as_secs() / 86400)
}

/// The date that many days after 1970-01-01.
fn date(mut days: u64) -> String {
    let leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    format!("{year:04}-{:02}-{:02}", month + 1, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(11_017), "2000-03-01");
        assert_eq!(date(20_454), "2026-01-01");
    }

    #[test]
    fn this_process_may_use_a_core() {
        assert!(!cores().is_empty());
    }
}
