//! What the boss does.

use std::error::Error;
use std::process::{Child, Command};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use std::{env, process};

use shmobj::wait::{self, Waitable, Waited};
use shmobj::{Mutex, Timeout};

use crate::Pool;
use crate::table::{ITEMS, Item};
use crate::worker::HARD;

const WORKERS: u64 = 3;

struct Worker {
    number: u64,
    life: Mutex,
    child: Child,
}

pub(crate) fn lead() -> Result<(), Box<dyn Error>> {
    let pool = Pool::of(&process::id().to_string())?;
    // If this process ends before its workers, however it does, they get this mutex and end, too.
    let _alive = pool.boss.lock()?.into_guard();
    println!("{WORKERS} workers count primes");

    let mut workers = Vec::new();
    for number in 1..=WORKERS {
        let life = pool.life_of(number)?;
        let child = Command::new(env::current_exe()?).args([&pool.run, &number.to_string()]).spawn()?;
        workers.push(Worker { number, life, child });
    }
    // A worker's mutex says nothing before the worker has it.
    for _ in 0..WORKERS {
        if !pool.ready.wait(Duration::from_secs(60))? {
            return Err("a worker does not start".into());
        }
    }

    for item in pool.table.items()? {
        item.limit.store(item.number as u64 * 1000, Relaxed);
    }
    pool.work.release(ITEMS as u32)?;
    while !pool.table.all_done()? {
        wait_for_news(&pool, &mut workers)?;
        if workers.is_empty() {
            return Err("all workers are gone".into());
        }
    }

    pool.stop.set()?;
    for mut worker in workers {
        worker.child.wait()?;
    }
    pool.table.print()
}

/// Sleeps until an item is done, or something has happened to a worker.
fn wait_for_news(pool: &Pool, workers: &mut Vec<Worker>) -> Result<(), Box<dyn Error>> {
    let mut objects: Vec<&dyn Waitable> = vec![&pool.done, &pool.stuck];
    objects.extend(workers.iter().map(|worker| &worker.life as &dyn Waitable));
    match wait::any(&objects, Timeout::NEVER)? {
        Waited::Signaled(0) | Waited::TimedOut => {}
        Waited::Signaled(1) => {
            let items = pool.table.items()?;
            let stuck = items.iter().find(|item| item.number == HARD).and_then(Item::worker);
            for worker in workers.iter_mut().filter(|worker| Some(worker.number) == stuck) {
                worker.child.kill()?; // TerminateProcess, SIGKILL: news for the next wait
            }
        }
        // Abandoned: it was killed. Signalled: it ended with an error. This process owns its mutex now.
        Waited::Signaled(index) | Waited::Abandoned(index) => {
            let mut dead = workers.remove(index - 2);
            dead.child.wait()?;
            if let Some(item) = pool.table.reclaim(dead.number)? {
                println!("worker {} was killed, and item {item} goes to another", dead.number);
            }
            // The unit that woke it is gone, since nobody owns those. It may have died before it claimed an item for
            // it, so this is not only for the item that came back: a unit too many wakes somebody in vain, one too few leaves an item undone.
            pool.work.release(1)?;
        }
    }
    Ok(())
}
