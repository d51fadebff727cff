//! `shmobj hold job`, `shmobj kill`, and what other commands do with jobs.

use rustix::process::Signal;
use serde_json::json;

use crate::marked::with_each_mechanism;
use crate::support::{Place, piped, text, until};

#[test]
fn hold_says_what_job_it_holds() {
    let place = Place::new();
    let plain = place.hold_a("job", &["n"]);
    assert_eq!(plain.first_line, r#"holding job "n" (created)"#);
    let limits = [
        "l",
        "--kill-on-close",
        "--max-processes",
        "64",
        "--memory",
        "4G",
        "--process-memory",
        "1G",
        "--cpu-time",
        "1m",
        "--process-cpu-time",
        "10s",
        "--breakaway",
        "allowed",
    ];
    let limited = place.hold_a("job", &limits);
    let words = "kill on close, at most 64 processes, at most 4 GiB of memory, at most 1 GiB of memory each, \
                 at most 1m of processor time, at most 10s of processor time each, breakaway allowed";
    assert_eq!(limited.first_line, format!("holding job \"l\" ({words}, created)"));
    assert_eq!(place.hold_a("job", &["l"]).first_line, format!("holding job \"l\" ({words}, opened)"));
    let shown = text(&place.stdout(&["stat", "l"]));
    assert!(shown.contains(&format!("  limits      {words}\n")), "{shown}");
    for mut holder in [plain, limited] {
        holder.signal(Signal::TERM);
        assert_eq!(holder.wait().code(), Some(0));
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn an_existing_job_keeps_its_limits_and_hold_says_so() {
    let place = Place::new();
    let _holder = place.hold_a("job", &["n", "--max-processes", "4"]);
    for arguments in [
        &["--max-processes", "5"][..],
        &["--kill-on-close", "--max-processes", "4"],
        &["--breakaway", "silent"],
    ] {
        let output = place.run(&[&["hold", "job", "n"], arguments, &["--", "true"]].concat());
        assert!(output.status.success());
        let expected =
            "shmobj: \"n\" exists, and keeps its limits\nholding job \"n\" (at most 4 processes, opened)\n";
        assert_eq!(text(&output.stderr), expected);
    }
    for arguments in [&[][..], &["--max-processes", "4"]] {
        let output = place.run(&[&["hold", "job", "n"], arguments, &["--", "true"]].concat());
        assert_eq!(text(&output.stderr), "holding job \"n\" (at most 4 processes, opened)\n");
    }
}

#[test]
fn the_command_of_hold_is_not_in_the_job() {
    let place = Place::new();
    let script = format!("\"{}\" stat n --json; exit 7", crate::support::SHMOBJ);
    let output = place.run(&["hold", "job", "n", "--", "sh", "-c", &script]);
    assert_eq!(output.status.code(), Some(7), "{}", text(&output.stderr));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(object["job"]["processes"], json!([]));
}

#[test]
fn stat_describes_a_job_in_json() {
    with_each_mechanism(|marked| {
        let mut holder =
            piped(&mut marked.command(&["hold", "job", "n", "--max-processes", "9", "--cpu-time", "1h"]));
        holder.line();
        let script = "echo $$; while :; do sleep 600; done";
        let mut run = piped(&mut marked.shell(&["--job", "n"], script));
        let shell: u64 = run.line().parse().unwrap();
        until(|| marked.members("n").len() == 3);
        let object = marked.place.json(&["stat", "n", "--json"]);
        assert_eq!((&object["name"], &object["kind"]), (&json!("n"), &json!("job")));
        assert_eq!(object["state"], json!({"signaled": false}));
        let job = &object["job"];
        let limits = json!({
            "kill_on_close": false, "max_processes": 9, "memory": null, "process_memory": null,
            "cpu_time_ns": 3_600_000_000_000_u64, "process_cpu_time_ns": null, "breakaway": "denied",
        });
        assert_eq!(job["limits"], limits);
        let usage = &job["usage"];
        assert_eq!((&usage["active_processes"], &usage["terminated_processes"]), (&json!(3), &json!(0)));
        assert!(
            usage["total_processes"].as_u64().unwrap() >= 3 && usage["peak_memory"].as_u64().unwrap() > 0,
            "{job}"
        );
        assert!(usage["user_time_ns"].is_u64() && usage["system_time_ns"].is_u64(), "{job}");
        let processes = job["processes"].as_array().unwrap();
        let at = processes.iter().position(|process| process["pid"] == shell).unwrap();
        let (shell, child) = (&processes[at], &processes[at + 1]);
        assert!(shell["parent"].is_null() && shell["command"] == format!("sh -c {script}"), "{job}");
        assert_eq!((&child["parent"], &child["command"]), (&shell["pid"], &json!("sleep 600")));
        assert!(child["memory"].as_u64().unwrap() > 0 && child["user_time_ns"].is_u64(), "{job}");
        // The listing has the same, and counts.
        assert_eq!(marked.place.json(&["ls", "--json"])["objects"].as_array().unwrap().len(), 2);
        let table = text(&marked.place.stdout(&["ls"]));
        assert!(table.contains("not signaled, 3 processes"), "{table}");
        for process in [&mut run, &mut holder] {
            process.signal(Signal::TERM);
            process.wait();
        }
    });
}

#[test]
fn a_job_without_a_name_is_listed_as_such() {
    with_each_mechanism(|marked| {
        let mut run = piped(&mut marked.shell(&[], "echo ready; sleep 600"));
        run.line();
        let table = text(&marked.place.stdout(&["ls"]));
        assert!(table.lines().nth(1).unwrap().starts_with("(unnamed)  job "), "{table}");
        let object = marked.place.json(&["ls", "--json"])["objects"][0].clone();
        assert_eq!((&object["name"], &object["kind"]), (&json!(null), &json!("job")));
        assert_eq!(text(&marked.place.stdout(&["gc"])), "0 reclaimed, 1 held\n");
        run.signal(Signal::TERM);
        run.wait();
    });
}

#[test]
fn a_job_that_was_terminated_is_signaled() {
    let place = Place::new();
    let _holder = place.hold_a("job", &["n"]);
    assert_eq!(place.run(&["wait", "n", "--timeout", "0"]).status.code(), Some(124));
    let mut waiting = piped(&mut place.command(&["wait", "n"]));
    place.until_waited_for("n");
    assert_eq!(text(&place.stdout(&["kill", "n"])), "");
    assert_eq!(waiting.line(), "n");
    assert_eq!(place.state("n"), json!({"signaled": true}));
    assert!(text(&place.stdout(&["stat", "n"])).contains("  state       signaled\n"));
    assert!(text(&place.stdout(&["ls"])).contains(" signaled, 0 processes "));
    assert_eq!(text(&place.stdout(&["wait", "n"])), "n\n", "it stays so");
}

#[test]
fn kill_says_why_it_cannot() {
    let place = Place::new();
    assert!(place.error(&["kill", "n"]).contains("cannot open job \"n\": no object has this name"));
    let _event = place.hold_a("event", &["n"]);
    assert!(place.error(&["kill", "n"]).contains("cannot open job \"n\": the name belongs to an event"));
    let _job = place.hold_a("job", &["j"]);
    assert!(place.error(&["set", "j"]).contains("the name belongs to a job"));
}

#[test]
fn a_handle_to_a_job_is_handed_on_with_its_rights() {
    let place = Place::new();
    let _job = place.hold_a("job", &["j"]);
    let inherited = |access: &str| {
        let shmobj = crate::support::SHMOBJ;
        let output =
            place.run(&["exec", "--inherit", "j", "--access", access, "--", shmobj, "inherited", "--json"]);
        let handles: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&handles[0]["kind"], &handles[0]["name"]), (&json!("job"), &json!("j")));
        handles[0]["access"].as_str().unwrap().to_owned()
    };
    for (asked, got) in [
        ("all", "use"),
        ("use", "use"),
        ("terminate", "terminate"),
        ("query,wait", "wait"),
        ("query", "query"),
    ] {
        assert_eq!(inherited(asked), got, "{asked}");
    }
    let error = place.error(&["exec", "--inherit", "j", "--access", "read", "--", "true"]);
    assert!(error.contains("say terminate, assign, modify, wait, use, query or all"), "{error}");
    let mut deposit = piped(&mut place.command(&["deposit", "j"]));
    let claim = format!("{}=role", deposit.line());
    let output = place.run(&["exec", "--claim", &claim, "--", crate::support::SHMOBJ, "inherited"]);
    assert!(text(&output.stdout).contains("role  job   j     use"), "{}", text(&output.stdout));
    assert_eq!(deposit.wait().code(), Some(0));
}

#[test]
fn a_job_can_be_shared() {
    let place = Place::in_memory();
    let _job = place.hold_a("job", &["j", "--allow", "user:4711:terminate", "--allow", "group:4711:query"]);
    let grants = place.json(&["stat", "j", "--json"])["grants"].clone();
    assert_eq!((&grants[0]["access"], &grants[1]["access"]), (&json!("use"), &json!("query")));
}
