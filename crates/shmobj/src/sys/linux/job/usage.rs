//! What the processes of a job have used.
//!
//! The kernel adds a process's times to those of whoever waits for it, and guardians wait for what nobody else does: the sum over the
//! processes that run, over the guardians' children, and over trees that have ended is complete, but for processes whose parents ignore that they end.

use super::board::Board;
use super::table::Table;

/// Processor time of all processes, in nanoseconds: in user mode and in the kernel. The table is marked.
pub(super) fn times(board: &Board, table: &Table) -> (u64, u64) {
    let (mut user, mut system) = board.past_times();
    add(&mut user, 0);
    add(&mut system, 0);
    let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
    for row in table.rows() {
        if row.is_member() {
            add(&mut user, (row.user + row.children_user) * tick);
            add(&mut system, (row.system + row.children_system) * tick);
        } else if row.mark.is_lead || row.mark.belongs {
            // A guardian, of this job or of an inner one: its own time is not the job's.
            add(&mut user, row.children_user * tick);
            add(&mut system, row.children_system * tick);
        }
    }
    (user, system)
}

/// What the board says may be nonsense: then the sum is, and nobody crashes. The sum of two sums is no overflow either.
fn add(sum: &mut u64, time: u64) {
    *sum = sum.saturating_add(time).min(u64::MAX / 2);
}
