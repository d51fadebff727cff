//! An operation: a row for each contender, the best first.
//!
//! Lengths are from zero. Where the range is too wide for that, there are points on a logarithmic scale instead: a length would mean
//! nothing there. A thin line spans the quartiles of the rounds.

use plotters::style::RGBColor;

use super::axis::{Axis, bounds, is_wide};
use super::picture::{Align, Picture, Shape, Style, width_of};
use super::{ALARM, ALSO_OURS, GRID, INK, OTHERS, OURS_COLOUR, PALE_INK, WIDTH, heading, label, text};
use crate::figures::Figures;
use crate::report::words;
use crate::results::{Measured, Row};

/// Of a row.
const HEIGHT: f64 = 21.0;

/// Where the rows of an operation go.
pub(crate) struct Room {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    /// How many rows there may be.
    pub(crate) most: usize,
    /// The longest title that is not replaced by the name.
    pub(crate) longest: usize,
    pub(crate) size: f64,
}

/// A picture of an operation with each of its parameters.
pub(crate) fn draw(family: &[&Measured]) -> Picture {
    let rows = |measured: &&Measured| measured.ranked().len() + measured.stuck().count();
    let height: f64 = family.iter().map(|measured| rows(measured) as f64 * HEIGHT + 86.0).sum();
    let mut picture = Picture::new(WIDTH, height);
    let mut y = 14.0;
    for measured in family {
        y = heading(&mut picture, (16.0, y), &measured.title, &how_to_read(measured));
        let room = Room { x: 16.0, y, width: WIDTH - 32.0, most: usize::MAX, longest: 34, size: 12.0 };
        y = rows_of(&mut picture, &room, measured) + 18.0;
    }
    picture.height = y;
    picture
}

/// What the reader has to know.
pub(crate) fn how_to_read(measured: &Measured) -> String {
    let better = if measured.more_is_better() { "more is better" } else { "less is better" };
    let figure = match measured.kind.as_str() {
        "latency" => "median of the rounds' latencies",
        "throughput" => "median of all processes together",
        "amount" => "for each object",
        "recovery" => "time from the kill, told of it or not",
        "leftovers" => "bytes and names that stay",
        _ => "median",
    };
    let scale = if logarithmic(measured) { ", logarithmic" } else { "" };
    format!("{figure}; {better}{scale}")
}

fn logarithmic(measured: &Measured) -> bool {
    measured.kind != "leftovers" && is_wide(measured.ranked().iter().filter_map(|row| row.figure()))
}

/// The rows; returns where they end.
pub(crate) fn rows_of(picture: &mut Picture, room: &Room, measured: &Measured) -> f64 {
    let (shown, hidden) = chosen(measured, room.most);
    let names = shown.iter().map(|row| width_of(label(row, room.longest), &name_style(row, room)));
    let column = names.fold(40.0, f64::max);
    let values = shown.iter().map(|row| width_of(&told(measured, row), &text(room.size)));
    // What viewers of an SVG choose instead of our font may be a tenth wider.
    let aside = values.fold(40.0, f64::max) * 1.1 + 10.0;
    let from = room.x + column * 1.05 + 8.0;
    let to = (room.x + room.width - aside).max(from + 60.0);
    let figures: Vec<f64> = shown.iter().flat_map(|row| reach(row)).collect();
    let bounds = bounds(figures.iter().copied());
    let logarithmic = logarithmic(measured);
    let axis =
        if logarithmic { Axis::logarithmic(bounds, from, to) } else { Axis::linear(bounds.1, from, to) };
    let end = room.y + shown.len() as f64 * HEIGHT;
    if logarithmic {
        grid(picture, &axis, (room.y, end), &measured.unit);
    }
    for (index, row) in shown.iter().enumerate() {
        let middle = room.y + (index as f64 + 0.5) * HEIGHT;
        let name = Style { align: Align::Right, ..name_style(row, room) };
        picture.text((from - 8.0, middle), label(row, room.longest), name);
        one(picture, room, &axis, middle, measured, row);
    }
    if !logarithmic {
        picture.line(&[(from, room.y), (from, end)], 1.0, PALE_INK);
    }
    let below = match (logarithmic, hidden > 0) {
        (true, true) => end + 32.0,
        (false, false) => end + 4.0,
        _ => end + 18.0,
    };
    if hidden > 0 {
        let style = Style { colour: PALE_INK, align: Align::Right, ..text(room.size - 1.5) };
        picture.text((room.x + room.width, below - 8.0), format!("and {hidden} more"), style);
    }
    below
}

/// Those for which there is room: the best ones, and ours in any case; and how many are left out.
fn chosen(measured: &Measured, most: usize) -> (Vec<&Row>, usize) {
    let mut rows: Vec<&Row> = measured.ranked().into_iter().chain(measured.stuck()).collect();
    let hidden = rows.len().saturating_sub(most);
    while rows.len() > most {
        let last = rows.iter().rposition(|row| !row.is_ours()).unwrap_or(rows.len() - 1);
        rows.remove(last);
    }
    (rows, hidden)
}

fn name_style(row: &Row, room: &Room) -> Style {
    let colour = if row.is_ours() { OURS_COLOUR } else { INK };
    Style { bold: row.is_ours(), colour, ..text(room.size) }
}

fn bar_colour(row: &Row) -> RGBColor {
    match (row.is_ours(), row.is_of_ours()) {
        (true, _) => OURS_COLOUR,
        (false, true) => ALSO_OURS,
        _ => OTHERS,
    }
}

/// What is written beside a row.
fn told(measured: &Measured, row: &Row) -> String {
    match (&row.left, &row.outcome, row.median) {
        (Some(left), ..) => words::left(left),
        (None, Some(outcome), None) => outcome.split(':').next().unwrap_or(outcome).to_owned(),
        // The sentence is in the document; here it matters whether the next owner knows.
        (None, Some(outcome), Some(median)) => {
            let known = if outcome.contains("not told") { ", not told" } else { ", told" };
            words::value(median, &measured.unit) + known
        }
        (None, None, _) => words::value(row.figure().unwrap_or(0.0), &measured.unit),
    }
}

/// The values that a row needs on the axis.
fn reach(row: &Row) -> Vec<f64> {
    let quartiles = Figures::of(&row.rounds).map(|figures| [figures.lower, figures.upper]);
    row.figure().into_iter().chain(quartiles.into_iter().flatten()).collect()
}

fn one(picture: &mut Picture, room: &Room, axis: &Axis, middle: f64, measured: &Measured, row: &Row) {
    let colour = bar_colour(row);
    let Some(figure) = row.figure() else {
        let style = Style { colour: ALARM, ..text(room.size) };
        return picture.text((axis.from + 6.0, middle), told(measured, row), style);
    };
    let mut right = axis.at(figure);
    if axis.logarithmic {
        picture.line(&[(axis.from, middle), (right, middle)], 1.0, GRID);
    } else {
        picture.block((axis.from, middle - 6.5), (right, middle + 6.5), colour);
    }
    if let Some(quartiles) = Figures::of(&row.rounds).filter(|quartiles| quartiles.upper > quartiles.lower) {
        let (low, high) = (axis.at(quartiles.lower), axis.at(quartiles.upper));
        let thin = if axis.logarithmic { colour } else { PALE_INK };
        picture.line(&[(low, middle), (high, middle)], if axis.logarithmic { 3.0 } else { 1.25 }, thin);
        right = right.max(high);
    }
    if axis.logarithmic {
        picture.point(
            (axis.at(figure), middle),
            5.0,
            Shape::Disc,
            if row.is_of_ours() { colour } else { PALE_INK },
        );
        right = right.max(axis.at(figure) + 5.0);
    }
    let style = Style { bold: row.is_ours(), colour: name_style(row, room).colour, ..text(room.size) };
    picture.text((right + 6.0, middle), told(measured, row), style);
}

/// Lines at round values, and these below them.
fn grid(picture: &mut Picture, axis: &Axis, (top, bottom): (f64, f64), unit: &str) {
    for tick in axis.ticks() {
        let x = axis.at(tick);
        picture.line(&[(x, top), (x, bottom)], 1.0, GRID);
        let style = Style { colour: PALE_INK, align: Align::Middle, ..text(10.0) };
        picture.text((x, bottom + 9.0), words::tick(tick, unit), style);
    }
}
