//! Bytes to be handed over: they are in a buffer of the sender's own, and the receiver reads each of them.

/// So much at a time; what a transfer has of shared memory, or of a buffer, is a small multiple of it.
pub(crate) const CHUNK: usize = 1 << 20;
/// Chunks that are on their way at once, where the contender leaves that to its user.
pub(crate) const SLOTS: usize = 4;

/// A chunk, which is sent again and again.
pub(crate) fn source() -> Vec<u8> {
    (0..CHUNK).map(|index| (index * 31 + index / 256) as u8).collect()
}

/// Reads every byte of some whole words.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(8);
    words
        .fold(0, |sum: u64, word| sum.wrapping_add(u64::from_ne_bytes(word.try_into().expect("eight bytes"))))
}

/// What the receiver's sums of all chunks come to.
pub(crate) fn expected(bytes: u64) -> u64 {
    sum(&source()).wrapping_mul(bytes / CHUNK as u64)
}
