//! What a worker does.

use std::error::Error;
use std::sync::atomic::Ordering::Relaxed;

use shmobj::Timeout;
use shmobj::wait::{self, Waited};

use crate::Pool;
use crate::table::Item;

/// The item at which the first worker hangs, as if it had met a mistake.
pub(crate) const HARD: usize = 4;

pub(crate) fn work(run: &str, number: &str) -> Result<(), Box<dyn Error>> {
    let number: u64 = number.parse()?;
    let pool = Pool::of(run)?;
    let life = pool.life_of(number)?;
    let _alive = life.lock()?.into_guard();
    pool.ready.release(1)?;
    loop {
        // The first that is signalled counts: to stop comes before work.
        match wait::any(&[&pool.stop, &pool.work, &pool.boss], Timeout::NEVER)? {
            Waited::Signaled(0) => return Ok(()),
            Waited::Signaled(1) => {}
            _ => return Err(format!("worker {number} ends, because the boss is gone").into()),
        }
        // None: the unit was one too many.
        if let Some(item) = pool.table.claim(number)? {
            if item.attempts.fetch_add(1, Relaxed) == 0 && item.number == HARD {
                return hang(&pool, number, &item);
            }
            item.finish(primes_below(item.limit.load(Relaxed)));
            pool.done.set()?;
        }
    }
}

fn primes_below(limit: u64) -> u64 {
    (2..limit).filter(|n| (2..).take_while(|d| d * d <= *n).all(|d| n % d != 0)).map(|_| 1).sum()
}

/// In the middle of an item, for as long as there is a boss.
fn hang(pool: &Pool, number: u64, item: &Item<'_>) -> Result<(), Box<dyn Error>> {
    println!("worker {number} hangs at item {}", item.number);
    pool.stuck.set()?;
    let _ = wait::one(&pool.boss, Timeout::NEVER)?;
    Err(format!("worker {number} ends, because the boss is gone").into())
}
