//! The demo's account: short lines that say who did what.

use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use anstyle::{AnsiColor, Style};

/// Prints the account and counts what was verified. Colours vanish where there is no terminal.
#[derive(Debug, Default)]
pub(super) struct Report {
    verified: u32,
}

const BOLD: Style = Style::new().bold();

impl Report {
    pub(super) fn title(&self, home: &Path) -> io::Result<()> {
        print(format_args!("{BOLD}Processes meet by name{BOLD:#} in {}", home.display()))
    }

    pub(super) fn scene(&self, title: &str) -> io::Result<()> {
        print(format_args!("\n{BOLD}{title}{BOLD:#}"))
    }

    /// Something that a process did or found, and that was verified.
    pub(super) fn verified(&mut self, role: &str, pid: u32, text: &str) -> io::Result<()> {
        self.verified += 1;
        let color = match role {
            "writer" | "keeper" => AnsiColor::Cyan,
            "reader" | "worker" => AnsiColor::Yellow,
            _ => AnsiColor::Green,
        };
        let style = color.on_default();
        print(format_args!("{style}[{role:<6} {pid}]{style:#} {text}"))
    }

    pub(super) fn end(&self, took: Duration) -> io::Result<()> {
        print(format_args!(
            "\n{BOLD}All {} steps verified{BOLD:#} in {:.2} s; the directory is removed",
            self.verified,
            took.as_secs_f64()
        ))
    }
}

/// Prints a line. The demo goes on when nobody reads it any more: its exit code says whether all of it is true.
fn print(line: fmt::Arguments<'_>) -> io::Result<()> {
    match writeln!(anstream::stdout(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_are_apart() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(2_000_000), "2,000,000");
    }
}
