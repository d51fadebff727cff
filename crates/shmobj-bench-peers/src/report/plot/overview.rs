//! The most telling operations in one picture, for the front page.

use super::bars::{Room, how_to_read, rows_of};
use super::picture::{Picture, Style};
use super::{PALE_INK, WIDTH, text};
use crate::results::{Measured, Results};

/// In reading order; for each, what stands above it.
const TELLING: [(&str, u64, &str); 6] = [
    ("lock", 0, "Lock and unlock, uncontended"),
    ("ping-pong", 0, "There and back between two cores, asleep"),
    ("wait-any", 64, "Wait for any of 64 objects"),
    ("create", 4096, "Create and map 4 KiB of named memory"),
    ("recovery", 0, "The owner of a lock is killed: the next one has it"),
    ("leftovers", 0, "What stays when everybody is killed"),
];
const GAP: f64 = 28.0;
/// How many contenders an operation shows.
const MOST: usize = 9;

/// Only operations that were measured are in it.
pub(crate) fn draw(results: &Results) -> Picture {
    let column = (WIDTH - 32.0 - GAP) / 2.0;
    let mut picture = Picture::new(WIDTH, 16.0);
    let panels: Vec<(&Measured, &str)> = TELLING
        .iter()
        .filter_map(|(name, parameter, title)| Some((results.find(name, *parameter)?, *title)))
        .filter(|(measured, _)| !measured.ranked().is_empty())
        .collect();
    let mut y = 16.0;
    for pair in panels.chunks(2) {
        let mut end: f64 = y;
        for (index, (measured, title)) in pair.iter().enumerate() {
            let x = 16.0 + index as f64 * (column + GAP);
            picture.text((x, y + 8.0), *title, Style { bold: true, ..text(13.5) });
            picture.text((x, y + 25.0), how_to_read(measured), Style { colour: PALE_INK, ..text(11.0) });
            let room = Room { x, y: y + 37.0, width: column, most: MOST, longest: 24, size: 12.0 };
            end = end.max(rows_of(&mut picture, &room, measured));
        }
        y = end + 20.0;
    }
    let machine = &results.machine;
    let caption = format!(
        "{}, {} cores, Linux {}, {}; all in one run; thin lines span the quartiles of the rounds",
        machine.processor, machine.cores, machine.kernel, results.taken
    );
    picture.text((16.0, y + 2.0), caption, Style { colour: PALE_INK, ..text(10.5) });
    picture.height = y + 16.0;
    picture
}
