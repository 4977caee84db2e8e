//! The questions of all sides as one list: given the same answers up to a point, the next question is the same.

use std::collections::HashSet;

use super::narrow::{at_door, narrowed};
use super::values::Door;
use crate::config::NodeId;
use crate::route::{Answered, Atom, Observed, Question, Template, Test};

/// A question of one side, or the same of both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Point {
    /// As it is put together at the door.
    pub(super) subject: Template,
    /// What each side asked and was answered.
    pub(super) asked: Vec<Option<Asked>>,
}

/// What one side asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) test: Test,
    pub(super) answer: Answered,
    /// The block in force.
    pub(super) block: NodeId,
}

/// Of what kind a question is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Yes or no.
    Plain,
    /// Which server.
    Server,
    /// Which location.
    Location,
    /// Which line.
    Map,
    /// What the world says.
    Atom,
}

pub(super) fn kind(test: &Test) -> Kind {
    match test {
        Test::Server(_) => Kind::Server,
        Test::Location(_) => Kind::Location,
        Test::Map(_) => Kind::Map,
        Test::Atom(_) => Kind::Atom,
        _ => Kind::Plain,
    }
}

impl Point {
    /// What was asked, by the first that asked.
    pub(super) fn first(&self) -> (usize, &Asked) {
        let first = self.asked.iter().enumerate().find_map(|(side, asked)| Some((side, asked.as_ref()?)));
        first.expect("somebody asked")
    }

    pub(super) fn kind(&self) -> Kind {
        kind(&self.first().1.test)
    }

    /// Whether a walk that should have been asked this was, and was answered so. `None`: it was asked something else.
    pub(super) fn agrees(&self, other: &Point) -> Option<bool> {
        if self.subject != other.subject || self.kind() != other.kind() {
            return None;
        }
        let mut agrees = true;
        for (one, another) in self.asked.iter().zip(&other.asked) {
            let (Some(one), Some(another)) = (one, another) else { continue };
            let same_test = match (&one.test, &another.test) {
                (Test::Atom(one), Test::Atom(another)) => same_kind(one, another),
                (one, another) => one == another,
            };
            if !same_test {
                return None;
            }
            agrees &= one.answer == another.answer;
        }
        Some(agrees)
    }
}

/// Whether two atoms may be one question whose name the request decides.
fn same_kind(one: &Atom, another: &Atom) -> bool {
    one == another || std::mem::discriminant(one) == std::mem::discriminant(another)
}

/// Puts the questions of all sides into one list. `alike` says whether two maps are each other's counterpart.
pub(super) fn trail(seen: &[Observed], door: &Door, alike: &dyn Fn(NodeId, NodeId) -> bool) -> Vec<Point> {
    let sides: Vec<Vec<(Template, Question)>> = seen
        .iter()
        .map(|seen| {
            let asked = seen.questions.iter().filter_map(|question| {
                let (subject, test) = narrowed(at_door(&question.subject, door), &question.test)?;
                Some((subject, Question { test, ..question.clone() }))
            });
            asked.collect()
        })
        .collect();
    let mut merge = Merge { at: vec![0; seen.len()], sides, points: Vec::new(), seen: HashSet::new() };
    while merge.round(alike) {}
    merge.points
}

struct Merge {
    sides: Vec<Vec<(Template, Question)>>,
    /// How far each side is.
    at: Vec<usize>,
    points: Vec<Point>,
    seen: HashSet<(usize, Template, Test)>,
}

impl Merge {
    /// Every side up to the next choice of a server or location; then that. Whether there is more.
    fn round(&mut self, alike: &dyn Fn(NodeId, NodeId) -> bool) -> bool {
        for side in 0..self.sides.len() {
            while let Some((subject, question)) = self.next(side) {
                if matches!(kind(&question.test), Kind::Server | Kind::Location) {
                    break;
                }
                self.at[side] += 1;
                self.add(side, &subject, &question, alike);
            }
        }
        let heads: Vec<_> = (0..self.sides.len()).map(|side| self.next(side)).collect();
        let server = |head: &Option<(Template, Question)>| {
            head.as_ref().is_some_and(|(_, question)| kind(&question.test) == Kind::Server)
        };
        // A server is chosen before a location, and may be chosen on one side only.
        let only_servers = heads.iter().any(server);
        let mut point: Option<Point> = None;
        for (side, head) in heads.into_iter().enumerate() {
            let Some((subject, question)) = head else { continue };
            if only_servers && kind(&question.test) != Kind::Server {
                continue;
            }
            let asked = Asked { test: question.test, answer: question.answer, block: question.block };
            match &mut point {
                Some(point) if point.subject == subject => point.asked[side] = Some(asked),
                Some(_) => continue,
                None => {
                    let mut all = vec![None; self.sides.len()];
                    all[side] = Some(asked);
                    point = Some(Point { subject, asked: all });
                }
            }
            self.at[side] += 1;
        }
        let more = point.is_some();
        self.points.extend(point);
        more
    }

    fn next(&self, side: usize) -> Option<(Template, Question)> {
        self.sides[side].get(self.at[side]).cloned()
    }

    fn add(
        &mut self,
        side: usize,
        subject: &Template,
        question: &Question,
        alike: &dyn Fn(NodeId, NodeId) -> bool,
    ) {
        let is_map = kind(&question.test) == Kind::Map;
        // What holds of it is known from the first time, whoever asked.
        let whose = if is_map { side } else { usize::MAX };
        let known = !self.seen.insert((whose, subject.clone(), question.test.clone()));
        if known {
            return;
        }
        let asked = |question: &Question| Asked {
            test: question.test.clone(),
            answer: question.answer.clone(),
            block: question.block,
        };
        let mut all = vec![None; self.sides.len()];
        all[side] = Some(asked(question));
        if let (Test::Map(mine), 0, 2) = (&question.test, side, self.sides.len()) {
            let theirs = self.sides[1][self.at[1]..].iter().find(|(other, question)| {
                matches!(&question.test, Test::Map(theirs) if alike(*mine, *theirs)) && other == subject
            });
            if let Some((_, theirs)) = theirs {
                self.seen.insert((1, subject.clone(), theirs.test.clone()));
                all[1] = Some(asked(theirs));
            }
        }
        self.points.push(Point { subject: subject.clone(), asked: all });
    }
}
