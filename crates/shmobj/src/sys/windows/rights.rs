//! Rights as access masks.

use windows_sys::Win32::Storage::FileSystem::{READ_CONTROL, STANDARD_RIGHTS_REQUIRED, SYNCHRONIZE};
use windows_sys::Win32::System::Memory::{SECTION_MAP_READ, SECTION_MAP_WRITE, SECTION_QUERY};

use crate::access::Access;
use crate::kind::Kind;

/// `EVENT_QUERY_STATE` and its like: the same bit for all kinds.
pub(super) const QUERY_STATE: u32 = 0x1;
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
        _ => &[
            (Access::QUERY, QUERY_STATE),
            (Access::MODIFY, MODIFY_STATE),
            (Access::SYNCHRONIZE, SYNCHRONIZE),
        ],
    };
    table.iter().filter(|(right, _)| access.contains(*right)).fold(0, |mask, (_, bit)| mask | bit)
}

/// The right to ask what an object is like, as an open takes it. To `OpenFileMapping` that bit alone means `FILE_MAP_COPY` (OF-2), so
/// there it goes with another.
pub(super) fn with_query(kind: Kind) -> u32 {
    if kind == Kind::FileMapping { SECTION_QUERY | READ_CONTROL } else { QUERY_STATE }
}

/// The rights that a kernel handle of this mask has.
pub(super) fn access(kind: Kind, granted: u32) -> Access {
    let own = if kind == Kind::FileMapping { Access::MAPPING } else { Access::SYNCHRONIZATION };
    own.iter().filter(|right| granted & mask(kind, *right) == mask(kind, *right)).collect()
}

/// Everything, for an object's owner (`EVENT_ALL_ACCESS` and its like).
pub(super) fn everything(kind: Kind) -> u32 {
    let own = match kind {
        Kind::FileMapping => 0x1f,
        Kind::Mutex => SYNCHRONIZE | 0x1,
        _ => SYNCHRONIZE | 0x3,
    };
    STANDARD_RIGHTS_REQUIRED | own
}

/// What an access control list grants of these rights: with those that an open asks for besides.
pub(super) fn granted(kind: Kind, access: Access) -> u32 {
    mask(kind, access) | QUERY_STATE | READ_CONTROL
}
