//! What came of a run: a line for each row that has a test, in the order of the rows.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::platform::Platform;
use crate::spec;

/// What came of a row's tests; the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The interface that they need does not exist on this system.
    Elsewhere,
    /// They passed.
    Holds,
    /// The system is known not to do what the row says, and did what is known of it.
    Differs,
    /// One failed.
    Fails,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Elsewhere, Self::Holds, Self::Differs, Self::Fails];

    /// Its word in results.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Elsewhere => "-",
            Self::Holds => "holds",
            Self::Differs => "differs",
            Self::Fails => "fails",
        }
    }
}

/// Outcomes by the position of their row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results(pub BTreeMap<usize, Outcome>);

impl Results {
    /// Adds what came of one more test of a row.
    ///
    /// # Panics
    /// There is no such row.
    pub fn add(&mut self, row: &str, outcome: Outcome) {
        let position = spec::position(row).unwrap_or_else(|| panic!("there is no row {row}"));
        let known = self.0.entry(position).or_insert(outcome);
        *known = (*known).max(outcome);
    }

    /// Where a platform's are kept.
    #[must_use]
    pub fn path(platform: Platform) -> PathBuf {
        let file = format!("{}.tsv", platform.name().to_lowercase());
        Path::new(env!("CARGO_MANIFEST_DIR")).join("results").join(file)
    }

    /// Those that are kept for a platform; nothing if none were recorded.
    ///
    /// # Errors
    /// The file cannot be read, or does not contain results.
    pub fn recorded(platform: Platform) -> io::Result<Option<Self>> {
        match std::fs::read_to_string(Self::path(platform)) {
            Ok(text) => Self::parse(&text).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes them to a file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        std::fs::write(file, self.text())
    }

    fn text(&self) -> String {
        let rows: Vec<_> = spec::rows().collect();
        let line =
            |(&position, outcome): (&usize, &Outcome)| format!("{}\t{}\n", rows[position].id, outcome.word());
        self.0.iter().map(line).collect()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let line = |line: &str| {
            let (row, word) = line.split_once('\t')?;
            let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.word() == word)?;
            Some((spec::position(row)?, outcome))
        };
        let mut outcomes = BTreeMap::new();
        for text in text.lines() {
            let (position, outcome) = line(text).ok_or_else(|| format!("{text:?} is no result"))?;
            if outcomes.insert(position, outcome).is_some() {
                return Err(format!("{text:?} is not the only result of its row"));
            }
        }
        Ok(Self(outcomes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_as_they_are_written() {
        let results = Results([(3, Outcome::Holds), (40, Outcome::Differs), (41, Outcome::Elsewhere)].into());
        assert_eq!(Results::parse(&results.text()), Ok(results));
        assert_eq!(
            Results::parse("NS-2\tholds\nNS-2\tperhaps\n").unwrap_err(),
            "\"NS-2\\tperhaps\" is no result"
        );
        assert_eq!(
            Results::parse("NS-2\tfails\nNS-2\tholds\n").unwrap_err(),
            "\"NS-2\\tholds\" is not the only result of its row"
        );
    }

    #[test]
    fn the_worst_that_came_of_a_row_is_kept() {
        let mut results = Results::default();
        for (outcome, kept) in [
            (Outcome::Elsewhere, Outcome::Elsewhere),
            (Outcome::Holds, Outcome::Holds),
            (Outcome::Elsewhere, Outcome::Holds),
            (Outcome::Differs, Outcome::Differs),
            (Outcome::Fails, Outcome::Fails),
            (Outcome::Holds, Outcome::Fails),
        ] {
            results.add("NS-2", outcome);
            let position = spec::position("NS-2").expect("it is a row");
            assert_eq!(results.0, [(position, kept)].into());
        }
    }
}
