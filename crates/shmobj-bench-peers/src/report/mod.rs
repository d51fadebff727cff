//! Documents of results.

use std::io;
use std::path::Path;

use crate::results::Results;

/// Writes them all.
pub(crate) fn write(_results: &Results, docs: &Path) -> io::Result<()> {
    std::fs::create_dir_all(docs)
}
