//! What rights to objects are to the kernel: bits of files.
//!
//! | right | a mapping's data | its entry | a synchronization object's entry |
//! |---|---|---|---|
//! | READ | r | r | |
//! | WRITE | rw: memory cannot be mapped for writing alone | r | |
//! | SYNCHRONIZE, MODIFY | | | rw: every use writes |
//! | QUERY | | r | r |
//!
//! Reading an entry is enough for the lock, which is the handle, and for the data's name.

use std::collections::BTreeMap;

use super::acl::{Acl, R, W};
use crate::access::Access;
use crate::kind::Kind;
use crate::security::{Grant, Security};

/// The rights to a mapping's data.
pub(crate) fn of_data(security: &Security) -> Acl {
    with(security, security.mode_bits(), |access| {
        let write = if access.contains(Access::WRITE) { R | W } else { 0 };
        let read = if access.contains(Access::READ) { R } else { 0 };
        write | read
    })
}

/// Whether others than the owner may open a mapping's entry. Its data are then a file, even where they are denied to all of them:
/// it refuses at once, where a memfd of another user would be searched for in vain.
pub(crate) fn is_shared(security: &Security) -> bool {
    security.mode_bits() & 0o077 != 0
        || security.grants().any(|grant| grant.access.intersects(Access::MAPPING))
}

/// The rights to a mapping's entry: nobody but the owner may write what it says.
pub(crate) fn of_mapping(security: &Security) -> Acl {
    let mode = security.mode_bits();
    let readers = (mode | mode << 1) & 0o044;
    with(security, 0o600 | readers, |access| if access.intersects(Access::MAPPING) { R } else { 0 })
}

/// The rights to a synchronization object's entry. Who may write it may read it, and who may only read it may look at it.
pub(crate) fn of_synchronization(security: &Security) -> Acl {
    let mode = security.mode_bits();
    with(security, mode | (mode & 0o022) << 1, |access| {
        if access.intersects(Access::USE) {
            R | W
        } else if access.contains(Access::QUERY) {
            R
        } else {
            0
        }
    })
}

fn with(security: &Security, mode: u32, bits: impl Fn(Access) -> u32) -> Acl {
    Acl::new(mode, security.grants().map(|grant| (grant.who, bits(grant.access))).collect())
}

/// What those whom the lists name may do with an object. `data`: the list of a mapping's data beside the entry.
pub(crate) fn grants(kind: Kind, entry: &Acl, data: Option<&Acl>) -> Vec<Grant> {
    let of_entry = |bits: u32| match kind {
        _ if bits & R == 0 => Access::empty(),
        Kind::FileMapping => Access::QUERY,
        _ if bits & W == 0 => Access::QUERY,
        _ => Access::of(kind),
    };
    let of_data = |bits: u32| match bits & (R | W) {
        R => Access::READ,
        both if both == R | W => Access::READ_WRITE,
        _ => Access::empty(),
    };
    let mut grants: BTreeMap<_, _> = entry.named().map(|(who, bits)| (who, of_entry(bits))).collect();
    for (who, bits) in data.into_iter().flat_map(Acl::named) {
        // Who cannot open the entry does not come as far as the data.
        let access = grants.entry(who).or_insert(Access::QUERY);
        if !access.is_empty() {
            *access |= of_data(bits);
        }
    }
    grants.into_iter().map(|(who, access)| Grant { who, access }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::Principal::{Group, User};

    fn named(acl: &Acl) -> Vec<u32> {
        acl.named().map(|(_, bits)| bits).collect()
    }

    #[test]
    fn rights_become_the_bits_of_the_file_that_they_are_about() {
        let (read, write, none) = (R, R | W, 0);
        for (access, data, entry, synchronization) in [
            (Access::empty(), none, none, none),
            (Access::QUERY, none, read, read),
            (Access::READ, read, read, none),
            (Access::WRITE, write, read, none),
            (Access::READ_WRITE, write, read, none),
            (Access::SYNCHRONIZE, none, none, write),
            (Access::MODIFY, none, none, write),
            (Access::ALL, write, read, write),
        ] {
            let security = Security::OWNER_ONLY.user(1, access).group(2, access);
            assert_eq!(named(&of_data(&security)), [data; 2], "the data, {access:?}");
            assert_eq!(named(&of_mapping(&security)), [entry; 2], "their entry, {access:?}");
            assert_eq!(named(&of_synchronization(&security)), [synchronization; 2], "{access:?}");
            assert_eq!(is_shared(&security), entry != none, "{access:?}");
        }
    }

    #[test]
    fn permission_bits_mean_what_they_mean_of_the_data_and_what_that_needs_of_the_entry() {
        for (mode, entry, synchronization) in [
            (0o600, 0o600, 0o600),
            (0o640, 0o640, 0o640),
            (0o660, 0o640, 0o660),
            (0o604, 0o604, 0o604),
            (0o622, 0o644, 0o666),
            (0o777, 0o644, 0o666),
        ] {
            let security = Security::mode(mode);
            assert_eq!(of_data(&security).mode(), security.mode_bits(), "{mode:o}");
            assert_eq!(of_mapping(&security).mode(), entry, "{mode:o}");
            assert_eq!(of_synchronization(&security).mode(), synchronization, "{mode:o}");
            assert_eq!(is_shared(&security), mode != 0o600, "{mode:o}");
        }
    }

    #[test]
    fn what_was_granted_is_shown() {
        let grant = |who, access| Grant { who, access };
        let all = Access::QUERY | Access::READ_WRITE;
        let security = Security::OWNER_ONLY
            .user(1, Access::WRITE)
            .user(2, Access::QUERY)
            .user(3, Access::empty())
            .group(4, Access::READ);
        let entry = of_mapping(&security);
        let shown = grants(Kind::FileMapping, &entry, Some(&of_data(&security)));
        let read = Access::QUERY | Access::READ;
        let (nothing, query) = (Access::empty(), Access::QUERY);
        assert_eq!(
            shown,
            [grant(User(1), all), grant(User(2), query), grant(User(3), nothing), grant(Group(4), read)]
        );
        let shown = grants(Kind::FileMapping, &entry, None);
        assert_eq!(
            shown.iter().map(|grant| grant.access).collect::<Vec<_>>(),
            [query, query, nothing, query]
        );

        let security = Security::OWNER_ONLY.user(1, Access::MODIFY).group(2, Access::QUERY);
        let shown = grants(Kind::Event, &of_synchronization(&security), None);
        assert_eq!(shown, [grant(User(1), Access::SYNCHRONIZATION), grant(Group(2), query)]);
    }

    #[test]
    fn who_cannot_open_the_entry_has_no_right_to_the_data() {
        let entry = Acl::new(0o600, vec![(User(1), 0)]);
        let data = Acl::new(0o600, vec![(User(1), R | W), (User(2), W)]);
        let shown = grants(Kind::FileMapping, &entry, Some(&data));
        let expected = [(User(1), Access::empty()), (User(2), Access::QUERY)];
        assert_eq!(shown.iter().map(|grant| (grant.who, grant.access)).collect::<Vec<_>>(), expected);
    }
}
