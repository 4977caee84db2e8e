//! Charts of an incident as SVG: readable on paper, in black and white, and by a screen reader. Every chart is an image with a name
//! and a description; what it shows is also told as text beside it.

mod axis;
mod marks;
mod rate;
mod strip;

pub use axis::Axis;
pub use marks::{Placed, placed};
pub use rate::rate;
pub use strip::strips;

/// The width of every chart, in its own units; it is scaled to the page.
pub const WIDTH: f64 = 960.0;
/// Where the time axis begins, right of the labels.
pub const LEFT: f64 = 200.0;
/// Where it ends.
pub const RIGHT: f64 = WIDTH - 16.0;
