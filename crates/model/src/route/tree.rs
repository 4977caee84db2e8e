//! An outcome as a decision tree over what no configuration tells.

use super::blocks::Role;
use super::error_page;
use super::question::{Answered, Atom, Is, Observed, Question, Test, World};
use super::{FileKind, Router};
use crate::config::NodeId;
use crate::request::{PassKind, Request, Route};

/// How many ends a tree may have.
const LEAVES_MAX: usize = 256;

/// How many answers of an upstream are told apart.
const STATUSES_MAX: usize = 16;

/// Where a request ends, as far as that turns on what nobody has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// It ends here.
    End(Box<Route>),
    /// An atom decides.
    Fork {
        /// Which.
        atom: Atom,
        /// What it may be, and where the request ends then. Answers that make no difference stand together.
        branches: Vec<(Vec<Is>, Tree)>,
    },
    /// There would be too many ends to tell them all.
    Cut,
}

impl Tree {
    /// How many ends there are.
    #[must_use]
    pub fn ends(&self) -> usize {
        match self {
            Tree::End(_) | Tree::Cut => 1,
            Tree::Fork { branches, .. } => branches.iter().map(|(_, tree)| tree.ends()).sum(),
        }
    }

    /// Whether the request ends alike in both, whatever way it takes there.
    fn is_like(&self, other: &Tree) -> bool {
        match (self, other) {
            (Tree::End(left), Tree::End(right)) => {
                (&left.outcome, left.status, left.location) == (&right.outcome, right.status, right.location)
            }
            (Tree::Cut, Tree::Cut) => true,
            (Tree::Fork { atom, branches }, Tree::Fork { atom: other_atom, branches: others }) => {
                let mut pairs = branches.iter().zip(others);
                atom == other_atom
                    && branches.len() == others.len()
                    && pairs.all(|((is, tree), (other_is, other))| is == other_is && tree.is_like(other))
            }
            _ => false,
        }
    }
}

impl Router<'_> {
    /// Where a request ends, told apart by everything that `world` leaves open: files, upstreams, credentials, limits,
    /// where the client comes from. It has one end where nothing is open.
    pub fn outcomes(&self, request: &Request, world: &World) -> Tree {
        let mut left = LEAVES_MAX;
        self.grow(request, world.clone(), &mut left)
    }

    fn grow(&self, request: &Request, world: World, left: &mut usize) -> Tree {
        if *left == 0 {
            return Tree::Cut;
        }
        let observed = self.observe(request, &world);
        let Some((question, atom)) = open(&observed, &world) else {
            *left -= 1;
            return Tree::End(Box::new(observed.route));
        };
        let mut branches: Vec<(Vec<Is>, Tree)> = Vec::new();
        for is in self.answers(question, atom) {
            let mut world = world.clone();
            world.0.insert(atom.clone(), is);
            let tree = self.grow(request, world, left);
            match branches.iter_mut().find(|(_, other)| other.is_like(&tree)) {
                Some((answers, _)) => answers.push(is),
                None => branches.push((vec![is], tree)),
            }
        }
        if branches.len() == 1
            && let Some((_, tree)) = branches.pop()
        {
            return tree;
        }
        Tree::Fork { atom: atom.clone(), branches }
    }

    /// Everything that an atom may be and that may matter, the default first.
    fn answers(&self, question: &Question, atom: &Atom) -> Vec<Is> {
        let default = match &question.answer {
            Answered::Is(is) => Some(*is),
            _ => None,
        };
        let others = match atom {
            Atom::File(_) => {
                [FileKind::File, FileKind::Directory, FileKind::Absent].into_iter().map(Is::File).collect()
            }
            Atom::Upstream(_) => self.statuses(question.block),
            Atom::AuthRequest(_) => [200, 401, 403, 500].map(Is::Status).to_vec(),
            Atom::Share(variable) => {
                let node = self.definition(variable).map(|(_, node)| node);
                let shares = node.and_then(|node| self.tables().shares.get(&node));
                (0..shares.map_or(1, |shares| shares.lines().count())).map(Is::Nth).collect()
            }
            Atom::Password(_) | Atom::Limit(_) | Atom::Other(_) => vec![Is::Yes, Is::No],
        };
        let rest = others.into_iter().filter(|is| Some(*is) != default);
        default.into_iter().chain(rest).collect()
    }

    /// The answers of an upstream for which a block has pages, and that it cannot be reached.
    fn statuses(&self, block: NodeId) -> Vec<Is> {
        let intercepts = self.blocks.around(block).any(|block| {
            let own = self.blocks.own(block).iter();
            own.into_iter().any(|fact| {
                let is_on = |node: NodeId| self.config.node(node).arg(0) == Some(b"on");
                matches!(fact.role, Role::InterceptErrors(_)) && is_on(fact.node)
            })
        });
        let is_memcached = self.blocks.own_with(block, Role::Pass(PassKind::Memcached)).next().is_some();
        let pages = self.blocks.nearest(block, Role::ErrorPage);
        let has_page = |status| pages.is_some_and(|block| error_page::has_page(&self.blocks, block, status));
        let statuses = (300..600).filter(|&status| has_page(status) && (intercepts || is_memcached));
        let answers = std::iter::once(Is::Status(200)).chain(statuses.take(STATUSES_MAX).map(Is::Status));
        answers.chain([Is::No]).collect()
    }
}

/// The first atom that a walk had to take for granted.
fn open<'o>(observed: &'o Observed, world: &World) -> Option<(&'o Question, &'o Atom)> {
    observed.questions.iter().find_map(|question| match &question.test {
        Test::Atom(atom) if world.get(atom).is_none() => Some((question, atom)),
        _ => None,
    })
}
