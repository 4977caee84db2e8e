//! Whether a connection can be made.

use evenkeel_fleet::watch::Failure;
use serde::{Deserialize, Serialize};

use super::visit::Visit;

/// What is to be known of this kind.
pub(super) const PAGE: &str = "Makes a connection and closes it. Up: the connection stood in time.";

/// A connection that is made and closed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tcp {}

impl Tcp {
    pub(super) async fn ask(&self, visit: &mut Visit<'_>) -> Result<(), Failure> {
        visit.connect().await.map(drop)
    }
}
