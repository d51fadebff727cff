//! What the processes of a job have used.
//!
//! The kernel adds a process's times to those of whoever waits for it, and guardians wait for what nobody else does: the sum over the
//! processes that run, over the guardians' children, and over trees that have ended is complete, but for processes whose parents ignore that they end.

use super::board::Board;
use super::table::Table;

/// Processor time of all processes, in nanoseconds: in user mode and in the kernel. The table is marked.
pub(super) fn times(board: &Board, table: &Table) -> (u64, u64) {
    let (mut user, mut system) = board.past_times();
    let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
    for row in table.rows() {
        if row.is_member() {
            user += (row.user + row.children_user) * tick;
            system += (row.system + row.children_system) * tick;
        } else if row.mark.is_lead || row.mark.belongs {
            // A guardian, of this job or of an inner one: its own time is not the job's.
            user += row.children_user * tick;
            system += row.children_system * tick;
        }
    }
    (user, system)
}
