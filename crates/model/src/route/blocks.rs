//! The directives that decide about routing, block by block, found once.

use foldhash::HashMap;

pub(super) use super::role::Role;
use crate::config::{Config, Node, NodeId};
use crate::context::Context;
use crate::number;
use crate::parsed::index_u32;

/// A directive that decides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fact {
    pub(super) role: Role,
    pub(super) node: NodeId,
}

/// The facts of every block of http.
pub(super) struct Blocks<'c> {
    config: &'c Config,
    /// `starts[n]..starts[n + 1]` are the facts of node `n`.
    starts: Vec<u32>,
    facts: Vec<Fact>,
    /// By node, its place in `roles`.
    places: Vec<u32>,
    roles: Vec<Roles>,
}

/// The bits of roles that stand in a block, and of those that stand in it or around it. Most blocks are alike, and most
/// roles are nowhere: so most questions are answered without a look at a directive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Roles {
    own: u128,
    around: u128,
}

impl<'c> Blocks<'c> {
    pub(super) fn of(config: &'c Config) -> Blocks<'c> {
        let mut found: Vec<(u32, Fact)> = Vec::new();
        for node in config.nodes() {
            let (context, data) = (node.context(), node.data());
            if !context.is_http() || context == Context::Upstream {
                continue;
            }
            if let Some(role) = Role::of(node) {
                found.push((data.parent, Fact { role, node: node.id() }));
            }
        }
        found.sort_by_key(|(parent, _)| *parent);
        let mut starts = vec![0_u32; config.directive_count() + 2];
        for (parent, _) in &found {
            starts[*parent as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let facts = found.into_iter().map(|(_, fact)| fact).collect();
        let mut blocks = Blocks { config, starts, facts, places: Vec::new(), roles: vec![Roles::default()] };
        blocks.note_roles();
        blocks
    }

    fn note_roles(&mut self) {
        let mut known = HashMap::from_iter([(Roles::default(), 0)]);
        // The root has no roles. What stands side by side without a block is alike.
        self.places.push(0);
        let mut before = None;
        for node in self.config.nodes() {
            let (id, parent) = (node.id(), node.data().parent);
            let own = self.own(id).iter().fold(0, |bits, fact| bits | fact.role.bit());
            let place = match before {
                Some((same, place)) if same == parent && own == 0 => place,
                _ => {
                    let outer = self.roles[self.places[parent as usize] as usize].around;
                    let roles = Roles { own, around: own | outer };
                    *known.entry(roles).or_insert_with(|| {
                        self.roles.push(roles);
                        index_u32(self.roles.len() - 1)
                    })
                }
            };
            if own == 0 {
                before = Some((parent, place));
            }
            self.places.push(place);
        }
    }

    fn roles(&self, block: NodeId) -> Roles {
        self.roles[self.places[block.index()] as usize]
    }

    /// Whether a block itself has a directive of one of the roles that these are the bits of.
    pub(super) fn has_own(&self, block: NodeId, bits: u128) -> bool {
        self.roles(block).own & bits != 0
    }

    /// Whether a block or one around it has such a directive.
    pub(super) fn has_around(&self, block: NodeId, bits: u128) -> bool {
        self.roles(block).around & bits != 0
    }

    /// The facts of a block itself, in the order of the text.
    pub(super) fn own(&self, block: NodeId) -> &[Fact] {
        &self.facts[self.starts[block.index()] as usize..self.starts[block.index() + 1] as usize]
    }

    /// The directives of a block itself that have this role.
    pub(super) fn own_with(&self, block: NodeId, role: Role) -> impl DoubleEndedIterator<Item = Node<'c>> {
        let own = if self.has_own(block, role.bit()) { self.own(block) } else { &[] };
        let facts = own.iter().filter(move |fact| fact.role == role);
        facts.map(|fact| self.config.node(fact.node))
    }

    /// A block and those around it, up to `http`.
    pub(super) fn around(&self, block: NodeId) -> impl Iterator<Item = NodeId> + use<'c> {
        let config = self.config;
        std::iter::successors(Some(block), move |&block| {
            let parent = config.node(block).data().parent;
            (parent != 0).then_some(NodeId(parent))
        })
    }

    /// The nearest block that has directives of this role, itself included.
    pub(super) fn nearest(&self, block: NodeId, role: Role) -> Option<NodeId> {
        if !self.has_around(block, role.bit()) {
            return None;
        }
        let has = |&block: &NodeId| {
            self.has_own(block, role.bit()) && self.own(block).iter().any(|fact| fact.role == role)
        };
        self.around(block).find(has)
    }

    /// The directive of this role that is in force in a block.
    pub(super) fn effective(&self, block: NodeId, role: Role) -> Option<Node<'c>> {
        self.own_with(self.nearest(block, role)?, role).next_back()
    }

    /// The role of a directive.
    pub(super) fn role_of(&self, node: Node<'_>) -> Option<Role> {
        let block = node.parent()?.id();
        self.own(block).iter().find(|fact| fact.node == node.id()).map(|fact| fact.role)
    }

    /// The value of an `on`/`off` directive that is in force in a block.
    pub(super) fn flag(&self, block: NodeId, role: Role, default: bool) -> bool {
        let value = self.effective(block, role).and_then(|node| node.arg(0));
        value.map_or(default, |value| value.eq_ignore_ascii_case(b"on"))
    }

    /// The value of a directive that is a number of bytes.
    pub(super) fn size(&self, block: NodeId, role: Role, argument: usize, default: i64) -> i64 {
        let value = self.effective(block, role).and_then(|node| node.arg(argument));
        value.and_then(number::offset).unwrap_or(default)
    }
}
