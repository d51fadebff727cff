//! `shmobj run --job`: what others see of it, and what they may do.

use rustix::process::Signal;
use serde_json::json;

use crate::marked::with_each_mechanism;
use crate::support::{one_line, piped, text, until};

#[test]
fn others_see_its_processes_and_kill_them_with_a_code() {
    with_each_mechanism(|marked| {
        let mut run = piped(&mut marked.shell(&["--job", "n"], "echo $$; sleep 600 & sleep 600"));
        let shell: u64 = run.line().parse().unwrap();
        until(|| marked.members("n").len() >= 3);
        assert!(marked.members("n").contains(&shell));
        let shown = text(&marked.place.stdout(&["stat", "n"]));
        assert!(shown.contains(&format!("({shell}), ")) && shown.contains("      sleep 600 ("), "{shown}");
        marked.place.stdout(&["kill", "n", "--code", "3"]);
        assert_eq!(run.wait().code(), Some(3));
        assert_eq!(marked.running(), [0; 0]);
    });
}

#[test]
fn a_run_in_an_existing_job_ends_only_what_it_started() {
    with_each_mechanism(|marked| {
        let mut holder = piped(&mut marked.command(&["hold", "job", "n"]));
        assert_eq!(holder.line(), "holding job \"n\" (created)");
        let mut first = piped(&mut marked.shell(&["--job", "n"], "echo $$; sleep 600; exit 4"));
        let shell: u64 = first.line().parse().unwrap();
        let second = marked
            .shell(&["--job", "n"], "sleep 600 & \"$SHMOBJ\" demo-stray x parent; exit 5")
            .output()
            .unwrap();
        assert_eq!(second.status.code(), Some(5), "{}", text(&second.stderr));
        assert!(first.is_running() && marked.members("n").contains(&shell));
        first.signal(Signal::TERM);
        assert_eq!(first.wait().code(), Some(143));
        until(|| marked.members("n").is_empty());
        assert_eq!(marked.place.state("n"), json!({"signaled": false}));
        marked.place.stdout(&["kill", "n"]);
        // A job can be used as before.
        assert_eq!(marked.shell(&["--job", "n"], "exit 6").status().unwrap().code(), Some(6));
        holder.signal(Signal::TERM);
        assert_eq!(holder.wait().code(), Some(0));
    });
}

#[test]
fn the_job_is_kept_by_whoever_holds_it_after_the_run() {
    with_each_mechanism(|marked| {
        let mut run = piped(&mut marked.shell(&["--job", "n", "--kill-on-close"], "echo ready; sleep 600"));
        run.line();
        let mut holder = piped(&mut marked.command(&["hold", "job", "n"]));
        assert_eq!(holder.line(), "holding job \"n\" (kill on close, opened)");
        run.signal(Signal::TERM);
        run.wait();
        assert_eq!(marked.members("n"), [0; 0]);
        holder.signal(Signal::TERM);
        holder.wait();
        assert!(marked.place.error(&["stat", "n"]).contains("no object has this name"));
    });
}

#[test]
fn an_existing_job_keeps_its_flag_and_run_says_so() {
    with_each_mechanism(|marked| {
        let mut holder = piped(&mut marked.command(&["hold", "job", "n"]));
        holder.line();
        let output = marked.shell(&["--job", "n", "--kill-on-close"], "exit 7").output().unwrap();
        assert_eq!(output.status.code(), Some(7));
        assert_eq!(one_line(&output.stderr), "shmobj: \"n\" exists, and is kept when it is closed");
        assert_eq!(marked.place.json(&["stat", "n", "--json"])["job"]["limits"]["kill_on_close"], false);
        holder.signal(Signal::TERM);
        holder.wait();
    });
}

#[test]
fn limits_are_the_runs_and_not_the_jobs() {
    with_each_mechanism(|marked| {
        // The process that starts the command in the job is not counted.
        let script = "\"$SHMOBJ\" stat n --json";
        let output = marked.shell(&["--job", "n", "--max-processes", "2"], script).output().unwrap();
        let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(object["job"]["limits"]["max_processes"].is_null(), "{}", text(&output.stderr));
        assert!(output.status.success());
    });
}

#[test]
fn a_run_within_a_run_can_have_the_same_job() {
    with_each_mechanism(|marked| {
        let script = "\"$SHMOBJ\" run --job n -- sh -c 'sleep 600 & exit 4'; echo $?; exit 5";
        let output = marked.shell(&["--job", "n"], script).output().unwrap();
        assert_eq!(
            (text(&output.stdout), output.status.code()),
            ("4\n".into(), Some(5)),
            "{}",
            text(&output.stderr)
        );
    });
}

#[test]
fn a_name_of_another_kind_is_an_error() {
    with_each_mechanism(|marked| {
        let mut mutex = marked.place.hold_a("mutex", &["n"]);
        let output = marked.run(&["run", "--job", "n", "--", "true"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(one_line(&output.stderr).contains("the name belongs to a mutex"), "{}", text(&output.stderr));
        mutex.signal(Signal::TERM);
        mutex.wait();
    });
}
