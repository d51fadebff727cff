//! Who starts the others, kills the one that hangs, and sees that what it had taken comes back.

use std::error::Error;
use std::process::{Child, Command};
use std::time::Duration;
use std::{env, process};

use shmobj::wait::{self, Waitable, Waited};
use shmobj::{Mutex, Timeout};

use crate::memory::SLOTS;
use crate::ring::{ITEMS, Ring};

const ROLES: [&str; 5] = ["producer", "consumer", "producer", "consumer", "producer"];

struct Mover {
    role: &'static str,
    life: Mutex,
    child: Child,
}

pub(crate) fn oversee() -> Result<(), Box<dyn Error>> {
    // The names have the number of this process in them, so that two runs do not meet.
    let run = process::id().to_string();
    let ring = Ring::of(&run)?;
    // If this process ends before the others, however it does, they get this mutex and end, too.
    let _alive = ring.lives.overseer.lock()?.into_guard();

    let mut movers = Vec::new();
    for (role, number) in ROLES.into_iter().zip(1..) {
        let number = number.to_string();
        let life = ring.lives.number(&number)?;
        let child = Command::new(env::current_exe()?).args([role, &run, &number]).spawn()?;
        movers.push(Mover { role, life, child });
    }
    // A mutex says nothing before its process has it.
    for _ in ROLES {
        if !ring.lives.ready.wait(Duration::from_secs(60))? {
            return Err("a process does not start".into());
        }
    }

    println!("3 producers and 2 consumers move {ITEMS} items through {SLOTS} slots");
    ring.begin()?;
    while !movers.is_empty() {
        wait_for_news(&ring, &mut movers)?;
    }

    let (taken, sum) = ring.taken()?;
    if (taken, sum) != (ITEMS, ITEMS * (ITEMS + 1) / 2) {
        return Err(format!("{taken} items arrived, and their sum is {sum}, which is wrong").into());
    }
    println!("{taken} items arrived, and their sum is {sum}, as it should be");
    Ok(())
}

/// Sleeps until a process hangs or has ended.
fn wait_for_news(ring: &Ring, movers: &mut Vec<Mover>) -> Result<(), Box<dyn Error>> {
    let mut objects: Vec<&dyn Waitable> = vec![&ring.hung];
    objects.extend(movers.iter().map(|mover| &mover.life as &dyn Waitable));
    match wait::any(&objects, Timeout::NEVER)? {
        Waited::TimedOut => {}
        Waited::Signaled(0) => {
            let hanging = ring.hanging()?;
            for mover in movers.iter_mut().filter(|mover| Some(mover.child.id()) == hanging) {
                mover.child.kill()?; // TerminateProcess, SIGKILL: news for the next wait
            }
        }
        // Signalled: it ended by itself. Abandoned: it was killed. This process owns its mutex now.
        Waited::Signaled(index) | Waited::Abandoned(index) => {
            // Its mutex is closed after its process has ended, so that the last who closes it is this one.
            let mut ended = movers.remove(index - 1);
            if !ended.child.wait()?.success() {
                println!("a {} was killed", ended.role);
                ring.replace_lost_units()?;
            }
        }
    }
    Ok(())
}
