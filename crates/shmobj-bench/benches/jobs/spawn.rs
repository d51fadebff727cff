//! Starting processes, from a small process and from a large one.

use shmobj_bench::{Contender, Versus};

use super::stage::{Means, Spawner, Stage};

pub(crate) fn small(stage: &Stage) {
    spawn(stage, 0, "a small process", (41, 20));
}

pub(crate) fn large(stage: &Stage) {
    spawn(stage, 1024, "a process with 1 GiB touched", (21, 5));
}

fn spawn(stage: &Stage, megabytes: usize, who: &str, (rounds, iterations): (u32, u32)) {
    let guardians = stage.guardians(megabytes);
    let groups = stage.spawner(Means::Groups, megabytes);
    let mut versus = Versus::new(
        format!("start /bin/true and wait for it, from {who}"),
        way("Job::spawn, guardians alone", &guardians, "job"),
    )
    .rounds(rounds, iterations)
    .against(way("Command", &guardians, "plain"), None)
    .against(way("Command, made to fork", &guardians, "fork"), None);
    match &groups {
        Some(groups) => {
            versus = versus.against(way("Job::spawn, with a control group", groups, "job"), None);
        }
        None => println!("\nno control groups here"),
    }
    versus.run();
}

fn way<'a>(name: &'a str, spawner: &'a Spawner, how: &'static str) -> Contender<'a> {
    Contender::timed(name, move |times| spawner.time(&format!("{how} {times}")))
}
