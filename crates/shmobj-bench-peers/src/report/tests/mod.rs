//! The report of a run that never was: nothing of `made-up-results.json` was measured.

use super::document::document;
use super::prose::Prose;
use crate::results::Results;

/// Results with every kind of operation.
pub(crate) fn made_up() -> Results {
    serde_json::from_str(include_str!("made-up-results.json")).expect("results")
}

fn made_up_document() -> String {
    let prose = "# introduction\nWords.\n# lock\nOurs takes {{median lock shmobj}}, {{ratio lock raw}} of the bare one.\n";
    let pictures = ["lock", "ping-pong", "ping-pong-percentiles"].map(String::from);
    document(&made_up(), &Prose::parse(prose).expect("words"), &pictures).expect("a document")
}

/// To accept what it is now: `BLESS=1 cargo test`, and look at the difference.
#[test]
fn the_document_is_the_one_that_was_looked_at() {
    let document = made_up_document();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/tests/made-up-document.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &document).expect("written");
    }
    assert_eq!(document, std::fs::read_to_string(path).expect("the document that was looked at"));
}

#[test]
fn everybody_is_in_the_document() {
    let document = made_up_document();
    for row in made_up().operations.iter().flat_map(|operation| &operation.contenders) {
        assert!(document.contains(&row.title), "{} is missing", row.title);
    }
    assert!(document.contains("No figures of iceoryx2: it has no locks."), "{document}");
}

#[test]
fn a_refused_ratio_is_in_no_table() {
    let results = made_up();
    let row = results.find("lock", 0).and_then(|measured| measured.row("boost")).expect("it");
    let why = row.refused.as_deref().expect("it is refused");
    let document = made_up_document();
    let line = document.lines().find(|line| line.starts_with("| Boost.Interprocess |")).expect("a row");
    assert!(line.ends_with(&format!("refused: {why} |")), "{line}");
}

#[test]
fn words_about_an_operation_that_does_not_exist_are_an_error() {
    let prose = Prose::parse("# lokc\nWords.\n").expect("words");
    assert!(document(&made_up(), &prose, &[]).is_err());
}

#[test]
fn the_words_of_the_report_can_be_read() {
    Prose::parse(super::READING).expect("words");
}
