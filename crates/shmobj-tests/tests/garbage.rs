//! Garbage under random names: those who crash never use their names again, so somebody else has to reclaim them.

use std::fs::File;
use std::os::unix::fs::symlink;

use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, number, value};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::note;

/// How many entries are there, without data files.
fn entries(scratch: &Scratch) -> usize {
    scratch.files().iter().filter(|file| !file.starts_with('.')).count()
}

#[test]
fn what_600_crashes_leave_under_random_names_is_reclaimed_by_those_who_come_after() {
    let scratch = Scratch::new();
    let mut puppet = puppet!("litterer", &scratch);
    let mut most = 0;
    for _ in 0..6 {
        puppet.does("litter crash 100");
        most = most.max(entries(&scratch));
    }
    note(&format!("of 600 crashed objects at most {most} entries were left at a time"));
    assert!(most < 150, "{most} entries of 600 crashes");
}

#[test]
fn data_files_of_crashed_objects_are_reclaimed_as_well() {
    let scratch = Scratch::new();
    let mut puppet = puppet!("litterer", &scratch);
    puppet.does("litter crash 300 beside");
    let left = scratch.files();
    let data = left.iter().filter(|file| file.starts_with(".shmobj-data.")).count();
    assert_eq!(data, left.len() - data, "a data file for each entry, and no other: {left:?}");
    assert!(left.len() < 300, "{} files of 300 crashes", left.len());
    puppet.does("gc");
    scratch.assert_empty("after a sweep");
}

#[test]
fn garbage_stays_bounded_also_among_2000_live_objects() {
    const LIVE: usize = 2000;
    let scratch = Scratch::new();
    let mut holders: Vec<Puppet> =
        (0..4).map(|number| puppet!(&format!("holder {number}"), &scratch)).collect();
    for (number, holder) in holders.iter_mut().enumerate() {
        holder.tell(format!("many live{number} {}", LIVE / 4));
    }
    for holder in &mut holders {
        holder.answer().expect("500 objects");
    }
    let mut litterer = puppet!("litterer", &scratch);
    let mut counts = Vec::new();
    for _ in 0..8 {
        litterer.does("litter crash 150");
        counts.push(entries(&scratch) - LIVE);
    }
    note(&format!("garbage among {LIVE} live objects after every 150 crashes: {counts:?}"));
    assert!(*counts.last().expect("counts") < 900, "garbage of 1200 crashes: {counts:?}");
    let swept = litterer.does("gc");
    assert_eq!(number(&swept, "held"), LIVE as u64, "{swept}");
    assert_eq!(entries(&scratch), LIVE);
    for (number, holder) in holders.iter_mut().enumerate() {
        for object in [0, LIVE / 4 - 1] {
            let found = holder.does(format!("create h live{number}-{object} 4096"));
            assert_eq!(value(&found, "existed"), "true", "a live object was swept away");
        }
    }
}

/// A process that holds many objects. When it is killed, all of them are garbage at once.
fn holder_of(count: usize, prefix: &str, scratch: &Scratch) -> Puppet {
    let mut holder = puppet!(&format!("holder of {prefix}"), scratch);
    holder.does(format!("many {prefix} {count}"));
    holder
}

#[test]
fn one_process_that_goes_on_creating_reclaims_all() {
    let scratch = Scratch::new();
    holder_of(500, "doomed", &scratch).kill();
    assert_eq!(entries(&scratch), 500);
    let mut worker = puppet!("worker", &scratch);
    for _ in 0..60 {
        worker.does("create h n 4096");
        worker.does("close h");
    }
    assert_eq!(scratch.files(), [""; 0], "after 60 creates and closes by one process");
}

#[test]
fn a_thousand_dead_among_a_thousand_living_become_fewer_by_processes_that_create_once_and_crash() {
    let scratch = Scratch::new();
    let _before = holder_of(500, "before", &scratch);
    let doomed = holder_of(1000, "doomed", &scratch);
    let _after = holder_of(500, "after", &scratch);
    doomed.kill();
    let mut counts = vec![entries(&scratch) - 1000];
    let mut litterer = puppet!("litterer", &scratch);
    for _ in 0..6 {
        litterer.does("litter crash 100");
        counts.push(entries(&scratch) - 1000);
    }
    note(&format!("garbage among 1000 live objects after every 100 single creates: {counts:?}"));
    // Each of the 600 died as well: it has to reclaim more than one for the garbage to become less.
    assert!(counts[0] == 1000 && *counts.last().expect("counts") < 850, "{counts:?}");
    assert_eq!(number(&litterer.does("gc"), "held"), 1000);
}

#[test]
fn collect_garbage_counts_what_it_finds() {
    let scratch = Scratch::new();
    let mut holder = puppet!("holder", &scratch);
    holder.does("many live 7");
    let mut dead = puppet!("dead", &scratch);
    for number in 0..5 {
        dead.does(format!("create h{number} dead{number} 4096"));
    }
    dead.does("create b dead-beside 4096 beside");
    dead.kill();
    for number in 0..3 {
        std::fs::write(scratch.file(&format!("foreign{number}")), "notes").expect("a file");
    }
    std::fs::create_dir(scratch.file("directory")).expect("a directory");
    let mut sweeper = puppet!("sweeper", &scratch);
    let swept = sweeper.does("gc");
    let counts = ["reclaimed", "held", "foreign", "not_permitted"].map(|key| number(&swept, key));
    assert_eq!(counts, [6, 7, 3, 0], "{swept}");
    let swept = sweeper.does("gc");
    assert_eq!(["reclaimed", "held", "foreign"].map(|key| number(&swept, key)), [0, 7, 3], "{swept}");
    assert_eq!(scratch.files().len(), 7 + 3 + 1);
}

#[test]
fn garbage_among_a_hundred_thousand_names_of_strangers_is_reclaimed_over_time() {
    const STRANGERS: usize = 100_000;
    const DEAD: usize = 50;
    let scratch = Scratch::new();
    let doomed = holder_of(DEAD, "doomed", &scratch);
    for number in 0..STRANGERS {
        // Of every sort that the look at a directory tells by the name or by the kind of file.
        match number % 4 {
            0 => symlink("nowhere", scratch.file(&format!("link{number}"))).expect("a symbolic link"),
            _ => drop(File::create(scratch.file(&format!(".hidden{number}"))).expect("a file")),
        }
    }
    doomed.kill();
    let mut worker = puppet!("worker", &scratch);
    let left = || (0..DEAD).filter(|number| scratch.file(&format!("doomed-{number}")).exists()).count();
    let mut counts = vec![left()];
    for _ in 0..20 {
        let did = worker.does("churn n 400");
        // Half of the time it opens what nobody has.
        let good = did.split(' ').all(|count| count.starts_with("done=") || count.starts_with("NotFound="));
        assert!(good && number(&did, "done") > 0, "{did}");
        counts.push(left());
        if counts.last() == Some(&0) {
            break;
        }
    }
    note(&format!("dead objects among {STRANGERS} names, after every 400 ms of creates: {counts:?}"));
    assert_eq!(counts.last(), Some(&0), "{counts:?}");
    assert_eq!(scratch.files().len(), STRANGERS, "what is not ours stays");
}
