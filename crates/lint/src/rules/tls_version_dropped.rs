//! `ssl_protocols` with fewer versions than now.

use std::collections::HashSet;

use evenkeel_model::{Config, NodeId};

use crate::check::Findings;
use crate::rules::pairs::{Heirs, http_servers};

rule! {
    /// Finds a change after which a server no longer speaks TLS 1.2 or 1.3, which it speaks now.
    ///
    /// ## Why is this bad?
    /// Clients that know the lost version only are turned away in the handshake: no status, no page, no line in the
    /// access log. TLS 1.2 is what older phones, payment terminals, libraries of other firms and many monitors speak,
    /// and TLS 1.3 is what everybody prefers.
    ///
    /// The rule needs the live tree (`--against DIR`), and looks at servers that say `ssl_protocols` in both. Giving up
    /// SSLv3, TLS 1.0 and TLS 1.1 is not reported.
    ///
    /// ## Example
    /// ```nginx
    /// ssl_protocols TLSv1.2 TLSv1.3;   # live
    /// ssl_protocols TLSv1.3;           # new: curl --tlsv1.2 --tls-max 1.2 gets no answer
    /// ```
    ///
    /// Source: `ngx_ssl_create`, src/event/ngx_event_openssl.c;
    /// <https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_protocols>
    "tls-version-dropped", Warning, since "0.1", between compare
}

/// The versions that nobody should have to miss.
const VERSIONS: [&[u8]; 2] = [b"TLSv1.2", b"TLSv1.3"];

fn compare(live: &Config, new: &Config, findings: &mut Findings<'_>) {
    if live.named("ssl_protocols").next().is_none() {
        return;
    }
    let heirs = Heirs::of(new);
    let mut said: HashSet<(NodeId, &[u8])> = HashSet::new();
    for server in http_servers(live).filter(|server| server.listens.iter().any(|listen| listen.options.ssl)) {
        let Some(heir) = heirs.server(server) else { continue };
        let (before, now) = (versions(live, server.node), versions(new, heir.node));
        let (Some((_, before)), Some((node, now))) = (before, now) else { continue };
        for version in VERSIONS {
            if before.contains(&version) && !now.contains(&version) && said.insert((node, version)) {
                let version = String::from_utf8_lossy(version);
                findings
                    .at(new.node(node), format!("{version} is no longer spoken, and it is in the live tree"))
                    .help("clients that know nothing newer or older fail in the handshake; the access log does not show them");
            }
        }
    }
}

/// The versions that a server states, and where.
fn versions(config: &Config, server: NodeId) -> Option<(NodeId, Vec<&[u8]>)> {
    let node = *config.effective(server, "ssl_protocols").last()?;
    Some((node, config.node(node).args().collect()))
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_change, check_rule};

    const LIVE: &str = "ssl_protocols TLSv1.1 TLSv1.2 TLSv1.3; ssl_certificate c; ssl_certificate_key k;
        server { listen 443 ssl; server_name a.test; } server { listen 443 ssl; server_name b.test; }
        server { listen 80; server_name c.test; ssl_protocols TLSv1.2; }";

    #[test]
    fn a_version_that_is_lost_is_found_once() {
        check_change(
            &super::RULE,
            LIVE,
            "  ssl_protocols TLSv1.3;
# ^^^^^^^^^^^^^ TLSv1.2 is no longer spoken
ssl_certificate c; ssl_certificate_key k;
server { listen 443 ssl; server_name a.test; }
server { listen 443 ssl; server_name b.test; }
",
        );
    }

    #[test]
    fn versions_that_stay_or_are_given_up_for_good_are_silent() {
        for new in [
            "ssl_protocols TLSv1.2 TLSv1.3; server { listen 443 ssl; server_name a.test; }",
            "server { listen 443 ssl; server_name a.test; }",
            "server { listen 444 ssl; server_name a.test; ssl_protocols TLSv1.3; }",
            "server { listen 80; server_name c.test; ssl_protocols TLSv1.3; }",
        ] {
            check_change(&super::RULE, LIVE, &format!("ssl_certificate c; ssl_certificate_key k; {new}"));
        }
        check_rule(&super::RULE, LIVE);
    }
}
