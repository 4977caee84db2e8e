//! What is known of causes: one file for each family, each a table of rows.

use crate::row::{PLAIN, Row};

macro_rules! analyzers {
    ($($(#[doc = $doc:literal])+ $name:ident),+ $(,)?) => {
        $($(#[doc = $doc])+ mod $name;)+

        /// Every row, in the order of the families.
        pub fn rows() -> impl Iterator<Item = &'static Row> {
            [$($name::ROWS),+].into_iter().flatten()
        }
    };
}

analyzers! {
    /// The way from the client to nginx.
    connection,
    /// Handshakes and certificates.
    tls,
    /// What nginx does not take from a client.
    client,
    /// Who may and who may not.
    access,
    /// Files and locations: what nginx answers by itself.
    files,
    /// Limits of nginx and of its host.
    limits,
    /// Connecting to an upstream.
    upstream_connect,
    /// What comes back from an upstream.
    upstream_answer,
    /// Names of upstreams, and groups of them.
    upstream_group,
    /// Starts that nginx refuses.
    start,
    /// What runs is not what lies on disk.
    reload,
    /// What a balancer in front says.
    balancer,
}

/// Names the newest change where the table has no better answer.
pub(crate) const RECENT_CHANGE: Row = Row {
    id: "recent-change",
    says: "what changed shortly before",
    check: "compare what the request did before the change with what it does now",
    fix: "take the change back, and look at it in peace",
    ..PLAIN
};
