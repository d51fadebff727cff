//! Texts in a PNG: the outlines of a font that is linked into the program.

use ab_glyph::{Font, FontRef, PxScaleFont, ScaleFont};

use super::picture::{Align, Style};

/// Of capitals, relative to the size: half of it is between the middle of a text and its line.
const CAPITAL: f64 = 0.714;

/// At a size in pixels per em.
fn font(style: &Style, size: f64) -> PxScaleFont<FontRef<'static>> {
    let bytes = if style.bold { notosans::BOLD_TTF } else { notosans::REGULAR_TTF };
    let font = FontRef::try_from_slice(bytes).expect("the font is linked in");
    // The scale of this crate is the height of a line, not the em that everybody else means.
    let height = font.height_unscaled() / font.units_per_em().expect("the font says it");
    font.into_scaled(size as f32 * height)
}

/// In the unit of the size.
pub(crate) fn width(text: &str, style: &Style, size: f64) -> f64 {
    places(&font(style, size), text).1
}

/// Where each letter begins, and where the text ends.
fn places(font: &PxScaleFont<FontRef<'static>>, text: &str) -> (Vec<(char, f32)>, f64) {
    let mut letters = Vec::new();
    let (mut x, mut before) = (0.0, None);
    for letter in text.chars() {
        let glyph = font.glyph_id(letter);
        x += before.map_or(0.0, |before| font.kern(before, glyph));
        letters.push((letter, x));
        x += font.h_advance(glyph);
        before = Some(glyph);
    }
    (letters, f64::from(x))
}

/// Onto pixels of three bytes; `at` is the middle of the text's height. What lies outside is left out.
pub(crate) fn write(pixels: &mut [u8], across: i32, at: (i32, i32), text: &str, style: &Style, size: f64) {
    let font = font(style, size);
    let (letters, width) = places(&font, text);
    let left = match style.align {
        Align::Left => 0.0,
        Align::Middle => -width / 2.0,
        Align::Right => -width,
    } + f64::from(at.0);
    let line = f64::from(at.1) + size * CAPITAL / 2.0;
    for (letter, x) in letters {
        let glyph = font.glyph_id(letter).with_scale_and_position(
            font.scale(),
            ab_glyph::point((left + f64::from(x)) as f32, line as f32),
        );
        let Some(outline) = font.outline_glyph(glyph) else { continue }; // a space
        let bounds = outline.px_bounds();
        outline.draw(|dx, dy, covered| {
            let (x, y) = (bounds.min.x as i32 + dx as i32, bounds.min.y as i32 + dy as i32);
            let place = (y * across + x) * 3;
            if (0..across).contains(&x) && place >= 0 && (place as usize) < pixels.len() {
                blend(&mut pixels[place as usize..][..3], style, covered);
            }
        });
    }
}

fn blend(pixel: &mut [u8], style: &Style, covered: f32) {
    let covered = covered.clamp(0.0, 1.0);
    let plotters::style::RGBColor(red, green, blue) = style.colour;
    for (part, wanted) in pixel.iter_mut().zip([red, green, blue]) {
        *part = (f32::from(*part) * (1.0 - covered) + f32::from(wanted) * covered).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    #[test]
    fn a_text_is_where_it_was_wanted() {
        let style = Style { align: Align::Right, ..text(20.0) };
        let mut pixels = vec![255; 200 * 60 * 3];
        write(&mut pixels, 200, (150, 30), "shmobj", &style, 20.0);
        let dark: Vec<(usize, usize)> =
            (0..200 * 60).filter(|at| pixels[at * 3] < 128).map(|at| (at % 200, at / 200)).collect();
        let width = width("shmobj", &style, 20.0) as usize;
        assert!(dark.len() > 100, "there is a text");
        assert!(dark.iter().all(|&(x, y)| (148 - width..=151).contains(&x) && (15..45).contains(&y)));
    }

    #[test]
    fn what_lies_outside_is_left_out() {
        let mut pixels = vec![255; 20 * 10 * 3];
        write(&mut pixels, 20, (-5, 0), "shmobj shmobj", &text(20.0), 20.0);
        assert!(pixels.iter().any(|&part| part < 128));
    }
}
