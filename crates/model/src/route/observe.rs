//! A walk that is watched: what is assumed of the world, and every question that the walk asked.

use std::collections::BTreeMap;

use super::given::Given;
use super::question::{Answered, Atom, Is, Question, Shape, Template, Test, World};
use super::walk::Walk;
use crate::request::Dependence;

/// What stands beside a walk: the world that it takes as given, and a protocol where one is kept.
pub(super) struct Watch {
    /// What the caller says of atoms.
    world: World,
    /// What was taken for granted on the way: an atom is the same every time it is asked.
    pub(super) taken: BTreeMap<Atom, Is>,
    /// What was asked so far; `None`: no protocol is kept, and what the world does not say stays open.
    pub(super) questions: Option<Vec<Question>>,
    /// What the request gives, once it is read.
    pub(super) given: Option<Given>,
    /// The headers that are added.
    pub(super) beside: Shape,
    /// The outcome, once it is there.
    pub(super) shape: Shape,
}

impl Watch {
    /// Keeps a protocol; what the world does not say gets a default.
    pub(super) fn over(world: &World) -> Watch {
        Watch { questions: Some(Vec::new()), ..Watch::only(world) }
    }

    /// Answers from the world and keeps no protocol.
    pub(super) fn only(world: &World) -> Watch {
        Watch {
            world: world.clone(),
            taken: BTreeMap::new(),
            questions: None,
            given: None,
            beside: Shape::default(),
            shape: Shape::default(),
        }
    }
}

impl Watch {
    /// What an atom is, as the world says or the walk took it before.
    pub(super) fn said(&self, atom: &Atom) -> Option<Is> {
        self.world.get(atom).or_else(|| self.taken.get(atom).copied())
    }

    /// Adds a question to the protocol, if it is kept and does not hold it already.
    pub(super) fn note(&mut self, question: Question) {
        if let Some(questions) = self.questions.as_mut().filter(|questions| !questions.contains(&question)) {
            questions.push(question);
        }
    }
}

/// Host and port in the URL of a pass.
fn authority(url: &[u8]) -> &[u8] {
    let start = url.windows(3).position(|three| three == b"://").map_or(0, |at| at + 3);
    let rest = &url[start..];
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    &rest[..end]
}

impl World {
    /// What an atom is, as far as it is said: by its own name, else by the empty name, which stands for all of its kind.
    pub fn get(&self, atom: &Atom) -> Option<Is> {
        let all = match atom {
            Atom::Upstream(url) => {
                let by_name = || self.0.get(&Atom::Upstream(authority(url).to_vec()));
                if let Some(is) = self.0.get(atom).or_else(by_name) {
                    return Some(*is);
                }
                Some(Atom::Upstream(Vec::new()))
            }
            Atom::AuthRequest(_) => Some(Atom::AuthRequest(Vec::new())),
            Atom::Password(_) => Some(Atom::Password(Vec::new())),
            Atom::Limit(_) => Some(Atom::Limit(String::new())),
            Atom::Share(_) => Some(Atom::Share(String::new())),
            Atom::File(_) | Atom::Other(_) => None,
        };
        self.0.get(atom).or_else(|| self.0.get(&all?)).copied()
    }
}

impl Atom {
    /// How `depends_on` names it while nobody has said what it is.
    #[must_use]
    pub fn dependence(&self) -> Dependence {
        match self {
            Atom::File(path) => Dependence::FileExists(path.clone()),
            Atom::Upstream(_) => Dependence::UpstreamResponse,
            Atom::AuthRequest(_) => Dependence::Module(String::from("auth_request")),
            Atom::Password(_) => Dependence::Module(String::from("auth_basic")),
            Atom::Limit(limit) => Dependence::Module(limit.split(' ').next().unwrap_or_default().to_owned()),
            Atom::Share(_) => Dependence::Random,
            Atom::Other(name) if name.starts_with("client-address") => Dependence::ClientAddress,
            Atom::Other(name) => Dependence::Module(name.clone()),
        }
    }
}

impl Walk<'_, '_> {
    /// Whether a protocol is kept.
    pub(super) fn is_watched(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.questions.is_some())
    }

    /// Notes a question that the request decides; `question` is only made where a protocol is kept.
    pub(super) fn asks(&mut self, question: impl FnOnce(&Self) -> (Template, Test), answer: Answered) {
        if !self.is_watched() {
            return;
        }
        let (subject, test) = question(self);
        if subject.fixed().is_some() && !matches!(&test, Test::Equals(other) if other.fixed().is_none()) {
            return;
        }
        let question = Question { subject, test, answer, block: self.block };
        self.note(question);
    }

    /// What an atom is: as the world says; else, while a protocol is kept, `default`; else `None`, and a dependence.
    pub(super) fn atom(&mut self, atom: impl FnOnce() -> Atom, default: Is) -> Option<Is> {
        self.atom_of(Template::default(), atom, default)
    }

    /// The same of an atom whose name the request decides: `subject` is that name.
    pub(super) fn atom_of(
        &mut self,
        subject: Template,
        atom: impl FnOnce() -> Atom,
        default: Is,
    ) -> Option<Is> {
        let atom = atom();
        let said = self.watch.as_ref().and_then(|watch| watch.said(&atom));
        if !self.is_watched() {
            if said.is_none() {
                self.depends_on.insert(atom.dependence());
            }
            return said;
        }
        let is = said.unwrap_or(default);
        if let Some(watch) = &mut self.watch {
            watch.taken.insert(atom.clone(), is);
        }
        let question =
            Question { subject, test: Test::Atom(atom), answer: Answered::Is(is), block: self.block };
        self.note(question);
        Some(is)
    }

    /// What an atom is: as the world says, else `default`; noted where a protocol is kept, else a dependence.
    pub(super) fn ask_atom(&mut self, atom: Atom, default: Is) -> Is {
        self.atom(|| atom, default).unwrap_or(default)
    }

    pub(super) fn note(&mut self, question: Question) {
        if let Some(watch) = &mut self.watch {
            watch.note(question);
        }
    }
}
