//! Where it happens: a directory for the enemy's entries, what good pages look like, and objects that nobody touches.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::OnceLock;

use shmobj::transfer::AnyHandle;
use shmobj::{Due, Event, FileMapping, Lock, Mutex, Namespace, Reset, Semaphore, Timeout, WaitableTimer};

/// How many sorts of objects there are.
pub const SORTS: usize = 7;

pub struct Scene {
    pub directory: PathBuf,
    pub namespace: Namespace,
    /// The pages of good objects of each sort, named `x0`, `x1` and so on, and of unnamed ones.
    pub named: Vec<Vec<u8>>,
    pub unnamed: Vec<Vec<u8>>,
    canaries: Canaries,
}

/// The one of this process.
pub fn scene() -> &'static Scene {
    static SCENE: OnceLock<Scene> = OnceLock::new();
    SCENE.get_or_init(Scene::new)
}

/// A handle of each sort. The empty name makes unnamed ones.
pub fn all_sorts(namespace: &Namespace, name: &str) -> Vec<AnyHandle> {
    let name = |number: usize| if name.is_empty() { String::new() } else { format!("{name}{number}") };
    vec![
        FileMapping::options().namespace(namespace).size(8192).create(&name(0)).expect("a mapping").into(),
        Mutex::options().namespace(namespace).create(&name(1)).expect("a mutex").into(),
        Event::options().namespace(namespace).create(&name(2)).expect("an event").into(),
        Event::options().namespace(namespace).reset(Reset::Manual).create(&name(3)).expect("an event").into(),
        Semaphore::options()
            .namespace(namespace)
            .initial(1)
            .max(9)
            .create(&name(4))
            .expect("a semaphore")
            .into(),
        WaitableTimer::options().namespace(namespace).create(&name(5)).expect("a timer").into(),
        WaitableTimer::options()
            .namespace(namespace)
            .reset(Reset::Manual)
            .create(&name(6))
            .expect("a timer")
            .into(),
    ]
}

impl Scene {
    fn new() -> Self {
        let base =
            std::env::var_os("SHMOBJ_FUZZ_DIR").map_or_else(|| PathBuf::from("/dev/shm"), PathBuf::from);
        let directory = base.join(format!("shmobj-fuzz.{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        fs::DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(&directory)
            .expect("a directory for fuzzing");
        let namespace = Namespace::at(&directory);
        let named = all_sorts(&namespace, "x");
        let pages =
            (0..SORTS).map(|number| fs::read(directory.join(format!("x{number}"))).expect("an entry"));
        let pages = pages.collect();
        drop(named);
        let unnamed = all_sorts(&namespace, "");
        let page_of = |handle: &AnyHandle| {
            let mut page = vec![0; rustix::param::page_size()];
            let fd = descriptor_of(handle);
            let bytes = rustix::io::pread(fd, &mut page[..], 0).expect("a page");
            page.truncate(bytes);
            page
        };
        let unnamed = unnamed.iter().map(page_of).collect();
        Self { directory, canaries: Canaries::new(&namespace), namespace, named: pages, unnamed }
    }

    /// Nothing that the enemy did has harmed anything else, nor this thread's list of what it owns.
    pub fn is_whole(&self) {
        self.canaries.are_whole();
        assert_eq!(owned_by_this_thread(), 0, "the robust list is not empty");
    }
}

/// The descriptor that stands for a handle.
pub fn descriptor_of(handle: &AnyHandle) -> std::os::fd::BorrowedFd<'_> {
    match handle {
        AnyHandle::FileMapping(it) => it.as_fd(),
        AnyHandle::Mutex(it) => it.as_fd(),
        AnyHandle::Event(it) => it.as_fd(),
        AnyHandle::Semaphore(it) => it.as_fd(),
        AnyHandle::WaitableTimer(it) => it.as_fd(),
        _ => unreachable!("a new kind"),
    }
}

/// Objects that no enemy has.
struct Canaries {
    mutex: Mutex,
    event: Event,
    semaphore: Semaphore,
    timer: WaitableTimer,
    mapping: FileMapping,
}

impl Canaries {
    fn new(namespace: &Namespace) -> Self {
        Self {
            mutex: Mutex::options().namespace(namespace).create("canary").expect("a mutex"),
            event: Event::options().create_unnamed().expect("an event"),
            semaphore: Semaphore::options().max(2).create_unnamed().expect("a semaphore"),
            timer: WaitableTimer::options().create_unnamed().expect("a timer"),
            mapping: FileMapping::options().size(4096).create_unnamed().expect("a mapping"),
        }
    }

    fn are_whole(&self) {
        match self.mutex.try_lock().expect("a lock") {
            Some(Lock::Acquired(_)) => assert_eq!(self.mutex.depth(), 1),
            other => panic!("the mutex of nobody: {other:?}"),
        }
        assert!(!self.event.wait(Timeout::NOW).expect("a wait"));
        self.event.set().expect("a set");
        assert!(self.event.wait(Timeout::NOW).expect("a wait"));
        assert_eq!(self.semaphore.release(1).expect("a release"), 0);
        assert!(self.semaphore.wait(Timeout::NOW).expect("a wait"));
        self.timer.set(Due::NOW, None).expect("a set");
        assert!(self.timer.wait(Timeout::NOW).expect("a wait"));
        let view = self.mapping.map_mut().expect("a view");
        view.write_at(7, b"canary").expect("a copy");
        assert_eq!(view.read_vec(7, 6).expect("a copy"), b"canary");
    }
}

/// How many futexes the kernel would free if this thread died now. Panics if its list is not one.
fn owned_by_this_thread() -> usize {
    let mut head: *const usize = std::ptr::null();
    let mut bytes = 0_usize;
    // SAFETY: it writes two words.
    let got = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut bytes) };
    assert_eq!(got, 0, "no robust list");
    let mut count = 0;
    // SAFETY: the list of this thread, which only this thread changes: each entry begins with the address of the next.
    let mut entry = unsafe { *head };
    while entry & !1 != head as usize {
        count += 1;
        assert!(count < 10_000, "the robust list has no end");
        // SAFETY: as above.
        entry = unsafe { *((entry & !1) as *const usize) };
    }
    count
}
