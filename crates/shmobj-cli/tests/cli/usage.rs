//! Command lines that are wrong, and what packagers need.

use std::fs;
use std::process::Command;

use crate::support::{Place, SHMOBJ, text};

#[test]
fn a_wrong_command_line_ends_with_2_and_an_explanation() {
    let place = Place::new();
    for arguments in [
        &["no such command"][..],
        &[],
        &["read"],
        &["ls", "--no-such-option"],
        &["hold"],
        &["hold", "job"],
        &["hold", "job", "n", "--max-processes", "0"],
        &["hold", "job", "n", "--memory", "0"],
        &["hold", "job", "n", "--cpu-time", "5"],
        &["hold", "job", "n", "--breakaway", "perhaps"],
        &["hold", "job", "n", "--allow", "user:4711:read"],
        &["kill"],
        &["kill", ""],
        &["kill", "n", "--code", "256"],
        &["run"],
        &["run", "true"],
        &["run", "--"],
        &["run", "--job", "", "--", "true"],
        &["run", "--timeout", "0", "--", "true"],
        &["run", "--timeout", "5", "--", "true"],
        &["run", "--max-processes", "0", "--", "true"],
        &["run", "--memory", "4GB", "--", "true"],
        &["run", "--mode", "0660", "--", "true"],
        &["run", "--allow", "user:4711:use", "--", "true"],
        &["hold", "event"],
        &["hold", "event", ""],
        &["hold", "mutex", "n", "--mode", "0777"],
        &["hold", "semaphore", "n", "--max", "0"],
        &["hold", "semaphore", "n", "--max", "2147483648"],
        &["hold", "semaphore", "n", "--initial", "-1"],
        &["hold", "timer", "n", "--due", "soon"],
        &["hold", "timer", "n", "--every", "1s"],
        &["hold", "timer", "n", "--due", "1s", "--every", "0s"],
        &["set"],
        &["set", ""],
        &["release"],
        &["release", "n", "0"],
        &["release", "n", "many"],
        &["timer"],
        &["timer", "set", "n"],
        &["timer", "set", "n", "--due", "2030-01-31T12:00:00"],
        &["timer", "set", "n", "--due", "5"],
        &["timer", "cancel"],
        &["wait"],
        &["wait", ""],
        &["wait", "n", "--timeout", "5"],
        &["lock", "n"],
        &["lock", "n", "--"],
        &["lock", "n", "true"],
        &["lock", "", "--", "true"],
        &["lock", "n", "--timeout", "-1s", "--", "true"],
        &["sem", "n", "--", "true"],
        &["sem", "n", "--max", "0", "--", "true"],
        &["sem", "n", "--max", "129", "--", "true"],
        &["sem", "n", "--max", "1"],
        &["exec"],
        &["exec", "--inherit", "n"],
        &["exec", "--inherit", "", "--", "true"],
        &["exec", "--inherit", "n=", "--", "true"],
        &["exec", "--inherit", "=role", "--", "true"],
        &["exec", "--inherit", "n", "--access", "none", "--", "true"],
        &["exec", "--inherit", "n", "--access", "everything", "--", "true"],
        &["exec", "--claim", "token", "--", "true"],
        &["deposit"],
        &["deposit", ""],
        &["hold", "event", "n", "--allow", "4711:use"],
        &["hold", "event", "n", "--allow", "user:4711:read"],
        &["hold", "event", "n", "--allow", "user:no such user:use"],
        &["hold", "mapping", "n", "--size", "4K", "--allow", "group:4711:wait"],
        &["hold", "mapping", "n", "--size", "4K", "--allow", "everybody:4711:read"],
        &["hold", "mapping", "n", "--size", "many"],
        &["hold", "mapping", "n", "--size", "4KB"],
        &["hold", "mapping", "n", "--size", "4K", "--mode", "9"],
        &["hold", "mapping", "n", "--size", "4K", "--mode", "0777"],
        &["hold", "mapping", "n", "--size", "4K", "--file", "f", "--reserve"],
        &["hold", "mapping", "n", "--size", "4K", "--large-pages=huge"],
    ] {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn an_ambiguous_size_is_refused_with_the_remedy() {
    let output = Place::new().run(&["hold", "mapping", "n", "--size", "64MB"]);
    assert!(text(&output.stderr).contains("write M or MiB for units of 1024"), "{}", text(&output.stderr));
}

#[test]
fn a_time_without_a_unit_is_refused_with_the_remedy() {
    let output = Place::new().run(&["wait", "n", "--timeout", "5"]);
    let said = text(&output.stderr);
    assert!(said.contains("write a number and a unit: 5s, 100ms, 1m30s"), "{said}");
    let output = Place::new().run(&["timer", "set", "n", "--due", "tomorrow"]);
    assert!(text(&output.stderr).contains("2030-01-31T12:00:00+01:00"), "{}", text(&output.stderr));
}

#[test]
fn the_namespace_directory_comes_from_the_environment_as_well() {
    let place = Place::new();
    let _holder = place.hold(&["n", "--size", "4K"]);
    let stat = |directory| {
        Command::new(SHMOBJ).args(["stat", "n"]).env("SHMOBJ_DIR", directory).output().unwrap().status.code()
    };
    assert_eq!(stat(place.path()), Some(0));
    assert_eq!(stat(Place::new().path()), Some(1));
}

#[test]
fn help_tells_the_exit_codes_and_hides_what_is_not_for_users() {
    let help = text(&Place::new().stdout(&["--help"]));
    assert!(help.contains("Exit codes: 0 done, 1 error") && help.contains("124 a wait timed out"), "{help}");
    assert!(
        !help.contains("demo-") && !help.contains("run-inside") && !help.contains("completions"),
        "{help}"
    );
}

#[test]
fn completions_and_manual_pages_are_generated() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&place.stdout(&["completions", shell]));
        for word in
            "doctor semaphore manual-reset pulse cancel every timeout lock sem exec inherit allow run kill grace max-processes".split(' ')
        {
            assert!(script.contains(word), "{word} in {shell}");
        }
    }
    assert!(text(&place.stdout(&["man"])).contains(".TH shmobj"));
    let pages = place.file("man");
    fs::create_dir(&pages).unwrap();
    place.stdout(&["man", pages.to_str().unwrap()]);
    for page in
        "hold-mapping hold-timer hold-job set release timer-cancel wait lock sem exec run kill".split(' ')
    {
        assert!(pages.join(format!("shmobj-{page}.1")).exists(), "{page}");
    }
    let lock = fs::read_to_string(pages.join("shmobj-lock.1")).unwrap();
    assert!(lock.contains("SHMOBJ_ABANDONED") && lock.contains("PR_SET_PDEATHSIG"), "{lock}");
    let sem = fs::read_to_string(pages.join("shmobj-sem.1")).unwrap();
    assert!(sem.contains("SHMOBJ_SLOT") && sem.contains("slots have owners"), "{sem}");
}
