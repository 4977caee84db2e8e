//! The post-mortem of an incident, as Markdown and as one page of HTML that needs nothing beside it.

mod html;
mod markdown;
mod words;

pub use html::html;
pub use markdown::markdown;
