//! Section 23: stories of two processes, A and B. A is the test.

use shmobj::job::Notification;
use shmobj::transfer::{self, Deposit, InheritExt};
use shmobj::wait::{self, Waited, WaitedAll};
use shmobj::{Access, Allocation, FileMapping, Kind, Period, Protection, Reset, Timeout};

use crate::case::{Remark, Role, Test, role, test};
use crate::kinds;
use crate::looks::{count, is_set};
use crate::objects::{Objects, PAGE, code};
use crate::owners::{Owner, abandon, own};
use crate::process::{Cue, Process};
use crate::stage::Stage;
use crate::suite::file_changes::USER_MAPPED_FILE;
use crate::suite::members::{all_end, dismiss, member, started, stranger, survivors};
use crate::threads::{LONG, SHORT, Waiter};
use crate::touch;

pub(super) const TESTS: &[Test] = &[
    test!(["TS-1"], what_one_writes_the_other_reads_and_may_not_write),
    test!(["TS-2"], who_finds_memory_gets_its_size_whatever_was_asked_for),
    test!(["TS-3"], a_name_of_an_event_is_none_for_memory_until_it_is_free),
    test!(["TS-4"], a_view_outlives_the_name_and_is_not_its_next_object),
    test!(["TS-5"], unnamed_memory_is_inherited_if_that_is_said),
    test!(["TS-6"], a_duplicate_for_another_process_may_only_read),
    test!(["TS-7"], a_file_is_mapped_to_its_last_byte_and_not_beyond),
    test!(["TS-8"], an_empty_file_is_mapped_if_it_may_grow),
    test!(["TS-9"], a_mapped_file_cannot_be_made_shorter).but_linux(
        "lets it be made shorter; what then happens is told with the rows of section 12.3",
        "left: Ok(())",
    ),
    test!(["TS-10"], copies_keep_what_was_written_into_them),
    test!(["TS-11"], pages_are_committed_for_all_processes),
    test!(["TS-11"], a_page_that_nobody_committed_faults)
        .but_wine("does not fault: the page is there and zero", "was to fault: its role was over; 0"),
    test!(["TS-12"], who_comes_after_a_killed_owner_is_told_once),
    test!(["TS-13"], the_first_abandoned_mutex_is_taken_and_the_second_stays_abandoned),
    test!(["TS-14"], a_wait_for_all_reserves_nothing),
    test!(["TS-18"], a_periodic_timer_that_nobody_waited_for_passes_once),
    test!(["TS-19"], who_closes_a_job_ends_its_processes_and_their_children),
    test!(["TS-20"], a_job_tells_that_its_process_comes_and_goes),
    test!(["TS-24"], of_many_processes_exactly_one_creates),
    test!(["TS-26"], local_names_are_the_sessions_own),
    test!(["TS-27"], two_mappings_of_one_file_and_the_file_are_coherent),
    test!(["TS-28"], who_finds_read_only_memory_cannot_write_it)
        .but_wine("maps it for writing", "it came to 0 "),
    test!(["TS-29"], a_handle_that_may_only_write_maps_nothing_to_read),
];

pub(super) const ROLES: &[Role] = &[
    role!(reads),
    role!(creates_another),
    role!(reads_what_it_inherits),
    role!(claims),
    role!(reads_pages),
    role!(owns_three_times),
    role!(creates_local),
];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(&["TS-23"], "the owner cannot be shut out, and READ_CONTROL is no right of this library"),
    Remark::new(&["TS-21"], "a handle is closed by dropping it: there is no DUPLICATE_CLOSE_SOURCE"),
    Remark::new(&["TS-22"], "handles have no flags"),
    Remark::new(&["TS-25"], "it needs two sessions, and a user without a privilege"),
    Remark::new(&["TS-30"], "a view is a value, and all of it is unmapped when it is dropped"),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(
        &["TS-11"],
        "on Linux a view learns by copies what others have committed since it was mapped, and pointers may follow then",
    ),
    Remark::new(&["TS-24"], "there are 30 processes"),
];

fn text(mapping: &FileMapping) -> String {
    String::from_utf8(mapping.map().unwrap().read_vec(0, 2).unwrap()).unwrap()
}

fn write(mapping: &FileMapping, bytes: &[u8]) {
    mapping.map_mut().unwrap().write_at(0, bytes).unwrap();
}

fn what_one_writes_the_other_reads_and_may_not_write(stage: &Stage) {
    let mapping = stage.memory("S", PAGE as u64);
    write(&mapping, b"hi");
    let mut b = stage.child("reads", &["S"]);
    b.expect("hi");
    b.expect("5");
    b.tell("write");
    b.faults();
    assert_eq!(text(&mapping), "hi");
}

/// Reads memory of a name (argument 0), and says it; says what mapping it for writing comes to; and writes into the view all the same.
fn reads(cue: &Cue) {
    let mapping = cue.open(cue.argument(0), Access::READ).unwrap();
    cue.say(text(&mapping));
    cue.say(code(mapping.map_mut()).to_string());
    let view = mapping.map().unwrap();
    cue.hear();
    touch::write(view.as_ptr().cast_mut(), b'!');
    cue.say("it wrote");
}

fn who_finds_memory_gets_its_size_whatever_was_asked_for(stage: &Stage) {
    let _mapping = stage.memory("S", 2 * PAGE as u64);
    let mut b = stage.child("creates_another", &["S"]);
    b.expect("existed: true");
    b.expect("length 8192");
    b.expect("5");
}

/// Creates memory of a name (argument 0), and says what came of it.
fn creates_another(cue: &Cue) {
    let mapping = cue.memory(cue.argument(0), 65536);
    cue.say(format!("existed: {}", mapping.existed()));
    cue.say(format!("length {}", mapping.map_mut().unwrap().len()));
    cue.say(code(mapping.view().len(8193).map()).to_string());
}

fn a_name_of_an_event_is_none_for_memory_until_it_is_free(stage: &Stage) {
    let event = stage.event("S", Reset::Auto);
    stage.child("creates", &[Kind::FileMapping.as_str(), "S"]).expect("6");
    stage.child("opens", &[Kind::FileMapping.as_str(), "S"]).expect("6");
    drop(event);
    stage.child("opens", &[Kind::FileMapping.as_str(), "S"]).expect("2");
    stage.child("creates", &[Kind::FileMapping.as_str(), "S"]).expect("new");
}

fn a_view_outlives_the_name_and_is_not_its_next_object(stage: &Stage) {
    let mapping = stage.memory("S", PAGE as u64);
    let view = mapping.map_mut().unwrap();
    view.write_at(0, b"hi").unwrap();
    drop(mapping);
    stage.child("opens", &[Kind::FileMapping.as_str(), "S"]).expect("2");
    assert_eq!(view.read_vec(0, 2).unwrap(), b"hi");
    let mut b = stage.child("creates", &[Kind::FileMapping.as_str(), "S"]);
    b.expect("new");
    let other = stage.open("S", Access::READ_WRITE).unwrap();
    assert_eq!(text(&other), "\0\0");
    write(&other, b"ho");
    assert_eq!(view.read_vec(0, 2).unwrap(), b"hi");
}

fn unnamed_memory_is_inherited_if_that_is_said(stage: &Stage) {
    let mapping = stage.memory("", PAGE as u64);
    write(&mapping, b"hi");
    stage.child("reads_what_it_inherits", &[]).expect("2");
    let mut b = stage.child_with("reads_what_it_inherits", &[], |command| {
        command.inherit("memory", &mapping).unwrap();
    });
    b.expect("hi");
}

fn reads_what_it_inherits(cue: &Cue) {
    match transfer::inherited::<FileMapping>("memory") {
        Ok(mapping) => cue.say(text(&mapping)),
        Err(error) => cue.say(error.win32_code().to_string()),
    }
}

fn a_duplicate_for_another_process_may_only_read(stage: &Stage) {
    let mapping = stage.memory("", PAGE as u64);
    write(&mapping, b"hi");
    let reader = mapping.try_clone_with(Access::READ).unwrap();
    let deposit = Deposit::in_namespace(stage.namespace(), &reader).unwrap();
    let mut b = stage.child("claims", &[deposit.token()]);
    b.expect("hi");
    b.expect("5");
}

/// Claims memory (argument 0), reads it, and says what mapping it for writing comes to.
fn claims(cue: &Cue) {
    let mapping: FileMapping = transfer::claim_in(cue.namespace(), cue.argument(0)).unwrap();
    cue.say(text(&mapping));
    cue.say(code(mapping.map_mut()).to_string());
}

fn a_file_is_mapped_to_its_last_byte_and_not_beyond(stage: &Stage) {
    let file = stage.file("f", &[7; 5000]);
    let mapping = stage.mappings().file(&file).protection(Protection::ReadOnly).create("").unwrap();
    assert_eq!(mapping.size(), 5000);
    assert_eq!(mapping.map().unwrap().read_vec(0, 5000).unwrap(), [7; 5000]);
    assert_eq!(code(mapping.view().len(5000).map()), 0);
    assert_eq!(code(mapping.view().len(5001).map()), 5);
}

fn an_empty_file_is_mapped_if_it_may_grow(stage: &Stage) {
    let file = stage.file("f", b"");
    let create = |protection, size| {
        let options = stage.mappings().file(&file).protection(protection);
        code(if size > 0 { options.size(size) } else { options }.create(""))
    };
    assert_eq!(create(Protection::ReadOnly, 0), 1006);
    assert_eq!(create(Protection::ReadOnly, 1), 8);
    assert_eq!(stage.contents("f"), b"");
    assert_eq!(create(Protection::ReadWrite, 1), 0);
    assert_eq!(stage.contents("f").len(), 1);
}

fn a_mapped_file_cannot_be_made_shorter(stage: &Stage) {
    let file = stage.file("f", &[7; 3 * PAGE]);
    let mapping = stage.mappings().file(&file).create("").unwrap();
    let view = mapping.map().unwrap();
    drop(file);
    let shrink = || stage.reopened("f", true).set_len(PAGE as u64).map_err(|error| error.raw_os_error());
    assert_eq!(shrink(), Err(Some(USER_MAPPED_FILE)));
    drop(view);
    assert_eq!(shrink(), Err(Some(USER_MAPPED_FILE)));
    drop(mapping);
    assert_eq!(shrink(), Ok(()));
}

fn copies_keep_what_was_written_into_them(stage: &Stage) {
    let file = stage.file("f", &[0; PAGE]);
    let mapping = stage.mappings().file(&file).create("").unwrap();
    let [c1, c2] = [(); 2].map(|()| mapping.map_copy().unwrap());
    let shared = mapping.map_mut().unwrap();
    shared.write_at(0, &[1]).unwrap();
    c1.write_at(0, &[2]).unwrap();
    shared.write_at(0, &[3]).unwrap();
    assert_eq!((c1.read_vec(0, 1).unwrap(), c2.read_vec(0, 1).unwrap()), (vec![2], vec![3]));
    assert_eq!(stage.contents("f")[0], 3);
    c1.flush().unwrap();
    assert_eq!(stage.contents("f")[0], 3);
}

/// Reserved memory of which A has committed page 3, and B, who mapped it before that.
fn reserved(stage: &Stage) -> (FileMapping, Process) {
    let reserve = stage.mappings().size(65536).allocation(Allocation::Reserve);
    let mapping = reserve.create("S").unwrap();
    let mut b = stage.child("reads_pages", &["S"]);
    b.expect("mapped");
    let third = 3 * PAGE as u64;
    mapping.commit(third..third + PAGE as u64).unwrap();
    mapping.map_mut().unwrap().write_at(3 * PAGE, &[42]).unwrap();
    (mapping, b)
}

fn pages_are_committed_for_all_processes(stage: &Stage) {
    let (_mapping, mut b) = reserved(stage);
    assert_eq!(b.ask("copy 3"), "[42]");
    assert_eq!(b.ask("touch 3"), "42");
    assert_eq!(b.ask("copy 4"), "998");
}

fn a_page_that_nobody_committed_faults(stage: &Stage) {
    let (_mapping, mut b) = reserved(stage);
    b.tell("end with 4");
    b.faults();
}

/// Maps memory of a name (argument 0), and reads the first byte of the pages that it is told, by copying or by touching it, until
/// it is to end with one.
fn reads_pages(cue: &Cue) {
    let view = cue.open(cue.argument(0), Access::READ).unwrap().map().unwrap();
    cue.say("mapped");
    loop {
        let order = cue.hear();
        let (how, page) = order.rsplit_once(' ').unwrap();
        let offset = page.parse::<usize>().unwrap() * PAGE;
        cue.say(match how {
            "copy" => match view.read_vec(offset, 1) {
                Ok(copied) => format!("{copied:?}"),
                Err(error) => error.win32_code().to_string(),
            },
            _ => touch::read(view.as_ptr().wrapping_add(offset)).to_string(),
        });
        if how == "end with" {
            return;
        }
    }
}

fn who_comes_after_a_killed_owner_is_told_once(stage: &Stage) {
    let mutex = stage.mutex("M");
    let mut a = stage.child("owns_three_times", &["M"]);
    a.expect("owned");
    a.kill();
    assert_eq!(wait::one(&mutex, LONG).unwrap(), Waited::Abandoned(0));
    assert_eq!(wait::one(&mutex, LONG).unwrap(), Waited::Signaled(0));
    assert_eq!([code(mutex.release()), code(mutex.release()), code(mutex.release())], [0, 0, 288]);
}

/// Owns the mutex of the name (argument 0) until it is killed.
fn owns_three_times(cue: &Cue) {
    let mutex = cue.mutexes().open(cue.argument(0), Access::ALL).unwrap();
    (0..3).for_each(|_| own(&mutex));
    cue.say("owned");
    cue.hear();
}

fn the_first_abandoned_mutex_is_taken_and_the_second_stays_abandoned(stage: &Stage) {
    let [m0, m1, m2] = ["m0", "m1", "m2"].map(|name| stage.mutex(name));
    abandon(&[&m1, &m2], 1);
    std::thread::scope(|scope| {
        let owner = Owner::of(scope, [&m0]);
        assert_eq!(wait::any(&[&m0, &m1, &m2], LONG).unwrap(), Waited::Abandoned(1));
        owner.releases();
    });
    assert!(m2.lock().unwrap().is_abandoned());
}

fn a_wait_for_all_reserves_nothing(stage: &Stage) {
    let (semaphore, event) = (stage.semaphore("sem", 1, 1), stage.event("ev", Reset::Auto));
    std::thread::scope(|scope| {
        let first = Waiter::blocked(scope, || wait::all(&[&semaphore, &event], LONG).unwrap());
        assert!(semaphore.wait(Timeout::NOW).unwrap());
        event.set().unwrap();
        first.stays_blocked();
        semaphore.release(1).unwrap();
        assert_eq!(first.outcome(), WaitedAll::Signaled);
    });
    assert_eq!((count(&semaphore), is_set(&event)), (0, false));
}

/// A tick that comes between the two waits satisfies the second one, so this is about a period that is longer than that.
fn a_periodic_timer_that_nobody_waited_for_passes_once(stage: &Stage) {
    let timer = stage.timer("n", Reset::Auto);
    let period = 4 * SHORT;
    let passed_once = (0..20).any(|_| {
        timer.set(SHORT.into(), Some(Period::every(period))).unwrap();
        std::thread::sleep(3 * period);
        assert!(timer.wait(Timeout::NOW).unwrap());
        !timer.wait(Timeout::NOW).unwrap()
    });
    assert!(passed_once, "expiries add up");
}

fn of_many_processes_exactly_one_creates(stage: &Stage) {
    const PROCESSES: usize = 30;
    const ROUNDS: usize = 3;
    let start = || {
        let mut process = stage.child("creates_with_the_others", &["S"]);
        process.expect("ready");
        process
    };
    let mut processes: Vec<Process> = (0..PROCESSES).map(|_| start()).collect();
    for round in 0..ROUNDS {
        processes.iter_mut().for_each(|process| process.tell("create"));
        let said: Vec<String> = processes.iter_mut().map(Process::hear).collect();
        assert_eq!(said.iter().filter(|said| *said == "0").count(), 1, "round {round}: {said:?}");
        assert_eq!(
            said.iter().filter(|said| *said == "183").count(),
            PROCESSES - 1,
            "round {round}: {said:?}"
        );
        for (number, process) in processes.iter_mut().enumerate() {
            // All share the memory: each finds what the one before it has counted.
            assert_eq!(process.ask("count"), number.to_string(), "round {round}");
        }
        for process in &mut processes {
            assert_eq!(process.ask("close"), "closed");
        }
    }
}

fn who_closes_a_job_ends_its_processes_and_their_children(stage: &Stage) {
    let job = stage.jobs().kill_on_close(true).create("").unwrap();
    let mut processes = [member(stage, &job), member(stage, &job)];
    let mut pids: Vec<u32> = processes.iter_mut().map(|process| started(process, "start")).collect();
    pids.extend(processes.each_ref().map(Process::pid));
    assert_eq!(survivors(stage, &pids), 4);
    drop(job);
    all_end(stage, &pids);
}

fn a_job_tells_that_its_process_comes_and_goes(stage: &Stage) {
    let job = stage.job("");
    let notifications = job.notifications().unwrap();
    let mut process = stranger(stage);
    let pid = process.pid();
    job.assign(pid).unwrap();
    dismiss(&mut process);
    let told = [0; 3].map(|_| notifications.next(LONG).unwrap());
    let expected = [Notification::Started(pid), Notification::Ended(pid), Notification::Empty];
    assert_eq!(told, expected.map(Some));
    assert!(!job.wait(SHORT).unwrap());
}

fn local_names_are_the_sessions_own(stage: &Stage) {
    for kind in kinds::KINDS {
        let _x = kinds::create(stage, kind, "x").unwrap();
        let mut b = stage.child("creates_local", &[kind.as_str()]);
        b.expect("existed: true");
        b.expect("3");
    }
}

fn creates_local(cue: &Cue) {
    let kind = kinds::named(cue.argument(0));
    let local = kinds::create(cue, kind, "Local\\x").unwrap();
    cue.say(format!("existed: {}", kinds::existed(&local)));
    cue.say(code(kinds::create(cue, kind, "LOCAL\\x")).to_string());
}

fn two_mappings_of_one_file_and_the_file_are_coherent(stage: &Stage) {
    let file = stage.file("f", &[0; PAGE]);
    let again = stage.reopened("f", true);
    let one = stage.mappings().file(&file).create("").unwrap();
    let other = stage.mappings().file(&again).create("").unwrap();
    let (here, there) = (one.map_mut().unwrap(), other.map().unwrap());
    here.write_at(10, b"hi").unwrap();
    assert_eq!(there.read_vec(10, 2).unwrap(), b"hi");
    assert_eq!(&stage.contents("f")[10..12], b"hi");
}

fn who_finds_read_only_memory_cannot_write_it(stage: &Stage) {
    let read_only = stage.mappings().size(PAGE as u64).protection(Protection::ReadOnly);
    let _mapping = read_only.create("S").unwrap();
    let found = stage.memory("S", PAGE as u64);
    assert!(found.existed());
    let writing = code(found.map_mut());
    assert!(matches!(writing, 87 | 5), "it came to {writing} ");
    assert_eq!(code(found.map()), 0);
}

fn a_handle_that_may_only_write_maps_nothing_to_read(stage: &Stage) {
    let _mapping = stage.memory("n", PAGE as u64);
    let writer = stage.open("n", Access::WRITE).unwrap();
    assert_eq!([code(writer.map()), code(writer.map_copy()), code(writer.map_mut())], [5, 5, 0]);
}
