//! How latencies are distributed, up to the longest ones of which there are enough to speak of.

use super::axis::{Axis, bounds};
use super::picture::{Align, Picture, Style};
use super::series::{self, End, look};
use super::{GRID, PALE_INK, WIDTH, heading, label, text};
use crate::results::{Measured, Results, Row};

const TOP: f64 = 64.0;
const BOTTOM: f64 = 390.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 600.0;
const MARKED: [(f64, &str); 6] = [
    (0.5, "50 %"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
    (0.99999, "99.999 %"),
];

/// `None`: there are too few values of everybody.
pub(crate) fn draw(results: &Results, measured: &Measured) -> Option<Picture> {
    let mut curves: Vec<(&Row, Vec<(f64, f64)>)> = measured
        .ranked()
        .into_iter()
        .map(|row| (row, curve(row)))
        .filter(|(_, points)| points.len() > 1)
        .collect();
    curves.sort_by_key(|(row, _)| row.is_ours());
    let farthest =
        curves.iter().filter_map(|(_, points)| points.last()).map(|(part, _)| *part).fold(0.0, f64::max);
    if farthest < 0.9 {
        return None;
    }
    let mut picture = Picture::new(WIDTH, 440.0);
    let below = "latencies in ascending order; each nine to the right is ten times as rare; less is better, logarithmic";
    heading(&mut picture, (16.0, 14.0), &measured.title, below);
    let up = Axis::logarithmic(
        bounds(curves.iter().flat_map(|(_, points)| points.iter().map(|(_, value)| *value))),
        BOTTOM,
        TOP,
    );
    let across =
        Axis { low: 1.0, high: 1.0 / (1.0 - farthest), logarithmic: true, from: LEFT + 10.0, to: RIGHT };
    series::grid(&mut picture, &up, (LEFT, RIGHT), "ns");
    for (part, name) in MARKED.into_iter().filter(|(part, _)| *part <= farthest + 1e-9) {
        let x = across.at(1.0 / (1.0 - part));
        picture.line(&[(x, TOP), (x, BOTTOM)], 1.0, GRID);
        picture.text(
            (x, BOTTOM + 14.0),
            name,
            Style { colour: PALE_INK, align: Align::Middle, ..text(11.0) },
        );
    }
    let style = Style { colour: PALE_INK, align: Align::Middle, ..text(11.0) };
    picture.text(((LEFT + RIGHT) / 2.0, BOTTOM + 33.0), "part of the latencies that are shorter", style);
    let mut ends = Vec::new();
    for (row, points) in &curves {
        let look = look(results, row);
        let places: Vec<_> =
            points.iter().map(|&(part, value)| (across.at(1.0 / (1.0 - part)), up.at(value))).collect();
        picture.line(&places, look.width, look.colour);
        // A curve with fewer values ends earlier; a line from there to the others' names would look like a part of it.
        if let Some(&(x, y)) = places.last().filter(|(x, _)| *x < RIGHT - 90.0) {
            let style = Style { colour: look.colour, align: Align::Right, bold: row.is_ours(), ..text(12.0) };
            picture.text((x + 4.0, y - 10.0), label(row, 24), style);
        } else if let Some(&at) = places.last() {
            ends.push(End { at, name: label(row, 24).to_owned(), look, bold: row.is_ours() });
        }
    }
    series::names(&mut picture, ends, RIGHT + 24.0, (TOP, BOTTOM));
    Some(picture)
}

/// Parts and the latency below which they lie, as far as enough lie above.
fn curve(row: &Row) -> Vec<(f64, f64)> {
    // Evenly spaced on the picture's scale: 24 to a nine.
    let parts = (1..=144).map(|step| 1.0 - 10f64.powf(-f64::from(step) / 24.0));
    parts.map_while(|part| row.percentile(part).map(|value| (part, (value as f64).max(1.0)))).collect()
}
