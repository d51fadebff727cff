//! Section 6.3: memory and files, and how long they are.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use shmobj::{Access, Allocation, FileMapping, Protection};

use crate::case::{Remark, Role, Test, role, test, windows_test};
use crate::objects::{Objects, PAGE, code, pattern};
use crate::process::Cue;
use crate::stage::Stage;

pub(super) const TESTS: &[Test] = &[
    test!(["CF-1"], memory_needs_a_size),
    test!(["CF-2"], memory_starts_as_zeros),
    windows_test!(["CF-5"], a_handle_of_another_kind_is_6),
    test!(["CF-6"], memory_is_rounded_up_to_whole_pages),
    test!(["CF-7"], more_memory_than_there_is_cannot_be_committed)
        .but_wine("counts nothing, and makes it", "left: 0\n right: 1455"),
    test!(["CF-8"], more_memory_than_can_be_addressed_is_8),
    test!(["CF-8"], the_largest_number_is_no_size)
        .but_wine("rounds -1 up to nothing, and makes that", "left: 0\n right: 8"),
    test!(["CF-10"], a_file_is_mapped_at_its_exact_length),
    test!(["CF-11"], an_empty_file_needs_a_size),
    test!(["CF-12"], a_smaller_size_maps_a_prefix_and_is_not_rounded),
    test!(["CF-13"], a_larger_size_extends_the_file_at_once),
    test!(["CF-14"], who_only_reads_cannot_extend_a_file),
    test!(["CF-15"], who_only_reads_cannot_extend_an_empty_file),
    test!(["CF-16"], a_file_longer_than_the_disk_is_112)
        .but_wine("extends it with a hole, as Linux lets it", "left: 0\n right: 112"),
    test!(["CF-17"], a_file_longer_than_any_is_refused),
    test!(["CF-18"], the_file_may_be_closed),
    test!(["CF-19"], one_file_gives_mappings_of_every_size_and_protection),
    test!(["CF-20"], the_files_position_means_nothing_and_stays),
    test!(["CF-21"], what_has_no_contents_cannot_be_mapped).but_wine("6", "left: 6\n right: 193"),
];

pub(super) const ROLES: &[Role] = &[role!(maps_the_pipe_it_listens_to)];

pub(super) const REASONS: &[Remark] = &[
    Remark::new(
        &["CF-3", "CF-4"],
        "a file is given or not: there is one way to say that none is (CF-1, CF-2)",
    ),
    Remark::new(
        &["CF-9"],
        "does not hold on Linux: memory that is only reserved takes no page tables, and may have 2^47 bytes less 64 KiB (MV-11). On Windows not \
         tested: what page tables may take is the machine's matter",
    ),
    Remark::new(
        &["CF-22"],
        "not tested: the standard library locks no ranges of files, and this one neither locks nor looks",
    ),
    Remark::new(&["CF-23"], "not tested: it needs two machines"),
];

pub(super) const NOTES: &[Remark] = &[
    Remark::new(
        &["CF-5"],
        "what is closed cannot be given in safe Rust; on Linux all descriptors are files, and those that cannot be mapped are in CF-21",
    ),
    Remark::new(
        &["CF-16"],
        "on Linux in a tmpfs with a limit, which refuses at once; elsewhere nothing is tested, since asking might use up the disk or the memory",
    ),
    Remark::new(&["CF-21"], "a directory, the null device and a pipe are tested; a console is not"),
];

const READERS: [Protection; 2] = [Protection::ReadOnly, Protection::WriteCopy];

fn memory_needs_a_size(stage: &Stage) {
    assert_eq!(code(stage.mappings().create("n")), 87);
    assert_eq!(code(stage.mappings().size(0).create_unnamed()), 87);
    assert_eq!(code(stage.open("n", Access::READ)), 2, "nothing was made");
}

fn memory_starts_as_zeros(stage: &Stage) {
    let mapping = stage.memory("n", 1 << 20);
    assert!(!mapping.existed() && !mapping.is_file());
    assert!(mapping.map().unwrap().read_vec(0, 1 << 20).unwrap().iter().all(|&byte| byte == 0));
}

#[cfg(windows)]
fn a_handle_of_another_kind_is_6(stage: &Stage) {
    let thread = std::thread::spawn(|| ());
    for protection in [Protection::ReadOnly, Protection::ReadWrite] {
        let options = stage.mappings().size(10).protection(protection).file(&thread);
        assert_eq!(code(options.create("n")), 6);
    }
    thread.join().unwrap();
}

fn memory_is_rounded_up_to_whole_pages(stage: &Stage) {
    for (asked, got) in [(1, PAGE), (PAGE, PAGE), (PAGE + 1, 2 * PAGE), (0x3452, 0x4000)] {
        for allocation in [Allocation::Commit, Allocation::Reserve] {
            let mapping = stage.mappings().size(asked as u64).allocation(allocation).create("n").unwrap();
            assert_eq!(mapping.size(), got as u64, "{asked:#x}");
            assert_eq!(mapping.map().unwrap().len(), got, "{asked:#x}");
            assert_eq!(stage.open("n", Access::READ).unwrap().size(), got as u64, "{asked:#x}");
        }
    }
}

fn more_memory_than_there_is_cannot_be_committed(stage: &Stage) {
    assert_eq!(code(stage.mappings().size(1 << 43).create_unnamed()), 1455);
    assert_eq!(code(stage.mappings().size(1 << 43).create("n")), 1455);
    assert_eq!(code(stage.open("n", Access::READ)), 2, "nothing was made");
}

fn more_memory_than_can_be_addressed_is_8(stage: &Stage) {
    assert_eq!(code(stage.mappings().size(1 << 44).create("n")), 8);
    let reserve = stage.mappings().allocation(Allocation::Reserve);
    assert_eq!(code(reserve.size(1 << 47).create("n")), 8);
    assert_eq!(code(stage.open("n", Access::READ)), 2, "nothing was made");
}

fn the_largest_number_is_no_size(stage: &Stage) {
    for allocation in [Allocation::Commit, Allocation::Reserve] {
        assert_eq!(code(stage.mappings().size(u64::MAX).allocation(allocation).create("n")), 8);
    }
}

fn a_file_is_mapped_at_its_exact_length(stage: &Stage) {
    let file = stage.file("file", &pattern(5000));
    for protection in [Protection::ReadOnly, Protection::WriteCopy, Protection::ReadWrite] {
        let mapping = stage.mappings().file(&file).protection(protection).create("n").unwrap();
        assert_eq!(mapping.size(), 5000);
        assert_eq!(mapping.map().unwrap().read_vec(0, 5000).unwrap(), pattern(5000));
        assert_eq!(code(mapping.view().len(5001).map()), 5);
    }
}

fn an_empty_file_needs_a_size(stage: &Stage) {
    let file = stage.file("file", b"");
    for protection in [Protection::ReadOnly, Protection::WriteCopy, Protection::ReadWrite] {
        let options = stage.mappings().file(&file).protection(protection);
        assert_eq!(code(options.create("n")), 1006, "{protection:?}");
        assert_eq!(code(options.create_unnamed()), 1006, "{protection:?}");
    }
}

fn a_smaller_size_maps_a_prefix_and_is_not_rounded(stage: &Stage) {
    let file = stage.file("file", &pattern(10_000));
    let mapping = stage.mappings().file(&file).size(100).create("n").unwrap();
    assert_eq!(mapping.size(), 100);
    assert_eq!(mapping.map().unwrap().read_vec(0, 100).unwrap(), pattern(100));
    assert_eq!(code(mapping.view().len(101).map()), 5);
    assert_eq!(stage.contents("file"), pattern(10_000));
}

fn a_larger_size_extends_the_file_at_once(stage: &Stage) {
    let file = stage.file("file", &pattern(100));
    let mapping = stage.mappings().file(&file).size(9000).create("n").unwrap();
    let contents = stage.contents("file");
    assert_eq!((mapping.size(), contents.len()), (9000, 9000), "before it was ever mapped");
    assert_eq!(contents[..100], pattern(100));
    mapping.map_mut().unwrap().write_at(8999, b"x").unwrap();
    assert_eq!(stage.contents("file")[8999], b'x');
}

fn who_only_reads_cannot_extend_a_file(stage: &Stage) {
    let file = stage.file("file", &pattern(100));
    for protection in READERS {
        let options = stage.mappings().file(&file).protection(protection);
        for size in [101, 9000] {
            assert_eq!(code(options.clone().size(size).create("n")), 8, "{protection:?} {size}");
        }
    }
    assert_eq!(stage.contents("file"), pattern(100));
}

fn who_only_reads_cannot_extend_an_empty_file(stage: &Stage) {
    let file = stage.file("file", b"");
    for protection in READERS {
        assert_eq!(code(stage.mappings().file(&file).protection(protection).size(1).create("n")), 8);
    }
    assert_eq!(stage.contents("file"), b"");
}

fn a_file_longer_than_the_disk_is_112(stage: &Stage) {
    /// More than is free anywhere, and not more than a file may have.
    const TOO_MUCH: u64 = if cfg!(windows) { 1 << 43 } else { 1 << 52 };
    if !refuses_what_has_no_room(&stage.path("")) {
        return;
    }
    let file = stage.file("file", &pattern(100));
    assert_eq!(code(stage.mappings().file(&file).size(TOO_MUCH).create("n")), 112);
    assert_eq!(stage.contents("file"), pattern(100));
    assert_eq!(code(stage.open("n", Access::READ)), 2, "nothing was made");
}

/// Whether the file system looks at its free space before it takes any of it.
#[cfg(windows)]
fn refuses_what_has_no_room(_: &Path) -> bool {
    true
}

/// A tmpfs compares with its limit first. One without a limit would take memory until the machine has none, and some disks all that
/// they have.
#[cfg(target_os = "linux")]
fn refuses_what_has_no_room(path: &Path) -> bool {
    let path = path.canonicalize().unwrap();
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((Path::new(words.next()?), words.next()?, words.next()?))
    });
    let around = mounts.filter(|(directory, ..)| path.starts_with(directory));
    // Of several on one directory the last one is seen.
    let innermost = around.max_by_key(|(directory, ..)| directory.components().count());
    innermost.is_some_and(|(_, sort, options)| {
        sort == "tmpfs" && !options.split(',').any(|option| option == "size=0" || option == "size=0k")
    })
}

fn a_file_longer_than_any_is_refused(stage: &Stage) {
    let file = stage.file("file", &pattern(100));
    for size in [1 << 62, 1 << 63, u64::MAX] {
        let refused = code(stage.mappings().file(&file).size(size).create("n"));
        assert!([87, 8, 112].contains(&refused), "{size:#x}: {refused}");
    }
    assert_eq!(stage.contents("file"), pattern(100));
}

fn the_file_may_be_closed(stage: &Stage) {
    let file = stage.file("file", &pattern(100));
    let mapping = stage.mappings().file(&file).create("n").unwrap();
    drop(file);
    mapping.map_mut().unwrap().write_at(0, b"x").unwrap();
    assert_eq!(stage.open("n", Access::READ).unwrap().map().unwrap().read_vec(0, 1).unwrap(), b"x");
    assert_eq!(stage.contents("file")[0], b'x');
}

fn one_file_gives_mappings_of_every_size_and_protection(stage: &Stage) {
    let file = stage.file("file", &pattern(2 * PAGE));
    let make = |name, size, protection| -> FileMapping {
        stage.mappings().file(&file).size(size).protection(protection).create(name).unwrap()
    };
    let whole = make("whole", 0, Protection::ReadWrite);
    let part = make("part", 10, Protection::ReadOnly);
    let copy = make("", 5000, Protection::WriteCopy);
    whole.map_mut().unwrap().write_at(5, b"seen").unwrap();
    assert_eq!(part.map().unwrap().read_vec(5, 4).unwrap(), b"seen");
    assert_eq!(copy.map_copy().unwrap().read_vec(5, 4).unwrap(), b"seen");
    assert_eq!([whole.size(), part.size(), copy.size()], [2 * PAGE as u64, 10, 5000]);
    assert!(!whole.is_same_object(&part));
}

fn the_files_position_means_nothing_and_stays(stage: &Stage) {
    let mut file = stage.file("file", &pattern(100));
    file.seek(SeekFrom::Start(42)).unwrap();
    let mapping = stage.mappings().file(&file).size(200).create("n").unwrap();
    assert_eq!(mapping.map().unwrap().read_vec(0, 100).unwrap(), pattern(100));
    assert_eq!(file.stream_position().unwrap(), 42);
}

fn what_has_no_contents_cannot_be_mapped(stage: &Stage) {
    let directory = open_directory(&stage.path(""));
    let null = File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).unwrap();
    for file in [&directory, &null] {
        for size in [0, 10] {
            let options = stage.mappings().size(size).protection(Protection::ReadOnly).file(file);
            assert_eq!(code(options.create("n")), 193, "{file:?}");
        }
    }
    stage.child("maps_the_pipe_it_listens_to", &[]).expect("193");
}

fn maps_the_pipe_it_listens_to(cue: &Cue) {
    let pipe = std::io::stdin();
    let options = cue.mappings().size(10).protection(Protection::ReadOnly).file(&pipe);
    cue.say(code(options.create("n")).to_string());
}

fn open_directory(path: &Path) -> File {
    let mut options = File::options();
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt;
        const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000; // without it directories are not opened
        options.custom_flags(FILE_FLAG_BACKUP_SEMANTICS);
    }
    options.read(true).open(path).unwrap()
}
