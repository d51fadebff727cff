//! Many jobs, one after the other, in one process: nothing adds up.

use shmobj_tests::puppet::value;

#[test]
fn a_thousand_jobs_in_a_row_leave_nothing() {
    crate::each("a_thousand_jobs_in_a_row_leave_nothing", |lab| {
        let mut holder = lab.puppet("holder");
        // In parts, as an answer has to come within a time.
        for part in 0..10 {
            let answer = holder.does(format!("cycle job{part} 100"));
            for what in ["descriptors", "mappings"] {
                let (before, after) = value(&answer, what).split_once("->").expect("two numbers");
                assert_eq!(before, after, "{what}: {answer}");
            }
        }
        lab.nothing_is_left("a thousand jobs");
    });
}
