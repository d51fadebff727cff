//! The suite's tables, the results that are kept, and the document that is made of them. About this repository, not about a system.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use shmobj_conformance::platform::Platform;
use shmobj_conformance::results::{Outcome, Results};
use shmobj_conformance::{report, spec, tables};

/// How many rows have tests at least: a number that only grows.
const MINIMUM: usize = 380;

#[test]
fn every_row_that_is_cited_exists() {
    let known: BTreeSet<_> = spec::rows().map(|row| row.id).collect();
    for test in tables::tests() {
        for row in test.rows {
            assert!(known.contains(row), "{}: there is no row {row}", test.title);
        }
    }
    for row in tables::reasons().keys().chain(tables::notes().keys()) {
        assert!(known.contains(row), "a reason or a note is about {row}, which does not exist");
    }
}

#[test]
fn every_row_has_a_test_or_a_reason_and_never_both() {
    let (tested, reasons) = (tables::tested(), tables::reasons());
    let both: Vec<_> = reasons.keys().filter(|row| tested.contains(*row)).collect();
    assert!(both.is_empty(), "a test and a reason why there is none: {both:?}");
    let neither = spec::rows().filter(|row| !tested.contains(row.id) && !reasons.contains_key(row.id));
    let neither: Vec<_> = neither.map(|row| row.id).collect();
    assert!(neither.is_empty(), "neither a test nor a reason: {neither:?}");
    for (row, reasons) in &reasons {
        assert_eq!(reasons.len(), 1, "several reasons why {row} has no test");
    }
    for row in tables::notes().keys() {
        assert!(tested.contains(row), "a note about {row}, which has no test");
    }
}

#[test]
fn enough_rows_have_tests() {
    let tested = tables::tested().len();
    assert!(tested >= MINIMUM, "{tested} rows have tests");
}

#[test]
fn no_two_tests_have_one_name() {
    let tests = tables::tests();
    let titles: BTreeSet<_> = tests.iter().map(|test| &test.title).collect();
    assert_eq!(titles.len(), tests.len());
}

#[test]
fn wine_differs_only_in_rows_of_which_that_is_known() {
    let marked: BTreeSet<_> = spec::rows().filter(|row| !row.mark.is_empty()).map(|row| row.id).collect();
    for test in tables::tests() {
        let differs = test.differences.iter().any(|(platform, _)| *platform == Platform::Wine);
        for row in test.rows.iter().filter(|_| differs) {
            assert!(marked.contains(row), "{}: {row} has no mark in spec.tsv", test.title);
        }
    }
}

#[test]
fn the_results_are_those_of_the_tests() {
    let rows: Vec<_> = spec::rows().map(|row| row.id).collect();
    for platform in Platform::RECORDED {
        let (name, recipe) = (platform.name(), platform.recipe());
        let recorded = Results::recorded(platform).expect("results");
        let Results(recorded) =
            recorded.unwrap_or_else(|| panic!("{name}: nothing is recorded; run {recipe}"));
        let Results(expected) = tables::expected(platform);
        let word =
            |results: &BTreeMap<_, Outcome>, at| results.get(&at).map_or("nothing", |outcome| outcome.word());
        let wrong: Vec<_> = (0..rows.len())
            .map(|at| (rows[at], word(&recorded, at), word(&expected, at)))
            .filter(|(_, recorded, expected)| recorded != expected)
            .map(|(row, recorded, expected)| {
                format!("{row}: {recorded} is recorded, by its tests it is {expected}")
            })
            .collect();
        assert!(wrong.is_empty(), "{name}: {wrong:#?}; run {recipe}");
    }
}

#[test]
fn the_document_is_what_the_report_prints_now() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md");
    let document = std::fs::read_to_string(document).unwrap_or_default();
    let report = report::text().expect("results");
    let line = document.lines().zip(report.lines()).position(|(one, other)| one != other);
    assert!(
        document == report,
        "docs/conformance.md is not what the report prints (line {:?}); run: \
         cargo run -p shmobj-conformance -- report > docs/conformance.md",
        line.map(|line| line + 1)
    );
}
