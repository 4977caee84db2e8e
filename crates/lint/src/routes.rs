//! What rules ask of where requests go, made once for all of them.

use std::cell::OnceCell;

use evenkeel_model::{Config, Router};

use crate::rules::proxied::{Proxied, proxied};
use crate::rules::redirects::{Chain, chains, serves_with_tls};

/// A tree made ready to say where its requests go.
pub(crate) struct Routes<'c> {
    pub(crate) config: &'c Config,
    pub(crate) router: Router<'c>,
    chains: OnceCell<Vec<Chain>>,
    proxied: OnceCell<Vec<Proxied<'c>>>,
}

impl<'c> Routes<'c> {
    pub(crate) fn new(config: &'c Config) -> Self {
        let (chains, proxied) = (OnceCell::new(), OnceCell::new());
        Self { config, router: Router::new(config), chains, proxied }
    }

    /// Where the redirects of the tree lead to.
    pub(crate) fn chains(&self) -> &[Chain] {
        self.chains.get_or_init(|| chains(&self.router))
    }

    /// Whether the host of a URL is among the names of a server with TLS.
    pub(crate) fn serves_with_tls(&self, url: &str) -> bool {
        serves_with_tls(self.config, url)
    }

    /// Every `proxy_pass` of a location for a prefix.
    pub(crate) fn proxied(&self) -> impl Iterator<Item = Proxied<'c>> {
        self.proxied.get_or_init(|| proxied(self.config).collect()).iter().copied()
    }
}
