//! Ending processes, until nothing of them is there.

use shmobj_bench::{Contender, Versus};

use super::stage::{Means, Spawner, Stage};

pub(crate) fn one(stage: &Stage) {
    terminate(stage, 1, (41, 5));
}

pub(crate) fn hundred(stage: &Stage) {
    terminate(stage, 100, (21, 1));
}

fn terminate(stage: &Stage, processes: u32, (rounds, iterations): (u32, u32)) {
    let guardians = stage.guardians(0);
    let groups = stage.spawner(Means::Groups, 0);
    let mut versus = Versus::new(
        format!("end {processes} sleeping"),
        way("Job::terminate, guardians alone", &guardians, "terminate tree", processes),
    )
    .rounds(rounds, iterations)
    .against(way("kill of a process group, and wait", &guardians, "kill", processes), None);
    if let Some(groups) = &groups {
        versus = versus
            .against(way("Job::terminate, with a control group", groups, "terminate tree", processes), None);
    }
    if processes > 1 {
        let each = "Job::terminate, each started in it by itself";
        versus = versus.against(way(each, &guardians, "terminate each", processes), None);
    }
    versus.run();
}

fn way<'a>(name: &'a str, spawner: &'a Spawner, how: &'static str, processes: u32) -> Contender<'a> {
    Contender::timed(name, move |times| spawner.time(&format!("{how} {processes} {times}")))
}
