//! Types that can be seen in frozen memory.

/// Types of which every sequence of initialised bytes is a value: what a reference into [`Frozen`](super::Frozen) memory may
/// point to.
///
/// Implemented for the integers, the floats, and arrays of these. Not for `bool`, `char`, `NonZero`, enums and
/// references, of which some bit patterns are none of their values.
///
/// # Safety
/// Whoever implements it for a type promises:
/// - Any `size_of::<Self>()` initialised bytes at an aligned address are a valid value of it, and code that gets `&Self` may rely
///   on nothing more. So each field's type has to keep this promise, and no field may be one whose safety depends
///   on what it contains (a length, an index that is not checked). Padding between fields is allowed: it may contain anything.
/// - Its layout is defined (`#[repr(C)]` or `#[repr(transparent)]`), if the values are to mean anything to another program.
///
/// The memory cannot be written, so nothing in it can have interior mutability: `Copy` sees to that, since no cell and no atomic
/// is. `'static` keeps references out.
///
/// ```
/// # fn main() -> Result<(), shmobj::Error> {
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Sample {
///     time: u64,
///     value: f32,
/// }
/// // SAFETY: an integer and a float, in a defined layout.
/// unsafe impl shmobj::AnyBits for Sample {}
///
/// let mapping = shmobj::FileMapping::options().size(4096).sealable(true).create_unnamed()?;
/// mapping.map_mut()?.write_at(16, &7_u64.to_ne_bytes())?;
/// let frozen = mapping.freeze()?;
/// let samples = frozen.slice_at::<Sample>(0, 2)?;
/// assert_eq!((samples[1].time, samples[1].value), (7, 0.0));
/// # Ok(()) }
/// ```
#[allow(unsafe_code)] // the promise that only the author of a type can make
pub unsafe trait AnyBits: Copy + Send + Sync + 'static {}

macro_rules! any_bits {
    ($($number:ty),* $(,)?) => {$(
        // SAFETY: every bit pattern of an integer or a float is a value.
        #[allow(unsafe_code)]
        unsafe impl AnyBits for $number {}
    )*};
}

any_bits! {
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64,
}

// SAFETY: an array is its elements, one after the other without padding between.
#[allow(unsafe_code)]
unsafe impl<T: AnyBits, const N: usize> AnyBits for [T; N] {}
