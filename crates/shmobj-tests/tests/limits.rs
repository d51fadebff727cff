//! Processes that may not have more: descriptors, and bytes in a file. What is refused is refused at once and wholly.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use shmobj::ErrorKind;
use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, value};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::{is_root_for, until};

/// What needs no patience takes less than this, on however loaded a machine; patience is longer.
const AT_ONCE: Duration = Duration::from_secs(4);

#[track_caller]
fn is_poor_but_not_confused(is_warm: bool) {
    let scratch = Scratch::new();
    let mut holder = puppet!("holder", &scratch);
    holder.does("create h there 4096");
    for left in 0..4 {
        for command in
            ["open h there rw", "create h there 4096", "create h fresh 4096", "create h fresh 4096 beside"]
        {
            let what = format!("`{command}` with {left} descriptors left");
            let mut poor = puppet!("poor", &scratch);
            if is_warm {
                poor.does("open w there rw");
                poor.does("close w");
            }
            poor.does(format!("descriptors-left {left}"));
            let since = Instant::now();
            let answer = poor.ask(command);
            assert!(since.elapsed() < AT_ONCE, "{what}: {:?}", since.elapsed());
            match answer {
                Ok(_) if left == 0 => panic!("{what} succeeded"),
                Ok(_) => {
                    poor.does("close h");
                }
                Err(refusal) => {
                    assert_eq!(refusal.kind, "NoResources", "{what}: {}", refusal.text);
                    assert_eq!(refusal.code, 1450, "{what}: {}", refusal.text);
                }
            }
            assert_eq!(scratch.files(), ["there"], "{what}");
            poor.does("descriptors-left all");
            poor.does(command);
            poor.does("close h");
            assert_eq!(scratch.files(), ["there"], "{what}, and then with enough");
        }
    }
    assert_eq!(value(&holder.does("create again there 4096"), "existed"), "true");
}

#[test]
fn without_descriptors_opens_and_creates_fail_at_once_and_work_again_afterwards() {
    is_poor_but_not_confused(true);
}

#[test]
fn without_descriptors_the_first_open_or_create_of_a_process_fails_in_the_same_way() {
    is_poor_but_not_confused(false);
}

const LINE: &[u8] = b"a line of somebody else's log\n";

/// Somebody who appends lines to a file all the time, until asked how many.
struct Appender {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Appender {
    fn start(path: &Path) -> Self {
        let mut file = OpenOptions::new().append(true).open(path).expect("the file");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut bytes = 0;
            while !stopped.load(Ordering::Relaxed) {
                // There may be no room for some time; a part of a line counts as well.
                bytes += file.write(&LINE[bytes % LINE.len()..]).unwrap_or(0);
                std::thread::sleep(Duration::from_micros(50));
            }
            bytes
        });
        Self { stop, thread }
    }

    fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("an appender")
    }
}

/// Extends a file in vain while somebody appends to it, and then while nobody does.
#[track_caller]
fn is_never_shortened(puppet: &mut Puppet, as_puppet_sees_it: &Path, path: &Path, bytes: u64, times: u32) {
    let extend = format!("create h n {bytes} file={}", as_puppet_sees_it.display());
    fs::write(path, LINE).expect("a file");
    let appender = Appender::start(path);
    // On a full file system there may be no room for a line again before all tries are over.
    let has_appended = || fs::metadata(path).is_ok_and(|file| file.len() > LINE.len() as u64);
    assert!(until(Duration::from_secs(30), has_appended), "nobody appended anything");
    for _ in 0..times {
        puppet.fails(&extend, ErrorKind::DiskFull);
    }
    let appended = appender.stop();
    let contents = fs::read(path).expect("the file");
    assert_eq!(contents.len(), LINE.len() + appended, "the file was cut, or is longer");
    let wrong = contents.iter().zip(LINE.iter().cycle()).position(|(found, expected)| found != expected);
    assert_eq!(wrong, None, "where the bytes are not what was appended");
    puppet.fails(&extend, ErrorKind::DiskFull);
    assert_eq!(fs::metadata(path).expect("the file").len(), contents.len() as u64);
}

#[test]
fn a_file_that_may_not_become_longer_is_never_made_shorter() {
    let scratch = Scratch::new();
    let elsewhere = Scratch::new();
    let path = elsewhere.file("log");
    let mut limited = puppet!("limited", &scratch);
    limited.does(format!("limit-file-size {}", 8 << 20));
    is_never_shortened(&mut limited, &path, &path, 16 << 20, 300);
    scratch.assert_empty("after refusals");
}

#[test]
fn a_file_on_a_full_file_system_is_never_made_shorter() {
    if !is_root_for("a_file_on_a_full_file_system_is_never_made_shorter") {
        return;
    }
    let scratch = Scratch::new();
    let small = Scratch::new();
    let mut owner = puppet!("owner of a small tmpfs", &scratch);
    owner.does(format!("private-tmpfs {} mode=700,size=16m", small.path().display()));
    let inside = small.file("log");
    let from_here = PathBuf::from(format!("/proc/{}/root{}", owner.pid(), inside.display()));
    is_never_shortened(&mut owner, &inside, &from_here, 32 << 20, 40);
    scratch.assert_empty("after refusals");
}
