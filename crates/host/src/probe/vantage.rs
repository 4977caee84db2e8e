//! Questions asked from another place: this very program over there, spoken to by lines.
//!
//! Its standard input holds questions, its standard output answers, one JSON document a line. It opens with a line that
//! says its version. A question names itself by a number, answers come in any order. Nothing of it is kept over there.

mod remote;
mod serve;
mod wire;

pub use remote::{Remote, VantageError, backoff};
pub use serve::serve;

/// The longest line that is read, in either direction.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// The version of what is spoken.
pub const VERSION: u32 = 1;
