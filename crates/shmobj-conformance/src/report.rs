//! The table of all rows, in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use crate::platform::Platform;
use crate::results::{Outcome, Results};
use crate::spec::{self, Row};
use crate::tables;

const HEAD: &str = "# Conformance

What `shmobj` does, row by row of the Win32 behaviour that it follows. One suite, `crates/shmobj-conformance`, proves the rows through the public
interface, on Linux and on Wine. It has not yet run on Windows itself, from which Wine differs here and there. This file is what
`cargo run -p shmobj-conformance -- report` prints.

- **holds**: the row's tests pass.
- **differs**: the system does not do this, and is known not to. A test of the row runs there and fails in just that way; the note says what the system
  does. `Linux:` is what the library does there, `Windows:` what it does on Windows and on Wine, `Wine:` where Wine is not as Windows. `W!`: that was
  known of Wine before; `W+`: it was seen here, and that Windows does what the row says is Microsoft's documentation or a record of it.
- **-**: the row needs an interface that this system has not.
- no word: the row has no test; the note says why.

A number at the end of what a row says is the Win32 error; `Error::win32_code` returns it.
";

/// Writes the report.
///
/// # Errors
/// Recorded results cannot be read.
pub fn text() -> io::Result<String> {
    let [linux, wine] = Platform::RECORDED.map(Results::recorded);
    let columns = Columns {
        results: [linux?, wine?],
        reasons: tables::reasons(),
        notes: tables::notes(),
        tests: tables::tests(),
    };
    let mut text = HEAD.to_owned();
    columns.counts(&mut text);
    for section in spec::sections() {
        let _ = write!(text, "\n## {} {}\n\n", section.number, section.title);
        text.push_str("| row | what it says | Linux | Wine | note |\n|---|---|---|---|---|\n");
        for row in &section.rows {
            columns.line(&mut text, row);
        }
    }
    Ok(text)
}

/// A text in a table: what would be a mark of Markdown stands for itself, but for backticks.
fn cell(text: &str) -> String {
    let mut is_code = false;
    let mut escaped = String::new();
    for character in text.chars() {
        is_code ^= character == '`';
        if character == '|' || (!is_code && matches!(character, '*' | '<')) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

struct Columns {
    /// In the order of [`Platform::RECORDED`].
    results: [Option<Results>; 2],
    reasons: BTreeMap<&'static str, Vec<&'static str>>,
    notes: BTreeMap<&'static str, Vec<&'static str>>,
    tests: Vec<tables::Entry>,
}

impl Columns {
    fn counts(&self, text: &mut String) {
        let rows = spec::rows().count();
        let tested = tables::tested().len();
        let _ =
            writeln!(text, "\nOf {rows} rows {tested} have tests, and {} a reason.\n", self.reasons.len());
        text.push_str("| | holds | differs | - | fails |\n|---|---|---|---|---|\n");
        for (platform, results) in Platform::RECORDED.into_iter().zip(&self.results) {
            let count = |outcome| match results {
                Some(Results(results)) => {
                    results.values().filter(|&&known| known == outcome).count().to_string()
                }
                None => "not recorded".to_owned(),
            };
            let cells = [Outcome::Holds, Outcome::Differs, Outcome::Elsewhere, Outcome::Fails].map(count);
            let _ = writeln!(text, "| {} | {} |", platform.name(), cells.join(" | "));
        }
    }

    fn line(&self, text: &mut String, row: &Row) {
        let cells = self.results.each_ref().map(|results| {
            let position = spec::position(row.id).expect("it is a row");
            let outcome = results.as_ref().and_then(|Results(results)| results.get(&position));
            outcome.map_or("", |outcome| outcome.word())
        });
        let note = self.note(row);
        let [linux, wine] = cells;
        let _ = writeln!(text, "| {} | {} | {linux} | {wine} | {} |", row.id, cell(row.says), cell(&note));
    }

    fn note(&self, row: &Row) -> String {
        let Row { id, mark, .. } = *row;
        let mut parts: Vec<String> = Vec::new();
        for texts in [self.reasons.get(id), self.notes.get(id)].into_iter().flatten() {
            parts.extend(texts.iter().map(|&text| text.to_owned()));
        }
        let differing = self.tests.iter().filter(|test| test.rows.contains(&id));
        for (platform, does) in differing.flat_map(|test| &test.differences) {
            let mark = if *platform == Platform::Wine { format!("{mark} ") } else { String::new() };
            let part = format!("{mark}{}: {does}", platform.name());
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_what_the_row_says() {
        assert_eq!(cell("Open*(`a|b*`) < c"), "Open\\*(`a\\|b*`) \\< c");
    }

    #[test]
    fn every_row_stands_in_the_report_once() {
        let text = text().expect("results");
        for row in spec::rows() {
            let line = format!("| {} | {} |", row.id, cell(row.says));
            assert_eq!(text.matches(&line).count(), 1, "{line}");
        }
    }
}
