//! Forks without exec while other threads are in the middle of operations: no child waits for a lock that nobody in it
//! will ever release.

use shmobj_tests::puppet;
use shmobj_tests::puppet::{number, value};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::note;

#[test]
fn children_forked_while_other_threads_are_busy_use_the_library_at_once() {
    const FORKS: u64 = 320;
    for fault in ["none", "hints"] {
        let scratch = Scratch::new();
        let mut creator = puppet!("creator", &scratch);
        creator.does("create h n 4096");
        let mut parent = puppet!("parent", &scratch);
        if fault != "none" {
            // Then every open is a scan of all processes, the longest operation there is.
            parent.does(format!("force {fault}"));
        }
        let forks = if fault == "none" { FORKS } else { FORKS / 8 };
        let counts = parent.does(format!("fork-often {forks} n"));
        note(&format!("{counts} (fault: {fault})"));
        assert_eq!(value(&counts, "others"), "none", "{counts} (fault: {fault})");
        assert_eq!(number(&counts, "done"), forks, "{counts} (fault: {fault})");
        assert!(number(&counts, "rounds") > forks / 10, "the other threads hardly came to work: {counts}");
        // No child has kept what its parent was in the middle of.
        parent.kill();
        creator.does("close h");
        scratch.assert_empty("after the last holder has closed");
    }
}
