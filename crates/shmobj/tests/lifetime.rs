//! Sections 1 and 13: what handles and views keep alive, within one process.

mod common;

use common::{PAGE, Place, code, pattern};
use shmobj::{Access, FileMapping, Protection, Security};
#[cfg(target_os = "linux")]
use shmobj::{Listed, Scope};

/// How many of this process's descriptors lead to something whose link contains this text.
#[cfg(target_os = "linux")]
fn descriptors_of(text: &str) -> usize {
    let links =
        std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| entry.ok()?.path().read_link().ok());
    links.filter(|link| link.to_string_lossy().contains(text)).count()
}

#[cfg(target_os = "linux")]
fn is_mapped(text: &str) -> bool {
    std::fs::read_to_string("/proc/self/maps").unwrap().contains(text)
}

/// Also LT-3, O-3, O-4 and TS-4.
#[test]
fn lt_1_lt_2_the_name_ends_with_the_last_handle_although_a_view_is_mapped() {
    let place = Place::new();
    let file = place.file(&pattern(4096));
    for options in [place.options().size(4096), place.options().file(&file)] {
        let mapping = options.create("n").unwrap();
        let old = mapping.map_mut().unwrap();
        old.write_at(0, b"old").unwrap();
        drop(mapping);
        assert_eq!(code(place.open("n", Access::READ)), 2);
        assert_eq!(place.entries(), [""; 0]);
        let new = place.memory("n", 8192);
        assert!(!new.existed());
        assert_eq!(new.map().unwrap().read_vec(0, 8192).unwrap(), [0; 8192]);
        new.map_mut().unwrap().write_at(0, b"new").unwrap();
        assert_eq!(old.read_vec(0, 3).unwrap(), b"old", "LT-3");
        old.write_at(0, b"OLD").unwrap();
        assert_eq!(new.map().unwrap().read_vec(0, 3).unwrap(), b"new");
    }
}

/// O-8: the order is free.
#[test]
fn o_8_views_and_handles_end_in_any_order() {
    let place = Place::new();
    let mapping = place.memory("n", 4096);
    let (one, two) = (mapping.map_mut().unwrap(), mapping.map().unwrap());
    drop(one);
    assert_eq!(two.read_vec(0, 1).unwrap(), [0]);
    let third = mapping.map_mut().unwrap();
    drop(mapping);
    third.write_at(0, b"x").unwrap();
    drop(third);
    assert_eq!(two.read_vec(0, 1).unwrap(), b"x");
}

#[test]
fn o_3_the_name_lives_as_long_as_any_handle() {
    let place = Place::new();
    let mut handles = vec![place.memory("n", 4096)];
    handles[0].map_mut().unwrap().write_at(0, b"data").unwrap();
    for access in [Access::READ, Access::QUERY, Access::WRITE, Access::ALL] {
        handles.push(place.open("n", access).unwrap());
    }
    handles.push(place.options().size(1).protection(Protection::ReadOnly).create("n").unwrap());
    while let Some(first) = (!handles.is_empty()).then(|| handles.remove(0)) {
        let opened = place.open("n", Access::READ).unwrap();
        assert!(opened.is_same_object(&first));
        assert_eq!(opened.map().unwrap().read_vec(0, 4).unwrap(), b"data");
    }
    assert_eq!(code(place.open("n", Access::READ)), 2);
}

/// O-4: the storage of the entry goes with the name, too.
#[test]
fn o_4_nothing_is_left_in_the_directory() {
    let place = Place::new();
    let long = "x".repeat(10_000);
    let mapping = place.memory("memory", 4096);
    let shared = place.options().size(4096).security(Security::mode(0o666)).create("shared").unwrap();
    let named = place.memory(&long, 4096);
    // On Linux, an entry each, and one data file.
    let entries = if cfg!(target_os = "linux") { 4 } else { 3 };
    assert_eq!(place.entries().len(), entries, "{:?}", place.entries());
    let views = [mapping.map().unwrap(), shared.map().unwrap(), named.map().unwrap()];
    drop((mapping, shared, named));
    assert_eq!(place.entries(), [""; 0]);
    assert!(views.iter().all(|view| view.read_vec(0, 1).unwrap() == [0]));
    #[cfg(target_os = "linux")]
    assert_eq!(place.namespace.objects(Scope::Local).unwrap().len(), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn lt_9_memory_is_the_kernels_again_when_handles_and_views_are_gone() {
    let place = Place::new();
    // The memory's name shows the object's, which nothing else on this machine has.
    let name = format!("{}!", place.path("").file_name().unwrap().to_string_lossy());
    let mapping = place.memory(&name, 1 << 20);
    let reader = place.open(&name, Access::READ).unwrap();
    let view = reader.map().unwrap();
    assert!(descriptors_of(&name) > 0 && is_mapped(&name));
    drop((mapping, reader));
    assert!(is_mapped(&name), "the view keeps the memory");
    drop(view);
    assert!(!is_mapped(&name));
    assert_eq!(descriptors_of(&name), 0);
}

/// Also UM-6 and TR-5.
#[test]
fn lt_10_a_files_changes_are_in_the_file_and_the_file_is_let_go() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    #[cfg(target_os = "linux")]
    let path = place.path("data").to_string_lossy().into_owned();
    let mapping = place.options().file(&file).create("n").unwrap();
    drop(file);
    let view = mapping.map_mut().unwrap();
    view.write_at(4998, b"ed").unwrap();
    drop((mapping, view));
    assert_eq!(&place.contents()[4998..], b"ed");
    assert_eq!(place.contents().len(), 5000);
    #[cfg(target_os = "linux")]
    {
        assert_eq!(descriptors_of(&path), 0);
        assert!(!is_mapped(&path));
    }
    // TR-15: as long as the mapping is there, nobody else may open the file for himself alone.
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt;
        std::fs::OpenOptions::new().write(true).share_mode(0).open(place.path("data")).unwrap();
    }
}

#[test]
fn lt_11_the_file_and_the_mapping_are_closed_in_any_order() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    let first = FileMapping::options().file(&file).create_unnamed().unwrap();
    let second = FileMapping::options().file(&file).create_unnamed().unwrap();
    drop(first);
    assert_eq!(file.metadata().unwrap().len(), 5000, "the file is still open");
    drop(file);
    assert_eq!(second.map().unwrap().read_vec(0, 5000).unwrap(), pattern(5000));
}

/// The same of unnamed objects: only the views and the handle itself keep them.
#[test]
fn o_3_an_unnamed_object_lives_in_its_views() {
    let view = {
        let mapping = FileMapping::options().size(4096).create_unnamed().unwrap();
        mapping.map_mut().unwrap()
    };
    view.write_at(0, b"alive").unwrap();
    assert_eq!(view.read_vec(0, 5).unwrap(), b"alive");
}

#[test]
fn handles_and_views_may_be_used_and_dropped_by_any_thread() {
    fn is_shared_by_threads<T: Send + Sync>(_: &T) {}
    let place = Place::new();
    let mapping = place.memory("n", 4096);
    let view = mapping.map_mut().unwrap();
    let copy = mapping.map_copy().unwrap();
    is_shared_by_threads(&mapping);
    is_shared_by_threads(&view);
    is_shared_by_threads(&copy);
    is_shared_by_threads(&place.namespace);
    std::thread::spawn(move || drop(mapping)).join().unwrap();
    assert_eq!(code(place.open("n", Access::READ)), 2);
    std::thread::spawn(move || view.write_at(0, b"x").unwrap()).join().unwrap();
    assert_eq!(copy.read_vec(0, 1).unwrap(), b"x");
}

/// O-3 and NS-5 under load: at no moment are there two objects of a name, or a name without one.
#[test]
fn threads_that_open_and_close_a_name_never_leave_it_behind() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for number in 0..4_u64 {
            let place = &place;
            scope.spawn(move || {
                for round in 0..300 {
                    let mapping = place.memory("n", PAGE as u64 * (number + 1));
                    let again = place.memory("n", 1);
                    assert!(again.existed(), "{round}");
                    assert!(again.is_same_object(&mapping), "{round}");
                    assert_eq!(again.size(), mapping.size(), "{round}");
                }
            });
        }
    });
    assert_eq!(place.entries(), [""; 0]);
}

#[test]
#[cfg(target_os = "linux")]
fn what_is_held_is_listed_with_what_it_is() {
    let place = Place::new();
    let file = place.file(&pattern(5000));
    let _memory = place.memory("memory", 5000);
    let _file = place.options().file(&file).protection(Protection::ReadOnly).create("file").unwrap();
    drop(file); // it is open for writing, which would show
    let mut listed: Vec<_> = place.namespace.objects(Scope::Local).unwrap();
    listed.sort_by_key(|listed| format!("{listed:?}").contains("\"memory\""));
    let [Listed::Object(file), Listed::Object(memory)] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((&*file.name, file.size, file.protection), ("file", 5000, Some(Protection::ReadOnly)));
    assert_eq!((&*memory.name, memory.size, memory.mode), ("memory", 8192, 0o600));
    assert_eq!(file.storage, shmobj::Storage::File(place.path("data")));
    assert_eq!(memory.storage, shmobj::Storage::Memory);
    assert_eq!(memory.creator.pid, std::process::id());
    assert_ne!(memory.id, file.id);
    let holders = shmobj::holders(&[file, memory]);
    for (holders, access) in holders.iter().zip([Access::READ, Access::READ_WRITE]) {
        assert_eq!(holders.iter().map(|holder| holder.pid).collect::<Vec<_>>(), [std::process::id()]);
        assert_eq!(holders[0].access, access);
    }
    assert_eq!(place.namespace.collect_garbage(Scope::Local).unwrap().held, 2);
}
