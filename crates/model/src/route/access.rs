//! Who may: `allow` and `deny`, passwords, and what other modules may say.
//!
//! Source: `ngx_http_core_access_phase`, src/http/ngx_http_core_module.c; `ngx_http_access_handler`,
//! src/http/modules/ngx_http_access_module.c

use std::net::IpAddr;

use super::blocks::Role;
use super::walk::{Turn, Walk};
use crate::config::{Node, NodeId};
use crate::request::{Dependence, LocalAddress};

/// What one module says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Say {
    Nothing,
    Yes,
    No(u16, Option<NodeId>),
}

impl Walk<'_, '_> {
    pub(super) fn access(&mut self) -> Turn {
        self.gates();
        let any = self.router.blocks.effective(self.block, Role::Satisfy).and_then(|node| node.arg(0))
            == Some(b"any");
        let mut refused: Option<(u16, Option<NodeId>)> = None;
        for say in [Walk::rules, Walk::password] {
            match say(self) {
                Say::Nothing => {}
                Say::Yes if any => return Turn::TryFiles,
                Say::Yes => {}
                Say::No(status, node) if any => {
                    if refused.is_none_or(|(earlier, _)| earlier != 401) {
                        refused = Some((status, node));
                    }
                }
                Say::No(status, node) => return self.refuse(status, node),
            }
        }
        match refused {
            Some((status, node)) => self.refuse(status, node),
            None => Turn::TryFiles,
        }
    }

    fn refuse(&mut self, status: u16, node: Option<NodeId>) -> Turn {
        let why = if status == 401 { "a password is wanted" } else { "the client is denied" };
        self.step("access", why, node);
        self.error(status, why)
    }

    /// Modules that may refuse, and that are not modelled.
    fn gates(&mut self) {
        let blocks: Vec<NodeId> = self.router.blocks.around(self.block).collect();
        for block in blocks {
            for fact in self.router.blocks.own(block) {
                let node = self.router.config.node(fact.node);
                let off = node.arg(0).is_some_and(|value| value.eq_ignore_ascii_case(b"off"));
                match fact.role {
                    Role::Gate("third-party") => self.depend(node.name()),
                    Role::Gate(module) if !off => self.depend(module),
                    _ => {}
                }
            }
        }
    }

    fn rules(&mut self) -> Say {
        let Some(block) = self.router.blocks.nearest(self.block, Role::Access) else { return Say::Nothing };
        let over_unix = matches!(self.request.listen, Some(LocalAddress::Unix(_)));
        let client = if self.real_ip_matters() { None } else { self.request.client };
        let rules: Vec<Node<'_>> = self.router.blocks.own_with(block, Role::Access).collect();
        let mut doubt = false;
        for rule in rules {
            let applies = match (rule.arg(0).unwrap_or(b""), client) {
                (b"all", _) => Some(true),
                (b"unix:", Some(_)) => Some(over_unix),
                (b"unix:", None) => over_unix.then_some(true),
                _ if over_unix && client.is_none() => Some(false),
                (range, Some(client)) => contains(range, client),
                (_, None) => None,
            };
            match applies {
                Some(true) => {
                    if doubt {
                        self.depends_on.insert(Dependence::ClientAddress);
                    }
                    return if rule.is("deny") { Say::No(403, Some(rule.id())) } else { Say::Yes };
                }
                Some(false) => {}
                // A client that is not named by any rule goes on to the next.
                None => doubt = true,
            }
        }
        if doubt {
            self.depends_on.insert(Dependence::ClientAddress);
        }
        Say::Nothing
    }

    fn password(&mut self) -> Say {
        let blocks = &self.router.blocks;
        let Some(realm) = blocks.effective(self.block, Role::AuthBasic) else { return Say::Nothing };
        if blocks.effective(self.block, Role::AuthBasicUserFile).is_none() {
            return Say::Nothing;
        }
        let value = self.eval(realm.arg(0).unwrap_or(b""));
        if value.known && value.text == b"off" {
            return Say::Nothing;
        }
        if self.header("authorization").is_none() {
            return Say::No(401, Some(realm.id()));
        }
        self.depend("auth_basic");
        Say::Yes
    }
}

/// Whether a range (`10.0.0.0/8`, `::1`) has an address; `None`: it is no range.
///
/// Source: `ngx_ptocidr`, src/core/ngx_inet.c
pub(crate) fn contains(range: &[u8], address: IpAddr) -> Option<bool> {
    let text = std::str::from_utf8(range).ok()?;
    let (network, bits) = match text.split_once('/') {
        Some((network, bits)) => (network, Some(bits.parse::<u32>().ok()?)),
        None => (text, None),
    };
    if bits.is_some_and(|bits| bits > if network.contains(':') { 128 } else { 32 }) {
        return None;
    }
    let address = match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        v4 => v4,
    };
    match (network.parse::<IpAddr>().ok()?, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let mask = u32::MAX.checked_shl(32 - bits.unwrap_or(32).min(32)).unwrap_or(0);
            Some((u32::from(network) ^ u32::from(address)) & mask == 0)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let mask = u128::MAX.checked_shl(128 - bits.unwrap_or(128).min(128)).unwrap_or(0);
            Some((u128::from(network) ^ u128::from(address)) & mask == 0)
        }
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_nginx_reads_them() {
        let has = |range: &str, address: &str| contains(range.as_bytes(), address.parse().unwrap());
        assert_eq!(has("10.0.0.0/8", "10.1.2.3"), Some(true));
        assert_eq!(has("10.0.0.1", "10.0.0.2"), Some(false));
        assert_eq!(has("0.0.0.0/0", "1.2.3.4"), Some(true));
        assert_eq!(has("10.0.0.0/8", "::1"), Some(false));
        assert_eq!(has("2001:db8::/32", "2001:db8::1"), Some(true));
        assert_eq!(has("10.0.0.0/8", "::ffff:10.0.0.1"), Some(true));
        assert_eq!(has("x", "10.0.0.1"), None);
    }
}
