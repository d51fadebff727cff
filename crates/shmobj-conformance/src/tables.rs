//! The suite's tables, seen as a whole: which rows have tests, reasons and notes.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::{Remark, Section, Test};
use crate::platform::Platform;
use crate::results::Results;
use crate::suite::SECTIONS;

/// A test, as tables show it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name in lists.
    pub title: String,
    /// The rows that it proves.
    pub rows: &'static [&'static str],
    /// Who is known to do something else, and what. Windows is Wine as well.
    pub differences: Vec<(Platform, &'static str)>,
}

/// All tests, with those that cannot run here.
#[must_use]
pub fn tests() -> Vec<Entry> {
    let entries = SECTIONS.iter().flat_map(|section| {
        section.tests.iter().map(|test| Entry {
            title: test.title(section),
            rows: test.rows,
            differences: differences(test),
        })
    });
    entries.collect()
}

fn differences(test: &Test) -> Vec<(Platform, &'static str)> {
    let known =
        [(Platform::Linux, test.linux), (Platform::Windows, test.windows), (Platform::Wine, test.wine)];
    known.into_iter().filter_map(|(platform, known)| Some((platform, known?.does))).collect()
}

/// What comes of a run there, as long as nothing fails.
#[must_use]
pub fn expected(platform: Platform) -> Results {
    let tests = SECTIONS.iter().flat_map(|section| section.tests);
    let outcomes = tests.flat_map(|test| test.rows.iter().map(move |row| (*row, test.expected(platform))));
    let mut expected = Results::default();
    outcomes.for_each(|(row, outcome)| expected.add(row, outcome));
    expected
}

/// The rows that have tests.
#[must_use]
pub fn tested() -> BTreeSet<&'static str> {
    tests().iter().flat_map(|test| test.rows).copied().collect()
}

/// Why rows have no test.
#[must_use]
pub fn reasons() -> BTreeMap<&'static str, Vec<&'static str>> {
    collected(|section| section.reasons)
}

/// What tests leave out of rows.
#[must_use]
pub fn notes() -> BTreeMap<&'static str, Vec<&'static str>> {
    collected(|section| section.notes)
}

fn collected(of: impl Fn(&Section) -> &'static [Remark]) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut texts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for remark in SECTIONS.iter().flat_map(of) {
        for row in remark.rows() {
            texts.entry(row).or_default().push(remark.text);
        }
    }
    texts
}
