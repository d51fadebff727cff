//! Memory that is not there.

use super::*;

/// On Windows nobody can make the file shorter; a disk that fails does the same. Here somebody outside of Wine does it.
#[test]
fn a_part_of_a_file_that_is_not_there_is_an_error_of_copies() {
    if !on_wine() {
        return;
    }
    const SIZE: usize = 1 << 20;
    let place = Place::new();
    let file = place.file(&pattern(SIZE));
    let view = FileMapping::options().file(&file).create_unnamed().unwrap().map_mut().unwrap();
    let mut bytes = vec![0; SIZE];
    view.read_at(0, &mut bytes).unwrap();
    assert!(bytes == pattern(SIZE));
    let path = std::fs::canonicalize(place.path("data")).unwrap();
    let path = unix_path(&path);
    // Wine has no handle of a process that is not its own.
    let _ = Command::new(r"Z:\usr\bin\truncate").args(["-s", "4096", &path]).spawn();
    let begun = Instant::now();
    while file.metadata().unwrap().len() > 4096 {
        assert!(begun.elapsed() < LONG, "{path} has its length");
        std::thread::sleep(Duration::from_millis(5));
    }
    for length in [1, 8, 16, 40, 4000, SIZE - 8192] {
        assert_eq!(error(view.read_at(8192, &mut bytes[..length])).kind(), ErrorKind::Truncated, "{length}");
        assert_eq!(error(view.write_at(8192, &bytes[..length])).kind(), ErrorKind::Truncated, "{length}");
    }
    assert_eq!(view.read_vec(0, 4096).unwrap(), pattern(SIZE)[..4096]);
}

/// The path outside of Wine of one inside, whose disks are links in the prefix.
fn unix_path(path: &Path) -> String {
    let text = path.to_str().unwrap().trim_start_matches(r"\\?\").replace('\\', "/");
    match text.strip_prefix("Z:") {
        Some(rest) => rest.to_owned(),
        None => format!(
            "{}/dosdevices/{}:{}",
            std::env::var("WINEPREFIX").unwrap(),
            text[..1].to_lowercase(),
            &text[2..]
        ),
    }
}

/// Another program's list may grant reading and not asking. What is not committed must not be touched all the same.
#[test]
fn a_handle_that_may_only_be_mapped_tells_what_it_is() {
    const SECTION_MAP_READ: u32 = 4;
    let place = Place::new();
    let only_mapped = |mapping: &FileMapping| {
        let mut raw = null_mut();
        // SAFETY: has no preconditions.
        let process = unsafe { GetCurrentProcess() };
        let handle = mapping.as_raw_handle();
        // SAFETY: both are open, and there is room for the answer.
        let done = unsafe { DuplicateHandle(process, handle, process, &raw mut raw, SECTION_MAP_READ, 0, 0) };
        assert_ne!(done, 0);
        // SAFETY: made for this process.
        FileMapping::try_from(unsafe { OwnedHandle::from_raw_handle(raw) }).unwrap()
    };
    let reserved = place.options().size(1 << 20).allocation(Allocation::Reserve).create("reserved").unwrap();
    reserved.commit(0..4096).unwrap();
    let found = only_mapped(&reserved);
    assert_eq!(
        (found.access(), found.allocation(), found.size()),
        (Access::READ, Allocation::Reserve, 1 << 20)
    );
    let view = found.map().unwrap();
    assert_eq!(view.read_vec(0, 4096).unwrap(), [0; 4096]);
    assert_eq!(error(view.read_vec(0, 4097)).kind(), ErrorKind::NotCommitted);
    let committed = only_mapped(&place.memory("committed", 1 << 20));
    assert_eq!((committed.allocation(), committed.is_file()), (Allocation::Commit, false));
    assert_eq!(committed.map().unwrap().read_vec(5000, 4).unwrap(), [0; 4]);
    let file = place.file(&pattern(5000));
    let file = only_mapped(&place.options().file(&file).create("file").unwrap());
    assert_eq!((file.is_file(), file.size()), (true, 8192), "in whole pages");
    assert_eq!(file.map().unwrap().read_vec(0, 5000).unwrap(), pattern(5000));
}
