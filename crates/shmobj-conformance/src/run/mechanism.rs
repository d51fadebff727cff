//! The tests of jobs once more, with the guardians alone, where Linux has control groups: both mechanisms have to do the same. What comes of these
//! is no result, so that results are those of every machine.

#[cfg(target_os = "linux")]
pub(super) use linux::trials;

/// No other system has two.
#[cfg(not(target_os = "linux"))]
pub(super) fn trials(_: crate::platform::Platform) -> impl Iterator<Item = libtest_mimic::Trial> {
    std::iter::empty()
}

#[cfg(target_os = "linux")]
mod linux {
    use libtest_mimic::{Failed, Trial};
    use shmobj::job::Mechanism;

    use crate::case::Test;
    use crate::platform::Platform;
    use crate::run::judge_apart;
    use crate::suite::SECTIONS;

    /// The parent of control groups; there are none if it is empty.
    const PARENT: &str = "SHMOBJ_CGROUP";

    pub(in crate::run) fn trials(here: Platform) -> impl Iterator<Item = Trial> {
        let both = matches!(Mechanism::here(), Mechanism::ControlGroups { .. });
        let sections = SECTIONS.iter().filter(move |_| both);
        sections.flat_map(move |section| {
            let tests = section.tests.iter().filter(|test| is_about_jobs(test));
            tests.map(move |test| {
                let run = move || {
                    let without = |command: &mut std::process::Command| {
                        command.env(PARENT, "");
                    };
                    judge_apart(section, test, here, without).map(|_| ()).map_err(Failed::from)
                };
                Trial::test(format!("{} (guardians alone)", test.title(section)), run)
            })
        })
    }

    /// Those of section 19, and the stories that are about jobs.
    fn is_about_jobs(test: &Test) -> bool {
        test.rows.iter().any(|row| row.starts_with('J') || ["TS-19", "TS-20", "LT-14"].contains(row))
    }
}
