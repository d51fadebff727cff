//! `shmobj doctor`.

use crate::support::{Place, text};

#[test]
fn the_doctor_says_of_each_check_what_it_is_and_what_to_do() {
    let place = Place::new();
    let output = place.run(&["doctor", "--json"]);
    let diagnosis: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = diagnosis["checks"].as_array().unwrap();
    assert!(checks.len() >= 27);
    for check in checks {
        for key in ["name", "status", "found", "meaning"] {
            assert!(check[key].as_str().is_some_and(|text| !text.is_empty()), "{key} of {check}");
        }
        let well = check["status"] == "ok";
        assert_eq!(check["remedy"].is_null(), well, "{check}");
    }
    let broken = checks.iter().any(|check| check["status"] == "broken");
    assert_eq!(output.status.code(), Some(i32::from(broken)));
    assert_eq!(diagnosis["status"] == "broken", broken);
}

#[test]
fn processes_that_meet_by_name_here_meet_for_the_doctor_as_well() {
    let place = Place::new();
    let diagnosis: serde_json::Value =
        serde_json::from_slice(&place.run(&["doctor", "--json"]).stdout).unwrap();
    for name in [
        "meeting_by_name",
        "waking_by_name",
        "killed_owner",
        "robust_lists",
        "memfd",
        "flock",
        "proc",
        "pid_namespace",
        "user_namespace",
    ] {
        let check = diagnosis["checks"].as_array().unwrap().iter().find(|check| check["name"] == name);
        assert_eq!(check.unwrap()["status"], "ok", "{check:?}");
    }
}

#[test]
fn the_doctor_leaves_the_place_as_it_was() {
    let place = Place::new();
    let later = place.path().join("made on first use");
    let output = std::process::Command::new(crate::support::SHMOBJ)
        .arg("--dir")
        .arg(&later)
        .arg("doctor")
        .output()
        .unwrap();
    assert!(text(&output.stdout).contains("made on first use"));
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}

#[test]
fn a_namespace_open_to_others_is_broken_and_the_doctor_ends_with_1() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let output = place.run(&["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    drop(reader);
    let unread = place.command(&["doctor"]).stdout(writer).output().unwrap();
    assert_eq!(unread.status.code(), Some(1), "also when nobody reads why");
    let stdout = text(&output.stdout);
    let line = stdout.lines().find(|line| line.contains("namespace_directory")).unwrap();
    assert!(line.starts_with("broken") && line.contains("others may remove what is in it"), "{stdout}");
    assert!(stdout.contains("-> chmod +t"), "{stdout}");
}

#[test]
fn the_doctor_says_what_keeps_jobs_together() {
    let place = Place::new();
    let jobs = |groups: &str| {
        let output = place.command(&["doctor", "--json"]).env("SHMOBJ_CGROUP", groups).output().unwrap();
        let diagnosis: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let checks = diagnosis["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == "jobs").unwrap().clone()
    };
    let check = jobs("");
    assert_eq!(check["status"], "degraded", "{check}");
    assert!(check["found"].as_str().unwrap().starts_with("guardians alone: "), "{check}");
    let diagnosis = place.run(&["doctor", "--json"]).stdout;
    let diagnosis: serde_json::Value = serde_json::from_slice(&diagnosis).unwrap();
    let check = diagnosis["checks"].as_array().unwrap().iter().find(|check| check["name"] == "jobs").unwrap();
    assert_ne!(check["status"], "broken", "{check}");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
}
