//! `shmobj hold mapping ... -- COMMAND`.

use std::process::Stdio;

use rustix::process::Signal;

use crate::support::{Place, SHMOBJ, piped, text};

fn hold<'a>(command: &[&'a str]) -> Vec<&'a str> {
    [&["hold", "mapping", "n", "--size", "4K", "--"], command].concat()
}

#[test]
fn hold_ends_as_its_command_ends() {
    let place = Place::new();
    for code in [0, 1, 7, 124, 255] {
        let script = format!("exit {code}");
        assert_eq!(place.run(&hold(&["sh", "-c", &script])).status.code(), Some(code));
    }
}

#[test]
fn a_command_that_a_signal_ends_is_128_and_the_signal() {
    let place = Place::new();
    assert_eq!(place.run(&hold(&["sh", "-c", "kill -KILL $$"])).status.code(), Some(137));
    assert_eq!(place.run(&hold(&["sh", "-c", "kill -TERM $$"])).status.code(), Some(143));
}

#[test]
fn stdout_is_the_commands_alone() {
    let place = Place::new();
    let output = place.run(&hold(&["echo", "mine"]));
    assert_eq!(text(&output.stdout), "mine\n");
    assert_eq!(text(&output.stderr), "holding file mapping \"n\" (4096 bytes, created)\n");
}

#[test]
fn the_command_finds_the_mapping_by_name() {
    let place = Place::new();
    let script = format!(r#"printf 'by name' | "{SHMOBJ}" write n && "{SHMOBJ}" read n --len 7"#);
    let output = place.run(&hold(&["sh", "-c", &script]));
    assert_eq!(text(&output.stdout), "by name", "{}", text(&output.stderr));
    assert!(place.error(&["stat", "n"]).contains("no object has this name"), "held after the command's end");
}

#[test]
fn a_command_that_cannot_be_run_is_126_and_one_that_is_not_there_127() {
    let place = Place::new();
    assert_eq!(place.run(&hold(&["/nowhere/to be found"])).status.code(), Some(127));
    let output = place.run(&hold(&["/"]));
    assert_eq!(output.status.code(), Some(126));
    assert!(text(&output.stderr).contains(r#"shmobj: cannot run "/""#), "{}", text(&output.stderr));
}

#[test]
fn a_signal_that_a_process_sends_is_passed_on_and_the_command_decides() {
    let place = Place::new();
    for (signal, name) in [(Signal::TERM, "TERM"), (Signal::INT, "INT"), (Signal::HUP, "HUP")] {
        let script = format!("trap 'exit 5' {name}; echo ready; while :; do sleep 0.02; done");
        let mut holder = piped(place.command(&hold(&["sh", "-c", &script])).stderr(Stdio::null()));
        assert_eq!(holder.line(), "ready");
        holder.signal(signal);
        assert_eq!(holder.wait().code(), Some(5), "{name}");
    }
}

#[test]
fn sigkill_of_hold_frees_the_name_though_the_command_goes_on() {
    let place = Place::new();
    let script = "echo $$; exec sleep 60";
    let mut holder = piped(place.command(&hold(&["sh", "-c", script])).stderr(Stdio::null()));
    let command: i32 = holder.line().parse().unwrap();
    holder.crash();
    let freed = place.run(&["stat", "n"]);
    let command = rustix::process::Pid::from_raw(command).unwrap();
    rustix::process::kill_process(command, Signal::KILL).expect("the command goes on");
    assert_eq!(freed.status.code(), Some(1), "{}", text(&freed.stdout));
}
