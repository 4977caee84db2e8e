//! The search itself: take a way, ask for each question on it how it could be answered otherwise, and go there.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::ControlFlow;
use std::rc::Rc;

use super::aim::{Aim, Goal};
use super::domain::Domains;
use super::lift::Compiled;
use super::rules::{Addresses, Rules};
use super::same::Same;
use super::trail::{Asked, Kind, Point, trail};
use super::values::{Door, Values};
use super::worlds;
use super::{Limits, Way, class, doors};
use crate::canonical::Canon;
use crate::choice::Choice;
use crate::config::NodeId;
use crate::language::Budget;
use crate::request::Request;
use crate::route::{Answered, Observed, Router, Test, World};

mod turn;

/// What is done with every way.
pub(crate) type Visit<'v, 's, 'c> = dyn FnMut(&mut Search<'s, 'c>, &Run, &Way) -> ControlFlow<()> + 'v;

/// What one walk costs of the budget.
const WALK_COST: u64 = 200;

/// How often the world of a request is put right.
const WORLDS_MAX: usize = 12;

/// The rules of each router, made when they are first asked; `None`: there are none.
type KnownRules = HashMap<(usize, RulesOf), Option<Rc<Rules>>>;

/// A search through one or two configurations.
pub(crate) struct Search<'s, 'c> {
    pub(super) routers: &'s [&'s Router<'c>],
    pub(super) canons: Vec<Canon<'c>>,
    pub(super) compiled: Compiled,
    pub(super) domains: Domains,
    pub(super) limits: &'s Limits,
    pub(super) budget: Budget,
    pub(super) same: Same,
    rules: RefCell<KnownRules>,
    /// The statuses that an upstream may answer with.
    statuses: Vec<u16>,
    ways: usize,
    notes: BTreeSet<String>,
    doors: Vec<Door>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum RulesOf {
    Names(usize),
    Locations(usize),
    Map(NodeId),
}

/// A way that is to be walked.
struct Job {
    door: usize,
    values: Values,
    world: World,
    /// The questions whose answers are settled; the last of them is the one that was answered otherwise.
    settled: Rc<Vec<Point>>,
    /// How many of them count, that one not counted.
    before: usize,
    /// The other answer.
    turned: Option<Point>,
}

/// A way that was walked.
pub(crate) struct Run {
    pub(super) door: usize,
    pub(super) values: Values,
    pub(super) world: World,
    pub(super) seen: Vec<Observed>,
    pub(super) points: Rc<Vec<Point>>,
}

/// Another answer to a question, and values that may have it.
pub(super) struct Turn {
    pub(super) asked: Vec<Option<Asked>>,
    pub(super) values: Values,
}

impl<'s, 'c> Search<'s, 'c> {
    pub(crate) fn new(routers: &'s [&'s Router<'c>], limits: &'s Limits) -> Search<'s, 'c> {
        let merges_slashes = !routers
            .iter()
            .any(|router| router.config().named("merge_slashes").any(|node| node.arg(0) != Some(b"on")));
        Search {
            routers,
            canons: routers.iter().map(|router| Canon::of(router.config())).collect(),
            compiled: Compiled::default(),
            domains: Domains::new(merges_slashes),
            limits,
            budget: Budget(limits.budget),
            same: Same::default(),
            rules: RefCell::default(),
            statuses: worlds::statuses(routers),
            ways: 0,
            notes: BTreeSet::new(),
            doors: Vec::new(),
        }
    }

    /// Visits every way; gives why some may be missing.
    pub(crate) fn all(mut self, visit: &mut Visit<'_, 's, 'c>) -> Vec<String> {
        let doors = doors::doors(self.routers, self.limits.tls);
        self.notes.extend(doors.notes);
        for (at, (door, deep)) in doors.doors.into_iter().enumerate() {
            self.doors.push(door);
            if self.through(at, deep, visit).is_break() {
                return self.notes.into_iter().collect();
            }
        }
        self.notes.into_iter().collect()
    }

    /// All ways of one door; not `deep`: one of each server is as good as all.
    fn through(&mut self, door: usize, deep: bool, visit: &mut Visit<'_, 's, 'c>) -> ControlFlow<()> {
        let mut values = doors::first(self.routers, &self.doors[door]);
        if !self.enter_scope(door, &mut values) {
            return ControlFlow::Continue(());
        }
        let settled = Rc::new(Vec::new());
        let first = Job { door, values, world: World::default(), settled, before: 0, turned: None };
        let mut jobs = VecDeque::from([first]);
        while let Some(job) = jobs.pop_front() {
            if self.ways >= self.limits.ways || self.budget.0 == 0 {
                self.notes.insert(format!("the search ended after {} ways", self.ways));
                return ControlFlow::Break(());
            }
            let from = job.before + usize::from(job.turned.is_some());
            let Some(run) = self.walk(job) else { continue };
            let stop = if self.routers.len() == 2 && deep { self.stop(&run, from) } else { None };
            if stop.is_none() {
                self.ways += 1;
                if worlds::is_possible(&run.world) {
                    let way = self.way(&run);
                    visit(self, &run, &way)?;
                }
            }
            let end = stop.map_or(run.points.len(), |stop| stop + 1);
            for at in from..end {
                if !deep && run.points[at].kind() != Kind::Server {
                    continue;
                }
                for turn in self.turns(&run, at) {
                    jobs.push_back(Job {
                        door,
                        values: turn.values,
                        world: run.world.clone(),
                        settled: run.points.clone(),
                        before: at,
                        turned: Some(Point { subject: run.points[at].subject.clone(), asked: turn.asked }),
                    });
                }
                self.atoms(&run, at, &mut jobs);
            }
        }
        ControlFlow::Continue(())
    }

    /// Brings the first request into the scope; whether there is one.
    fn enter_scope(&mut self, door: usize, values: &mut Values) -> bool {
        for (input, formula) in &self.limits.scope {
            let variable = super::lift::variable(input);
            if formula.holds(&values.get(input, &self.doors[door])) {
                continue;
            }
            let found = self.domains.of(&variable).iter().find_map(|domain| {
                match crate::language::solve(&formula.clone().and(domain.clone()), &mut self.budget) {
                    crate::language::Solution::Found(value) => Some(value),
                    _ => None,
                }
            });
            let Some(value) = found else { return false };
            super::aim::set(values, &variable, &value);
        }
        true
    }

    /// Walks a request, and puts its world right until the settled answers come out; `None`: they do not.
    fn walk(&mut self, job: Job) -> Option<Run> {
        let Job { door, values, mut world, settled, before, turned } = job;
        let expected: Vec<&Point> = settled[..before].iter().chain(&turned).collect();
        for _ in 0..WORLDS_MAX {
            let request = values.request(&self.doors[door]);
            self.budget.0 = self.budget.0.saturating_sub(WALK_COST);
            let seen = self.observed(&request, &world);
            let points = trail(&seen, &self.doors[door], &|one, another| self.alike(one, another));
            let wrong = expected.iter().zip(&points).find(|(wanted, got)| wanted.agrees(got) != Some(true));
            let Some((wanted, got)) = wrong else {
                let short = points.len() < expected.len();
                if short {
                    self.strayed(expected[points.len()], "it is not asked any more");
                    return None;
                }
                let world = worlds::asked(&points);
                return Some(Run { door, values, world, seen, points: Rc::new(points) });
            };
            let put_right = wanted.agrees(got) == Some(false) && worlds::put_right(wanted, got, &mut world);
            if !put_right {
                self.strayed(wanted, "a request that was computed for it goes another way");
                return None;
            }
        }
        self.notes.insert(String::from("what is assumed of the world does not settle"));
        None
    }

    /// What all sides do with a request. What the world does not say, the first that asks decides for all.
    fn observed(&self, request: &Request, world: &World) -> Vec<Observed> {
        let mut world = world.clone();
        let mut seen = Vec::with_capacity(self.routers.len());
        for router in self.routers {
            let observed = router.observe(request, &world);
            worlds::learn(&observed, &mut world);
            seen.push(observed);
        }
        seen
    }

    fn strayed(&mut self, point: &Point, why: &str) {
        let text = self.about(point, why);
        self.notes.insert(text);
    }

    /// A note on a question, with its place.
    pub(super) fn about(&self, point: &Point, why: &str) -> String {
        let (side, asked) = point.first();
        let config = self.routers[side].config();
        let node = match asked.answer {
            Answered::Chosen(crate::choice::Chosen::Unknown(node)) => config.node(node),
            _ => config.node(asked.block),
        };
        format!("{}:{}: {}: {why}", node.source().display, node.line(), class::question(point))
    }

    pub(crate) fn note(&mut self, text: String) {
        self.notes.insert(text);
    }

    pub(super) fn way(&self, run: &Run) -> Way {
        let mut request = run.values.request(&self.doors[run.door]);
        if !class::speaks_of_client(&run.points, &run.seen) {
            request.client = None;
        }
        Way {
            request,
            world: run.world.clone(),
            seen: run.seen.clone(),
            class: class::class(self.routers, run, &self.doors[run.door]),
            only_odd: class::is_odd(&run.values),
        }
    }

    pub(super) fn door(&self, door: usize) -> &Door {
        &self.doors[door]
    }

    pub(super) fn aim_of<'a>(&'a self, run: &'a Run) -> Aim<'a> {
        Aim {
            door: &self.doors[run.door],
            values: &run.values,
            compiled: &self.compiled,
            domains: &self.domains,
            scope: &self.limits.scope,
        }
    }

    pub(super) fn goals(&self, points: &[Point]) -> Vec<Goal> {
        let mut goals = Vec::new();
        for point in points.iter().filter(|point| point.kind() != Kind::Atom) {
            for (side, asked) in point.asked.iter().enumerate() {
                let Some(asked) = asked else { continue };
                goals.push(self.goal(point, side, asked));
                if point.kind() == Kind::Plain {
                    break;
                }
            }
        }
        goals
    }

    pub(super) fn goal(&self, point: &Point, side: usize, asked: &Asked) -> Goal {
        Goal {
            subject: point.subject.clone(),
            test: asked.test.clone(),
            answer: asked.answer.clone(),
            rules: self.rules_of(side, &asked.test),
        }
    }

    /// Whether two maps are each other's counterpart: they define the same variable.
    fn alike(&self, one: NodeId, another: NodeId) -> bool {
        let [old, new] = self.routers else { return false };
        let (one, another) = (old.config().node(one), new.config().node(another));
        one.name() == another.name() && one.args().next_back() == another.args().next_back()
    }

    /// The rules that a question is a choice of.
    pub(super) fn rules_of(&self, side: usize, test: &Test) -> Option<Rc<Rules>> {
        let of = match test {
            Test::Server(socket) => RulesOf::Names(*socket),
            Test::Location(server) => RulesOf::Locations(*server),
            Test::Map(node) => RulesOf::Map(*node),
            _ => return None,
        };
        if let Some(known) = self.rules.borrow().get(&(side, of)) {
            return known.clone();
        }
        let router = self.routers[side];
        let made = match of {
            RulesOf::Names(socket) => Some(Rules::Strings(Choice::of_names(router, socket))),
            RulesOf::Locations(server) => Some(Rules::Strings(Choice::of_locations(router, server))),
            RulesOf::Map(node) => match Choice::of_map(router, node) {
                Some(choice) => Some(Rules::Strings(choice)),
                None => {
                    let node = router.config().node(node);
                    node.is("geo").then(|| Rules::Addresses(Addresses::of(node)))
                }
            },
        };
        let made = made.map(Rc::new);
        self.rules.borrow_mut().insert((side, of), made.clone());
        made
    }
}
