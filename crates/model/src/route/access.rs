//! Who may: `allow` and `deny`, passwords, a subrequest, and what other modules may say.
//!
//! Source: `ngx_http_core_access_phase`, `ngx_http_core_post_access_phase`, src/http/ngx_http_core_module.c;
//! `ngx_http_access_handler`, src/http/modules/ngx_http_access_module.c

use std::net::IpAddr;

use super::address::{Cidr, Peer};
use super::blocks::Role;
use super::walk::{Turn, Walk};
use crate::config::{Node, NodeId};
use crate::request::{GuardKind, Says};

/// What one module says.
pub(super) enum Say {
    Nothing,
    /// It may; by which directive, where one says so.
    Yes(Option<NodeId>),
    No(u16, Option<NodeId>),
    /// The connection ends here.
    End(Turn),
}

impl Walk<'_, '_> {
    /// The preaccess phase and the access phase.
    pub(super) fn access(&mut self) -> Turn {
        self.real_ip();
        if let Some(turn) = self.limit() {
            return turn;
        }
        self.gates();
        if self.beside.subrequest {
            return Turn::TryFiles;
        }
        let any = self.router.blocks.effective(self.block, Role::Satisfy).and_then(|node| node.arg(0))
            == Some(b"any");
        for (kind, say) in [
            (GuardKind::Rules, Walk::rules as fn(&mut Self) -> Say),
            (GuardKind::AuthBasic, Walk::password),
            (GuardKind::AuthRequest, Walk::authorize),
        ] {
            match say(self) {
                Say::Nothing => {}
                Say::Yes(node) => {
                    self.guard(kind, Says::Passes, node);
                    if any {
                        self.beside.refused = None;
                        return Turn::TryFiles;
                    }
                }
                Say::No(status @ (401 | 403), node) if any => {
                    self.guard(kind, Says::Refuses, node);
                    if self.beside.refused.is_none_or(|(earlier, _)| earlier != 401) {
                        self.beside.refused = Some((status, node));
                    }
                }
                Say::No(status, node) => {
                    self.guard(kind, Says::Refuses, node);
                    return self.refuse(status, node);
                }
                Say::End(turn) => return turn,
            }
        }
        match self.beside.refused.take() {
            Some((status, node)) => self.refuse(status, node),
            None => Turn::TryFiles,
        }
    }

    fn refuse(&mut self, status: u16, node: Option<NodeId>) -> Turn {
        let by_subrequest = node.is_some_and(|node| self.router.config.node(node).is("auth_request"));
        let why = match (status, by_subrequest) {
            (401, false) => "a password is wanted",
            (403, false) => "the client is denied",
            (401 | 403, true) => "the subrequest refuses",
            (_, true) => "the subrequest gives an unexpected status",
            _ => "the file of users cannot be read",
        };
        self.step("access", why, node);
        self.error(status, why)
    }

    /// Modules that may refuse, and that are not modelled.
    fn gates(&mut self) {
        let router = self.router;
        if !router.blocks.has_around(self.block, Role::Gate("").bit()) {
            return;
        }
        for block in router.blocks.around(self.block) {
            for fact in router.blocks.own(block) {
                let node = router.config.node(fact.node);
                let off = node.arg(0).is_some_and(|value| value.eq_ignore_ascii_case(b"off"));
                match fact.role {
                    Role::Gate("third-party") => self.depend(node.name()),
                    Role::Gate(module) if !off => {
                        self.depend(module);
                        self.guard(GuardKind::Other, Says::Nothing, Some(node.id()));
                    }
                    _ => {}
                }
            }
        }
    }

    fn rules(&mut self) -> Say {
        let Some(block) = self.router.blocks.nearest(self.block, Role::Access) else { return Say::Nothing };
        let rules: Vec<Node<'_>> = self.router.blocks.own_with(block, Role::Access).collect();
        let mapped = match self.beside.peer {
            Peer::Ip(IpAddr::V6(address)) if address.to_ipv4_mapped().is_some() => Some(address),
            _ => None,
        };
        let is_v4 = |rule: &Node<'_>| {
            let range = rule.arg(0).unwrap_or(b"");
            range == b"all" || matches!(Cidr::of(range), Some(Cidr::V4 { .. }))
        };
        if let Some(address) = mapped.filter(|_| !rules.iter().any(is_v4)) {
            // Only where there is no rule for IPv4 at all, it is an address of IPv6.
            let has = |rule: &&Node<'_>| {
                Cidr::of(rule.arg(0).unwrap_or(b"")).is_some_and(|cidr| cidr.has_v6(address))
            };
            return match rules.iter().find(has) {
                Some(rule) if rule.is("deny") => Say::No(403, Some(rule.id())),
                Some(rule) => Say::Yes(Some(rule.id())),
                None => Say::Nothing,
            };
        }
        for rule in rules {
            let range = rule.arg(0).unwrap_or(b"");
            // A client that nobody has named is none of those that a rule names.
            if range == b"all" || self.client_is_in(range) == Some(true) {
                let node = Some(rule.id());
                return if rule.is("deny") { Say::No(403, node) } else { Say::Yes(node) };
            }
        }
        Say::Nothing
    }
}
