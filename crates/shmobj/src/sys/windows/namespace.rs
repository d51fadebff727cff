//! What stands in front of names.
//!
//! | place | objects |
//! |---|---|
//! | the session's own | `Local\x`, where every program of the session finds them |
//! | everybody's | `Global\x` |
//! | private | `Local\shmobj-<128 bits of the directory's path>.x`: the directory names the place, and is never made |

use std::os::windows::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::{Attempt, ErrorKind, Result};
use crate::name::Name;

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
            _ => Self { prefix: "Local\\".into() },
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
        Ok(self.prefix.encode_utf16().chain(name.base.encode_utf16()).chain([0]).collect())
    }
}

/// 128 bits of a path (FNV-1a): the same for all ways to write it that differ only in letter case, slashes or the current directory.
fn digest(directory: &Path) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let folded = absolute.to_string_lossy().to_lowercase();
    // A path that is no Unicode keeps its own code units, so that two of them are two places.
    let units: Vec<u16> = match absolute.to_str() {
        Some(_) => folded.encode_utf16().collect(),
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
