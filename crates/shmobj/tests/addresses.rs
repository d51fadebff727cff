//! The rows of section 8.4 about where a view is: wanted addresses, and what becomes of them.

mod common;

use std::sync::{Mutex, MutexGuard, PoisonError};

use common::{GRANULARITY, PAGE, code, on_wine, rights};
use shmobj::{FileMapping, Mode, View};

/// An address in a part of the address space that the kernel does not use by itself, for one test each.
const fn far_away(test: usize) -> usize {
    0x2000_0000_0000 + (test << 32)
}

/// The address space is the process's: one test at a time, so that an address stays as free as it was.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn memory(size: u64) -> FileMapping {
    FileMapping::options().size(size).create_unnamed().unwrap()
}

fn address_of<M: Mode>(view: &View<M>) -> usize {
    view.as_ptr().addr()
}

/// A null base means that the system chooses.
#[test]
fn mv_12_the_address_0_is_no_address() {
    let _alone = alone();
    let mapping = memory(4096);
    let view = mapping.view().address(0).map_mut();
    assert_eq!(rights(0), None, "the page at 0 stays free, so that null pointers fault");
    assert_eq!(address_of(&view.unwrap()) % GRANULARITY, 0);
}

/// MV-13 and MV-17.
#[test]
fn mv_13_a_wanted_address_is_a_multiple_of_64_kib() {
    let _alone = alone();
    let mapping = memory(1 << 20);
    for misaligned in [1, PAGE, GRANULARITY - 1, GRANULARITY + PAGE] {
        let address = far_away(1) + misaligned;
        assert_eq!(code(mapping.view().address(address).map()), 1132, "{misaligned:#x}");
        assert_eq!(code(mapping.view().address(address).offset(100).map()), 1132, "MV-17");
    }
    assert_eq!(code(mapping.view().address(far_away(1)).offset(PAGE as u64).map()), 1132, "MV-2");
    assert_eq!(rights(far_away(1)), None);
}

#[test]
fn mv_14_a_free_address_is_where_the_view_is() {
    let _alone = alone();
    let mapping = memory(3 * GRANULARITY as u64);
    let base = far_away(2);
    let view = mapping.view().address(base).map_mut().unwrap();
    assert_eq!(address_of(&view), base);
    let second = base + 3 * GRANULARITY;
    let tail = mapping.view().address(second).offset(GRANULARITY as u64).len(10).map().unwrap();
    assert_eq!(address_of(&tail), second);
    view.write_at(GRANULARITY, b"both").unwrap();
    assert_eq!(tail.read_vec(0, 4).unwrap(), b"both");
    drop(view);
    assert_eq!(rights(base), None);
    assert_eq!(address_of(&mapping.view().address(base).map_copy().unwrap()), base, "free again");
}

#[test]
fn mv_15_what_is_at_the_wanted_address_stays_and_the_view_is_not_moved() {
    static MODULE: [u8; GRANULARITY] = [0; GRANULARITY];
    let _alone = alone();
    let mapping = memory(2 * GRANULARITY as u64);
    let base = far_away(3);
    let there = mapping.view().address(base).map_mut().unwrap();
    there.write_at(0, b"mine").unwrap();
    for address in [base, base + GRANULARITY, base - GRANULARITY] {
        assert_eq!(code(mapping.view().address(address).map()), 487);
        assert_eq!(code(mapping.view().address(address).map_copy()), 487);
        assert_eq!(there.read_vec(0, 4).unwrap(), b"mine");
    }
    assert_eq!(rights(base - GRANULARITY), None, "nothing was left in front");
    let heap = vec![1_u8; 4 * GRANULARITY];
    let stack = 0_u8;
    for taken in [heap.as_ptr().addr(), (&raw const stack).addr(), MODULE.as_ptr().addr()] {
        let address = (taken / GRANULARITY) * GRANULARITY;
        assert_eq!(code(mapping.view().address(address).map_mut()), 487);
    }
    assert!(heap.iter().all(|&byte| byte == 1));
}

/// Section 24 chooses 87.
#[test]
fn mv_16_an_address_of_the_kernel_is_never_right() {
    if on_wine() {
        return; // MV-16: it claims to have mapped it there
    }
    let _alone = alone();
    let mapping = memory(2 * GRANULARITY as u64);
    for address in [0xffff_8000_0000_0000, 1 << 63, usize::MAX - GRANULARITY + 1] {
        assert_eq!(code(mapping.view().address(address).map()), 87, "{address:#x}");
    }
}

/// UM-1, UM-8: dropping a view removes all of it.
#[test]
fn um_1_a_dropped_view_leaves_no_page_mapped() {
    let _alone = alone();
    let mapping = memory(5 * GRANULARITY as u64);
    let address = far_away(4);
    let view = mapping.view().address(address).len(4 * GRANULARITY as u64 + 1).map().unwrap();
    let last = address + 4 * GRANULARITY;
    assert_eq!((rights(address).as_deref(), rights(last).as_deref()), (Some("r--s"), Some("r--s")));
    drop(view);
    assert_eq!((rights(address), rights(last)), (None, None));
}
