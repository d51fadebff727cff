//! `shmobj hold --allow`, and what `stat` and `ls` show of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::json;

use crate::support::{Place, SHMOBJ, skip, text};

#[test]
fn stat_shows_who_was_given_which_rights() {
    let place = Place::in_memory();
    let _mapping = place.hold(&[
        "m",
        "--size",
        "4K",
        "--mode",
        "0640",
        "--allow",
        "user:4711:read",
        "--allow",
        "user:0:none",
        "--allow",
        "group:root:write",
    ]);
    let shown = text(&place.stdout(&["stat", "m"]));
    let mode = "  mode        0640\n";
    let grants =
        "  allowed     user:root:none\n  allowed     user:4711:read\n  allowed     group:root:read-write\n";
    assert!(shown.contains(&format!("{mode}{grants}")), "{shown}");
    let expected = json!([
        {"who": "user", "id": 0, "name": "root", "access": "none"},
        {"who": "user", "id": 4711, "name": null, "access": "read"},
        {"who": "group", "id": 0, "name": "root", "access": "read_write"},
    ]);
    assert_eq!(place.json(&["stat", "m", "--json"])["grants"], expected);
}

#[test]
fn every_kind_can_be_shared() {
    let place = Place::in_memory();
    for kind in ["event", "mutex", "semaphore", "timer"] {
        let allow = ["--allow", "user:4711:query", "--allow", "group:4711:wait"];
        let _holder = place.hold_a(kind, &[&[kind], &allow[..]].concat());
        let grants = place.json(&["stat", kind, "--json"])["grants"].clone();
        // Waiting writes, so who may wait may do everything.
        assert_eq!((&grants[0]["access"], &grants[1]["access"]), (&json!("query"), &json!("use")), "{kind}");
    }
}

#[test]
fn ls_marks_what_others_were_let_into() {
    let place = Place::in_memory();
    let _shared = place.hold_a("event", &["shared", "--allow", "user:4711:use"]);
    let _own = place.hold_a("event", &["own"]);
    let table = text(&place.stdout(&["ls"]));
    let row = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(row("NAME").contains("  MODE   HOLDERS  "), "{table}");
    assert!(row("own").contains("  0600   1  ") && row("shared").contains("  0600+  1  "), "{table}");
}

#[test]
fn a_user_who_was_given_rights_has_these_and_no_others() {
    const TEST: &str = "a_user_who_was_given_rights_has_these_and_no_others";
    if !rustix::process::geteuid().is_root() {
        return skip(TEST, "it needs root");
    }
    let place = Place::in_memory();
    fs::set_permissions(place.path(), Permissions::from_mode(0o1777)).unwrap();
    let others = ForOthers::new();
    let program = &others.program;
    let run = |uid: u32, arguments: &[&str]| others.run(&place, uid, arguments);
    let _event = place.hold_a("event", &["n", "--allow", "user:4711:use", "--allow", "user:4712:query"]);
    let (allowed, looks, stranger) =
        (run(4711, &["set", "n"]), run(4712, &["set", "n"]), run(4713, &["set", "n"]));
    assert!(allowed.status.success(), "{}", text(&allowed.stderr));
    assert_eq!((looks.status.code(), stranger.status.code()), (Some(1), Some(1)));
    assert_eq!(place.state("n")["signaled"], true);
    assert!(run(4712, &["stat", "n"]).status.success());
    assert!(!run(4713, &["stat", "n"]).status.success());
    // Who may only look can hold it, and is shown as who may only look.
    let looks = run(
        4712,
        &[
            "exec",
            "--inherit",
            "n",
            "--access",
            "query",
            "--",
            "sh",
            "-c",
            "exec \"$0\" inherited --json",
            program.to_str().unwrap(),
        ],
    );
    assert!(text(&looks.stdout).contains(r#""access": "query""#), "{}", text(&looks.stderr));
}

#[test]
fn holders_that_another_user_may_not_see_are_not_said_to_be_none() {
    const TEST: &str = "holders_that_another_user_may_not_see_are_not_said_to_be_none";
    if !rustix::process::geteuid().is_root() {
        return skip(TEST, "it needs root");
    }
    let place = Place::in_memory();
    fs::set_permissions(place.path(), Permissions::from_mode(0o1777)).unwrap();
    let others = ForOthers::new();
    let _mapping = place.hold(&["m", "--size", "4K", "--allow", "user:4711:read"]);
    let said = |arguments: &[&str]| {
        let output = others.run(&place, 4711, arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let shown = said(&["stat", "m"]);
    assert!(shown.ends_with("  holders     none that this user may see\n"), "{shown}");
    let table = said(&["ls"]);
    assert!(table.contains("  0600+  ?  "), "{table}");
    let object: serde_json::Value = serde_json::from_str(&said(&["stat", "m", "--json"])).unwrap();
    assert!(object["holders"].is_null(), "{object}");
    // The error says how to ask for less than everything.
    let refused = others.run(&place, 4711, &["exec", "--inherit", "m", "--", "true"]);
    assert!(
        text(&refused.stderr).trim_end().ends_with(" (--access: read, write, query or all)"),
        "{}",
        text(&refused.stderr)
    );
}

/// The program where others may run it: they may be kept from the directory that it was built in.
struct ForOthers {
    _directory: tempfile::TempDir,
    program: PathBuf,
}

impl ForOthers {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let program = directory.path().join("shmobj");
        fs::copy(SHMOBJ, &program).unwrap();
        Self { _directory: directory, program }
    }

    fn run(&self, place: &Place, uid: u32, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.arg("--dir").arg(place.path()).args(arguments).uid(uid).gid(uid).current_dir("/");
        command.output().unwrap()
    }
}
