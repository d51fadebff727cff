//! Jobs: what keeps their processes together here, and whether it does.

use std::path::Path;

use anyhow::ensure;
use shmobj::Job;
use shmobj::job::Mechanism;

use super::check::Check;
use super::processes::leaving_no_directory;
use crate::Place;
use crate::commands::demo::stray;

const NAME: &str = "jobs";
/// What the kernel holds a job's processes to by itself.
const WANTED: [&str; 2] = ["memory", "pids"];

pub(super) fn check(place: &Place) -> Check {
    match leaving_no_directory(place, || end_a_stray(place)) {
        Ok(()) => by(&Mechanism::here()),
        Err(error) => {
            Check::broken(NAME, error.to_string(), "the processes of a job do not end with it here")
                .remedy("see what else is broken: proc, flock, pidfd_getfd")
        }
    }
}

/// Ends a job that has a daemon.
fn end_a_stray(place: &Place) -> anyhow::Result<()> {
    const CODE: u8 = 7;
    let job = Job::options().namespace(&place.namespace).kill_on_close(true).create_unnamed()?;
    let mark = format!("doctor {}", std::process::id());
    let (mut member, daemon) = stray::start(&job, Path::new(&mark))?;
    ensure!(job.contains(daemon)?, "a daemon that a process of a job left behind is outside of it");
    job.terminate(CODE.into())?;
    let status = member.wait()?;
    ensure!(status.code() == Some(CODE.into()), "a process that was ended with {CODE} says {status}");
    let left = job.processes()?;
    ensure!(left.is_empty(), "{} processes are left of a job that was ended", left.len());
    Ok(())
}

/// What the mechanism means.
fn by(mechanism: &Mechanism) -> Check {
    match mechanism {
        Mechanism::ControlGroups { parent, controllers } => {
            let missing: Vec<&str> =
                WANTED.into_iter().filter(|wanted| !controllers.iter().any(|it| it == wanted)).collect();
            let found = match controllers.is_empty() {
                true => format!("control groups in {}, without controllers", parent.display()),
                false => format!("control groups in {}, with {}", parent.display(), controllers.join(", ")),
            };
            if missing.is_empty() {
                return Check::ok(NAME, found, "the kernel keeps the processes of a job together, and to its limits");
            }
            let missing = missing.join(" and ");
            let meaning = format!(
                "the kernel keeps the processes of a job together; to limits of {} its guardians do, by looking from time to time",
                missing.replace("pids", "processes")
            );
            Check::degraded(NAME, found, meaning).remedy(format!(
                "delegate the controllers {missing}: systemd-run --user --scope -p Delegate=yes COMMAND"
            ))
        }
        Mechanism::Guardians { reason } => Check::degraded(
            NAME,
            format!("guardians alone: {reason}"),
            "what a job's processes start are descendants of its guardians; limits are kept by looking from time to \
             time, and a process that is assigned leaves behind what it had started before",
        )
        .remedy(
            "delegate a control group of version 2 (systemd-run --user --scope -p Delegate=yes COMMAND), or name one in \
             SHMOBJ_CGROUP",
        ),
        _ => Check::ok(NAME, "works", "the processes of a job end with it"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::*;

    #[test]
    fn what_the_kernel_does_not_do_is_degraded_with_a_remedy() {
        let groups = |controllers: &[&str]| Mechanism::ControlGroups {
            parent: "/sys/fs/cgroup/user".into(),
            controllers: controllers.iter().map(|&it| it.to_owned()).collect(),
        };
        let whole = by(&groups(&["cpu", "memory", "pids"]));
        assert_eq!((whole.status, whole.remedy), (Status::Ok, None));
        let part = by(&groups(&["memory"]));
        assert_eq!(part.status, Status::Degraded);
        assert!(
            part.meaning.contains("limits of processes")
                && part.remedy.unwrap().contains("controllers pids:")
        );
        let none = by(&groups(&[]));
        assert!(none.found.ends_with("without controllers") && none.meaning.contains("memory and processes"));
        let alone = by(&Mechanism::Guardians { reason: "no cgroup2".into() });
        assert_eq!(alone.status, Status::Degraded);
        assert!(alone.found.contains("no cgroup2") && alone.remedy.unwrap().contains("SHMOBJ_CGROUP"));
    }
}
