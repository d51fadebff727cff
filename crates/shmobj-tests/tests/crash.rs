//! A process is killed at every step of the protocol, in every operation that passes it. Then a fresh process looks.
//!
//! After each death: the name is usable again, whoever else holds the object notices nothing, at most the entry (and
//! the data file of an object that has one) is left, the memory is the kernel's, and a sweep leaves nothing at all.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use shmobj::ErrorKind;
use shmobj_tests::puppet::{Puppet, value};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::steps::{self, OF_NAMES as STEPS};
use shmobj_tests::system::who_has_memory;
use shmobj_tests::{puppet, random::unique};

#[test]
fn the_library_has_no_step_that_is_not_crashed_at() {
    let mut found = BTreeSet::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shmobj/src"), &mut |source| {
        for part in source.split("step(\"").skip(1) {
            found.insert(part.split('"').next().expect("a string ends").to_owned());
        }
    });
    // Those of data each have a test of their own here; those of sealing are crashed at in `frozen.rs`, those of
    // synchronization in `crash_sync`, those of transfers in `transfer_crash`, those of jobs in `jobs`.
    let known = STEPS.iter().chain(&steps::OF_DATA).chain(&steps::OF_SEALS).chain(&steps::OF_SYNCHRONIZATION);
    let known = known.chain(&steps::OF_TRANSFER).chain(&steps::OF_JOBS);
    let known: BTreeSet<String> = known.map(|&step| step.to_owned()).collect();
    assert_eq!(found, known, "steps in the sources, and steps that are crashed at");
}

fn visit(directory: &Path, look: &mut impl FnMut(&str)) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(directory).expect("the sources").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            visit(&path, look);
        } else {
            look(&std::fs::read_to_string(&path).expect("a source file"));
        }
    }
}

/// What the victim does when it dies.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Creates a name that is free.
    Create,
    /// Creates a name that a crash left behind.
    CreateOverGarbage,
    /// Opens a name that a crash left behind.
    OpenGarbage,
    /// Opens what another process holds.
    Open,
    /// Creates what another process holds.
    CreateExisting,
    /// Closes the last handle.
    CloseLast,
    /// Closes a handle while another process has one.
    CloseOneOfTwo,
    /// Reclaims what a crash left, in a sweep.
    Sweep,
}

impl Act {
    fn is_held_by_another(self) -> bool {
        matches!(self, Self::Open | Self::CreateExisting | Self::CloseOneOfTwo)
    }
}

#[derive(Clone, Copy, Debug)]
struct Sort {
    beside: bool,
    /// As if the file system had no O_TMPFILE.
    no_tmpfile: bool,
}

impl Sort {
    fn option(self) -> &'static str {
        if self.beside { "beside" } else { "" }
    }

    fn puppet(self, name: &str, scratch: &Scratch) -> Puppet {
        let mut puppet = puppet!(name, scratch);
        if self.no_tmpfile {
            puppet.does("force tmpfile");
        }
        puppet
    }
}

const SORTS: [Sort; 4] = [
    Sort { beside: false, no_tmpfile: false },
    Sort { beside: true, no_tmpfile: false },
    Sort { beside: false, no_tmpfile: true },
    Sort { beside: true, no_tmpfile: true },
];

/// Every step at which the act was crashed.
fn crash_everywhere(act: Act) -> BTreeSet<&'static str> {
    let mut reached = BTreeSet::new();
    for sort in SORTS {
        for step in STEPS {
            for next in ["open", "create", "gc"] {
                if !crash(act, sort, step, next) {
                    break; // this act does not pass this step
                }
                reached.insert(step);
            }
        }
    }
    reached
}

/// Whether the victim died.
fn crash(act: Act, sort: Sort, step: &str, next: &str) -> bool {
    let story = format!("{act:?}, {sort:?}: killed at `{step}`, then {next}");
    let scratch = Scratch::new();
    let name = format!("crash{:016x}", unique());
    let option = sort.option();
    let create = format!("create h {name} 8192 {option}");

    let mut holder = act.is_held_by_another().then(|| {
        let mut holder = sort.puppet("holder", &scratch);
        holder.does(&create);
        holder.does("map v h rw");
        holder.does("write v 0 alive");
        holder
    });
    if matches!(act, Act::CreateOverGarbage | Act::OpenGarbage | Act::Sweep) {
        let mut dead = sort.puppet("the one that crashed before", &scratch);
        dead.does(&create);
        dead.kill();
        assert_eq!(scratch.files().len(), 1 + usize::from(sort.beside), "{story}: the garbage");
    }
    let mut victim = sort.puppet("victim", &scratch);
    match act {
        Act::CloseLast => victim.does(&create),
        Act::CloseOneOfTwo => victim.does(format!("open h {name} rw")),
        _ => String::new(),
    };
    victim.does(format!("arm die 1 {step}"));
    let command = match act {
        Act::Create | Act::CreateOverGarbage | Act::CreateExisting => create.clone(),
        Act::Open | Act::OpenGarbage => format!("open h {name} rw"),
        Act::CloseLast | Act::CloseOneOfTwo => "close h".to_owned(),
        Act::Sweep => "gc".to_owned(),
    };
    if !victim.dies_of(&command) {
        return false;
    }

    let most = 1 + usize::from(sort.beside);
    let left = scratch.files();
    assert!(left.len() <= most, "{story}: left are {left:?}");
    match &mut holder {
        Some(holder) => check_alive(holder, &scratch, &name, &story),
        None => {
            assert_eq!(who_has_memory(&name), [0; 0], "{story}: memory");
            check_free(&scratch, &name, option, next, &story);
        }
    }
    drop(holder);
    puppet!("sweeper", &scratch).does("gc");
    scratch.assert_empty(&format!("({story}) after a sweep"));
    assert_eq!(who_has_memory(&name), [0; 0], "{story}: memory at the end");
    true
}

/// The object that another process holds is as it was.
fn check_alive(holder: &mut Puppet, scratch: &Scratch, name: &str, story: &str) {
    assert_eq!(holder.does("read v 0 5"), "alive", "{story}");
    let mut fresh = puppet!("fresh", scratch);
    let found = fresh.does(format!("create h {name} 4096"));
    assert_eq!(value(&found, "existed"), "true", "{story}: the held object is still found");
    fresh.does("map v h rw");
    fresh.does("write v 0 ALIVE");
    assert_eq!(holder.does("read v 0 5"), "ALIVE", "{story}: one memory");
    fresh.does("unmap v");
    fresh.does("close h");
    holder.does("unmap v");
    holder.does("close h");
    let left = scratch.files();
    assert!(left.iter().all(|file| file.starts_with(".shmobj-new.")), "{story}: left are {left:?}");
}

/// The name is free, whatever the fresh process does first.
fn check_free(scratch: &Scratch, name: &str, option: &str, next: &str, story: &str) {
    let mut fresh = puppet!("fresh", scratch);
    if next == "open" {
        fresh.fails(format!("open h {name} rw"), ErrorKind::NotFound);
        let left = scratch.files();
        assert!(left.iter().all(|file| file.starts_with(".shmobj-new.")), "{story}: left are {left:?}");
    }
    if next == "gc" {
        fresh.does("gc");
        scratch.assert_empty(&format!("({story})"));
    }
    let made = fresh.does(format!("create h {name} 8192 {option}"));
    assert_eq!(value(&made, "existed"), "false", "{story}: a new object");
    fresh.does("map v h rw");
    assert_eq!(fresh.does("zero v"), "true", "{story}: zero-filled");
    let mut other = puppet!("other", scratch);
    assert_eq!(value(&other.does(format!("open h {name} rw")), "existed"), "true", "{story}");
    other.does("map v h rw");
    other.does("write v 8000 both");
    assert_eq!(fresh.does("read v 8000 4"), "both", "{story}: one memory");
}

#[track_caller]
fn assert_reached(act: Act, expected: &[&str]) {
    let reached = crash_everywhere(act);
    for &step in expected {
        assert!(reached.contains(step), "{act:?} was never killed at `{step}`, only at {reached:?}");
    }
}

#[test]
fn killed_in_create() {
    assert_reached(Act::Create, &STEPS[..5]);
}

#[test]
fn killed_in_create_over_what_a_crash_left() {
    let steps = ["open: dead entry locked", "destroy: data file removed", "create: entry linked"];
    assert_reached(Act::CreateOverGarbage, &steps);
}

#[test]
fn killed_in_open_of_what_a_crash_left() {
    assert_reached(Act::OpenGarbage, &["open: dead entry locked", "destroy: data file removed"]);
}

#[test]
fn killed_in_open() {
    assert_reached(Act::Open, &["open: entry opened", "open: found held", "open: lock shared"]);
}

#[test]
fn killed_in_create_of_what_exists() {
    assert_reached(Act::CreateExisting, &["open: entry opened", "open: found held", "open: lock shared"]);
}

#[test]
fn killed_in_the_last_close() {
    assert_reached(Act::CloseLast, &STEPS[9..14]);
}

#[test]
fn killed_in_one_of_two_closes() {
    assert_reached(Act::CloseOneOfTwo, &STEPS[9..12]);
}

#[test]
fn killed_in_a_sweep() {
    assert_reached(Act::Sweep, &["destroy: data file removed"]);
}

#[test]
fn killed_in_a_commit_leaves_pages_that_can_be_committed_again() {
    for option in ["", "beside"] {
        let scratch = Scratch::new();
        let mut other = puppet!("other", &scratch);
        other.does(format!("create h n {} reserve {option}", 64 * 4096));
        other.does("map v h rw");
        other.does("commit h 16384 20480");
        other.does("write v 16384 kept");
        // The page in the middle is committed already, so there are two stretches: it dies in the second one.
        let mut victim = puppet!("victim", &scratch);
        victim.does("open h n rw");
        victim.does("arm die 2 commit: pages allocated");
        assert!(victim.dies_of("commit h 0 65536"), "it passed both stretches");
        assert_eq!(other.does("read v 0 1"), "\\u{0}", "the first stretch is committed");
        other.fails("read v 20480 1", ErrorKind::NotCommitted);
        other.does("commit h 0 65536");
        other.does("write v 65532 done");
        assert_eq!(other.does("read v 65532 4"), "done");
        assert_eq!(other.does("read v 16384 4"), "kept");
        other.fails("read v 65536 1", ErrorKind::NotCommitted);
    }
}

#[test]
fn killed_while_it_extends_a_file_leaves_the_file_as_it_was() {
    let scratch = Scratch::new();
    let path = scratch.path().join("file.data");
    std::fs::write(&path, "contents").expect("a file");
    let create = format!("create h n 8192 file={}", path.display());
    let mut victim = puppet!("victim", &scratch);
    victim.does("arm die 1 extend: allocated behind the end");
    assert!(victim.dies_of(&create), "it extended the file");
    assert_eq!(std::fs::read(&path).expect("the file"), b"contents");
    let mut fresh = puppet!("fresh", &scratch);
    assert_eq!(value(&fresh.does(&create), "existed"), "false");
    assert_eq!(std::fs::metadata(&path).expect("the file").len(), 8192);
}

#[test]
fn what_many_crashes_leave_is_one_entry() {
    let scratch = Scratch::new();
    for option in ["", "beside"] {
        for step in STEPS {
            let mut victim = puppet!("victim", &scratch);
            victim.does(format!("arm die 1 {step}"));
            if !victim.dies_of(format!("create h n 4096 {option}")) {
                victim.dies_of("close h");
            }
        }
    }
    let left = scratch.files();
    assert!(left.len() <= 2, "after crashes at all steps under one name: {left:?}");
}

#[test]
fn a_holder_that_is_killed_while_an_opener_looks_for_the_data_leaves_an_error_and_no_hang() {
    let scratch = Scratch::new();
    let mut holder = puppet!("holder", &scratch);
    holder.does("create h n 4096");
    let mut opener = puppet!("opener", &scratch);
    opener.does("arm pause=100 1 open: lock shared");
    opener.tell("open h n r");
    std::thread::sleep(std::time::Duration::from_millis(30));
    holder.kill();
    // The opener's own shared lock is the last; it finds no data, lets go, and finds the object dead.
    let refusal = opener.answer().expect_err("nobody has the memory any more");
    assert_eq!(refusal.kind, "NotFound", "{}", refusal.text);
    scratch.assert_empty("after the opener found the object dead");
}
