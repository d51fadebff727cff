//! `shmobj run` with limits.

use crate::marked::with_each_mechanism;
use crate::support::text;

#[test]
fn processor_time_that_is_used_up_is_152_and_said() {
    with_each_mechanism(|marked| {
        for job in [&[][..], &["--job", "n"]] {
            let options = [&["--cpu-time", "200ms"], job].concat();
            let output =
                marked.shell(&options, "(while :; do :; done) & while :; do :; done").output().unwrap();
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(152), "{said}");
            assert_eq!(said, "shmobj: the processor time of 200ms is used up\n");
            assert_eq!(marked.running(), [0; 0]);
        }
    });
}

#[test]
fn a_process_that_has_used_up_its_time_is_ended_and_the_others_go_on() {
    with_each_mechanism(|marked| {
        let script = "sh -c 'while :; do :; done'; echo $?";
        let output = marked.shell(&["--process-cpu-time", "1s"], script).output().unwrap();
        let code: i32 = text(&output.stdout).trim().parse().unwrap();
        assert!(code > 128, "{code} {}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(0));
    });
}

#[test]
fn more_processes_than_permitted_are_refused_or_ended() {
    with_each_mechanism(|marked| {
        let script = "for i in 1 2 3 4 5 6 7 8 9; do sleep 600 & done; sleep 1; \
                      for i in 1 2 3 4 5 6 7 8 9; do kill -0 %$i 2>/dev/null && echo; done; true";
        let output = marked.shell(&["--max-processes", "4"], script).output().unwrap();
        let left = text(&output.stdout).lines().count();
        assert!(left <= 3, "{left} {}", text(&output.stderr));
        // Enough of them, and nothing is said.
        let output = marked.shell(&["--max-processes", "64"], "sleep 0 & wait").output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    });
}

#[test]
fn more_memory_than_permitted_ends_a_process_or_is_refused() {
    with_each_mechanism(|marked| {
        let script = "cat /dev/zero | tail -c 290M >/dev/null";
        let output = marked.shell(&["--memory", "64M", "--timeout", "1m"], script).output().unwrap();
        assert_eq!(output.status.code(), Some(137), "{}", text(&output.stderr));
        assert!(
            text(&output.stderr).contains("shmobj: a limit has ended a process\n"),
            "{}",
            text(&output.stderr)
        );
        let output = marked.shell(&["--process-memory", "64M", "--timeout", "1m"], script).output().unwrap();
        assert!(!matches!(output.status.code(), Some(0 | 124)), "{:?}", output.status);
    });
}
