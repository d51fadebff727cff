//! Integers in shared memory that all processes may change at once.

use std::sync::atomic::{
    AtomicBool, AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
    AtomicU64, AtomicUsize, Ordering,
};

mod sealed {
    pub trait Sealed {}
}

/// The atomic integers that can be put over memory whose bytes may have any value.
///
/// Not [`AtomicBool`], whose other bit patterns would be undefined behaviour: another process could write them.
pub trait Atomic: sealed::Sealed + Sync + 'static {
    /// The integer itself.
    type Value: Copy;

    #[doc(hidden)]
    fn load_value(&self, order: Ordering) -> Self::Value;
}

macro_rules! atomics {
    ($($atomic:ty => $value:ty),* $(,)?) => {$(
        impl sealed::Sealed for $atomic {}
        impl Atomic for $atomic {
            type Value = $value;

            #[inline]
            fn load_value(&self, order: Ordering) -> $value {
                self.load(order)
            }
        }
    )*};
}

atomics! {
    AtomicU8 => u8, AtomicU16 => u16, AtomicU32 => u32, AtomicU64 => u64, AtomicUsize => usize,
    AtomicI8 => i8, AtomicI16 => i16, AtomicI32 => i32, AtomicI64 => i64, AtomicIsize => isize,
}

// Named so that the documentation can link to it.
const _: Option<AtomicBool> = None;
