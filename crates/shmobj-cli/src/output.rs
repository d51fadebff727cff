//! How results are printed: JSON, tables, and text that cannot play tricks on a terminal.

use std::io::{self, Write};

use serde::Serialize;
use tabled::builder::Builder;
use tabled::settings::{Padding, Style};

/// Text of unknown origin as it is shown to people. Names may contain every character; one that moves the cursor or
/// starts a new line is shown as its escape.
pub(crate) fn shown(text: &str) -> String {
    let escape = |character: char| match character.is_control() {
        true => character.escape_default().collect(),
        false => String::from(character),
    };
    text.chars().map(escape).collect()
}

/// Tells the user something on stderr, in one line. That nobody reads it is no reason to fail.
pub(crate) fn message(text: &str) {
    let _ = writeln!(io::stderr(), "shmobj: {}", shown(text));
}

/// Prints a value as JSON, for people as well as for programs.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    writeln!(io::stdout(), "{text}")?;
    Ok(())
}

/// Prints rows whose first one is the header.
pub(crate) fn table(rows: impl IntoIterator<Item = Vec<String>>) -> io::Result<()> {
    let mut builder = Builder::default();
    for row in rows {
        builder.push_record(row);
    }
    let mut table = builder.build();
    table.with(Style::empty()).with(Padding::new(0, 2, 0, 0));
    let mut out = io::stdout().lock();
    for line in table.to_string().lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    out.flush()
}

/// Whether it failed because nobody reads stdout any more. Errors of the library are never that.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(shown("a\x1b[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(shown("ä \"quoted\" 😀"), "ä \"quoted\" 😀");
    }
}
