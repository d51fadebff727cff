//! What a contender's rounds come to, beside ours.

use super::rounds::Series;
use crate::contender::{Contender, OURS};
use crate::figures::{Figures, ratio};
use crate::results::Row;

/// A row without figures.
pub(super) fn of(contender: &Contender) -> Row {
    Row {
        name: contender.name.into(),
        title: contender.title.into(),
        how: contender.how.into(),
        ..Row::default()
    }
}

/// The figures of its rounds.
pub(super) fn fill(row: &mut Row, series: Series) {
    row.absent = series.failed.map(|reason| format!("failed: {reason}"));
    row.fairness = Figures::of(&series.fairness).map(|figures| figures.median);
    row.histogram = series.values.into_iter().collect();
    rounds(row, series.rounds);
}

/// The same without what only some kinds have.
pub(super) fn rounds(row: &mut Row, rounds: Vec<f64>) {
    let figures = Figures::of(&rounds);
    row.rounds = rounds;
    row.median = figures.map(|figures| figures.median);
    row.minimum = figures.map(|figures| figures.minimum);
    row.spread = figures.map(|figures| figures.spread());
}

/// Ours to each of the others.
pub(super) fn compare(rows: &mut [Row]) {
    let Some(ours) = rows.iter().find(|row| row.name == OURS).map(|row| row.rounds.clone()) else { return };
    for row in rows.iter_mut().filter(|row| row.name != OURS && !row.rounds.is_empty()) {
        if ours.is_empty() {
            continue;
        }
        match ratio(&ours, &row.rounds) {
            Ok(ratio) => row.ratio = Some(ratio),
            Err(reason) => row.refused = Some(reason),
        }
    }
}
