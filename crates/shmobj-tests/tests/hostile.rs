//! Entries, hints and neighbours that somebody made who means no good: each is a clear error, never a panic, a hang or
//! the loss of what somebody else put there.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode};
use shmobj::ErrorKind;
use shmobj_tests::entry::{self, Page};
use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, value};
use shmobj_tests::random::{Random, unique};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::{Pool, is_root_for, page_size, skip};

/// What may stand under a name although the library did not put it there.
fn oddities() -> Vec<(&'static str, Vec<u8>)> {
    let mut random = Random::new(unique());
    let mut noise = |length: usize| (0..length).map(|_| random.next_u64() as u8).collect::<Vec<u8>>();
    let good = Page::new("n").0;
    vec![
        ("an empty file", Vec::new()),
        ("one byte", noise(1)),
        ("63 random bytes", noise(63)),
        ("a random page", noise(page_size())),
        ("a random half of a megabyte", noise(500_000)),
        ("zeros", vec![0; page_size()]),
        ("text", b"important notes of somebody else\n".repeat(200)),
        ("the magic alone", good[..8].to_vec()),
        ("the magic and noise", [&good[..8], &noise(page_size() - 8)].concat()),
    ]
}

fn put(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("a file in the scratch");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("chmod");
}

/// Every way to use a name fails in the same way.
#[track_caller]
fn all_fail(puppet: &mut Puppet, what: &str, kind: ErrorKind) -> String {
    let mut text = String::new();
    for command in
        ["open h n r", "open h n rw", "create h n 4096", "create h n 4096 new", "create h n 4096 beside"]
    {
        match puppet.ask(command) {
            Ok(answer) => panic!("{what}: `{command}` answers {answer}"),
            Err(refusal) => {
                assert_eq!(refusal.kind, format!("{kind:?}"), "{what}, `{command}`: {}", refusal.text);
                text = refusal.text;
            }
        }
    }
    text
}

#[test]
fn files_of_strangers_are_corrupt_entries_and_stay() {
    let scratch = Scratch::new();
    for (what, bytes) in oddities() {
        for held in [false, true] {
            put(&scratch.file("n"), &bytes);
            let mut holder = puppet!("holder", &scratch);
            if held {
                holder.does(format!("lock {} sh", scratch.file("n").display()));
            }
            let mut victim = puppet!("victim", &scratch);
            let text = all_fail(&mut victim, what, ErrorKind::Corrupt);
            assert!(text.contains("remove it"), "{what}: {text}");
            victim.does("gc");
            victim.does("create other another-name 4096");
            assert_eq!(fs::read(scratch.file("n")).expect("still there"), bytes, "{what} was changed");
            fs::remove_file(scratch.file("n")).expect("still there");
            assert_eq!(
                value(&victim.does("create h n 4096"), "existed"),
                "false",
                "after {what} was removed"
            );
        }
    }
}

#[test]
fn a_truncated_entry_of_ours_is_corrupt_while_held_and_reclaimed_when_dead() {
    let scratch = Scratch::new();
    for length in [0, 8, 63, 64, 100, 1024, 4095] {
        let mut holder = puppet!("holder", &scratch);
        holder.does("create h n 4096");
        holder.does("map v h rw");
        let file = fs::OpenOptions::new().write(true).open(scratch.file("n")).expect("the entry");
        file.set_len(length).expect("truncated");
        let mut victim = puppet!("victim", &scratch);
        let what = format!("a held entry cut to {length} bytes");
        all_fail(&mut victim, &what, ErrorKind::Corrupt);
        holder.does("write v 0 fine");
        holder.kill();
        // The first 64 bytes never change their meaning: they are enough to reclaim it.
        if length >= 64 {
            assert_eq!(value(&victim.does("create h n 4096"), "existed"), "false", "{what}, and then dead");
            victim.does("close h");
        } else {
            all_fail(&mut victim, &what, ErrorKind::Corrupt);
            fs::remove_file(scratch.file("n")).expect("still there");
        }
        scratch.assert_empty(&what);
    }
}

#[test]
fn what_is_no_regular_file_is_a_corrupt_entry_and_stays() {
    let scratch = Scratch::new();
    let elsewhere = Scratch::new();
    let target = Page::new("n");
    put(&elsewhere.file("target"), &target.0);
    let path = scratch.file("n");
    let makers: [(&str, &dyn Fn()); 6] = [
        ("a symbolic link", &|| symlink(elsewhere.file("target"), &path).expect("symlink")),
        ("a dangling symbolic link", &|| symlink("nowhere", &path).expect("symlink")),
        ("a FIFO", &|| rustix::fs::mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).expect("mkfifo")),
        ("a directory", &|| fs::create_dir(&path).expect("mkdir")),
        ("a full directory", &|| fs::create_dir_all(path.join("below")).expect("mkdir")),
        ("a socket", &|| drop(UnixListener::bind(&path).expect("a socket"))),
    ];
    for (what, make) in makers {
        make();
        let mut victim = puppet!("victim", &scratch);
        all_fail(&mut victim, what, ErrorKind::Corrupt);
        victim.does("gc");
        victim.does("create other another-name 4096");
        let there = fs::symlink_metadata(&path).unwrap_or_else(|_| panic!("{what} was removed"));
        drop(victim);
        let removed = if there.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.expect("removable");
    }
    assert_eq!(fs::read(elsewhere.file("target")).expect("the link's target"), target.0);
}

#[test]
fn another_version_or_page_size_or_name_is_said() {
    let scratch = Scratch::new();
    let cases: [(&str, Page, &str); 7] = [
        ("version", Page::new("n").with(entry::AT_VERSION, &[9]), "version 9"),
        ("page size", Page::new("n").with(entry::AT_PAGE_SIZE, &[0, 0, 1]), "pages of 65536 bytes"),
        ("kind", Page::new("n").with(entry::AT_KIND, &[200]), "kind is impossible"),
        ("storage", Page::new("n").with(entry::AT_STORAGE, &[77]), "storage is impossible"),
        ("name", Page::new("m"), "another name"),
        ("name's length", Page::new("n").with(80, &[0xff, 0xff, 0xff, 0xff]), "name's length"),
        ("path's length", Page::new("n").with(84, &[0xff, 0xff, 0xff, 0xff]), "path's length"),
    ];
    for (what, page, expected) in cases {
        page.write(&scratch.file("n"));
        let mut holder = puppet!("holder", &scratch);
        holder.does(format!("lock {} sh", scratch.file("n").display()));
        let mut victim = puppet!("victim", &scratch);
        let text = all_fail(&mut victim, what, ErrorKind::Corrupt);
        assert!(text.contains(expected), "{what}: {text}");
        drop(holder);
        let _ = fs::remove_file(scratch.file("n"));
    }
}

#[test]
fn an_entry_that_another_version_left_is_reclaimed() {
    let scratch = Scratch::new();
    Page::new("n").with(entry::AT_VERSION, &[9]).write(&scratch.file("n"));
    let mut fresh = puppet!("fresh", &scratch);
    assert_eq!(value(&fresh.does("create h n 4096"), "existed"), "false");
}

#[test]
fn another_users_entry_is_access_denied_and_stays() {
    if !is_root_for("another_users_entry_is_access_denied_and_stays") {
        return;
    }
    const STRANGER: u32 = 12345;
    let scratch = Scratch::with_mode(0o1777);
    Page::new("n").write(&scratch.file("n"));
    chown(scratch.file("n"), Some(STRANGER), Some(STRANGER)).expect("chown");
    let mut user = puppet!("user", &scratch);
    user.does("become 54321");
    let text = all_fail(&mut user, "another user's entry", ErrorKind::AccessDenied);
    assert!(text.contains("another user"), "{text}");
    // Readable to all, and nobody holds it: only its owner may remove it.
    fs::set_permissions(scratch.file("n"), fs::Permissions::from_mode(0o644)).expect("chmod");
    user.fails("open h n r", ErrorKind::NotFound);
    let text = user.fails("create h n 4096", ErrorKind::AccessDenied).text;
    assert!(text.contains("12345") && text.contains("gc"), "{text}");
    user.does("gc");
    assert_eq!(scratch.files(), ["n"]);
    // Its owner may.
    let mut owner = puppet!("owner", &scratch);
    owner.does(format!("become {STRANGER}"));
    assert_eq!(value(&owner.does("create h n 4096"), "existed"), "false");
}

/// A living object whose creator leaves no hint; the test writes hints of its own.
fn without_hints(scratch: &Scratch) -> Puppet {
    let mut holder = puppet!("holder", scratch);
    holder.does("force hints");
    holder.does("create h n 4096");
    holder.does("map v h rw");
    holder.does("write v 0 found");
    holder
}

#[track_caller]
fn is_found(scratch: &Scratch, what: &str) {
    let since = Instant::now();
    let mut opener = puppet!("opener", scratch);
    opener.does("open h n rw");
    opener.does("map v h rw");
    assert_eq!(opener.does("read v 0 5"), "found", "{what}");
    assert!(since.elapsed() < Duration::from_secs(3), "{what}: {:?}", since.elapsed());
}

#[test]
fn hints_that_lead_elsewhere_cost_a_scan_and_nothing_else() {
    use std::os::fd::AsRawFd;
    let scratch = Scratch::new();
    let elsewhere = Scratch::new();
    let holder = without_hints(&scratch);
    let fifo = elsewhere.file("fifo");
    rustix::fs::mkfifoat(CWD, &fifo, Mode::RUSR | Mode::WUSR).expect("mkfifo");
    // Opened for both, so that this does not wait; who opens it for reading alone would find a writer only here.
    let open_fifo = fs::OpenOptions::new().read(true).write(true).open(&fifo).expect("a FIFO");
    put(&elsewhere.file("other"), &[7; 4096]);
    let other = fs::File::open(elsewhere.file("other")).expect("a file");
    let null = fs::File::open("/dev/null").expect("/dev/null");
    let me = std::process::id();
    let cases = [
        ("a FIFO", me, open_fifo.as_raw_fd() as u32),
        ("another file", me, other.as_raw_fd() as u32),
        ("a device", me, null.as_raw_fd() as u32),
        ("a process that does not exist", 4_194_303, 3),
        ("the holder, and a descriptor that it does not have", holder.pid(), 9999),
        ("the holder, and its input", holder.pid(), 0),
        ("impossible numbers", u32::MAX, u32::MAX),
    ];
    for (what, pid, fd) in cases {
        entry::scrawl(&scratch.file("n"), entry::AT_HINTS, &entry::hints(pid, fd));
        is_found(&scratch, what);
    }
    let mut random = Random::new(unique());
    for _ in 0..5 {
        let noise: Vec<u8> = (0..64).flat_map(|_| random.next_u64().to_le_bytes()).collect();
        entry::scrawl(&scratch.file("n"), entry::AT_HINTS, &noise);
        is_found(&scratch, "64 random hints");
    }
    assert_eq!(fs::read(elsewhere.file("other")).expect("a file"), [7; 4096]);
}

#[test]
fn a_hint_to_a_fifo_without_a_writer_does_not_hang() {
    use std::os::fd::AsRawFd;
    let scratch = Scratch::new();
    let elsewhere = Scratch::new();
    let holder = without_hints(&scratch);
    rustix::fs::mkfifoat(CWD, elsewhere.file("fifo"), Mode::RUSR | Mode::WUSR).expect("mkfifo");
    let mut options = fs::OpenOptions::new();
    let reader = options.read(true).custom_flags(libc::O_NONBLOCK).open(elsewhere.file("fifo"));
    let reader = reader.expect("a FIFO without a writer");
    let hints = entry::hints(std::process::id(), reader.as_raw_fd() as u32);
    entry::scrawl(&scratch.file("n"), entry::AT_HINTS, &hints);
    is_found(&scratch, "a FIFO without a writer");
    drop(holder);
}

#[test]
fn an_entry_whose_data_were_exchanged_is_never_opened_with_the_wrong_memory() {
    use std::os::unix::fs::MetadataExt;
    let scratch = Scratch::new();
    let mut one = puppet!("one", &scratch);
    one.does("create h n 4096");
    let mut two = puppet!("two", &scratch);
    two.does("create h other 4096");
    let page_of = |name: &str| fs::read(scratch.file(name)).expect("an entry");
    let (n, other) = (page_of("n"), page_of("other"));
    // n now claims the memory of `other`, by inode and with its hints, but with its own id.
    entry::scrawl(&scratch.file("n"), entry::AT_DATA, &other[entry::AT_DATA..entry::AT_DATA + 16]);
    entry::scrawl(&scratch.file("n"), entry::AT_HINTS, &other[entry::AT_HINTS..1024]);
    let mut victim = puppet!("victim", &scratch);
    let since = Instant::now();
    victim.fails("open h n rw", ErrorKind::Unreachable);
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    entry::scrawl(&scratch.file("n"), entry::AT_DATA, &n[entry::AT_DATA..entry::AT_DATA + 16]);
    victim.does("open h n rw");
    assert!(fs::metadata(scratch.file("n")).expect("the entry").nlink() == 1);
}

/// The name of the memfd that a process has, as it was given to the kernel.
fn memfd_name(pid: u32) -> String {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors").flatten();
    let mut targets = links.filter_map(|link| fs::read_link(link.path()).ok());
    let link = targets.find_map(|target| Some(target.to_str()?.strip_prefix("/memfd:")?.to_owned()));
    link.expect("a memfd").trim_end_matches(" (deleted)").to_owned()
}

#[test]
fn memory_that_was_exchanged_for_memory_that_can_be_cut_is_corrupt() {
    use rustix::fs::{MemfdFlags, SealFlags};
    use std::os::fd::AsRawFd;
    let scratch = Scratch::new();
    let mut holder = puppet!("holder", &scratch);
    holder.does("create h n 8192");
    let name = memfd_name(holder.pid());
    for (what, bytes, seals) in [
        ("not sealed", 8192, SealFlags::empty()),
        ("sealed only against growing", 8192, SealFlags::GROW),
        ("too small", 4096, SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL),
    ] {
        let fake = rustix::fs::memfd_create(&*name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING);
        let fake = fake.expect("a memfd");
        rustix::fs::fchmod(&fake, Mode::RUSR | Mode::WUSR).expect("chmod");
        rustix::fs::ftruncate(&fake, bytes).expect("a size");
        rustix::fs::fcntl_add_seals(&fake, seals).expect("seals");
        let stat = rustix::fs::fstat(&fake).expect("fstat");
        let key = [stat.st_dev.to_le_bytes(), stat.st_ino.to_le_bytes()].concat();
        entry::scrawl(&scratch.file("n"), entry::AT_DATA, &key);
        let hints = entry::hints(std::process::id(), fake.as_raw_fd() as u32);
        entry::scrawl(&scratch.file("n"), entry::AT_HINTS, &hints);
        let mut victim = puppet!("victim", &scratch);
        let text = victim.fails("open h n rw", ErrorKind::Corrupt).text;
        assert!(text.contains("data"), "{what}: {text}");
    }
}

/// What an entry may say of its memory, while that is made of large pages: how it is created, and the sort of storage.
const OTHER_THAN_LARGE: [(&str, &str, u32); 4] = [
    ("ordinary memory", "", 1),
    ("memory with transparent huge pages", "transparent", 1),
    ("reserved memory", "reserve", 1),
    ("a file", "", 2),
];

#[test]
fn large_pages_behind_an_entry_that_does_not_say_so_are_corrupt_and_harm_nobody() {
    use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};
    use std::os::fd::AsRawFd;
    const LARGE: u64 = 2 << 20;
    let test = "large_pages_behind_an_entry_that_does_not_say_so_are_corrupt_and_harm_nobody";
    if !is_root_for(test) {
        return;
    }
    let Some(pool) = Pool::take() else {
        return skip(test, "this system has no pool of 2 MiB pages");
    };
    for empty in [true, false] {
        let ready = if empty { pool.is_unused() && pool.set(0) } else { pool.set(8) && pool.free() > 0 };
        if !ready {
            skip(test, if empty { "the pool is in use" } else { "no large pages could be had" });
            continue;
        }
        for (what, option, storage) in OTHER_THAN_LARGE {
            let scratch = Scratch::new();
            let mut holder = puppet!("holder", &scratch);
            holder.does(format!("create h n 4096 {option}"));
            let page = fs::read(scratch.file("n")).expect("the entry");
            let id = &page[entry::AT_ID..entry::AT_ID + 8];
            let half: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
            let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB;
            let Ok(fake) = rustix::fs::memfd_create(format!("shmobj:{half}:n"), flags) else {
                return skip(test, "this system has no memfd of large pages");
            };
            rustix::fs::ftruncate(&fake, LARGE).expect("a size");
            if !empty {
                rustix::fs::fallocate(&fake, FallocateFlags::empty(), 0, LARGE).expect("a large page");
            }
            rustix::fs::fcntl_add_seals(&fake, SealFlags::SHRINK).expect("seals");
            let stat = rustix::fs::fstat(&fake).expect("fstat");
            let key = [stat.st_dev.to_le_bytes(), stat.st_ino.to_le_bytes()].concat();
            entry::scrawl(&scratch.file("n"), entry::AT_DATA, &key);
            entry::scrawl(&scratch.file("n"), entry::AT_STORAGE, &storage.to_le_bytes());
            let hints = entry::hints(std::process::id(), fake.as_raw_fd() as u32);
            entry::scrawl(&scratch.file("n"), entry::AT_HINTS, &hints);
            let mut victim = puppet!("victim", &scratch);
            victim.does("ballast 8");
            for command in ["open h n r", "open h n rw", "create h n 4096"] {
                let text = victim.fails(command, ErrorKind::Corrupt).text;
                assert!(text.contains("pages"), "{what}, empty pool: {empty}: {text}");
            }
            assert_eq!(victim.does("ballast changed"), "0", "{what}, empty pool: {empty}");
            victim.does("create other another-name 4096");
            victim.does("map v other rw");
            victim.does("write v 0 fine");
        }
    }
}

#[test]
fn ordinary_pages_behind_an_entry_that_says_large_ones_are_corrupt() {
    const LARGE_PAGES: u32 = 2;
    let scratch = Scratch::new();
    let mut holder = puppet!("holder", &scratch);
    holder.does("create h n 4194304");
    entry::scrawl(&scratch.file("n"), entry::AT_FLAGS, &LARGE_PAGES.to_le_bytes());
    let mut victim = puppet!("victim", &scratch);
    let text = victim.fails("open h n rw", ErrorKind::Corrupt).text;
    assert!(text.contains("pages"), "{text}");
}

#[test]
fn a_data_file_that_was_exchanged_is_an_error() {
    let scratch = Scratch::new();
    let mut holder = puppet!("holder", &scratch);
    holder.does("create h n 4096 beside");
    let files = scratch.files();
    let data = files.iter().find(|file| file.starts_with(".shmobj-data.")).expect("a data file");
    fs::remove_file(scratch.file(data)).expect("the data file");
    put(&scratch.file(data), &[9; 4096]);
    let mut victim = puppet!("victim", &scratch);
    victim.fails("open h n rw", ErrorKind::Unreachable);
    fs::remove_file(scratch.file(data)).expect("the wrong data file");
    symlink("/etc/hostname", scratch.file(data)).expect("symlink");
    victim.fails("open h n r", ErrorKind::Unreachable);
    // Cut short below everybody.
    let mut second = puppet!("second", &scratch);
    second.does("create h m 8192 beside");
    let data =
        scratch.files().into_iter().find(|file| file.starts_with(".shmobj-data.") && !files.contains(file));
    let file =
        fs::OpenOptions::new().write(true).open(scratch.file(&data.expect("a data file"))).expect("open");
    file.set_len(100).expect("truncated");
    victim.fails("open h m r", ErrorKind::Corrupt);
}

#[test]
fn a_process_that_keeps_an_entry_locked_exclusively_costs_an_error_after_some_seconds() {
    let scratch = Scratch::new();
    Page::new("n").write(&scratch.file("n"));
    let mut hostile = puppet!("hostile", &scratch);
    hostile.does(format!("lock {} ex", scratch.file("n").display()));
    let mut victims: Vec<Puppet> =
        (0..4).map(|number| puppet!(&format!("victim {number}"), &scratch)).collect();
    let since = Instant::now();
    for (victim, command) in victims.iter_mut().zip(["open h n r", "create h n 4096", "create h n 4096 new"])
    {
        victim.tell(command);
    }
    victims[3].does("create h other 4096"); // nothing but that one name is disturbed
    victims[3].does("gc");
    for victim in &mut victims[..3] {
        let refusal = victim.answer().expect_err("locked");
        assert_eq!(refusal.kind, "Unreachable", "{}", refusal.text);
        assert!(refusal.text.contains("/proc/locks"), "{}", refusal.text);
    }
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
    hostile.kill();
    victims[0].does("create h n 4096");
}

#[test]
fn an_entry_with_another_hard_link_is_found_while_held_and_its_name_freed_when_dead() {
    let scratch = Scratch::new();
    let mut holder = puppet!("holder", &scratch);
    holder.does("create h n 4096");
    fs::hard_link(scratch.file("n"), scratch.file("m")).expect("a hard link");
    let mut other = puppet!("other", &scratch);
    assert_eq!(value(&other.does("create h n 4096"), "existed"), "true");
    puppet!("third", &scratch).fails("open h m r", ErrorKind::Corrupt); // the entry of another name
    other.does("gc");
    assert_eq!(scratch.files(), ["m", "n"], "a held object loses none of its names");
    other.kill();
    holder.kill();
    let mut fresh = puppet!("fresh", &scratch);
    fresh.fails("open h n r", ErrorKind::NotFound);
    assert_eq!(value(&fresh.does("create h n 4096"), "existed"), "false");
    fresh.does("gc");
    assert_eq!(scratch.files(), ["n"], "the other link is what a crash leaves");
}

#[test]
fn an_entry_under_another_name_is_corrupt_also_for_a_process_that_holds_the_object() {
    let scratch = Scratch::new();
    let mut holder = puppet!("holder", &scratch);
    holder.does("create h n 4096");
    fs::hard_link(scratch.file("n"), scratch.file("m")).expect("a hard link");
    all_fail_as(&mut holder, "m", ErrorKind::Corrupt);
}

#[track_caller]
fn all_fail_as(puppet: &mut Puppet, name: &str, kind: ErrorKind) {
    for command in [format!("open x {name} r"), format!("create x {name} 4096")] {
        puppet.fails(command, kind);
    }
}

#[test]
fn a_page_full_of_lies_costs_errors_and_nothing_else() {
    let scratch = Scratch::new();
    let mut holder = puppet!("holder", &scratch);
    holder.does("create h n 4096");
    holder.does("map v h rw");
    holder.does("write v 0 mine");
    let mut users: Vec<Puppet> = (0..3).map(|number| puppet!(&format!("user {number}"), &scratch)).collect();
    for user in &mut users {
        user.tell("churn n 2500");
    }
    let mut hostile = puppet!("hostile", &scratch);
    let good = fs::read(scratch.file("n")).expect("the entry");
    let end = Instant::now() + Duration::from_millis(2000);
    while Instant::now() < end {
        hostile.does(format!("scribble {} 20", scratch.file("n").display()));
        entry::scrawl(&scratch.file("n"), 0, &good);
        std::thread::sleep(Duration::from_millis(30));
    }
    for user in &mut users {
        let counts = user.answer().expect("counts");
        assert!(value(&counts, "done") != "0" && counts.contains("Corrupt="), "{counts}");
    }
    assert_eq!(holder.does("read v 0 4"), "mine");
    puppet!("late", &scratch).does("open h n rw");
    holder.does("unmap v");
    holder.does("close h");
    scratch.assert_empty("after the last handle was closed");
}
