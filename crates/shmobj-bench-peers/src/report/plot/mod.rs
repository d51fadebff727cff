//! Pictures of results: ours stands out, everybody is there, and nothing is drawn that was not measured.
//!
//! | picture | of |
//! |---|---|
//! | `bars` | an operation, or one with two parameters |
//! | `lines` | an operation with three parameters or more |
//! | `percentiles` | latencies |
//! | `overview` | the most telling operations, for the front page |

mod axis;
mod bars;
mod letters;
mod lines;
mod overview;
mod percentiles;
pub(crate) mod picture;
mod raster;
mod series;

use std::fmt;

use plotters::style::RGBColor;

use crate::report::Fault;
use crate::results::{Results, Row};
use picture::{Align, Picture, Style};

/// How wide pictures are, in points; a README is about as wide.
const WIDTH: f64 = 800.0;

const OURS_COLOUR: RGBColor = RGBColor(0, 114, 178);
/// Ours, used in another way.
const ALSO_OURS: RGBColor = RGBColor(115, 178, 216);
const OTHERS: RGBColor = RGBColor(172, 182, 192);
const INK: RGBColor = RGBColor(36, 41, 47);
const PALE_INK: RGBColor = RGBColor(95, 107, 118);
const GRID: RGBColor = RGBColor(226, 230, 234);
/// Of what never comes to an end.
const ALARM: RGBColor = RGBColor(190, 74, 0);

impl Fault {
    /// Of the library that draws.
    fn drawing(error: impl fmt::Display) -> Self {
        Self::new(format!("cannot draw: {error}"))
    }
}

/// All pictures of some results, with the names of their files less the ending.
pub(crate) fn all(results: &Results) -> Vec<(String, Picture)> {
    let mut pictures = vec![("overview".to_owned(), overview::draw(results))];
    for name in results.names() {
        let family = results.family(name);
        if family.iter().all(|measured| measured.ranked().is_empty() && measured.stuck().count() == 0) {
            continue;
        }
        let main = if family.len() > 2 { lines::draw(results, &family) } else { bars::draw(&family) };
        pictures.push((name.to_owned(), main));
        if let Some(widest) = family.last().filter(|measured| measured.kind == "latency") {
            if let Some(picture) = percentiles::draw(results, widest) {
                pictures.push((format!("{name}-percentiles"), picture));
            }
        }
    }
    pictures
}

/// What a contender is called in a picture: its title, if that is short.
fn label(row: &Row, longest: usize) -> &str {
    if row.title.chars().count() <= longest { &row.title } else { &row.name }
}

/// Ordinary text.
fn text(size: f64) -> Style {
    Style { size, bold: false, colour: INK, align: Align::Left }
}

/// A heading, and a line below it that says how to read what follows; returns where that ends.
fn heading(picture: &mut Picture, (x, y): (f64, f64), title: &str, below: &str) -> f64 {
    picture.text((x, y + 10.0), title, Style { bold: true, ..text(14.0) });
    picture.text((x, y + 28.0), below, Style { colour: PALE_INK, ..text(11.0) });
    y + 42.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::made_up;
    use picture::Mark;

    #[test]
    fn every_kind_of_operation_has_its_picture_in_both_forms() {
        let pictures = all(&made_up());
        let names: Vec<&str> = pictures.iter().map(|(name, _)| name.as_str()).collect();
        for name in [
            "overview",
            "lock",
            "contended",
            "ping-pong",
            "ping-pong-percentiles",
            "create",
            "recovery",
            "leftovers",
        ] {
            assert!(names.contains(&name), "{name} is not among {names:?}");
        }
        for (name, picture) in &pictures {
            let svg = picture.svg().expect("an SVG");
            assert!(svg.starts_with("<svg width=\"800\""), "{name}: {}", &svg[..60]);
            let png = picture.png().expect("a PNG");
            assert!(png.starts_with(b"\x89PNG"), "{name}");
            assert!(png.len() < 200_000, "{name} has {} bytes", png.len());
        }
    }

    #[test]
    fn no_mark_is_outside_of_its_picture() {
        for (name, picture) in all(&made_up()) {
            let inside = |(x, y): (f64, f64)| {
                (0.0..=picture.width).contains(&x) && (0.0..=picture.height).contains(&y)
            };
            for mark in &picture.marks {
                let fits = match mark {
                    Mark::Box { from, to, .. } => inside(*from) && inside(*to),
                    Mark::Line { points, .. } => points.iter().copied().all(inside),
                    Mark::Point { at, .. } => inside(*at),
                    Mark::Text { at, text, style } => {
                        let width = picture::width_of(text, style);
                        let left = match style.align {
                            Align::Left => at.0,
                            Align::Middle => at.0 - width / 2.0,
                            Align::Right => at.0 - width,
                        };
                        inside((left, at.1)) && inside((left + width, at.1))
                    }
                };
                assert!(fits, "{name}: {mark:?}");
            }
        }
    }

    #[test]
    fn an_operation_that_nobody_could_do_has_no_picture() {
        let mut results = made_up();
        results.operations.retain(|operation| operation.name == "lock");
        for row in &mut results.operations[0].contenders {
            row.absent = Some("not here".into());
        }
        let names: Vec<String> = all(&results).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["overview"]);
    }
}
