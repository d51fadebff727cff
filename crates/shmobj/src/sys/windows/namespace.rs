//! What stands in front of names.
//!
//! | place | objects |
//! |---|---|
//! | the session's own | `x`, where every program of the session finds them |
//! | everybody's | `Global\x` |
//! | private | `Local\shmobj-<128 bits of the directory's path>.x`: the directory names the place, and is never made |

use std::os::windows::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::{Attempt, ErrorKind, Result};
use crate::name::{MAX_UTF16_UNITS, Name};

/// A place for names.
#[derive(Debug)]
pub(crate) struct Place {
    prefix: String,
}

impl Place {
    /// The session's own place, or the one that `SHMOBJ_DIR` names.
    pub(crate) fn default_local() -> Self {
        match std::env::var_os("SHMOBJ_DIR") {
            Some(path) if !path.is_empty() => Self::at(path.into()),
            _ => Self { prefix: String::new() },
        }
    }

    pub(crate) fn global() -> Self {
        Self { prefix: "Global\\".into() }
    }

    pub(crate) fn at(directory: PathBuf) -> Self {
        Self { prefix: format!("Local\\shmobj-{:032x}.", digest(&directory)) }
    }

    /// The object's name as the system takes it: UTF-16 that ends with 0.
    pub(crate) fn name(&self, attempt: &Attempt<'_>, name: Name<'_>) -> Result<Vec<u16>> {
        if name.base.contains('\0') {
            return Err(attempt
                .fails(ErrorKind::InvalidName, "the name contains a NUL, which ends names on Windows")
                .with_remedy("choose a name without it"));
        }
        let mut units: Vec<u16> = self.prefix.encode_utf16().chain(name.base.encode_utf16()).collect();
        // What stands in front counts. Nobody is to find out what the system makes of a name that is longer than it can count.
        if units.len() > MAX_UTF16_UNITS {
            let room = MAX_UTF16_UNITS - self.prefix.len();
            let matter = format!(
                "the name is longer than {room} UTF-16 units, for which there is room in this namespace"
            );
            return Err(attempt.fails(ErrorKind::InvalidName, matter).with_remedy("choose a shorter name"));
        }
        units.push(0);
        Ok(units)
    }
}

/// 128 bits of a path (FNV-1a): the same for all ways to write it that differ in letter case, slashes (also at its end), the current directory, or the
/// prefix `\\?\`. What only the disk knows is not asked, since the directory may be made later: short names, links, substituted drives.
fn digest(directory: &Path) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let folded = absolute.to_string_lossy().to_lowercase();
    let plain = folded.strip_prefix(r"\\?\unc\").map(|rest| format!(r"\\{rest}"));
    let plain = plain.as_deref().or_else(|| folded.strip_prefix(r"\\?\")).unwrap_or(&folded);
    let plain = plain.trim_end_matches('\\');
    // A path that is no Unicode keeps its own code units, so that two of them are two places.
    let units: Vec<u16> = match absolute.to_str() {
        Some(_) => plain.encode_utf16().collect(),
        None => absolute.as_os_str().encode_wide().collect(),
    };
    units
        .into_iter()
        .flat_map(u16::to_le_bytes)
        .fold(BASIS, |digest, byte| (digest ^ u128::from(byte)).wrapping_mul(PRIME))
}

/// There is no fork to keep out.
pub(crate) fn without_forks<T>(make: impl FnOnce() -> T) -> T {
    make()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A digest that changes makes programs of two versions strangers.
    #[test]
    fn a_directory_is_one_place_however_it_is_written() {
        let path = |text: &str| digest(Path::new(text));
        assert_eq!(path(r"C:\Data\Objects"), path(r"c:\data\OBJECTS"));
        assert_eq!(path(r"C:\data\objects"), path("C:/data/objects"));
        assert_eq!(path(r"C:\data\objects"), path(r"C:\data\.\other\..\objects"));
        assert_ne!(path(r"C:\data\objects"), path(r"C:\data\object"));
        assert_ne!(path(r"C:\data"), path(r"D:\data"));
        let here = std::env::current_dir().unwrap().join("objects");
        assert_eq!(path("objects"), digest(&here));
        assert_eq!(path(r"C:\data"), EXPECTED);
    }

    /// Of `c:\data` as UTF-16, reckoned by another program.
    const EXPECTED: u128 = 0xef49_48e7_3e09_6b0a_95c4_40aa_49f0_79d8;

    #[test]
    fn names_stand_behind_their_place() {
        let attempt = |name| Attempt { verb: "open", subject: "event", name };
        let name = |place: &Place, base| {
            let name = Name { scope: crate::Scope::Local, base };
            place.name(&attempt(base), name).map(|units| String::from_utf16(&units).unwrap())
        };
        assert_eq!(name(&Place::global(), "x").unwrap(), "Global\\x\0");
        let private = name(&Place::at(r"C:\data".into()), "x y").unwrap();
        assert_eq!(private, format!("Local\\shmobj-{EXPECTED:032x}.x y\0"));
        assert_eq!(name(&Place::global(), "x\0y").unwrap_err().win32_code(), 123);
        let longest = "\u{e4}".repeat(MAX_UTF16_UNITS - "Global\\".len());
        assert!(name(&Place::global(), &longest).is_ok());
        assert_eq!(name(&Place::global(), &format!("{longest}x")).unwrap_err().win32_code(), 123);
    }
}
