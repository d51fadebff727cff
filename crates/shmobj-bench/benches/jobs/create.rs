//! A job without processes is an object like others.

use shmobj::{Event, Job};
use shmobj_bench::{Contender, Versus};

use super::stage::Stage;

pub(crate) fn create(stage: &Stage) {
    let event = Event::options().namespace(&stage.namespace);
    let job = Job::options().namespace(&stage.namespace).kill_on_close(true);
    Versus::new(
        "create and close",
        Contender::new("named Job", || drop(job.create_new("j").expect("a job"))),
    )
    .rounds(101, 200)
    .against(Contender::new("named Event", || drop(event.create_new("e").expect("an event"))), None)
    .run();
}
