//! `shmobj run`: what it ends with, and that nothing is left then.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::marked::with_each_mechanism;
use crate::support::{SHMOBJ, one_line, piped, text};

#[test]
fn run_ends_as_its_command_ends() {
    with_each_mechanism(|marked| {
        for code in [0, 1, 7, 124, 255] {
            let output = marked.shell(&[], &format!("exit {code}")).output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
            assert_eq!((text(&output.stdout), text(&output.stderr)), Default::default());
        }
        for (signal, code) in [("KILL", 137), ("TERM", 143), ("INT", 130)] {
            let script = format!("kill -{signal} $$");
            assert_eq!(marked.shell(&[], &script).status().unwrap().code(), Some(code), "{signal}");
        }
    });
}

#[test]
fn a_command_that_cannot_be_run_is_126_and_one_that_is_not_there_127() {
    with_each_mechanism(|marked| {
        for options in [&["run"][..], &["run", "--job", "n"]] {
            let output = marked.run(&[options, &["--", "/nowhere/to be found"]].concat());
            assert_eq!(output.status.code(), Some(127), "{}", text(&output.stderr));
            let said = "shmobj: cannot run \"/nowhere/to be found\": No such file or directory (os error 2)";
            assert_eq!(one_line(&output.stderr), said);
            let output = marked.run(&[options, &["--", "/"]].concat());
            assert_eq!(output.status.code(), Some(126), "{}", text(&output.stderr));
        }
    });
}

#[test]
fn standard_streams_are_the_commands_own() {
    with_each_mechanism(|marked| {
        for options in [&[][..], &["--job", "n"]] {
            let mut command = marked.shell(options, "read line; echo \"out $line\"; echo err >&2");
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut run = command.spawn().unwrap();
            run.stdin.take().unwrap().write_all(b"in\n").unwrap();
            let output = run.wait_with_output().unwrap();
            assert_eq!((text(&output.stdout), text(&output.stderr)), ("out in\n".into(), "err\n".into()));
        }
    });
}

#[test]
fn the_command_looks_names_up_where_run_does() {
    with_each_mechanism(|marked| {
        let event = marked.place.hold_a("event", &["here"]);
        for options in [&[][..], &["--job", "n"]] {
            let output = marked.shell(options, "\"$SHMOBJ\" set here").output().unwrap();
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
        drop(event);
        marked.reclaim();
    });
}

#[test]
fn what_the_command_leaves_behind_ends_with_it() {
    with_each_mechanism(|marked| {
        let children = "sleep 600 & sleep 600 & exit 5";
        let stubborn = "(trap '' TERM INT HUP; while :; do sleep 600; done) & exit 5";
        let daemon = "\"$SHMOBJ\" demo-stray x parent; exit 5";
        for script in [children, stubborn, daemon] {
            // What was left behind has the pipe as well, so that its end is seen.
            let output = marked.shell(&[], script).output().unwrap();
            assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
            assert_eq!(marked.running(), [0; 0], "{script}");
        }
    });
}

#[test]
fn when_the_time_is_up_it_is_124_and_nothing_is_left() {
    with_each_mechanism(|marked| {
        for options in [&["--timeout", "200ms"][..], &["--timeout", "200ms", "--job", "n"]] {
            let script = "trap '' TERM; \"$SHMOBJ\" demo-stray x parent; while :; do sleep 600; done";
            let output = marked.shell(options, script).output().unwrap();
            assert_eq!(output.status.code(), Some(124), "{}", text(&output.stderr));
            assert_eq!(marked.running(), [0; 0], "{options:?}");
            // In time, it does not matter.
            let options = ["--timeout", "10m"];
            assert_eq!(marked.shell(&options, "exit 6").status().unwrap().code(), Some(6));
        }
    });
}

#[test]
fn a_signal_to_run_ends_all_with_its_code() {
    with_each_mechanism(|marked| {
        let cases = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129), (Signal::QUIT, 131)];
        for (signal, code) in cases {
            for options in [&[][..], &["--job", "n"]] {
                let script =
                    "trap '' INT TERM HUP QUIT; sleep 600 & \"$SHMOBJ\" demo-stray x parent; sleep 600";
                let mut run = piped(&mut marked.shell(options, script));
                run.line();
                run.signal(signal);
                assert_eq!(run.wait().code(), Some(code), "{signal:?}");
                assert_eq!(marked.running(), [0; 0], "{signal:?} {options:?}");
            }
        }
    });
}

#[test]
fn ctrl_c_reaches_the_whole_group_and_ends_all() {
    with_each_mechanism(|marked| {
        let mut command = marked.shell(&[], "echo ready; sleep 600");
        let mut run = piped(command.process_group(0));
        assert_eq!(run.line(), "ready");
        let group = Pid::from_raw(run.pid() as i32).unwrap();
        kill_process_group(group, Signal::INT).unwrap();
        assert_eq!(run.wait().code(), Some(130));
        assert_eq!(marked.running(), [0; 0]);
    });
}

#[test]
fn within_the_grace_the_command_may_end_by_itself() {
    with_each_mechanism(|marked| {
        for options in [&["--grace", "1m"][..], &["--grace", "1m", "--job", "n"]] {
            let script = "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.02; done";
            let mut run = piped(&mut marked.shell(options, script));
            assert_eq!(run.line(), "ready");
            run.signal(Signal::TERM);
            assert_eq!(run.line(), "bye");
            assert_eq!(run.wait().code(), Some(143), "the code says why it ended");
            let output = marked.shell(&[options, &["--timeout", "300ms"]].concat(), script).output().unwrap();
            assert_eq!((text(&output.stdout), output.status.code()), ("ready\nbye\n".into(), Some(124)));
        }
        // Who does not use it is killed, and a second signal does not wait for it.
        let script = "trap '' TERM; echo ready; while :; do sleep 600; done";
        let mut run = piped(&mut marked.shell(&["--grace", "100ms"], script));
        run.line();
        run.signal(Signal::TERM);
        assert_eq!(run.wait().code(), Some(143));
        let script = "trap 'echo no' TERM; echo ready; while :; do sleep 0.02; done";
        let mut run = piped(&mut marked.shell(&["--grace", "10m"], script));
        assert_eq!(run.line(), "ready");
        run.signal(Signal::TERM);
        assert_eq!(run.line(), "no");
        run.signal(Signal::INT);
        assert_eq!(run.wait().code(), Some(143));
        assert_eq!(marked.running(), [0; 0]);
    });
}

#[test]
fn a_run_within_a_run_ends_its_own_and_the_outer_one_ends_both() {
    with_each_mechanism(|marked| {
        let script = "\"$SHMOBJ\" run -- sh -c 'sleep 600 & exit 4'; echo $?; sleep 600";
        let mut run = piped(&mut marked.shell(&[], script));
        assert_eq!(run.line(), "4");
        run.signal(Signal::TERM);
        assert_eq!(run.wait().code(), Some(143));
        let script = "exec \"$SHMOBJ\" run -- sh -c 'echo in; trap \"\" TERM; sleep 600'";
        let mut run = piped(&mut marked.shell(&[], script));
        assert_eq!(run.line(), "in");
        run.signal(Signal::INT);
        assert_eq!(run.wait().code(), Some(130));
        assert_eq!(marked.running(), [0; 0]);
        // The inner ones were killed.
        marked.reclaim();
    });
}

#[test]
fn the_command_inherits_what_run_has_inherited_and_not_the_job() {
    with_each_mechanism(|marked| {
        let event = marked.place.hold_a("event", &["e"]);
        for job in [&[][..], &["--job", "n"]] {
            let run = [
                &["exec", "--inherit", "e=role", "--", SHMOBJ, "run"],
                job,
                &["--"],
                &[SHMOBJ, "inherited", "--json"],
            ];
            let output = marked.run(&run.concat());
            let inherited: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            let expected =
                serde_json::json!([{"role": "role", "kind": "event", "name": "e", "access": "use"}]);
            assert_eq!(inherited, expected, "{}", text(&output.stderr));
            let script = "ls -l /proc/self/fd";
            let output = marked.shell(job, script).output().unwrap();
            assert!(!text(&output.stdout).contains("unnamed"), "{}", text(&output.stdout));
        }
        drop(event);
        marked.reclaim();
    });
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    with_each_mechanism(|marked| {
        let script = "trap '' HUP; exec \"$SHMOBJ\" run -- sh -c 'echo ready; sleep 0.3; exit 7'";
        let mut shell = marked.command(&["exec", "--", "sh", "-c", script]);
        let mut run = piped(&mut shell);
        assert_eq!(run.line(), "ready");
        run.signal(Signal::HUP);
        assert_eq!(run.wait().code(), Some(7));
    });
}
