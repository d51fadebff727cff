//! The rows of the behaviour, in their order.
//!
//! `spec.tsv` has a line per row: number, a mark where Wine differs from Windows (`W!`: known before; `W+`: seen by this suite, or
//! what follows from a `W!`), what it says. A line `# 2.1` begins a section.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A row.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its number, such as `NS-2`.
    pub id: &'static str,
    /// What it says, in few words: what is done, and what comes of it. A number at the end is the Win32 error.
    pub says: &'static str,
    /// Whether Wine does something else than Windows here, at least in part: `W!`, `W+` or nothing.
    pub mark: &'static str,
    /// The section that it stands in.
    pub section: &'static str,
}

/// A section of rows.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its number, such as `2.1`.
    pub number: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// All sections that have rows.
#[must_use]
pub fn sections() -> &'static [Section] {
    static SECTIONS: LazyLock<Vec<Section>> = LazyLock::new(|| parse(include_str!("spec.tsv")));
    &SECTIONS
}

/// All rows.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    sections().iter().flat_map(|section| &section.rows)
}

/// Where in the order of rows this one stands.
#[must_use]
pub fn position(id: &str) -> Option<usize> {
    static POSITIONS: LazyLock<HashMap<&'static str, usize>> =
        LazyLock::new(|| rows().enumerate().map(|(index, row)| (row.id, index)).collect());
    POSITIONS.get(id).copied()
}

fn parse(text: &'static str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            let (number, title) = heading.split_once('\t').expect("a section has a number and a title");
            sections.push(Section { number, title, rows: Vec::new() });
            continue;
        }
        let mut cells = line.splitn(3, '\t');
        let mut cell = || cells.next().expect("a row has three cells");
        let (id, mark, says) = (cell(), cell(), cell());
        let section = sections.last_mut().expect("a row stands in a section");
        section.rows.push(Row { id, says, mark, section: section.number });
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_number_of_its_own_and_says_something() {
        for (index, row) in rows().enumerate() {
            assert_eq!(position(row.id), Some(index), "{} stands there twice", row.id);
            assert!(!row.says.is_empty(), "{}", row.id);
            assert!(["", "W!", "W+"].contains(&row.mark), "{}", row.id);
        }
        assert_eq!(position("NS-0"), None);
        assert!(rows().any(|row| row.id == "CR-5" && row.mark == "W!" && row.section == "3.1"));
    }
}
