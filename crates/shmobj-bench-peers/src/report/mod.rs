//! Documents and pictures of results.
//!
//! Nothing in them is written by hand but the words of `report/reading.md`, and these get their figures from the results.

mod plot;
mod reading;
#[cfg(test)]
mod tests;
mod words;

use std::fmt;
use std::io;
use std::path::Path;

use crate::results::Results;

/// Why there is no report.
#[derive(Debug)]
pub(crate) struct Fault(String);

impl Fault {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::other(fault)
    }
}

pub(crate) fn write(results: &Results, docs: &Path) -> io::Result<()> {
    std::fs::create_dir_all(docs)?;
    for (name, picture) in plot::all(results) {
        std::fs::write(docs.join(format!("{name}.svg")), picture.svg()?)?;
        std::fs::write(docs.join(format!("{name}.png")), picture.png()?)?;
    }
    Ok(())
}
