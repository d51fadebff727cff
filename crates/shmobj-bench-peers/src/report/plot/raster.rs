//! Small PNG files of pictures with few colours.

use std::collections::HashMap;

use super::Fault;

/// Of pixels of three bytes, averaged over squares of `by` times `by`.
pub(crate) fn encode(pixels: &[u8], width: usize, by: usize) -> Result<Vec<u8>, Fault> {
    let height = pixels.len() / 3 / width;
    let (across, down) = (width / by, height / by);
    let mut colours: Vec<[u8; 3]> = Vec::with_capacity(across * down);
    for y in 0..down {
        for x in 0..across {
            colours.push(average(pixels, width, (x * by, y * by), by));
        }
    }
    write(&colours, across as u32, down as u32)
        .map_err(|error| Fault::new(format!("cannot encode a PNG: {error}")))
}

/// Of a square; without the lowest bits, which nobody sees and which make most of the colours of smoothed edges.
fn average(pixels: &[u8], width: usize, (left, top): (usize, usize), by: usize) -> [u8; 3] {
    let mut sums = [0; 3];
    for y in top..top + by {
        for x in left..left + by {
            let at = (y * width + x) * 3;
            for (sum, part) in sums.iter_mut().zip(&pixels[at..at + 3]) {
                *sum += usize::from(*part);
            }
        }
    }
    sums.map(|sum| {
        let value = sum / (by * by);
        if value >= 248 { 255 } else { (value & !7) as u8 }
    })
}

/// With a palette if the colours fit into one, which makes half the size.
fn write(colours: &[[u8; 3]], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut palette: Vec<[u8; 3]> = Vec::new();
    let mut known: HashMap<[u8; 3], u8> = HashMap::new();
    let mut indices = Vec::with_capacity(colours.len());
    for colour in colours {
        let index = match known.get(colour) {
            Some(&index) => index,
            None if palette.len() < 256 => {
                palette.push(*colour);
                known.insert(*colour, (palette.len() - 1) as u8);
                (palette.len() - 1) as u8
            }
            None => return whole(colours, width, height),
        };
        indices.push(index);
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter); // filters are for shades, not for indices
    encoder.write_header()?.write_image_data(&indices)?;
    Ok(bytes)
}

fn whole(colours: &[[u8; 3]], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::Adaptive);
    encoder.write_header()?.write_image_data(colours.as_flattened())?;
    Ok(bytes)
}
