//! A [`Report`](crate::Report) for people and for programs.

mod excerpt;
mod json;
mod text;

pub use json::json;
pub use text::{Style, text};
