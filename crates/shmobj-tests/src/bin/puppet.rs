//! The process that tests drive; see `shmobj_tests::actor` for what it can do.

fn main() {
    shmobj_tests::actor::run();
}
