//! Sections 8.2 and 8.3, every cell that this interface can express: what the object permits, what the handle may, and which
//! view is wanted; for every sort of memory, and for handles however they came.

mod common;

#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
#[cfg(target_os = "linux")]
use std::os::unix::net::UnixStream;

use common::{Place, code, for_others, on_wine, pattern, rights};
#[cfg(target_os = "linux")]
use shmobj::transfer;
use shmobj::{Access, Allocation, FileMapping, MappingOptions, Mode, Protection, View};

const PROTECTIONS: [Protection; 3] = [Protection::ReadOnly, Protection::WriteCopy, Protection::ReadWrite];

/// The rights that file mappings have, in all combinations but none, which no open grants (OF-8).
fn all_rights() -> impl Iterator<Item = Access> {
    let parts = [Access::QUERY, Access::READ, Access::WRITE];
    (1..8_usize).map(move |bits| {
        let chosen = parts.iter().enumerate().filter(|(index, _)| bits >> index & 1 == 1);
        chosen.map(|(_, &right)| right).collect()
    })
}

/// What the two tests of section 8.3 say of a read-only, a copy-on-write and a writable view: the rights of its pages, or the error.
fn expected(protection: Protection, access: Access) -> [Result<&'static str, u32>; 3] {
    let may = |right| if access.contains(right) { Ok(()) } else { Err(5) };
    let permitted = if protection == Protection::ReadWrite { Ok(()) } else { Err(87) };
    [
        may(Access::READ).map(|()| "r--s"),
        may(Access::READ).map(|()| "rw-p"),
        may(Access::WRITE).and(permitted).map(|()| "rw-s"),
    ]
}

fn found(mapping: &FileMapping) -> [Result<String, u32>; 3] {
    [outcome(mapping.map()), outcome(mapping.map_copy()), outcome(mapping.map_mut())]
}

fn outcome<M: Mode>(view: shmobj::Result<View<M>>) -> Result<String, u32> {
    match view {
        Ok(view) => Ok(rights(view.as_ptr().addr()).expect("a view is mapped")),
        Err(error) => Err(error.win32_code()),
    }
}

#[track_caller]
fn assert_cells(mapping: &FileMapping, protection: Protection, access: Access, what: &str) {
    let known = Access::QUERY | Access::READ_WRITE;
    assert_eq!(mapping.access() & known, access, "{what}, {protection:?}");
    // Elsewhere only the handle that made it knows, and what can be mapped for writing says so by itself.
    if cfg!(target_os = "linux") {
        assert_eq!(mapping.protection(), protection, "{what}");
    }
    let mut found = found(mapping);
    if on_wine() && protection != Protection::ReadWrite && access.contains(Access::WRITE) {
        found[2] = Err(87); // AE-6: it maps some of these
    }
    let found = found.each_ref().map(|cell| cell.as_ref().map(String::as_str).map_err(|&code| code));
    assert_eq!(found, expected(protection, access), "{what}, {protection:?}, {access:?}");
}

/// Does it for every sort of memory that a mapping can be of, and every protection that the sort can have. Reserved memory,
/// whose views are made of parts, has a test of its own.
fn for_each_sort(place: &Place, test: impl Fn(&str, Protection, &MappingOptions<'_>)) {
    let file = place.file(&pattern(5000));
    let reading = place.reopened(false);
    let memory = place.options().size(8192);
    let sorts = [
        ("memory", memory.clone()),
        #[cfg(target_os = "linux")]
        ("sealable memory", memory.clone().sealable(true)),
        ("memory where others find it", for_others(memory)),
        ("a file", place.options().file(&file)),
    ];
    for protection in PROTECTIONS {
        for (sort, options) in &sorts {
            test(sort, protection, &options.clone().protection(protection));
        }
        // FA-1: it can be no mapping that can be written.
        if protection != Protection::ReadWrite {
            let options = place.options().file(&reading).protection(protection);
            test("a file that is open for reading", protection, &options);
        }
    }
}

/// Table 8.2 for the handle that `create` returns, whose rights follow the protection (6.5).
#[test]
fn section_8_2_the_creators_handle_maps_what_the_protection_permits() {
    let place = Place::new();
    for_each_sort(&place, |sort, protection, options| {
        let access = match protection {
            Protection::ReadWrite => Access::QUERY | Access::READ_WRITE,
            _ => Access::QUERY | Access::READ,
        };
        assert_cells(&options.create("n").unwrap(), protection, access, sort);
        assert_cells(&options.create_unnamed().unwrap(), protection, access, sort);
    });
}

/// First the rights of the handle (5), then the protection of the object (87).
#[test]
fn section_8_3_an_opened_handle_maps_what_both_its_rights_and_the_object_permit() {
    let place = Place::new();
    for_each_sort(&place, |sort, protection, options| {
        let _first = options.create("n").unwrap();
        for access in all_rights() {
            assert_cells(&place.open("n", access).unwrap(), protection, access, sort);
        }
    });
}

#[test]
fn section_8_3_holds_for_reserved_memory() {
    let place = Place::new();
    for protection in PROTECTIONS {
        let options = place.options().size(1 << 20).allocation(Allocation::Reserve).protection(protection);
        let _first = options.create("n").unwrap();
        for access in all_rights() {
            let mapping = place.open("n", access).unwrap();
            let expected = expected(protection, access).map(|cell| cell.err().unwrap_or(0));
            let mut codes = [code(mapping.map()), code(mapping.map_copy()), code(mapping.map_mut())];
            if on_wine() && protection != Protection::ReadWrite && access.contains(Access::WRITE) {
                codes[2] = 87; // AE-6
            }
            assert_eq!(codes, expected, "{protection:?}, {access:?}");
        }
    }
}

/// Duplicates in one process have the rights that are asked for, or the same.
#[test]
fn section_8_3_holds_for_duplicates() {
    let place = Place::new();
    for_each_sort(&place, |sort, protection, options| {
        let first = options.create_unnamed().unwrap();
        for access in all_rights().filter(|&access| first.access().contains(access)) {
            let duplicate = first.try_clone_with(access).unwrap();
            assert_cells(&duplicate, protection, access, sort);
            assert_cells(&duplicate.try_clone().unwrap(), protection, access, sort);
        }
        assert_cells(&first, protection, first.access() & (Access::QUERY | Access::READ_WRITE), sort);
    });
}

/// And what has travelled has the rights that it had. A handle that maps no view does not travel.
#[test]
#[cfg(target_os = "linux")]
fn section_8_3_holds_for_handles_that_came_over_a_socket() {
    let place = Place::new();
    let (here, there) = UnixStream::pair().unwrap();
    for_each_sort(&place, |sort, protection, options| {
        for first in [options.create("n").unwrap(), options.create_unnamed().unwrap()] {
            for access in all_rights().filter(|&access| first.access().contains(access)) {
                let duplicate = first.try_clone_with(access).unwrap();
                if !access.intersects(Access::READ_WRITE) {
                    assert_eq!(code(transfer::send(&here, &[&duplicate])), 5, "{sort}");
                    continue;
                }
                transfer::send(&here, &[&duplicate]).unwrap();
                let [arrived] = <[_; 1]>::try_from(transfer::receive(&there).unwrap()).unwrap();
                assert_cells(&FileMapping::try_from(arrived).unwrap(), protection, access, sort);
            }
        }
    });
}

/// A descriptor alone carries what the kernel knows: whether the memory may be written. It knows no protection.
#[test]
#[cfg(target_os = "linux")]
fn section_8_3_a_handle_made_of_a_descriptor_maps_what_the_kernel_permits() {
    let place = Place::new();
    for_each_sort(&place, |sort, protection, options| {
        let first = options.create_unnamed().unwrap();
        for access in [Access::READ, Access::READ_WRITE] {
            if !first.access().contains(access) {
                continue;
            }
            let descriptor = OwnedFd::try_from(first.try_clone_with(access).unwrap()).unwrap();
            let found = found(&FileMapping::try_from(descriptor).unwrap());
            let writable = access.contains(Access::WRITE);
            assert_eq!(found[..2], [Ok("r--s".to_owned()), Ok("rw-p".to_owned())], "{sort}, {protection:?}");
            assert_eq!(found[2].is_ok(), writable, "{sort}, {protection:?}: {found:?}");
        }
    });
}
