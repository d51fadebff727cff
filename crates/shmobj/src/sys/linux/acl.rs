//! Access control lists of files, as the kernel keeps them: `system.posix_acl_access` (acl(5)).
//!
//! | bytes | what |
//! |---|---|
//! | 4 | version, 2 |
//! | 8 each | tag (2), rights (2), user or group (4) |
//!
//! The order of tags is the kernel's: owner, named users, the owner's group, named groups, mask, everybody.
//!
//! Three rules of the kernel matter here:
//! - With a list, the group bits of the mode *are* the mask, which limits named users, named groups and the owner's group. So
//!   `fchmod(0640)` on a file that inherited a list (its directory has a default list) lets that list's users in.
//! - A list whose mask is empty is not even looked at: the mode decides, and who is denied by name has what everybody has.
//! - A list without named entries is no list: the kernel sets the mode and drops the list that was there.

use std::os::fd::{AsFd, AsRawFd};

use rustix::fs::{Mode, XattrFlags};
use rustix::io::Errno;

use super::namespace::Directory;
use super::proc;
use crate::error::{Attempt, Error, ErrorKind, Result};
use crate::security::Principal;

pub(crate) const R: u32 = 4;
pub(crate) const W: u32 = 2;
/// Nobody has this right to a file of ours, so a mask of it limits everybody to nothing, and is not empty.
const X: u32 = 1;

const ATTRIBUTE: &str = "system.posix_acl_access";
const VERSION: u32 = 2;
const OWNER: u16 = 0x01;
const USER: u16 = 0x02;
const OWNER_GROUP: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const EVERYBODY: u16 = 0x20;
/// The number of entries that are nobody's in particular.
const NOBODY: u32 = u32::MAX;
/// No attribute is larger (`XATTR_SIZE_MAX`).
const LARGEST: usize = 64 << 10;

/// Who has which bits of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acl {
    pub(crate) owner: u32,
    pub(crate) owner_group: u32,
    pub(crate) everybody: u32,
    /// Users before groups.
    pub(crate) named: Vec<(Principal, u32)>,
    /// There is one where there are named entries.
    pub(crate) mask: Option<u32>,
}

impl Acl {
    pub(crate) fn new(mode: u32, named: Vec<(Principal, u32)>) -> Self {
        let bits = |shift: u32| mode >> shift & 7;
        let limit = named.iter().fold(bits(3), |limit, (_, bits)| limit | bits);
        let mask = (!named.is_empty()).then_some(if limit == 0 { X } else { limit });
        Self { owner: bits(6), owner_group: bits(3), everybody: bits(0), named, mask }
    }

    /// Whether a file that was made with mode 0600, and has this mode now, has these rights without being given them. What it may
    /// have inherited does not matter: the mode has emptied the list's mask.
    pub(crate) fn is_given_by(&self, mode: u32) -> bool {
        self.named.is_empty() && self.mode() == 0o600 && mode & 0o777 == 0o600
    }

    /// The permission bits, with what the owner's group really has.
    pub(crate) fn mode(&self) -> u32 {
        self.owner << 6 | self.limited(self.owner_group) << 3 | self.everybody
    }

    /// Whom it names, with the bits that the kernel gives them.
    pub(crate) fn named(&self) -> impl Iterator<Item = (Principal, u32)> + '_ {
        self.named.iter().map(|&(who, bits)| (who, self.limited(bits)))
    }

    fn limited(&self, bits: u32) -> u32 {
        bits & self.mask.unwrap_or(7)
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4 + 8 * (4 + self.named.len()));
        bytes.extend(VERSION.to_le_bytes());
        let mut push = |tag: u16, bits: u32, id: u32| {
            bytes.extend(tag.to_le_bytes());
            bytes.extend((bits as u16).to_le_bytes());
            bytes.extend(id.to_le_bytes());
        };
        push(OWNER, self.owner, NOBODY);
        for &(who, bits) in &self.named {
            if let Principal::User(uid) = who {
                push(USER, bits, uid);
            }
        }
        push(OWNER_GROUP, self.owner_group, NOBODY);
        for &(who, bits) in &self.named {
            if let Principal::Group(gid) = who {
                push(GROUP, bits, gid);
            }
        }
        if let Some(mask) = self.mask {
            push(MASK, mask, NOBODY);
        }
        push(EVERYBODY, self.everybody, NOBODY);
        bytes
    }

    /// `None`: no list that the kernel would accept.
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, entries) = bytes.split_first_chunk()?;
        if u32::from_le_bytes(*version) != VERSION || entries.len() % 8 != 0 {
            return None;
        }
        let mut acl = Self { owner: 0, owner_group: 0, everybody: 0, named: Vec::new(), mask: None };
        let mut last = 0;
        for entry in entries.chunks_exact(8) {
            let tag = u16::from_le_bytes([entry[0], entry[1]]);
            let bits = u32::from(u16::from_le_bytes([entry[2], entry[3]]));
            let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
            // The tags rise, those of named entries may come again, and the three of the mode have to be there.
            let again = tag == last && (tag == USER || tag == GROUP);
            let skipped = |needed: u16| last < needed && tag > needed;
            if !again && tag <= last || skipped(OWNER) || skipped(OWNER_GROUP) || bits > 7 {
                return None;
            }
            match tag {
                OWNER => acl.owner = bits,
                USER => acl.named.push((Principal::User(id), bits)),
                OWNER_GROUP => acl.owner_group = bits,
                GROUP => acl.named.push((Principal::Group(id), bits)),
                MASK => acl.mask = Some(bits),
                EVERYBODY => acl.everybody = bits,
                _ => return None,
            }
            last = tag;
        }
        let is_whole = last == EVERYBODY && (acl.named.is_empty() || acl.mask.is_some());
        is_whole.then_some(acl)
    }
}

/// Gives a file its rights, all at once. The caller gives it its name afterwards: nobody ever finds it with others. Killed before
/// that, the kernel frees a file that nobody can reach.
pub(crate) fn give(attempt: &Attempt<'_>, directory: &Directory, file: impl AsFd, acl: &Acl) -> Result<()> {
    let plain = acl.named.is_empty();
    let set = match rustix::fs::fsetxattr(&file, ATTRIBUTE, &acl.encode(), XattrFlags::empty()) {
        // Without lists, none was inherited, and the mode is all there is.
        Err(Errno::OPNOTSUPP) if plain => rustix::fs::fchmod(&file, Mode::from_raw_mode(acl.mode())),
        set => set,
    };
    set.map_err(|errno| match errno {
        Errno::OPNOTSUPP => without_lists(attempt, directory),
        Errno::INVAL if !plain => attempt
            .fails(ErrorKind::InvalidParameter, "a user or group who is given rights does not exist")
            .with_source(errno)
            .with_remedy("give numbers that this process's user namespace has"),
        Errno::TOOBIG => attempt
            .fails(ErrorKind::InvalidParameter, "too many users and groups are given rights")
            .with_source(errno)
            .with_remedy("give them to a group that these users are members of"),
        errno => attempt.os("setting who may open it", errno),
    })
}

fn without_lists(attempt: &Attempt<'_>, directory: &Directory) -> Error {
    let place = proc::target(&proc::own_descriptor(&directory.as_fd()));
    let place =
        place.map_or_else(|| "the namespace directory".into(), |path| path.to_string_lossy().into_owned());
    attempt
        .fails(
            ErrorKind::NotSupported,
            format!("{place} is on a file system without access control lists, which rights of named users and groups need"),
        )
        .with_remedy("use a namespace directory on tmpfs, or permission bits alone (Security::mode)")
}

/// Who has which bits of a file whose mode is this. The descriptor may be one that only names the file (`O_PATH`).
pub(crate) fn read(file: impl AsFd, mode: u32) -> Acl {
    let plain = Acl::new(mode, Vec::new());
    if mode & 0o070 == 0 {
        return plain; // an empty mask: no list is looked at
    }
    let mut bytes = vec![0; LARGEST];
    let read = match rustix::fs::fgetxattr(&file, ATTRIBUTE, &mut bytes[..]) {
        Err(Errno::BADF) => {
            let path = proc::own_descriptor(&file.as_fd().as_raw_fd());
            rustix::fs::getxattr(path, ATTRIBUTE, &mut bytes[..])
        }
        read => read,
    };
    // Without a list the mode is all there is; and it is what can be told where the list cannot be read.
    read.ok().and_then(|length| Acl::decode(&bytes[..length])).unwrap_or(plain)
}

#[cfg(test)]
mod tests;
