//! Processes in different PID namespaces that share a namespace directory, as containers do with a common volume.

use std::time::{Duration, Instant};

use shmobj::ErrorKind;
use shmobj_tests::puppet;
use shmobj_tests::puppet::{Puppet, value};
use shmobj_tests::scratch::Scratch;
use shmobj_tests::system::is_root_for;

/// Two puppets that see only themselves in `/proc`, and who started them.
fn two_containers(scratch: &Scratch) -> ([Puppet; 2], [Puppet; 2]) {
    let mut outer = ["one outside", "two outside"].map(|name| puppet!(name, scratch));
    let [one, two] = &mut outer;
    let inner = [one.fork_into_pid_namespace("one inside"), two.fork_into_pid_namespace("two inside")];
    (outer, inner)
}

#[test]
fn memory_of_a_process_that_cannot_be_seen_is_unreachable_within_a_bound() {
    if !is_root_for("memory_of_a_process_that_cannot_be_seen_is_unreachable_within_a_bound") {
        return;
    }
    let scratch = Scratch::new();
    let (_outer, [mut one, mut two]) = two_containers(&scratch);
    one.does("create h n 4096");
    let since = Instant::now();
    let text = two.fails("open h n r", ErrorKind::Unreachable).text;
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    assert!(text.contains("cannot see") && text.contains("share it across PID namespaces"), "{text}");
    assert_eq!(scratch.files(), ["n"], "the object of the other one lives");
    // Who sees both may open it: the host sees into its containers, whatever number the hint says.
    let mut host = puppet!("host", &scratch);
    host.does("open h n rw");
    host.kill();
    // Nobody is in the way of its end.
    one.kill();
    two.fails("open h n r", ErrorKind::NotFound);
    assert_eq!(value(&two.does("create h n 4096"), "existed"), "false");
}

#[test]
fn an_object_across_pid_namespaces_is_shared() {
    if !is_root_for("an_object_across_pid_namespaces_is_shared") {
        return;
    }
    let scratch = Scratch::new();
    let (_outer, [mut one, mut two]) = two_containers(&scratch);
    one.does("create h n 8192 beside");
    one.does("map v h rw");
    assert_eq!(value(&two.does("create h n 4096"), "existed"), "true");
    two.does("map v h rw");
    two.does("write v 8000 contained");
    assert_eq!(one.does("read v 8000 9"), "contained");
    one.kill();
    let mut host = puppet!("host", &scratch);
    host.does("open h n rw");
    host.does("map v h rw");
    assert_eq!(host.does("read v 8000 9"), "contained");
    host.kill();
    two.does("close h");
    scratch.assert_empty("after the last handle was closed, in one of the containers");
}

#[test]
fn a_dead_object_of_another_pid_namespace_is_reclaimed() {
    if !is_root_for("a_dead_object_of_another_pid_namespace_is_reclaimed") {
        return;
    }
    let scratch = Scratch::new();
    for option in ["", "beside"] {
        let (_outer, [mut one, mut two]) = two_containers(&scratch);
        one.does(format!("create h n 4096 {option}"));
        one.kill();
        assert_eq!(value(&two.does(format!("create h n 4096 {option}")), "existed"), "false");
    }
}

#[test]
fn a_mapped_file_is_found_by_its_path() {
    if !is_root_for("a_mapped_file_is_found_by_its_path") {
        return;
    }
    let (scratch, elsewhere) = (Scratch::new(), Scratch::new());
    let (path, other) = (elsewhere.file("data"), elsewhere.file("other"));
    std::fs::write(&path, "contents of the file").expect("a file");
    std::fs::write(&other, "contents of a stranger").expect("a file");
    let (_outer, [mut one, mut two]) = two_containers(&scratch);
    one.does(format!("create h n 0 file={}", path.display()));
    one.does("map v h rw");
    two.does("open h n rw");
    two.does("map v h rw");
    two.does("write v 0 CONTENTS");
    assert_eq!(one.does("read v 0 20"), "CONTENTS of the file");
    two.does("unmap v");
    two.does("close h");
    // Another file under the path is not the object's.
    std::fs::rename(&other, &path).expect("rename");
    two.fails("open h n rw", ErrorKind::Unreachable);
}
