//! A picture is a list of marks in points; it is drawn as SVG and as PNG alike.
//!
//! The font is linked into the program, so that a machine without fonts makes the same pictures. In an SVG the viewer chooses the
//! font: widths that are measured here leave it some room.

use std::sync::Once;

use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, IntoFont, RGBColor, ShapeStyle, TextStyle, register_font};

use super::Fault;

/// Backends draw at whole pixels: this many to a point keep curves smooth.
const FINE: i32 = 4;
/// A PNG has this many pixels to a point, for screens with small pixels.
const SHARP: i32 = 2;

/// Where a text's given point is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Middle,
    Right,
}

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Style {
    pub(crate) size: f64,
    pub(crate) bold: bool,
    pub(crate) colour: RGBColor,
    pub(crate) align: Align,
}

/// The shape of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Disc,
    Square,
    Diamond,
    Triangle,
}

/// Something that is drawn; later marks are above earlier ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mark {
    Box {
        from: (f64, f64),
        to: (f64, f64),
        colour: RGBColor,
    },
    Line {
        points: Vec<(f64, f64)>,
        width: f64,
        colour: RGBColor,
    },
    Point {
        at: (f64, f64),
        radius: f64,
        shape: Shape,
        colour: RGBColor,
    },
    /// Its vertical middle is at `at`.
    Text {
        at: (f64, f64),
        text: String,
        style: Style,
    },
}

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) marks: Vec<Mark>,
}

impl Picture {
    /// An empty one.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        load_fonts();
        Self { width, height, marks: Vec::new() }
    }

    pub(crate) fn block(&mut self, from: (f64, f64), to: (f64, f64), colour: RGBColor) {
        self.marks.push(Mark::Box { from, to, colour });
    }

    pub(crate) fn line(&mut self, points: &[(f64, f64)], width: f64, colour: RGBColor) {
        self.marks.push(Mark::Line { points: points.to_vec(), width, colour });
    }

    pub(crate) fn point(&mut self, at: (f64, f64), radius: f64, shape: Shape, colour: RGBColor) {
        self.marks.push(Mark::Point { at, radius, shape, colour });
    }

    pub(crate) fn text(&mut self, at: (f64, f64), text: impl Into<String>, style: Style) {
        self.marks.push(Mark::Text { at, text: text.into(), style });
    }

    /// As the text of an SVG file.
    pub(crate) fn svg(&self) -> Result<String, Fault> {
        let (width, height) = (self.width.ceil() as i32, self.height.ceil() as i32);
        let mut text = String::new();
        let backend = SVGBackend::with_string(&mut text, ((width * FINE) as u32, (height * FINE) as u32));
        self.draw(backend, |_| true)?;
        let fine = format!("width=\"{}\" height=\"{}\"", width * FINE, height * FINE);
        let shown = format!("width=\"{width}\" height=\"{height}\"");
        let fonts = "font-family=\"Noto Sans, Helvetica, Arial, Liberation Sans, sans-serif\"";
        // The first size is that of the picture; the second one belongs to the white ground and stays.
        Ok(text.replacen(&fine, &shown, 1).replace("font-family=\"sans-serif\"", fonts))
    }

    /// As the bytes of a PNG file.
    pub(crate) fn png(&self) -> Result<Vec<u8>, Fault> {
        let (width, height) = (self.width.ceil() as i32 * FINE, self.height.ceil() as i32 * FINE);
        let mut pixels = vec![255; (width * height * 3) as usize];
        let backend = BitMapBackend::with_buffer(&mut pixels, (width as u32, height as u32));
        self.draw(backend, |mark| !matches!(mark, Mark::Text { .. }))?;
        for mark in &self.marks {
            if let Mark::Text { at, text, style } = mark {
                super::letters::write(
                    &mut pixels,
                    width,
                    place(*at),
                    text,
                    style,
                    f64::from(FINE) * style.size,
                );
            }
        }
        super::raster::encode(&pixels, width as usize, (FINE / SHARP) as usize)
    }

    fn draw<B: DrawingBackend>(&self, backend: B, wanted: fn(&Mark) -> bool) -> Result<(), Fault> {
        let area = backend.into_drawing_area();
        area.fill(&RGBColor(255, 255, 255)).map_err(Fault::drawing)?;
        for mark in self.marks.iter().filter(|mark| wanted(mark)) {
            put(&area, mark)?;
        }
        area.present().map_err(Fault::drawing)
    }
}

fn fine(length: f64) -> i32 {
    (length * f64::from(FINE)).round() as i32
}

fn place((x, y): (f64, f64)) -> (i32, i32) {
    (fine(x), fine(y))
}

fn put<B: DrawingBackend>(area: &DrawingArea<B, Shift>, mark: &Mark) -> Result<(), Fault> {
    match mark {
        Mark::Box { from, to, colour } => {
            area.draw(&Rectangle::new([place(*from), place(*to)], colour.filled()))
        }
        Mark::Line { points, width, colour } => {
            let style = ShapeStyle::from(colour).stroke_width(fine(*width) as u32);
            area.draw(&PathElement::new(points.iter().copied().map(place).collect::<Vec<_>>(), style))
        }
        Mark::Point { at, radius, shape: Shape::Disc, colour } => {
            area.draw(&Circle::new(place(*at), fine(*radius), colour.filled()))
        }
        Mark::Point { at: (x, y), radius: r, shape, colour } => {
            let corners: &[(f64, f64)] = match shape {
                Shape::Square => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
                Shape::Diamond => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
                Shape::Triangle | Shape::Disc => &[(0.0, -1.2), (1.15, 0.9), (-1.15, 0.9)],
            };
            let corners: Vec<_> = corners.iter().map(|(dx, dy)| place((x + dx * r, y + dy * r))).collect();
            area.draw(&Polygon::new(corners, colour.filled()))
        }
        Mark::Text { at, text, style } => area.draw(&Text::new(text.clone(), place(*at), text_style(style))),
    }
    .map_err(Fault::drawing)
}

fn text_style(style: &Style) -> TextStyle<'_> {
    let face = if style.bold { FontStyle::Bold } else { FontStyle::Normal };
    let h = match style.align {
        Align::Left => HPos::Left,
        Align::Middle => HPos::Center,
        Align::Right => HPos::Right,
    };
    let font = ("sans-serif", style.size * f64::from(FINE), face).into_font();
    TextStyle::from(font).color(&style.colour).pos(Pos::new(h, VPos::Center))
}

/// How wide a text is, in points.
pub(crate) fn width_of(text: &str, style: &Style) -> f64 {
    super::letters::width(text, style, style.size)
}

/// What plotters measures texts of an SVG with. Only the first call does anything.
fn load_fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (style, bytes) in
            [(FontStyle::Normal, notosans::REGULAR_TTF), (FontStyle::Bold, notosans::BOLD_TTF)]
        {
            assert!(
                register_font("sans-serif", style, bytes).is_ok(),
                "the font that is linked in cannot be read"
            );
        }
    });
}
