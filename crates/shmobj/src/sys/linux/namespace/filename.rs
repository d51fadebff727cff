//! How a name becomes the name of a file, and back.
//!
//! | in the name | in the file name |
//! |---|---|
//! | `/`, `%`, `~`, control characters | `%` and two hexadecimal digits |
//! | `.` as the first character | `%2E`, so that files of our own (see [`DATA_PREFIX`]) are apart |
//! | a `Global\` name of digits only | its first digit escaped: `shmobj.1000` is user 1000's directory |
//! | longer than 255 bytes | its beginning, `~`, and 128 bits of hash; the entry holds the full name, which decides |

use std::ffi::CString;

use crate::name::Scope;

/// The longest name of a file on every Linux file system that matters.
const MAX_BYTES: usize = 255;
/// How much of a long name stays readable in front of the hash.
const KEPT_BYTES: usize = 200;
/// What the entries of the global namespace start with, since they share their directory with strangers.
pub(crate) const GLOBAL_PREFIX: &str = "shmobj.";
/// What the data files beside entries start with. No entry does: a leading dot is escaped.
pub(crate) const DATA_PREFIX: &str = ".shmobj-data.";
/// What an entry is called while it is being made where O_TMPFILE is missing.
pub(crate) const UNBORN_PREFIX: &str = ".shmobj-new.";
/// What deposits are called: handles that wait for whoever knows the rest of the name.
pub(crate) const DEPOSIT_PREFIX: &str = ".shmobj-deposit.";

/// Whether a file is no entry, but one of ours that goes with its maker.
pub(crate) fn is_passing(file: &[u8]) -> bool {
    file.starts_with(UNBORN_PREFIX.as_bytes()) || file.starts_with(DEPOSIT_PREFIX.as_bytes())
}

/// The prefix of a scope's entries.
pub(crate) const fn prefix(scope: Scope) -> &'static str {
    match scope {
        Scope::Local => "",
        Scope::Global => GLOBAL_PREFIX,
    }
}

/// The name of the file that is the entry of the object `base`.
pub(crate) fn encode(scope: Scope, base: &str) -> CString {
    let prefix = prefix(scope);
    let mut file = Vec::with_capacity(prefix.len() + base.len() + 2);
    file.extend_from_slice(prefix.as_bytes());
    let all_digits = scope == Scope::Global && base.bytes().all(|byte| byte.is_ascii_digit());
    for (index, byte) in base.bytes().enumerate() {
        let special = matches!(byte, b'/' | b'%' | b'~' | 0..=0x1f | 0x7f)
            || (index == 0 && (byte == b'.' || all_digits));
        if special {
            file.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            file.push(byte);
        }
    }
    if file.len() > MAX_BYTES {
        file.truncate(readable_end(&file));
        file.extend_from_slice(format!("~{:032x}", fnv1a_128(base.as_bytes())).as_bytes());
    }
    CString::new(file).unwrap_or_default() // no NUL is left: control characters are escaped
}

/// Where a long file name can be cut without tearing a character or an escape apart.
fn readable_end(file: &[u8]) -> usize {
    let mut end = KEPT_BYTES;
    while end > 0 && (file[end] & 0xC0) == 0x80 {
        end -= 1;
    }
    let escape = file[end.saturating_sub(2)..end].iter().position(|&byte| byte == b'%');
    escape.map_or(end, |at| end.saturating_sub(2) + at)
}

/// The name that a file's name stands for; only the beginning (and `None` for "is it all?") of a long one.
/// `None` for a file that no name leads to.
pub(crate) fn decode(scope: Scope, file: &[u8]) -> Option<Decoded> {
    let escaped = file.strip_prefix(prefix(scope).as_bytes())?;
    if escaped.is_empty() || escaped[0] == b'.' {
        return None;
    }
    let whole = !escaped.contains(&b'~');
    let escaped = escaped.split(|&byte| byte == b'~').next()?;
    let mut name = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            name.push(byte);
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2)?;
        name.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = tail;
    }
    let name = String::from_utf8(name).ok()?;
    let faithful = !whole || encode(scope, &name).as_bytes() == file;
    faithful.then_some(Decoded { name, whole })
}

/// What a file's name says about the object's name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) name: String,
    /// Whether this is the whole name, not just the beginning of a long one.
    pub(crate) whole: bool,
}

/// FNV-1a with 128 bits: only tells long names apart; two that collide are told apart by the entry's full name.
fn fnv1a_128(bytes: &[u8]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(BASIS, |hash, &byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(scope: Scope, base: &str) -> String {
        encode(scope, base).into_string().expect("names are UTF-8")
    }

    #[test]
    fn plain_names_stay_readable() {
        assert_eq!(file(Scope::Local, "frames"), "frames");
        assert_eq!(file(Scope::Global, "frames of ä"), "shmobj.frames of ä");
    }

    #[test]
    fn what_a_directory_cannot_hold_is_escaped() {
        assert_eq!(file(Scope::Local, "a/b%c~d\0\n"), "a%2Fb%25c%7Ed%00%0A");
        assert_eq!(file(Scope::Local, "."), "%2E");
        assert_eq!(file(Scope::Local, ".."), "%2E.");
    }

    #[test]
    fn a_global_name_of_digits_is_not_a_users_directory() {
        assert_eq!(file(Scope::Global, "1000"), "shmobj.%31000");
        assert_eq!(file(Scope::Local, "1000"), "1000");
        assert_eq!(file(Scope::Global, "1000x"), "shmobj.1000x");
    }

    #[test]
    fn the_hash_is_the_published_fnv_1a() {
        assert_eq!(fnv1a_128(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a_128(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }

    #[test]
    fn long_names_differ_though_they_begin_alike() {
        let long = "n".repeat(300);
        let one = file(Scope::Local, &format!("{long}1"));
        let two = file(Scope::Local, &format!("{long}2"));
        assert_ne!(one, two);
        assert!(one.len() <= MAX_BYTES && one.starts_with("nnnn"));
        assert_eq!(file(Scope::Local, &"n".repeat(255)).len(), 255);
        assert!(!file(Scope::Local, &"n".repeat(255)).contains('~'));
    }

    proptest! {
        #[test]
        fn every_name_becomes_a_valid_file_name_and_comes_back(name in "[^\\\\]{1,300}", global: bool) {
            let scope = if global { Scope::Global } else { Scope::Local };
            let file = encode(scope, &name);
            prop_assert!(!file.as_bytes().is_empty() && file.as_bytes().len() <= MAX_BYTES);
            prop_assert!(!file.as_bytes().contains(&b'/') && !file.as_bytes().starts_with(b"."));
            let back = decode(scope, file.as_bytes()).expect("our own name");
            if back.whole {
                prop_assert_eq!(back.name, name);
            } else {
                prop_assert!(name.starts_with(&back.name));
            }
        }

        #[test]
        fn foreign_file_names_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(Scope::Local, &bytes);
            let _ = decode(Scope::Global, &bytes);
        }
    }
}
