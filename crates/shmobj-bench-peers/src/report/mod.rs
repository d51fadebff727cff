//! Documents and pictures of results.
//!
//! Nothing in them is written by hand but the words of `report/reading.md`, and these get their figures from the results.

mod document;
mod plot;
mod prose;
mod reading;
mod readme;
mod table;
pub(crate) mod terminal;
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

/// The words that come with the figures.
const READING: &str = include_str!("../../report/reading.md");

/// Writes `benchmarks.md` and the folder `pictures` beside it, and replaces the table of a README if there is one.
pub(crate) fn write(results: &Results, docs: &Path, readme: Option<&Path>) -> io::Result<()> {
    let pictures = plot::all(results);
    let names: Vec<String> = pictures.iter().map(|(name, _)| name.clone()).collect();
    // Whatever is the matter with the words is said before anything is replaced.
    let document = document::document(results, &prose::Prose::parse(READING)?, &names)?;
    let front = match readme {
        Some(path) => Some((path, readme::replaced(&std::fs::read_to_string(path)?, results)?)),
        None => None,
    };
    let folder = docs.join("pictures");
    std::fs::create_dir_all(&folder)?;
    for (name, picture) in pictures {
        std::fs::write(folder.join(format!("{name}.svg")), picture.svg()?)?;
        std::fs::write(folder.join(format!("{name}.png")), picture.png()?)?;
    }
    std::fs::write(docs.join("benchmarks.md"), document)?;
    front.map_or(Ok(()), |(path, text)| std::fs::write(path, text))
}
