//! Rights as access masks.

use windows_sys::Win32::Storage::FileSystem::{READ_CONTROL, STANDARD_RIGHTS_REQUIRED, SYNCHRONIZE};
use windows_sys::Win32::System::Memory::{SECTION_MAP_READ, SECTION_MAP_WRITE, SECTION_QUERY};

use windows_sys::Win32::System::SystemServices::{
    JOB_OBJECT_ASSIGN_PROCESS, JOB_OBJECT_QUERY, JOB_OBJECT_SET_ATTRIBUTES, JOB_OBJECT_TERMINATE,
};

use crate::access::Access;
use crate::kind::Kind;

/// `EVENT_QUERY_STATE` and its like: the same bit for all kinds but jobs.
const QUERY_STATE: u32 = 0x1;
/// `EVENT_MODIFY_STATE`, `SEMAPHORE_MODIFY_STATE`, `TIMER_MODIFY_STATE`. Releasing a mutex needs no right (AR-4), and `MUTEX_MODIFY_STATE` is
/// the bit of `MUTANT_QUERY_STATE`; an open that asks for no bit at all is refused (OP-4).
const MODIFY_STATE: u32 = 0x2;

/// What a kind's kernel handle needs for these rights.
pub(super) fn mask(kind: Kind, access: Access) -> u32 {
    let table: &[(Access, u32)] = match kind {
        Kind::FileMapping => &[
            (Access::QUERY, SECTION_QUERY),
            (Access::WRITE, SECTION_MAP_WRITE),
            (Access::READ, SECTION_MAP_READ),
        ],
        Kind::Mutex => {
            &[(Access::QUERY, QUERY_STATE), (Access::MODIFY, QUERY_STATE), (Access::SYNCHRONIZE, SYNCHRONIZE)]
        }
        Kind::Job => &[
            (Access::QUERY, JOB_OBJECT_QUERY),
            (Access::MODIFY, JOB_OBJECT_SET_ATTRIBUTES),
            (Access::ASSIGN, JOB_OBJECT_ASSIGN_PROCESS),
            (Access::TERMINATE, JOB_OBJECT_TERMINATE),
            (Access::SYNCHRONIZE, SYNCHRONIZE),
        ],
        _ => &[
            (Access::QUERY, QUERY_STATE),
            (Access::MODIFY, MODIFY_STATE),
            (Access::SYNCHRONIZE, SYNCHRONIZE),
        ],
    };
    table.iter().filter(|(right, _)| access.contains(*right)).fold(0, |mask, (_, bit)| mask | bit)
}

/// The right to ask what an object is like.
pub(super) fn query(kind: Kind) -> u32 {
    mask(kind, Access::QUERY)
}

/// A mask with that right. Alone, the bit means `FILE_MAP_COPY` to `OpenFileMapping` (OF-2), so then it goes with another.
pub(super) fn with_query(kind: Kind, mask: u32) -> u32 {
    let query = query(kind);
    if mask | query == query { query | READ_CONTROL } else { mask | query }
}

/// The rights that a kernel handle of this mask has.
pub(super) fn access(kind: Kind, granted: u32) -> Access {
    let own = Access::of(kind);
    own.iter().filter(|right| granted & mask(kind, *right) == mask(kind, *right)).collect()
}

/// Everything, for an object's owner (`EVENT_ALL_ACCESS` and its like).
pub(super) fn everything(kind: Kind) -> u32 {
    let own = match kind {
        Kind::FileMapping => 0x1f,
        Kind::Mutex => SYNCHRONIZE | 0x1,
        Kind::Job => SYNCHRONIZE | 0x3f, // 0x1f before Windows 10
        _ => SYNCHRONIZE | 0x3,
    };
    STANDARD_RIGHTS_REQUIRED | own
}

/// What an access control list grants of these rights: with those that an open asks for besides.
pub(super) fn granted(kind: Kind, access: Access) -> u32 {
    mask(kind, access) | query(kind) | READ_CONTROL
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An open that asks for no bit is refused (OP-4).
    #[test]
    fn every_right_that_a_kind_has_is_a_bit() {
        for kind in Kind::ALL {
            let own = Access::of(kind);
            let others = Access::ALL - own;
            for right in own.iter() {
                assert_ne!(mask(kind, right), 0, "{kind} {right:?}");
                assert_eq!(mask(kind, right) & !everything(kind), 0, "{kind} {right:?}");
                assert!(access(kind, mask(kind, right)).contains(right), "{kind} {right:?}");
                assert_eq!(granted(kind, right) & mask(kind, right), mask(kind, right));
            }
            assert_eq!(mask(kind, others), 0, "{kind}");
            assert_eq!(access(kind, everything(kind)), own, "{kind}");
            assert_eq!(access(kind, 0), Access::empty(), "{kind}");
        }
    }

    #[test]
    fn masks_are_those_of_the_headers() {
        assert_eq!(mask(Kind::FileMapping, Access::ALL), 0x7);
        assert_eq!(mask(Kind::Mutex, Access::ALL), 0x10_0001);
        assert_eq!(mask(Kind::Event, Access::ALL), 0x10_0003);
        assert_eq!(mask(Kind::Job, Access::ALL), 0x10_000f);
        assert_eq!(mask(Kind::Job, Access::QUERY), 0x4);
        assert_eq!(everything(Kind::FileMapping), 0xf_001f);
        assert_eq!(everything(Kind::Mutex), 0x1f_0001);
        assert_eq!(everything(Kind::WaitableTimer), 0x1f_0003);
        assert_eq!(everything(Kind::Job), 0x1f_003f);
    }
}
