//! Who may open an object: what the kernel is told when it is made, and what it shows of it afterwards.
//!
//! The lists are read and written here by hand, from acl(5), so that the library's own idea of them is not its judge.
#![cfg(target_os = "linux")] // its lists are those of Windows in tests of their own: windows/security.rs

mod common;

use std::any::Any;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Place, code, error};
use rustix::fs::XattrFlags;
use rustix::io::Errno;
use shmobj::{
    Access, Allocation, ErrorKind, FileMapping, Grant, Kind, Namespace, Principal, Security, Storage,
};

const OWN: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

const USER: u16 = 2;
const GROUP: u16 = 8;
const OWNER_GROUP: u16 = 4;
const MASK: u16 = 16;
const EVERYBODY: u16 = 32;
const NOBODY: u32 = u32::MAX;

type Entry = (u16, u16, u32);

/// The list of a file behind its owner's entry, which has to be there and to be rw. Empty: it has none.
fn list(path: &Path) -> Vec<Entry> {
    let mut bytes = [0; 4096];
    let length = match rustix::fs::lgetxattr(path, OWN, &mut bytes[..]) {
        Ok(length) => length,
        Err(Errno::NODATA) => return Vec::new(),
        Err(errno) => panic!("{}: {errno}", path.display()),
    };
    let entries = bytes[..length].split_at(4).1.chunks_exact(8).map(|entry| {
        let half = |at: usize| u16::from_le_bytes([entry[at], entry[at + 1]]);
        (half(0), half(2), u32::from_le_bytes(entry[4..].try_into().unwrap()))
    });
    let entries: Vec<_> = entries.collect();
    assert_eq!(entries[0], (1, 6, NOBODY), "the owner has every right");
    entries[1..].to_vec()
}

/// Writes a list as `setfacl` does.
fn write_list(path: &Path, attribute: &str, entries: &[Entry]) -> Result<(), Errno> {
    let mut bytes = vec![2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255];
    for (tag, bits, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(bits.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    rustix::fs::lsetxattr(path, attribute, &bytes, XattrFlags::empty())
}

/// The directory's new files are to let in user 7 and group 8, whatever their creator says.
fn let_strangers_in(place: &Place) {
    let names = place.names();
    std::fs::create_dir_all(&names).unwrap();
    let strangers = [(USER, 6, 7), (OWNER_GROUP, 6, NOBODY), (GROUP, 6, 8), (MASK, 6, NOBODY)];
    let everybody = [(EVERYBODY, 6, NOBODY)];
    write_list(&names, DEFAULT, &[&strangers[..], &everybody].concat()).unwrap();
}

fn entry(place: &Place) -> PathBuf {
    only(place, |name| !name.starts_with(".shmobj-data."))
}

fn data(place: &Place) -> PathBuf {
    only(place, |name| name.starts_with(".shmobj-data."))
}

fn only(place: &Place, wanted: impl Fn(&str) -> bool) -> PathBuf {
    let found: Vec<_> = place.entries().into_iter().filter(|name| wanted(name)).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    place.names().join(&found[0])
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

fn user(uid: u32, access: Access) -> Grant {
    Grant { who: Principal::User(uid), access }
}

fn group(gid: u32, access: Access) -> Grant {
    Grant { who: Principal::Group(gid), access }
}

const READER: Access = Access::QUERY.union(Access::READ);
const WRITER: Access = READER.union(Access::WRITE);
const SYNCHRONIZER: Access = Access::QUERY.union(Access::SYNCHRONIZE).union(Access::MODIFY);

#[test]
fn grants_are_the_last_for_each_principal_in_the_order_of_their_numbers() {
    let security = Security::mode(0o640)
        .group(5, Access::READ)
        .user(9, Access::READ)
        .user(3, Access::WRITE)
        .user(9, Access::empty())
        .user(5, Access::QUERY);
    let expected =
        [user(3, Access::WRITE), user(5, Access::QUERY), user(9, Access::empty()), group(5, Access::READ)];
    assert_eq!(security.grants().collect::<Vec<_>>(), expected);
    assert_eq!(security.mode_bits(), 0o640);
    assert_eq!(Security::OWNER_ONLY.grants().len(), 0);
    let one = Security::OWNER_ONLY.user(1, Access::READ).group(2, Access::READ);
    assert_eq!(one, Security::OWNER_ONLY.group(2, Access::READ).user(1, Access::READ), "order means nothing");
}

#[test]
fn a_mapping_grants_its_data_as_asked_and_its_entry_for_reading() {
    let place = Place::new();
    let security = Security::mode(0o640)
        .user(1001, Access::WRITE)
        .user(1002, Access::QUERY)
        .user(1003, Access::empty())
        .group(100, Access::READ);
    let _held = place.options().size(4096).security(security).create("n").unwrap();
    let data_list = [
        (USER, 6, 1001),
        (USER, 0, 1002),
        (USER, 0, 1003),
        (OWNER_GROUP, 4, NOBODY),
        (GROUP, 4, 100),
        (MASK, 6, NOBODY),
        (EVERYBODY, 0, NOBODY),
    ];
    assert_eq!(list(&data(&place)), data_list);
    let entry_list = [
        (USER, 4, 1001),
        (USER, 4, 1002),
        (USER, 0, 1003),
        (OWNER_GROUP, 4, NOBODY),
        (GROUP, 4, 100),
        (MASK, 4, NOBODY),
        (EVERYBODY, 0, NOBODY),
    ];
    assert_eq!(list(&entry(&place)), entry_list);

    let info = place.inspect("n");
    assert_eq!(info.mode, 0o640);
    let shown =
        [user(1001, WRITER), user(1002, Access::QUERY), user(1003, Access::empty()), group(100, READER)];
    assert_eq!(info.grants, shown);
}

#[test]
fn a_synchronization_object_grants_its_use_or_a_look_at_it() {
    for kind in [Kind::Mutex, Kind::Event, Kind::Semaphore, Kind::WaitableTimer] {
        let place = Place::new();
        let security = Security::OWNER_ONLY
            .user(1001, Access::SYNCHRONIZE)
            .user(1002, Access::QUERY)
            .group(100, Access::MODIFY);
        let _held: Box<dyn Any> = match kind {
            Kind::Mutex => Box::new(place.mutexes().security(security).create("n").unwrap()),
            Kind::Event => Box::new(place.events().security(security).create("n").unwrap()),
            Kind::Semaphore => Box::new(place.semaphores().security(security).create("n").unwrap()),
            _ => Box::new(place.timers().security(security).create("n").unwrap()),
        };
        let expected = [
            (USER, 6, 1001),
            (USER, 4, 1002),
            (OWNER_GROUP, 0, NOBODY),
            (GROUP, 6, 100),
            (MASK, 6, NOBODY),
            (EVERYBODY, 0, NOBODY),
        ];
        assert_eq!(list(&entry(&place)), expected, "{kind}");
        let info = place.inspect("n");
        let shown = [user(1001, SYNCHRONIZER), user(1002, Access::QUERY), group(100, SYNCHRONIZER)];
        assert_eq!((info.kind, info.mode, info.grants), (kind, 0o600, shown.to_vec()));
    }
}

/// The kernel does not look at a list whose mask is empty, and so would give the denied user what everybody has.
#[test]
fn a_denial_is_not_lost_in_an_empty_mask() {
    let place = Place::new();
    let security = Security::mode(0o606).user(1001, Access::empty());
    let _held = place.events().security(security).create("n").unwrap();
    assert_ne!(mode(&entry(&place)) & 0o070, 0, "the mask, which the group's bits show");
    let info = place.inspect("n");
    assert_eq!((info.mode, info.grants), (0o606, vec![user(1001, Access::empty())]));
}

#[test]
fn memory_is_a_file_only_if_somebody_else_may_find_it() {
    for (security, storage) in [
        (Security::OWNER_ONLY.user(1001, Access::READ), Storage::SharedMemory),
        (Security::OWNER_ONLY.group(100, Access::WRITE), Storage::SharedMemory),
        (Security::OWNER_ONLY.user(1001, Access::QUERY), Storage::SharedMemory),
        (Security::OWNER_ONLY.user(1001, Access::MODIFY), Storage::Memory),
        (Security::OWNER_ONLY.user(1001, Access::empty()), Storage::Memory),
    ] {
        let place = Place::new();
        let granted = security.grants().map(|grant| grant.access).next().unwrap();
        let _held = place.options().size(4096).security(security).create("n").unwrap();
        assert_eq!(place.inspect("n").storage, storage, "{granted:?}");
    }
}

#[test]
fn a_mapped_file_keeps_its_own_rights() {
    let place = Place::new();
    let file = place.file(&[1; 4096]);
    std::fs::set_permissions(place.path("data"), PermissionsExt::from_mode(0o600)).unwrap();
    let security = Security::OWNER_ONLY.user(1001, Access::READ_WRITE);
    let _held = place.options().file(&file).security(security).create("n").unwrap();
    assert_eq!((mode(&place.path("data")), list(&place.path("data"))), (0o600, Vec::new()));
    assert_eq!(place.inspect("n").grants, [user(1001, Access::QUERY)]);
}

/// The inherited list is still there, so nothing was set: no system call was made for it. Its mask lets nobody in.
#[test]
fn the_owners_own_object_inherits_a_list_without_effect_and_makes_no_call() {
    let place = Place::new();
    let_strangers_in(&place);
    let _held = place.events().create("n").unwrap();
    let entry = entry(&place);
    assert_eq!(mode(&entry), 0o600);
    assert!(list(&entry).contains(&(MASK, 0, NOBODY)), "{:?}", list(&entry));
    assert_eq!(list(&entry).last(), Some(&(EVERYBODY, 0, NOBODY)));
    let info = place.inspect("n");
    assert_eq!((info.mode, info.grants), (0o600, Vec::new()));
}

#[test]
fn a_shared_object_inherits_nobody() {
    for security in [
        Security::mode(0o640),
        Security::mode(0o666),
        Security::mode(0o606),
        Security::mode(0o640).user(1001, Access::ALL),
        Security::OWNER_ONLY.group(100, Access::QUERY),
    ] {
        let place = Place::new();
        let_strangers_in(&place);
        let granted: Vec<_> = security.grants().map(|grant| grant.who).collect();
        let bits = security.mode_bits();
        let mapping = place.options().size(4096).security(security.clone()).create("n").unwrap();
        for name in place.entries() {
            assert_no_strangers(&place.names().join(name));
        }
        let info = place.inspect("n");
        assert_eq!(info.grants.iter().map(|grant| grant.who).collect::<Vec<_>>(), granted, "{bits:o}");
        drop(mapping);
        let _event = place.events().security(security).create("n").unwrap();
        assert_no_strangers(&entry(&place));
        assert_eq!(place.inspect("n").mode, bits);
    }
}

fn assert_no_strangers(file: &Path) {
    let list = list(file);
    assert!(list.iter().all(|(tag, _, id)| ![(USER, 7), (GROUP, 8)].contains(&(*tag, *id))), "{list:?}");
}

/// Where the data are beside the entry though they are the owner's alone.
#[test]
fn the_owners_data_beside_the_entry_inherit_nobody() {
    let place = Place::new();
    let_strangers_in(&place);
    let _held = place.options().size(4096).across_pid_namespaces(true).create("n").unwrap();
    assert_eq!((mode(&data(&place)), list(&data(&place))), (0o600, Vec::new()));
    assert_eq!((mode(&entry(&place)), place.inspect("n").grants), (0o600, Vec::new()));
}

#[test]
fn permission_bits_alone_make_no_list() {
    let place = Place::new();
    let _held = place.options().size(4096).security(Security::mode(0o664)).create("n").unwrap();
    assert_eq!((mode(&data(&place)), list(&data(&place))), (0o664, Vec::new()));
    assert_eq!((mode(&entry(&place)), list(&entry(&place))), (0o644, Vec::new()));
}

/// DA-12.
#[test]
fn da_12_who_finds_the_object_does_not_change_its_security() {
    let place = Place::new();
    let options = |security| place.events().security(security);
    let held = options(Security::OWNER_ONLY.user(1001, Access::QUERY)).create("n").unwrap();
    let again = options(Security::mode(0o666).user(1002, Access::ALL)).create("n").unwrap();
    assert!(again.existed());
    let info = place.inspect("n");
    assert_eq!((info.mode, info.grants), (0o600, vec![user(1001, Access::QUERY)]));
    drop((held, again));
    // The name has another object now, and nothing of the former one's security.
    let _other = options(Security::mode(0o644).user(1002, Access::ALL)).create("n").unwrap();
    let info = place.inspect("n");
    assert_eq!((info.mode, info.grants), (0o644, vec![user(1002, SYNCHRONIZER)]));
}

#[test]
fn what_the_mask_takes_away_is_not_shown() {
    let place = Place::new();
    let security = Security::mode(0o660)
        .user(1001, Access::READ_WRITE)
        .group(100, Access::READ_WRITE)
        .user(7, Access::ALL);
    let _held = place.options().size(4096).security(security).create("n").unwrap();
    // chmod g=r: with a list, that is its mask.
    std::fs::set_permissions(data(&place), PermissionsExt::from_mode(0o640)).unwrap();
    assert_eq!(place.inspect("n").grants, [user(7, READER), user(1001, READER), group(100, READER)]);
    std::fs::set_permissions(data(&place), PermissionsExt::from_mode(0o600)).unwrap();
    let looks = [user(7, Access::QUERY), user(1001, Access::QUERY), group(100, Access::QUERY)];
    assert_eq!(place.inspect("n").grants, looks);
    std::fs::set_permissions(entry(&place), PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(place.inspect("n").grants, []);
}

/// Somebody with rights to the directory put another file there.
#[test]
fn a_data_file_that_is_not_the_objects_says_nothing_about_its_rights() {
    let place = Place::new();
    let security = Security::OWNER_ONLY.user(1001, Access::READ);
    let _held = place.options().size(4096).security(security).create("n").unwrap();
    let data = data(&place);
    std::fs::remove_file(&data).unwrap();
    assert_eq!(place.inspect("n").grants, [user(1001, Access::QUERY)], "it is gone");
    std::fs::write(&data, b"another").unwrap();
    write_list(
        &data,
        OWN,
        &[(USER, 6, 1001), (OWNER_GROUP, 0, NOBODY), (MASK, 6, NOBODY), (EVERYBODY, 0, NOBODY)],
    )
    .unwrap();
    assert_eq!(place.inspect("n").grants, [user(1001, Access::QUERY)], "it is another one");
    std::fs::remove_file(&data).unwrap();
    std::os::unix::fs::symlink(place.path("elsewhere"), &data).unwrap();
    assert_eq!(place.inspect("n").grants, [user(1001, Access::QUERY)], "it is a link");
}

#[test]
fn nobodys_number_is_refused_and_nothing_is_left() {
    let place = Place::new();
    for security in
        [Security::OWNER_ONLY.user(NOBODY, Access::READ), Security::OWNER_ONLY.group(NOBODY, Access::READ)]
    {
        let refused = error(place.options().size(4096).security(security.clone()).create("n"));
        assert_eq!(refused.kind(), ErrorKind::InvalidParameter, "{refused}");
        assert!(refused.to_string().contains("does not exist"), "{refused}");
        assert_eq!(code(place.events().security(security).create("n")), 0x57);
        assert_eq!(place.entries(), [""; 0]);
    }
}

#[test]
fn more_grants_than_a_list_can_have_are_refused() {
    let place = Place::new();
    let many = |count| (0..count).fold(Security::OWNER_ONLY, |security, uid| security.user(uid, Access::ALL));
    let held = place.events().security(many(8000)).create("n").unwrap();
    assert_eq!(place.inspect("n").grants.len(), 8000);
    drop(held);
    let refused = error(place.events().security(many(9000)).create("n"));
    assert_eq!(refused.kind(), ErrorKind::InvalidParameter, "{refused}");
    assert!(refused.to_string().contains("too many"), "{refused}");
    assert_eq!(place.entries(), [""; 0]);
}

/// Where this test does its work when it runs a second time.
const WITHOUT_LISTS: &str = "SHMOBJ_TEST_WITHOUT_LISTS";

/// A ramfs has no lists. The test runs itself again where it is root in a user namespace of its own and may mount one; the mount
/// goes with that process.
#[test]
fn where_there_are_no_lists_permission_bits_work_and_grants_are_refused() {
    if let Some(directory) = std::env::var_os(WITHOUT_LISTS) {
        return without_lists(Path::new(&directory));
    }
    let place = Place::new();
    let names = place.names();
    std::fs::create_dir(&names).unwrap();
    let inside = |command: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--mount", "sh", "-c"]);
        unshare
            .arg(format!(r#"mount -t ramfs none "$0" && {command}"#))
            .arg(&names)
            .env(WITHOUT_LISTS, &names);
        unshare
    };
    let test = "where_there_are_no_lists_permission_bits_work_and_grants_are_refused";
    if !inside("true").output().is_ok_and(|made| made.status.success()) {
        let _ = writeln!(std::io::stderr(), "SKIPPED {test}: no ramfs can be mounted");
        return;
    }
    let again = inside(r#"chmod 0755 "$0" && exec "$@""#)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && said.contains("1 passed"), "{again:?}");
}

fn without_lists(directory: &Path) {
    let namespace = Namespace::at(directory);
    // Reserved: a ramfs cannot allocate either.
    let options = FileMapping::options().namespace(&namespace).size(4096).allocation(Allocation::Reserve);
    for bits in [0o600, 0o640, 0o666] {
        let _held = options.clone().security(Security::mode(bits)).create("n").unwrap();
        assert_eq!(namespace.inspect("n").unwrap().mode, bits & 0o644 | 0o600);
    }
    let granted_to = |uid| options.clone().security(Security::OWNER_ONLY.user(uid, Access::READ));
    let stranger = error(granted_to(1001).create("n"));
    assert_eq!(stranger.kind(), ErrorKind::InvalidParameter, "here is nobody but root: {stranger}");
    let refused = error(granted_to(0).create("n"));
    assert_eq!(refused.kind(), ErrorKind::NotSupported, "{refused}");
    let text = refused.to_string();
    assert!(text.contains(&format!("{} is on a file system", directory.display())), "{text}");
    assert!(text.contains("tmpfs"), "what to do: {text}");
    assert_eq!(std::fs::read_dir(directory).unwrap().count(), 0, "nothing is left");
}
