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
        &["hold", "event", "n"],
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
    assert!(help.contains("Exit codes: 0 done, 1 error"), "{help}");
    assert!(!help.contains("demo-peer") && !help.contains("completions"), "{help}");
}

#[test]
fn completions_and_manual_pages_are_generated() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(text(&place.stdout(&["completions", shell])).contains("doctor"), "{shell}");
    }
    assert!(text(&place.stdout(&["man"])).contains(".TH shmobj"));
    let pages = place.file("man");
    fs::create_dir(&pages).unwrap();
    place.stdout(&["man", pages.to_str().unwrap()]);
    assert!(pages.join("shmobj-hold-mapping.1").exists());
}
