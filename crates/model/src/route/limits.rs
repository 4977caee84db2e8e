//! The limits that a request counts against. They are facts: the outcome is the one within them.
//!
//! Source: `ngx_http_limit_req_handler`, src/http/modules/ngx_http_limit_req_module.c; `ngx_http_limit_conn_handler`,
//! src/http/modules/ngx_http_limit_conn_module.c

use super::blocks::Role;
use super::facts::parameter;
use super::question::{Atom, Is};
use super::walk::{Turn, Walk};
use crate::config::Node;
use crate::number::atoi;
use crate::request::{Limit, LimitKind};

/// The directives of a kind of limit.
struct Words {
    kind: LimitKind,
    limit: Role,
    status: Role,
    dry_run: Role,
}

const KINDS: [Words; 2] = [
    Words {
        kind: LimitKind::Requests,
        limit: Role::LimitReq,
        status: Role::LimitReqStatus,
        dry_run: Role::LimitReqDryRun,
    },
    Words {
        kind: LimitKind::Connections,
        limit: Role::LimitConn,
        status: Role::LimitConnStatus,
        dry_run: Role::LimitConnDryRun,
    },
];

/// The status beyond a limit when nothing is said.
const STATUS_DEFAULT: u16 = 503;

impl<'c> Walk<'_, 'c> {
    /// Counts the request; a turn where it is beyond a limit, which only the world can say.
    pub(super) fn limit(&mut self) -> Option<Turn> {
        for (at, words) in KINDS.iter().enumerate() {
            if self.beside.counted[at] {
                continue;
            }
            let Some(block) = self.router.blocks.nearest(self.block, words.limit) else { continue };
            let directives: Vec<Node<'c>> = self.router.blocks.own_with(block, words.limit).collect();
            for directive in directives {
                let limit = self.limit_of(directive, words);
                if limit.value.as_ref().is_some_and(Vec::is_empty) {
                    // Nothing is counted without a key.
                    continue;
                }
                self.beside.counted[at] = true;
                let exceeded = !limit.dry_run && self.is_exceeded(&limit);
                let (status, why) =
                    (limit.status, format!("beyond {} of {}", words.kind.directive(), limit.zone));
                self.beside.facts.limits.push(limit);
                if exceeded {
                    self.step("limit", why.clone(), Some(directive.id()));
                    return Some(self.error(status, why));
                }
            }
        }
        None
    }

    /// Whether the limit is exceeded: it is not, unless the world says so.
    fn is_exceeded(&mut self, limit: &Limit) -> bool {
        let atom = Atom::Limit(format!("{} {}", limit.kind.directive(), limit.zone));
        let dependence = atom.dependence();
        let was_open = self.depends_on.contains(&dependence);
        let is = self.ask_atom(atom, Is::No);
        if !was_open {
            self.depends_on.remove(&dependence);
        }
        is == Is::Yes
    }

    fn limit_of(&mut self, directive: Node<'c>, words: &Words) -> Limit {
        let blocks = &self.router.blocks;
        let status = blocks.effective(self.block, words.status).and_then(|node| atoi(node.arg(0)?));
        let dry_run = blocks.flag(self.block, words.dry_run, false);
        let is_requests = words.kind == LimitKind::Requests;
        let zone = if is_requests { parameter(directive, b"zone=") } else { directive.arg(0) };
        let zone = zone.unwrap_or(b"");
        let declared = self.router.tables().zones.get(zone).map(|&node| self.router.config.node(node));
        let key = declared.and_then(|node| node.arg(0)).unwrap_or(b"").to_vec();
        let value = self.eval_quietly(&key);
        let rate = declared.and_then(|node| parameter(node, b"rate="));
        let allows = if is_requests { rate } else { directive.arg(1) };
        let burst = parameter(directive, b"burst=").and_then(atoi);
        Limit {
            kind: words.kind,
            zone: String::from_utf8_lossy(zone).into_owned(),
            key,
            value: value.known.then(|| value.text.to_vec()).filter(|_| declared.is_some()),
            allows: String::from_utf8_lossy(allows.unwrap_or(b"")).into_owned(),
            burst: burst.and_then(|burst| u64::try_from(burst).ok()).unwrap_or(0),
            nodelay: directive.args().any(|word| word == b"nodelay"),
            status: status.and_then(|status| u16::try_from(status).ok()).unwrap_or(STATUS_DEFAULT),
            dry_run,
            node: directive.id(),
        }
    }
}
