//! Other processes that hold objects: the one that is opened, and the many beside it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use ::shmobj::{Allocation, FileMapping, Namespace};

/// Two descriptors an object, within the limit of descriptors that is usual.
const MOST: u64 = 8000;

/// Processes of this program. They end when this is dropped, or this process ends: their input does.
pub(super) struct Crowd(Vec<Child>);

impl Crowd {
    /// As many as it takes to hold so many objects of 4 KiB.
    pub(super) fn of(directory: &Path, count: u64) -> Self {
        let starts = (0..count).step_by(MOST as usize);
        Self(starts.map(|first| start(directory, "other", first, MOST.min(count - first), 4096)).collect())
    }

    /// One that holds `n`, of so many bytes.
    pub(super) fn of_one(directory: &Path, bytes: u64) -> Self {
        Self(vec![start(directory, "n", 0, 1, bytes)])
    }

    pub(super) fn and(mut self, mut others: Self) -> Self {
        self.0.append(&mut others.0);
        self
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            drop(child.stdin.take());
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}

fn start(directory: &Path, name: &str, first: u64, count: u64, bytes: u64) -> Child {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .arg("hold")
        .arg(directory)
        .arg(name)
        .args([first, count, bytes].map(|number| number.to_string()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("its line");
    assert_eq!(line.trim(), "held", "a process holds objects");
    child
}

/// What such a process does: `n` is called so, the others have numbers.
pub(crate) fn hold(directory: &Path, name: &str, first: u64, count: u64, bytes: u64) {
    let namespace = Namespace::at(directory);
    let options = FileMapping::options().namespace(&namespace).size(bytes).allocation(Allocation::Reserve);
    let name = |number| if name == "n" { "n".to_owned() } else { format!("{name} {number}") };
    let held: Vec<FileMapping> =
        (first..first + count).map(|number| options.create(&name(number)).expect("an object")).collect();
    println!("held");
    std::io::stdout().flush().expect("a reader");
    let _ = std::io::stdin().read_line(&mut String::new());
    drop(held);
}
