//! How many files a worker may open, against how many connections it is told to take.

use evenkeel_model::Config;

use crate::finding::{Finding, Severity};
use crate::rehearse::{Settings, Tree};
use crate::setup::open_files;

/// What nginx takes when nothing is said.
///
/// Source: `DEFAULT_CONNECTIONS`, src/event/ngx_event.c
const CONNECTIONS_DEFAULT: u64 = 512;

/// Says that the running master's limit is too low for what a tree asks of its workers: nginx warns of it where nobody looks,
/// and refuses clients when many come. What is too low at once, for the sockets alone, the reload shows.
pub(crate) fn findings(tree: &Tree<'_>, live: Option<&Tree<'_>>, settings: &Settings) -> Option<Finding> {
    let (soft, _) = open_files(settings.master?)?;
    let said = too_few(tree.config, soft)?;
    let old = live.is_some_and(|live| too_few(live.config, soft).is_some());
    let stated = tree.config.named("worker_connections").last();
    let node = stated.or_else(|| tree.config.named("events").next());
    let place = node.map(|node| (node.source().display.clone(), node.line()));
    let help = "each connection needs a descriptor: raise `worker_rlimit_nofile`, or the limit that nginx is started with \
                (`LimitNOFILE` of its unit), which takes a restart";
    Some(Finding::new("too-few-descriptors", Severity::Warning, said).at(place).help(help).old(old))
}

/// `limit`: how many files the master may open, which its workers inherit.
fn too_few(config: &Config, limit: u64) -> Option<String> {
    let node = config.named("worker_connections").last();
    let stated = node.and_then(|node| node.arg_str(0)?.parse::<u64>().ok());
    let connections = stated.unwrap_or(CONNECTIONS_DEFAULT);
    // A rule of `check` speaks of a tree that contradicts itself.
    if config.worker_rlimit_nofile().is_some() {
        return None;
    }
    let listens = config.listens().len() as u64;
    let need = connections.saturating_add(listens);
    (need > limit).then(|| {
        format!(
            "{connections} connections and {listens} listening sockets need more descriptors than the {limit} that the running \
             nginx was started with"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    #[test]
    fn connections_are_held_against_the_limit_of_the_master() {
        let text = |more: &str, connections: &str| {
            format!("{more}\nevents {{ {connections} }}\nhttp {{ server {{ listen 80; listen 81; }} }}")
        };
        let too_few =
            |more: &str, connections: &str, limit| too_few(&config(&text(more, connections)), limit);
        assert_eq!(too_few("", "worker_connections 768;", 1024), None);
        assert_eq!(too_few("", "worker_connections 1022;", 1024), None);
        let said = too_few("", "worker_connections 1023;", 1024).unwrap();
        assert!(
            said.starts_with("1023 connections and 2 listening sockets need more descriptors than the 1024")
        );
        assert!(too_few("", "", 512).is_some() && too_few("", "", 514).is_none());
        assert_eq!(too_few("worker_rlimit_nofile 4096;", "worker_connections 2048;", 1024), None);
    }
}
