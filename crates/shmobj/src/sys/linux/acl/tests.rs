use proptest::prelude::*;

use super::*;

fn named() -> impl Strategy<Value = Vec<(Principal, u32)>> {
    let users = prop::collection::btree_map(0..NOBODY, 0..8_u32, 0..4);
    let groups = prop::collection::btree_map(0..NOBODY, 0..8_u32, 0..4);
    (users, groups).prop_map(|(users, groups)| {
        let users = users.into_iter().map(|(uid, bits)| (Principal::User(uid), bits));
        let groups = groups.into_iter().map(|(gid, bits)| (Principal::Group(gid), bits));
        users.chain(groups).collect()
    })
}

/// Entries that are nearly in order, so that many of them are.
fn entries() -> impl Strategy<Value = Vec<(u16, u16, u32)>> {
    let tags = [OWNER, USER, OWNER_GROUP, GROUP, MASK, EVERYBODY];
    let tags = [&tags[..], &[USER, GROUP, 0, 3, 0x40]].concat();
    let entry = (prop::sample::select(tags), prop_oneof![8 => 0..8_u16, 1 => 7..9_u16], 0..NOBODY);
    let some = prop::collection::vec(entry, 0..7);
    let whole = (some, prop::bool::weighted(0.8)).prop_map(|(mut some, whole)| {
        if whole {
            some.retain(|(tag, ..)| ![OWNER, OWNER_GROUP, EVERYBODY].contains(tag));
            some.extend([(OWNER, 6, NOBODY), (OWNER_GROUP, 4, NOBODY), (EVERYBODY, 0, NOBODY)]);
            some.sort_by_key(|(tag, ..)| *tag);
        }
        some
    });
    whole.prop_filter("the kernel takes no entries for the wish to have no list", |entries| {
        !entries.is_empty()
    })
}

fn bytes_of(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut bytes = VERSION.to_le_bytes().to_vec();
    for (tag, bits, id) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(bits.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(mode in 0..0o1000_u32, named in named()) {
        let acl = Acl::new(mode, named);
        prop_assert_eq!(Acl::decode(&acl.encode()), Some(acl));
    }

    #[test]
    fn any_bytes_can_be_decoded(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = Acl::decode(&bytes);
    }

    #[test]
    fn a_list_that_is_cut_short_is_none(mode in 0..0o1000_u32, named in named(), cut in any::<prop::sample::Index>()) {
        let bytes = Acl::new(mode, named).encode();
        prop_assert_eq!(Acl::decode(&bytes[..cut.index(bytes.len())]), None);
    }

    #[test]
    fn the_mask_takes_nothing_away_and_is_never_empty(mode in 0..0o1000_u32, named in named()) {
        let acl = Acl::new(mode, named.clone());
        prop_assert_eq!(acl.named().collect::<Vec<_>>(), named);
        prop_assert_eq!(acl.mode(), mode);
        prop_assert_ne!(acl.mask, Some(0));
    }

    /// The judge of the format is the kernel.
    #[test]
    fn what_the_kernel_accepts_is_decoded_and_nothing_else(entries in entries()) {
        let file = tempfile::tempfile_in("/dev/shm").unwrap();
        let bytes = bytes_of(&entries);
        match rustix::fs::fsetxattr(&file, ATTRIBUTE, &bytes, XattrFlags::empty()) {
            Err(Errno::OPNOTSUPP) => {} // a kernel without lists judges nothing
            Ok(()) => prop_assert!(Acl::decode(&bytes).is_some(), "{entries:?}"),
            Err(errno) => {
                prop_assert_eq!(errno, Errno::INVAL);
                prop_assert_eq!(Acl::decode(&bytes), None);
            }
        }
    }
}

#[test]
fn the_bytes_are_those_of_the_kernel() {
    let acl = Acl::new(0o640, vec![(Principal::User(1001), R | W), (Principal::Group(100), R)]);
    let entries = [
        (OWNER, 6, NOBODY),
        (USER, 6, 1001),
        (OWNER_GROUP, 4, NOBODY),
        (GROUP, 4, 100),
        (MASK, 6, NOBODY),
        (EVERYBODY, 0, NOBODY),
    ];
    assert_eq!(acl.encode(), bytes_of(&entries));
    assert_eq!(bytes_of(&entries)[..12], [2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255]);
}

#[test]
fn the_mask_limits_all_but_the_owner_and_everybody() {
    let mut acl = Acl::new(0o664, vec![(Principal::User(1), R | W), (Principal::Group(2), W)]);
    acl.mask = Some(R);
    assert_eq!(acl.mode(), 0o644);
    assert_eq!(acl.named().collect::<Vec<_>>(), [(Principal::User(1), R), (Principal::Group(2), 0)]);
}
