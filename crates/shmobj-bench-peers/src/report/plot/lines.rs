//! How the cost of an operation grows with its parameter.

use super::axis::{Axis, bounds};
use super::picture::{Align, Picture, Style};
use super::series::{self, End, look};
use super::{PALE_INK, WIDTH, heading, label, text};
use crate::report::words;
use crate::results::{Measured, Results, Row};

const TOP: f64 = 64.0;
const BOTTOM: f64 = 370.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 560.0;

/// Of an operation with its parameters in ascending order.
pub(crate) fn draw(results: &Results, family: &[&Measured]) -> Picture {
    let mut picture = Picture::new(WIDTH, 420.0);
    let first = family[0];
    let title = words::family_title(first);
    let better = if first.more_is_better() { "more" } else { "less" };
    heading(
        &mut picture,
        (16.0, 14.0),
        &title,
        &format!("median; {better} is better; both scales logarithmic"),
    );
    let lines = lines(family);
    let values = lines.iter().flat_map(|(_, points)| points.iter().map(|(_, value)| *value));
    let up = Axis::logarithmic(bounds(values), BOTTOM, TOP);
    let parameters: Vec<f64> = family.iter().map(|measured| measured.parameter as f64).collect();
    let (low, high) = bounds(parameters.iter().copied());
    let across = Axis { low: low.max(1.0), high, logarithmic: true, from: LEFT + 20.0, to: RIGHT };
    series::grid(&mut picture, &up, (LEFT, RIGHT + 10.0), &first.unit);
    for measured in family {
        let x = across.at(measured.parameter as f64);
        let style = Style { colour: PALE_INK, align: Align::Middle, ..text(11.0) };
        picture.text((x, BOTTOM + 14.0), words::parameter(&measured.name, measured.parameter), style);
    }
    let style = Style { colour: PALE_INK, align: Align::Middle, ..text(11.0) };
    picture.text(((LEFT + RIGHT) / 2.0, BOTTOM + 33.0), words::parameter_name(&first.name), style);
    let mut ends = Vec::new();
    // Ours last, above the others.
    for (row, points) in lines.iter().rev() {
        let look = look(results, row);
        let places: Vec<_> =
            points.iter().map(|&(parameter, value)| (across.at(parameter), up.at(value))).collect();
        picture.line(&places, look.width, look.colour);
        for &at in &places {
            picture.point(at, if row.is_ours() { 5.0 } else { 3.5 }, look.shape, look.colour);
        }
        if let (Some(&at), Some(&(_, value))) = (places.last(), points.last()) {
            let name = format!("{}  {}", label(row, 22), words::value(value, &first.unit));
            ends.push(End { at, name, look, bold: row.is_ours() });
        }
    }
    series::names(&mut picture, ends, RIGHT + 28.0, (TOP, BOTTOM));
    picture
}

/// Parameters and values.
type Points = Vec<(f64, f64)>;

/// Ours first.
fn lines<'a>(family: &[&'a Measured]) -> Vec<(&'a Row, Points)> {
    let mut lines: Vec<(&Row, Points)> = Vec::new();
    for measured in family {
        for row in measured.ranked() {
            let point = (measured.parameter as f64, row.figure().unwrap_or(0.0));
            match lines.iter_mut().find(|(known, _)| known.name == row.name) {
                Some((_, points)) => points.push(point),
                None => lines.push((row, vec![point])),
            }
        }
    }
    lines.sort_by_key(|(row, _)| !row.is_ours());
    lines
}
