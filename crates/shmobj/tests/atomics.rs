//! Integers in a view that all may change at once (KO-6).

mod common;

use std::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicU64,
    AtomicUsize, Ordering,
};

use common::{Place, code, pattern};
use shmobj::{FileMapping, View};

fn view() -> View<shmobj::ReadWrite> {
    FileMapping::options().size(4096).create_unnamed().unwrap().map_mut().unwrap()
}

#[test]
fn every_integer_is_found_at_its_bytes() {
    let view = view();
    view.write_at(0, &pattern(64)).unwrap();
    let bytes = pattern(64);
    macro_rules! check {
        ($($atomic:ty => $value:ty),*) => {$(
            let size = size_of::<$value>();
            for offset in (0..64).step_by(size) {
                let expected = <$value>::from_ne_bytes(bytes[offset..offset + size].try_into().unwrap());
                assert_eq!(view.load::<$atomic>(offset, Ordering::Relaxed).unwrap(), expected);
                assert_eq!(view.atomic::<$atomic>(offset).unwrap().load(Ordering::SeqCst), expected);
            }
            assert_eq!(view.atomics::<$atomic>(0, 64 / size).unwrap().len(), 64 / size);
        )*};
    }
    check!(AtomicU8 => u8, AtomicU16 => u16, AtomicU32 => u32, AtomicU64 => u64, AtomicUsize => usize);
    check!(AtomicI8 => i8, AtomicI16 => i16, AtomicI32 => i32, AtomicI64 => i64, AtomicIsize => isize);
}

#[test]
fn ko_6_additions_from_many_views_and_threads_are_all_there() {
    const ROUNDS: u64 = 10_000;
    let place = Place::new();
    let file = place.file(&[0; 4096]);
    for mapping in [
        FileMapping::options().size(4096).create_unnamed().unwrap(),
        FileMapping::options().file(&file).create_unnamed().unwrap(),
    ] {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let view = mapping.map_mut().unwrap();
                    let counter = view.atomic::<AtomicU64>(8).unwrap();
                    for _ in 0..ROUNDS {
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(mapping.map().unwrap().load::<AtomicU64>(8, Ordering::Relaxed).unwrap(), 4 * ROUNDS);
    }
}

/// What is released with a store is seen by whom acquires it through another view.
#[test]
fn ko_6_an_acquired_flag_shows_what_was_written_before_it() {
    let mapping = FileMapping::options().size(8192).create_unnamed().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let view = mapping.map_mut().unwrap();
            view.write_at(4096, b"message").unwrap();
            view.atomic::<AtomicU32>(0).unwrap().store(1, Ordering::Release);
        });
        let view = mapping.map().unwrap();
        while view.load::<AtomicU32>(0, Ordering::Acquire).unwrap() == 0 {
            std::thread::yield_now();
        }
        assert_eq!(view.read_vec(4096, 7).unwrap(), b"message");
    });
}

#[test]
fn an_integer_is_aligned_to_its_size() {
    let view = view();
    for offset in 1..8 {
        let expected = |size: usize| if offset % size == 0 { 0 } else { 1132 };
        assert_eq!(code(view.atomic::<AtomicU8>(offset)), 0);
        assert_eq!(code(view.atomic::<AtomicU16>(offset)), expected(2));
        assert_eq!(code(view.load::<AtomicU32>(offset, Ordering::Relaxed)), expected(4));
        assert_eq!(code(view.atomics::<AtomicU64>(offset, 2)), expected(8));
    }
}

/// The address counts, not the offset in the view.
#[test]
fn a_view_that_starts_anywhere_has_aligned_integers_where_the_mapping_has_them() {
    let mapping = FileMapping::options().size(8192).create_unnamed().unwrap();
    let view = mapping.view().offset(4099).map_mut().unwrap();
    assert_eq!(code(view.atomic::<AtomicU32>(0)), 1132);
    view.atomic::<AtomicU32>(1).unwrap().store(7, Ordering::Relaxed);
    assert_eq!(mapping.map().unwrap().load::<AtomicU32>(4100, Ordering::Relaxed).unwrap(), 7);
}

#[test]
fn integers_lie_inside_the_view() {
    let view = view();
    assert_eq!(code(view.atomic::<AtomicU64>(4088)), 0);
    for offset in [4092, 4096, 4100, 1 << 40, usize::MAX - 7, usize::MAX] {
        assert_eq!(code(view.atomic::<AtomicU64>(offset)), 487, "{offset:#x}");
        assert_eq!(code(view.load::<AtomicU64>(offset, Ordering::Relaxed)), 487, "{offset:#x}");
    }
    assert_eq!(view.atomics::<AtomicU64>(0, 512).unwrap().len(), 512);
    assert_eq!(view.atomics::<AtomicU64>(4096, 0).unwrap().len(), 0);
    for count in [513, 1 << 61, usize::MAX / 8, usize::MAX] {
        assert_eq!(code(view.atomics::<AtomicU64>(0, count)), 487, "{count:#x}");
    }
}

#[test]
fn cw_3_an_integer_in_a_private_view_is_private() {
    let mapping = FileMapping::options().size(4096).create_unnamed().unwrap();
    let copy = mapping.map_copy().unwrap();
    copy.atomic::<AtomicU32>(0).unwrap().fetch_add(5, Ordering::Relaxed);
    assert_eq!(copy.load::<AtomicU32>(0, Ordering::Relaxed).unwrap(), 5);
    assert_eq!(mapping.map().unwrap().load::<AtomicU32>(0, Ordering::Relaxed).unwrap(), 0);
}
