//! File mappings beside the raw calls: `cargo bench -p shmobj-bench --bench mapping`.
//!
//! | operation | reference |
//! |---|---|
//! | create, map, touch, close a named 4 KiB mapping | `shm_open` `ftruncate` `mmap` touch `munmap` `close` `shm_unlink` |
//! | open, map, touch, close one that another process holds | `shm_open` `mmap` touch `munmap` `close` |
//! | both also as the bare system calls of the protocol | what any implementation of it pays |
//! | the same beside 10, 10,000 and 100,000 other objects | beside 10 |
//! | copies of 256 MiB in and out | `memcpy` |
//! | create and touch 64 MiB with transparent huge pages | without |

#![allow(clippy::print_stdout)] // a benchmark prints its table
#![allow(unsafe_code)] // raw system calls are what it compares with

mod bare;
mod raw;

use std::ffi::CString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use raw::{Shm, touch};
use shmobj::{Access, Allocation, FileMapping, LargePages, Namespace};
use shmobj_bench::{Contender, Scratch, compare};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, hold, directory, first, count] = &arguments[..] {
        if hold == "hold" {
            let number = |text: &String| text.parse().expect("a number");
            return hold_some(Path::new(directory), number(first), number(count));
        }
    }
    let only = arguments.iter().skip(1).find(|argument| !argument.starts_with("--"));
    let wanted = |name: &str| only.is_none_or(|only| name.contains(only.as_str()));
    let scratch = Scratch::new("/dev/shm");
    let namespace = Namespace::at(&scratch.0);
    if wanted("create") {
        create(&scratch, &namespace);
    }
    if wanted("open") {
        open(&scratch, &namespace);
    }
    if wanted("others") {
        beside_others();
    }
    if wanted("copy") {
        copies(&namespace);
    }
    if wanted("huge") {
        huge_pages();
    }
}

/// Another process that holds `n`, or some of the other objects.
struct Holder(Child);

/// Two descriptors an object, within the limit of descriptors that is usual.
const MOST_OBJECTS: u32 = 8000;

impl Holder {
    /// As many processes as it takes to hold `n` and `count` others.
    fn start_all(directory: &Path, count: u32) -> Vec<Self> {
        let others = (0..count).step_by(MOST_OBJECTS as usize);
        let others = others.map(|first| Self::start(directory, first + 1, MOST_OBJECTS.min(count - first)));
        std::iter::once(Self::start(directory, 0, 0)).chain(others).collect()
    }

    /// `first` is 0 for `n` alone.
    fn start(directory: &Path, first: u32, count: u32) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .arg("hold")
            .arg(directory)
            .args([first.to_string(), count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its line");
        assert_eq!(line.trim(), "held");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn hold_some(directory: &Path, first: u32, count: u32) {
    let namespace = Namespace::at(directory);
    let options = FileMapping::options().namespace(&namespace).size(4096);
    let held = (first == 0).then(|| options.create("n").expect("n"));
    let others: Vec<_> = (first..first + count)
        .map(|number| {
            options.clone().allocation(Allocation::Reserve).create(&format!("other {number}")).expect("other")
        })
        .collect();
    println!("held");
    std::io::stdout().flush().expect("a reader");
    let _ = std::io::stdin().read_line(&mut String::new());
    drop((held, others));
}

fn raw_name() -> CString {
    CString::new(format!("/shmobj-bench-raw.{}", std::process::id())).expect("no NUL")
}

fn create(scratch: &Scratch, namespace: &Namespace) {
    let name = raw_name();
    let directory = bare::Directory::open(&scratch.0);
    let page = [1; 4096];
    let options = FileMapping::options().namespace(namespace).size(4096);
    compare(
        "create, map, touch, close: 4 KiB",
        41,
        2000,
        Some(1.6),
        vec![
            Contender::new("shm_open ... shm_unlink", || {
                let memory = Shm::create(&name, 4096);
                touch(memory.pointer(), 4096);
                drop(memory);
                Shm::unlink(&name);
            }),
            Contender::new("FileMapping", || {
                let mapping = options.create("c").expect("c");
                let view = mapping.map_mut().expect("a view");
                touch(view.as_mut_ptr(), 4096);
            }),
            Contender::new("the bare protocol", || bare::create(&directory, c"b", &page)),
            Contender::new("FileMapping, without a name", || {
                let mapping = options.create_unnamed().expect("unnamed");
                let view = mapping.map_mut().expect("a view");
                touch(view.as_mut_ptr(), 4096);
            }),
        ],
    );
}

fn raw_open(name: &CString) {
    let memory = Shm::open(name, 4096);
    touch(memory.pointer(), 4096);
}

fn own_open(namespace: &Namespace) {
    let mapping = FileMapping::options().namespace(namespace).open("n", Access::READ_WRITE).expect("n");
    let view = mapping.map_mut().expect("a view");
    touch(view.as_mut_ptr(), 4096);
}

fn open(scratch: &Scratch, namespace: &Namespace) {
    let holder = Holder::start(&scratch.0, 0, 0);
    let name = raw_name();
    let memory = Shm::create(&name, 4096);
    let directory = bare::Directory::open(&scratch.0);
    let descriptors = PathBuf::from(format!("/proc/{}/fd", holder.0.id()));
    let number = number_of_data(&descriptors);
    let descriptors = bare::Directory::open(&descriptors);
    compare(
        "open, map, touch, close: held by another process",
        41,
        2000,
        Some(1.7),
        vec![
            Contender::new("shm_open mmap munmap close", || raw_open(&name)),
            Contender::new("FileMapping", || own_open(namespace)),
            Contender::new("the bare protocol", || bare::open(&directory, c"n", &descriptors, &number)),
        ],
    );
    let held = FileMapping::options().namespace(namespace).open("n", Access::READ_WRITE).expect("n");
    compare(
        "open, map, touch, close: held by this process as well",
        41,
        2000,
        None,
        vec![
            Contender::new("shm_open mmap munmap close", || raw_open(&name)),
            Contender::new("FileMapping", || own_open(namespace)),
        ],
    );
    drop((memory, held, holder));
    Shm::unlink(&name);
}

/// The descriptor under which a process has the memory of its only mapping.
fn number_of_data(descriptors: &Path) -> CString {
    let entries = std::fs::read_dir(descriptors).expect("the holder's descriptors").flatten();
    let is_data = |entry: &std::fs::DirEntry| {
        std::fs::read_link(entry.path())
            .is_ok_and(|link| link.to_string_lossy().starts_with("/memfd:shmobj:"))
    };
    let name = entries.into_iter().find(is_data).expect("its memory").file_name();
    CString::new(name.into_encoded_bytes()).expect("no NUL")
}

fn beside_others() {
    let counts = [10, 10_000, 100_000];
    let scratches = counts.map(|count| {
        let path = PathBuf::from(format!("/dev/shm/shmobj-bench.{}.{count}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory");
        Scratch(path)
    });
    let holders: Vec<_> =
        scratches.iter().zip(counts).map(|(scratch, count)| Holder::start_all(&scratch.0, count)).collect();
    let namespaces = scratches.each_ref().map(|scratch| Namespace::at(&scratch.0));
    let names = counts.map(|count| format!("beside {count} others"));
    let contenders = |operation: fn(&Namespace)| {
        namespaces
            .iter()
            .zip(&names)
            .map(|(namespace, name)| Contender::new(name, move || operation(namespace)))
            .collect::<Vec<_>>()
    };
    compare("open, map, touch, close: beside other objects", 31, 1000, Some(1.15), contenders(own_open));
    compare(
        "create, map, touch, close: beside other objects",
        31,
        1000,
        None,
        contenders(|namespace| {
            let mapping = FileMapping::options().namespace(namespace).size(4096).create("c").expect("c");
            let view = mapping.map_mut().expect("a view");
            touch(view.as_mut_ptr(), 4096);
        }),
    );
    drop(holders);
}

fn copies(namespace: &Namespace) {
    const BYTES: usize = 256 << 20;
    let mapping =
        FileMapping::options().namespace(namespace).size(BYTES as u64).create("bulk").expect("bulk");
    let view = mapping.map_mut().expect("a view");
    let path = std::env::temp_dir().join(format!("shmobj-bench.{}", std::process::id()));
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)
        .expect("a file");
    let mapped =
        FileMapping::options().file(&file).size(BYTES as u64).create_unnamed().expect("a mapped file");
    let of_file = mapped.map_mut().expect("a view of the file");
    let mut buffer = vec![1_u8; BYTES];
    view.fill(0, BYTES, 1).expect("room");
    of_file.fill(0, BYTES, 1).expect("room");
    let target: *mut u8 = buffer.as_mut_ptr();
    // SAFETY: every use of the buffer below goes through this pointer, one after the other.
    let whole = || unsafe { std::slice::from_raw_parts_mut(target, BYTES) };
    type Memcpy = unsafe extern "C" fn(*mut libc::c_void, *const libc::c_void, usize) -> *mut libc::c_void;
    let memcpy: Memcpy = std::hint::black_box(libc::memcpy as Memcpy);
    compare(
        "copy 256 MiB out (wanted: at least 0.9 of memcpy's speed)",
        9,
        1,
        Some(1.0 / 0.9),
        vec![
            Contender::new("memcpy", || {
                // SAFETY: both are as long as that.
                unsafe { memcpy(target.cast(), view.as_ptr().cast(), BYTES) };
            }),
            Contender::new("read_at, memory", || view.read_at(0, whole()).expect("read")),
            Contender::new("read_at, a file (guarded)", || of_file.read_at(0, whole()).expect("read")),
        ],
    );
    compare(
        "copy 256 MiB in (wanted: at least 0.9 of memcpy's speed)",
        9,
        1,
        Some(1.0 / 0.9),
        vec![
            Contender::new("memcpy", || {
                // SAFETY: both are as long as that.
                unsafe { memcpy(view.as_mut_ptr().cast(), target.cast(), BYTES) };
            }),
            Contender::new("write_at, memory", || view.write_at(0, whole()).expect("write")),
            Contender::new("write_at, a file (guarded)", || of_file.write_at(0, whole()).expect("write")),
        ],
    );
    for bytes in [8, 64, 4096, 1 << 20] {
        let iterations = (1 << 26) / bytes.max(512) as u32;
        compare(
            &format!("copy {bytes} bytes out"),
            21,
            iterations,
            None,
            vec![
                Contender::new("memcpy", || {
                    // SAFETY: both are longer than that.
                    unsafe { memcpy(target.cast(), view.as_ptr().cast(), bytes) };
                }),
                Contender::new("read_at, memory", || view.read_at(0, &mut whole()[..bytes]).expect("read")),
                Contender::new("read_at, a file (guarded)", || {
                    of_file.read_at(0, &mut whole()[..bytes]).expect("read");
                }),
            ],
        );
    }
    let _ = std::fs::remove_file(path);
}

/// Needs root, for a tmpfs of its own that is mounted for huge pages.
fn huge_pages() {
    const BYTES: usize = 64 << 20;
    let Some(mount) = Mount::new("size=1g,huge=advise") else {
        println!("\nhuge pages: not measured, since this needs root to mount a tmpfs");
        return;
    };
    let namespace = Namespace::at(mount.0.0.join("ns"));
    let once = |large_pages| {
        let options =
            FileMapping::options().namespace(&namespace).size(BYTES as u64).large_pages(large_pages);
        // Warm: memory that the machine has never used costs far more than a page fault.
        move |iterations: u32| {
            let mut spent = Duration::ZERO;
            for _ in 0..iterations {
                let start = Instant::now();
                let mapping = options.clone().create("huge").expect("huge");
                let view = mapping.map_mut().expect("a view");
                touch(view.as_mut_ptr(), BYTES);
                spent += start.elapsed();
            }
            spent
        }
    };
    compare(
        "create and touch 64 MiB (wanted: at least 2.5 times as fast with huge pages)",
        15,
        2,
        Some(1.0 / 2.5),
        vec![
            Contender::timed("ordinary pages", once(LargePages::No)),
            Contender::timed("transparent huge pages", once(LargePages::Transparent)),
        ],
    );
}

/// A tmpfs that goes with the benchmark.
struct Mount(Scratch);

impl Mount {
    fn new(options: &str) -> Option<Self> {
        let path = std::env::temp_dir().join(format!("shmobj-bench-mount.{}", std::process::id()));
        std::fs::create_dir_all(&path).ok()?;
        let scratch = Scratch(path);
        let target = CString::new(scratch.0.to_str()?).ok()?;
        let options = CString::new(options).ok()?;
        let tmpfs = c"tmpfs".as_ptr();
        // SAFETY: all arguments are C strings.
        let mounted = unsafe { libc::mount(tmpfs, target.as_ptr(), tmpfs, 0, options.as_ptr().cast()) };
        (mounted == 0).then_some(Self(scratch))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Some(target) = self.0.0.to_str().and_then(|path| CString::new(path).ok()) {
            // SAFETY: the path is a C string.
            unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH) };
        }
    }
}
