//! Tables of an operation in Markdown.
//!
//! The best row is the first one, whosever it is; wins and losses of ours are written alike.

use super::words;
use crate::results::{Measured, Row};

const PERCENTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)];
/// For what a row does not have.
const NONE: &str = "–";

/// Everything that was found out in an operation.
pub(crate) fn whole(measured: &Measured) -> String {
    let columns = columns(measured);
    let mut text = line(&columns.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
    let rules: Vec<String> =
        columns.iter().enumerate().map(|(index, _)| if index == 0 { "---" } else { "---:" }.into()).collect();
    text += &format!("|{}|\n", rules.join("|"));
    for row in measured.ranked().into_iter().chain(measured.stuck()) {
        text += &line(&columns.iter().map(|(_, cell)| cell(measured, row)).collect::<Vec<_>>());
    }
    text + &absent(measured)
}

type Column = (&'static str, fn(&Measured, &Row) -> String);

fn columns(measured: &Measured) -> Vec<Column> {
    let mut columns: Vec<Column> = vec![("", |_, row| name(row))];
    match measured.kind.as_str() {
        "latency" => {
            columns.extend::<[Column; 5]>([
                ("p50", |_, row| percentile(row, 0)),
                ("p90", |_, row| percentile(row, 1)),
                ("p99", |_, row| percentile(row, 2)),
                ("p99.9", |_, row| percentile(row, 3)),
                ("max", |_, row| row.longest().map_or(NONE.into(), |value| words::value(value as f64, "ns"))),
            ]);
            columns.extend(common());
        }
        "throughput" => {
            columns.extend(common());
            columns.push(("least / most", |_, row| {
                row.fairness.map_or(NONE.into(), |part| format!("{part:.2}"))
            }));
        }
        "amount" => columns.extend::<[Column; 2]>([("amount", median), ("shmobj : this", beside)]),
        "recovery" => {
            columns.push(("the next one", |_, row| row.outcome.clone().unwrap_or_else(|| NONE.into())));
            columns.extend(common());
        }
        "leftovers" => columns.extend::<[Column; 2]>([
            ("names", |_, row| {
                row.left.as_ref().map_or(NONE.into(), |left| words::thousands(left.names.len() as u64))
            }),
            ("bytes", |_, row| {
                row.left.as_ref().map_or(NONE.into(), |left| words::value(left.bytes as f64, "bytes"))
            }),
        ]),
        _ => columns.extend(common()),
    }
    columns
}

fn common() -> [Column; 4] {
    [
        ("median", median),
        ("minimum", |measured, row| {
            row.minimum.map_or(NONE.into(), |value| words::value(value, &measured.unit))
        }),
        ("spread", |_, row| row.spread.map_or(NONE.into(), words::percent)),
        ("shmobj : this", beside),
    ]
}

fn median(measured: &Measured, row: &Row) -> String {
    row.median.map_or(NONE.into(), |value| words::value(value, &measured.unit))
}

fn percentile(row: &Row, index: usize) -> String {
    row.percentile(PERCENTILES[index].1).map_or(NONE.into(), |value| words::value(value as f64, "ns"))
}

fn name(row: &Row) -> String {
    if row.is_ours() { format!("**{}**", row.title) } else { row.title.clone() }
}

/// The ratio with its quartiles and what it means, or why there is none.
pub(crate) fn beside(measured: &Measured, row: &Row) -> String {
    if row.is_ours() {
        return String::new();
    }
    if let Some(why) = &row.refused {
        return format!("refused: {why}");
    }
    let (Some(ratio), Some(verdict)) = (row.ratio, measured.verdict(row)) else { return NONE.into() };
    let word = measured.verdict_word(verdict);
    let quartiles = (words::ratio(ratio.low), words::ratio(ratio.high));
    format!("{} ({} to {}) **{word}**", words::ratio(ratio.median), quartiles.0, quartiles.1)
}

/// Who has no figures, and why.
fn absent(measured: &Measured) -> String {
    let mut text = String::new();
    for (row, reason) in measured.absent() {
        text += &format!("\nNo figures of {}: {reason}.\n", row.title);
    }
    text
}

/// Medians with a column for each parameter.
pub(crate) fn matrix(family: &[&Measured]) -> String {
    let mut heading = vec![String::new()];
    heading.extend(family.iter().map(|measured| words::parameter(&measured.name, measured.parameter)));
    let mut text = line(&heading);
    text += &format!("|---|{}\n", "---:|".repeat(family.len()));
    let mut rows: Vec<&Row> = Vec::new();
    // In the order of the largest parameter; who has no figure there comes after.
    for row in family.iter().rev().flat_map(|measured| measured.ranked()) {
        if !rows.iter().any(|known| known.name == row.name) {
            rows.push(row);
        }
    }
    for row in rows {
        let mut cells = vec![name(row)];
        cells.extend(
            family
                .iter()
                .map(|measured| measured.row(&row.name).map_or(NONE.into(), |row| median(measured, row))),
        );
        text += &line(&cells);
    }
    text
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}
