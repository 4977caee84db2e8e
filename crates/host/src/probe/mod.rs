//! Questions asked of a host from outside its nginx, each answered by how far it came and what it met.
//!
//! ```no_run
//! # async fn example() {
//! use evenkeel_host::probe::{Ask, Limits, Prober, Spec, Target, http::Http};
//!
//! let spec = Spec {
//!     target: Target::Tcp(([10, 0, 0, 5], 443).into()),
//!     ask: Ask::Http(Http::get("https://shop.example/health").expect("a URL")),
//!     limits: Limits::default(),
//!     proxy_protocol: false,
//! };
//! let report = Prober::default().ask(&spec).await;
//! println!("{:?} after {:?}", report.answer, report.took);
//! # }
//! ```
//!
//! * Every question has a connection of its own, a limit of time for every part of it, and bounds on what it reads.
//! * It changes nothing: GET and HEAD are the only methods, redirects are not followed.
//! * Nothing here needs root. ICMP messages come from the error queue of the failed socket.
//! * Dropping the future of a question closes what it opened.

mod certificate;
mod connect;
mod doubt;
mod spec;
mod tap;
mod trust;
mod visit;

pub mod names;
pub mod run;
pub mod schedule;
pub mod vantage;

pub use certificate::Certificate;
pub use doubt::Doubt;
pub use spec::{Limits, Spec, Target};
pub use visit::{Phases, Prober, Report, Seen};

use evenkeel_fleet::watch::Failure;

/// Registers the kinds of probes: a module with a type that can `ask` through a [`visit::Visit`], and says in its `PAGE` what it does.
macro_rules! probes {
    ($($kind:ident in $module:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// What is asked, of any kind.
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "kind", rename_all = "kebab-case")]
        pub enum Ask {
            $(#[doc = concat!("A `", stringify!($module), "` probe.")] $kind($module::$kind),)*
        }

        /// Every kind of probe: its name in the settings, and what is to be known of it.
        pub const KINDS: &[(&str, &str)] = &[$((stringify!($module), $module::PAGE)),*];

        impl Ask {
            /// Its name in the settings.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$kind(_) => stringify!($module)),* }
            }

            async fn ask(&self, visit: &mut visit::Visit<'_>) -> Result<(), Failure> {
                match self { $(Self::$kind(ask) => ask.ask(visit).await),* }
            }
        }
    };
}

probes! {
    Tcp in tcp,
    Tls in tls,
    Http in http,
    Dns in dns,
}

impl Ask {
    /// Looks whether it can be asked at all, without asking anybody: what could never be sent is an answer of nobody.
    ///
    /// # Errors
    /// What of it is wrong, as the settings call it, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let in_tls = |tls: &tls::Tls| {
            tls.server_name().map_err(|why| ("tls", why))?;
            let trust = tls.ca.as_deref().map(trust::Trust::of).transpose();
            trust.map(drop).map_err(|why| ("ca", why))
        };
        let why = |failure: Failure| match failure {
            Failure::OwnSide { reason } => reason,
            other => other.to_string(),
        };
        match self {
            Self::Tcp(_) => Ok(()),
            Self::Tls(tls) => in_tls(tls),
            Self::Http(http) => {
                http.request.sent().map_err(|failure| ("headers", why(failure)))?;
                http.request.tls.as_ref().map_or(Ok(()), in_tls)
            }
            Self::Dns(dns) => {
                dns::query(&dns.name, dns.family).map(drop).map_err(|failure| ("dns", why(failure)))
            }
        }
    }
}
