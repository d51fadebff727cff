//! What tells contenders apart where each is a line: a colour and a shape, the same in all pictures, and its name at the line's end.

use plotters::style::RGBColor;

use super::picture::{Picture, Shape, Style};
use super::{ALSO_OURS, OURS_COLOUR, PALE_INK, text};
use crate::results::{Results, Row};

/// Told apart by those who do not see all colours too, and on white: after Okabe and Ito, and Tol.
const COLOURS: [RGBColor; 9] = [
    RGBColor(213, 94, 0),
    RGBColor(0, 138, 101),
    RGBColor(204, 121, 167),
    RGBColor(214, 148, 0),
    RGBColor(70, 160, 215),
    RGBColor(68, 68, 68),
    RGBColor(136, 34, 85),
    RGBColor(145, 145, 60),
    RGBColor(85, 85, 170),
];
const SHAPES: [Shape; 3] = [Shape::Square, Shape::Triangle, Shape::Diamond];

/// How a contender looks.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) colour: RGBColor,
    pub(crate) shape: Shape,
    pub(crate) width: f64,
}

/// Of a contender of these results.
pub(crate) fn look(results: &Results, row: &Row) -> Look {
    if row.is_ours() {
        return Look { colour: OURS_COLOUR, shape: Shape::Disc, width: 3.0 };
    }
    if row.is_of_ours() {
        return Look { colour: ALSO_OURS, shape: Shape::Disc, width: 2.0 };
    }
    let others = results.contenders().into_iter().filter(|other| !other.is_of_ours());
    let index = others.into_iter().position(|other| other.name == row.name).unwrap_or(0);
    let shape = SHAPES[(index / COLOURS.len() + index) % SHAPES.len()];
    Look { colour: COLOURS[index % COLOURS.len()], shape, width: 1.5 }
}

/// The name of a line, its end, and how it looks.
pub(crate) struct End {
    pub(crate) at: (f64, f64),
    pub(crate) name: String,
    pub(crate) look: Look,
    pub(crate) bold: bool,
}

/// Names beside the ends of lines, moved apart where they would cover each other, between two heights.
pub(crate) fn names(picture: &mut Picture, mut ends: Vec<End>, x: f64, (top, bottom): (f64, f64)) {
    ends.sort_by(|one, other| one.at.1.total_cmp(&other.at.1));
    let heights: Vec<f64> = ends.iter().map(|end| end.at.1).collect();
    let heights = apart(&heights, 15.0, (top, bottom));
    for (end, y) in ends.iter().zip(heights) {
        picture.line(&[(end.at.0 + 5.0, end.at.1), (x - 4.0, y)], 0.75, end.look.colour);
        let style = Style { bold: end.bold, colour: end.look.colour, ..text(12.0) };
        picture.text((x, y), end.name.clone(), style);
    }
}

/// Sorted places moved as little as it takes to have a distance; they stay within bounds if they can.
fn apart(places: &[f64], least: f64, (top, bottom): (f64, f64)) -> Vec<f64> {
    let mut moved = places.to_vec();
    // Back and forth until nothing moves: groups that touch share what is missing.
    for _ in 0..200 {
        for index in 1..moved.len() {
            let lacking = least - (moved[index] - moved[index - 1]);
            if lacking > 0.0 {
                moved[index - 1] -= lacking / 2.0;
                moved[index] += lacking / 2.0;
            }
        }
        if let Some(first) = moved.first_mut() {
            *first = first.max(top);
        }
        if let Some(last) = moved.last_mut() {
            *last = last.min(bottom);
        }
    }
    moved
}

/// Lines at round values of a vertical axis, and these beside them.
pub(crate) fn grid(picture: &mut Picture, axis: &super::axis::Axis, (left, right): (f64, f64), unit: &str) {
    for tick in axis.ticks() {
        let y = axis.at(tick);
        picture.line(&[(left, y), (right, y)], 1.0, super::GRID);
        let style = Style { colour: PALE_INK, align: super::Align::Right, ..text(10.5) };
        picture.text((left - 6.0, y), crate::report::words::tick(tick, unit), style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_cover_each_other() {
        let moved = apart(&[50.0, 51.0, 52.0, 200.0], 15.0, (0.0, 300.0));
        assert!(moved.windows(2).all(|pair| pair[1] - pair[0] > 14.5), "{moved:?}");
        assert_eq!(moved[3], 200.0);
        let moved = apart(&[0.0, 1.0], 15.0, (0.0, 300.0));
        assert!(moved[0] >= 0.0 && moved[1] - moved[0] > 14.5, "{moved:?}");
    }
}
