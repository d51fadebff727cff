//! `shmobj hold mapping --file`.

use std::fs;

use crate::support::Place;

#[test]
fn a_file_is_made_and_what_is_written_by_name_is_in_it() {
    let place = Place::new();
    let file = place.file("data");
    let holder = place.hold(&["n", "--file", file.to_str().unwrap(), "--size", "100"]);
    assert_eq!(holder.first_line, r#"holding file mapping "n" (100 bytes, created)"#);
    assert!(place.write(&["n", "--offset", "10"], b"in the file").status.success());
    let contents = fs::read(&file).unwrap();
    assert_eq!(contents.len(), 100);
    assert_eq!(&contents[10..21], b"in the file");
    let stat = place.json(&["stat", "n", "--json"]);
    assert_eq!(stat["storage"], "file");
    assert_eq!(stat["path"], file.to_str().unwrap());
}

#[test]
fn a_read_only_mapping_of_a_file_is_read_and_never_written() {
    let place = Place::new();
    let file = place.file("data");
    fs::write(&file, "only to be read").unwrap();
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&file, permissions).unwrap();
    let _holder = place.hold(&["n", "--file", file.to_str().unwrap(), "--read-only"]);
    assert_eq!(place.stdout(&["read", "n"]), b"only to be read");
    assert_eq!(place.json(&["stat", "n", "--json"])["protection"], "read_only");
    assert_eq!(place.write(&["n"], b"x").status.code(), Some(1));
    assert_eq!(fs::read(&file).unwrap(), b"only to be read");
}

#[test]
fn a_file_that_is_not_there_is_an_error_unless_its_size_is_given() {
    let place = Place::new();
    let file = place.file("data");
    let path = file.to_str().unwrap();
    assert!(place.error(&["hold", "mapping", "n", "--file", path]).contains("No such file"));
    assert!(
        place
            .error(&["hold", "mapping", "n", "--file", path, "--size", "1", "--read-only"])
            .contains("cannot open")
    );
    assert!(!file.exists());
}

#[test]
fn a_file_that_was_made_and_is_not_mapped_after_all_goes_again() {
    let place = Place::new();
    let file = place.file("data");
    let path = file.to_str().unwrap();
    place.error(&["hold", "mapping", "a\\bad\\name", "--file", path, "--size", "4K"]);
    assert!(!file.exists());
    let _first = place.hold(&["n", "--size", "4K"]);
    let second = place.hold(&["n", "--file", path, "--size", "4K"]);
    assert!(second.first_line.ends_with("opened)"));
    assert!(!file.exists());
}
