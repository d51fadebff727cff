//! `shmobj exec` and `shmobj inherited`.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::json;

use crate::support::{Place, Process, SHMOBJ, one_line, piped, text, until};

/// What `exec` runs to show what it has inherited.
const SHOW: [&str; 4] = ["--", SHMOBJ, "inherited", "--json"];

fn exec<'a>(options: &[&'a str], command: &[&'a str]) -> Vec<&'a str> {
    [&["exec"], options, command].concat()
}

/// A command that has become the only holder of an object: whoever it had it from is gone.
fn only_holder(place: &Place) -> Process {
    let mut maker = place.hold_a("event", &["n"]);
    let mut command =
        piped(&mut place.command(&exec(&["--inherit", "n"], &["--", "sh", "-c", "echo up; exec sleep 60"])));
    assert_eq!(command.line(), "up");
    maker.signal(Signal::TERM);
    maker.wait();
    command
}

#[test]
fn a_command_inherits_objects_of_every_kind_by_their_roles() {
    let place = Place::new();
    let _mapping = place.hold(&["frames", "--size", "4K"]);
    let kinds = [("event", "ready"), ("mutex", "ledger"), ("semaphore", "slots"), ("timer", "tick")];
    let _others = kinds.map(|(kind, name)| place.hold_a(kind, &[name]));
    let options = [
        "--inherit",
        "frames=pictures",
        "--inherit",
        "ready",
        "--inherit",
        "ledger",
        "--inherit",
        "slots",
        "--inherit",
        "tick=a b;:%",
    ];
    let expected = json!([
        {"role": "a b;:%", "kind": "waitable_timer", "name": "tick", "access": "use"},
        {"role": "ledger", "kind": "mutex", "name": "ledger", "access": "use"},
        {"role": "pictures", "kind": "file_mapping", "name": "frames", "access": "read_write"},
        {"role": "ready", "kind": "event", "name": "ready", "access": "use"},
        {"role": "slots", "kind": "semaphore", "name": "slots", "access": "use"},
    ]);
    assert_eq!(place.json(&exec(&options, &SHOW)), expected);
    let table = text(&place.stdout(&exec(&["--inherit", "frames=f"], &SHOW[..3])));
    assert_eq!(table, "ROLE  KIND          NAME    ACCESS\nf     file mapping  frames  read-write\n");
}

#[test]
fn a_global_object_is_inherited_by_its_name_with_the_prefix() {
    let place = Place::new();
    let name = format!("Global\\shmobj-cli exec {}", std::process::id());
    let mut holder = place.hold_a("event", &[&name]);
    let shown = place.json(&exec(&["--inherit", &name], &SHOW));
    assert_eq!((&shown[0]["role"], &shown[0]["name"]), (&json!(name), &json!(name)));
    // Everybody's directory is no test's to leave an entry in.
    holder.signal(Signal::TERM);
    assert!(holder.wait().success());
}

#[test]
fn what_a_shell_starts_has_inherited_it_as_well() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n"]);
    let script = format!(r#"true; sh -c 'true; "{SHMOBJ}" inherited --json; true'"#);
    let shown = place.json(&exec(&["--inherit", "n=role"], &["--", "sh", "-c", &script]));
    assert_eq!(shown[0]["role"], "role");
    assert_eq!(text(&place.stdout(&["inherited"])), "");
    assert_eq!(place.json(&["inherited", "--json"]), json!([]));
}

#[test]
fn other_subcommands_pass_on_what_they_inherited() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n"]);
    let lock = [&["--", SHMOBJ, "--dir", place.path().to_str().unwrap(), "lock", "m"], &SHOW[..]].concat();
    assert_eq!(place.json(&exec(&["--inherit", "n=role"], &lock))[0]["role"], "role");
}

#[test]
fn what_was_inherited_is_passed_on_unless_its_role_is_given_anew() {
    let place = Place::new();
    let _one = place.hold_a("event", &["one"]);
    let _two = place.hold_a("mutex", &["two"]);
    let inner = [&["--", SHMOBJ, "exec", "--inherit", "two=second"], &SHOW[..]].concat();
    let mut command = place.command(&exec(&["--inherit", "one=first", "--inherit", "one=second"], &inner));
    let output = command.env("SHMOBJ_DIR", place.path()).output().unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let parts = shown.as_array().unwrap().iter().map(|part| (&part["role"], &part["name"]));
    assert_eq!(
        parts.collect::<Vec<_>>(),
        [(&json!("first"), &json!("one")), (&json!("second"), &json!("two"))]
    );
}

#[test]
fn the_command_has_no_more_rights_than_asked_for() {
    let place = Place::new();
    let _mapping = place.hold(&["m", "--size", "4K"]);
    let _event = place.hold_a("event", &["e"]);
    let both = ["--inherit", "m", "--inherit", "e", "--access"];
    for (rights, of_event, of_mapping) in [
        ("query,read", "query", "read"),
        ("read,wait", "wait", "read"),
        ("write,signal", "signal", "read_write"),
    ] {
        let shown = place.json(&exec(&[&both[..], &[rights]].concat(), &SHOW));
        assert_eq!(
            (&shown[0]["access"], &shown[1]["access"]),
            (&json!(of_event), &json!(of_mapping)),
            "{rights}"
        );
    }
    let error = place.error(&exec(&[&both[..], &["read"]].concat(), &SHOW));
    assert!(
        error.ends_with("event \"e\": it has none of these rights; say wait, signal, use, query or all"),
        "{error}"
    );
}

#[test]
fn the_command_has_the_descriptors_of_what_it_inherits_and_no_others() {
    let place = Place::new();
    let _mapping = place.hold(&["m", "--size", "4K"]);
    let _event = place.hold_a("event", &["e"]);
    let _other = place.hold_a("event", &["other"]);
    let open = |options: &[&str]| {
        // What the test harness left open is there in both cases.
        let script = "for fd in /proc/$$/fd/*; do readlink $fd; done; true";
        let shown = text(&place.stdout(&exec(options, &["--", "sh", "-c", script])));
        let mut open: Vec<String> = shown.lines().map(str::to_owned).collect();
        open.sort_unstable();
        open
    };
    let entry = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let none = open(&[]);
    assert!(!none.iter().any(|path| path.contains("shmobj") && path.contains("memfd")), "{none:?}");
    let given = open(&["--inherit", "m", "--inherit", "e"]);
    let with = |path: &str| given.iter().filter(|open| *open == path).count();
    assert_eq!((with(&entry("m")), with(&entry("e")), with(&entry("other"))), (1, 2, 0), "{given:?}");
    assert_eq!(given.iter().filter(|path| path.starts_with("/memfd:shmobj:")).count(), 1, "{given:?}");
    assert_eq!(given.len(), none.len() + 4, "{given:?} {none:?}");
}

#[test]
fn the_process_that_was_started_is_the_command_itself() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n"]);
    let mut command =
        piped(&mut place.command(&exec(&["--inherit", "n"], &["--", "sh", "-c", "echo $$; exec sleep 60"])));
    assert_eq!(command.line(), command.pid().to_string());
    command.signal(Signal::TERM);
    let status = command.wait();
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
    for code in [0, 7, 124, 255] {
        let script = format!("exit {code}");
        let output = place.run(&exec(&["--inherit", "n"], &["--", "sh", "-c", &script]));
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(code), String::new()));
    }
}

#[test]
fn an_object_lives_as_long_as_the_command_that_inherited_it() {
    let place = Place::new();
    let mut command = only_holder(&place);
    until(|| place.json(&["stat", "n", "--json"])["holders"][0]["command"] == "sleep");
    let holders = place.json(&["stat", "n", "--json"])["holders"].clone();
    assert_eq!(holders, json!([{"pid": command.pid(), "command": "sleep", "access": "use"}]));
    assert!(place.run(&["set", "n"]).status.success());
    command.signal(Signal::TERM);
    command.wait();
    assert!(place.error(&["stat", "n"]).contains("no object has this name"));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn an_object_goes_with_the_command_that_is_killed() {
    let place = Place::new();
    only_holder(&place).crash();
    let holder = place.hold_a("event", &["n"]);
    assert_eq!(holder.first_line, r#"holding event "n" (auto reset, created)"#);
}

#[test]
fn a_holder_that_may_only_look_is_shown_as_such() {
    let place = Place::new();
    let maker = place.hold_a("event", &["n"]);
    let looks = exec(&["--inherit", "n", "--access", "query"], &["--", "sh", "-c", "echo up; exec sleep 60"]);
    let mut looks = piped(&mut place.command(&looks));
    assert_eq!(looks.line(), "up");
    let shown = text(&place.stdout(&["stat", "n"]));
    assert!(shown.contains(&format!("({}), query\n", looks.pid())), "{shown}");
    assert!(shown.contains(&format!("({}), use\n", maker.pid())), "{shown}");
}

#[test]
fn a_command_that_cannot_be_run_is_126_and_one_that_is_not_there_127() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n"]);
    for (program, code) in [("/nowhere/to be found", 127), ("/", 126)] {
        let output = place.run(&exec(&["--inherit", "n"], &["--", program]));
        assert_eq!(output.status.code(), Some(code));
        assert!(one_line(&output.stderr).contains(&format!("cannot run {program:?}")));
    }
}

#[test]
fn a_wrong_name_and_a_role_that_is_given_twice_are_errors_in_one_line() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n"]);
    let error = place.error(&exec(&["--inherit", "n", "--inherit", "nowhere"], &["--", "echo", "ran"]));
    assert!(error.contains(r#""nowhere": no object has this name"#), "{error}");
    let error = place.error(&exec(&["--inherit", "n=role", "--inherit", "n=role"], &["--", "echo", "ran"]));
    assert!(error.contains(r#"cannot give the role "role" to two objects"#), "{error}");
}

#[test]
fn a_program_in_between_may_close_what_it_was_given() {
    let place = Place::new();
    let _event = place.hold_a("event", &["n"]);
    // Descriptors of one digit: what a shell can name.
    let script = format!(
        r#"for fd in /proc/$$/fd/*; do case $(readlink $fd) in */n) eval "exec ${{fd##*/}}>&-";; esac; done; "{SHMOBJ}" inherited --json"#
    );
    let output = place
        .command(&exec(&["--inherit", "n"], &["--", "sh", "-c", &script]))
        .stderr(Stdio::inherit())
        .output();
    assert_eq!(text(&output.unwrap().stdout), "[]\n");
}

#[test]
fn what_cannot_be_handed_on_is_said_in_the_words_of_the_command() {
    let place = Place::new();
    let _mapping = place.hold(&["m", "--size", "4K"]);
    let expected = "shmobj: cannot hand on file mapping \"m\": a handle that may only look at it stays in its process; \
                    say --access read";
    for command in [
        &["exec", "--inherit", "m", "--access", "query", "--", "true"][..],
        &["deposit", "m", "--access", "query"],
    ] {
        assert_eq!(place.error(command), expected);
    }
    for command in
        [&["exec", "--inherit", "nothere", "--", "true"][..], &["deposit", "nothere"], &["wait", "nothere"]]
    {
        let error = place.error(command);
        assert!(
            error.starts_with("shmobj: cannot open object \"nothere\": no object has this name in "),
            "{error}"
        );
        assert!(error.ends_with("; list the names with `shmobj ls`"), "{error}");
    }
}
