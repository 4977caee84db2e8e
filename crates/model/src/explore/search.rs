//! The search itself: take a way, ask for each question on it how it could be answered otherwise, and go there.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::ControlFlow;
use std::rc::Rc;

use super::aim::{Aim, Aimed, Goal};
use super::domain::Domains;
use super::lift::{Compiled, variables};
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
use crate::route::{Answered, Atom, Is, Observed, Router, Template, Test, World};

/// What is done with every way.
pub(crate) type Visit<'v, 's, 'c> =
    dyn FnMut(&mut Search<'s, 'c>, &Run, &Way) -> ControlFlow<()> + 'v;

/// What one walk costs of the budget.
const WALK_COST: u64 = 200;

/// How often the world of a request is put right.
const WORLDS_MAX: usize = 12;

/// A search through one or two configurations.
pub(crate) struct Search<'s, 'c> {
    pub(super) routers: &'s [&'s Router<'c>],
    pub(super) canons: Vec<Canon<'c>>,
    pub(super) compiled: Compiled,
    pub(super) domains: Domains,
    pub(super) limits: &'s Limits,
    pub(super) budget: Budget,
    pub(super) same: Same,
    rules: RefCell<HashMap<(usize, RulesOf), Option<Rc<Rules>>>>,
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
        let merges_slashes = !routers.iter().any(|router| {
            router.config().named("merge_slashes").any(|node| node.arg(0) != Some(b"on"))
        });
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

    /// All ways of one door; not `deep`: one of them is as good as all.
    fn through(
        &mut self,
        door: usize,
        deep: bool,
        visit: &mut Visit<'_, 's, 'c>,
    ) -> ControlFlow<()> {
        let mut values = doors::first(self.routers, &self.doors[door]);
        if !self.into_scope(door, &mut values) {
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
            if !deep {
                continue;
            }
            let end = stop.map_or(run.points.len(), |stop| stop + 1);
            for at in from..end {
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
    fn into_scope(&mut self, door: usize, values: &mut Values) -> bool {
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

    /// The requests that give another answer to a question of the request.
    fn turns(&mut self, run: &Run, at: usize) -> Vec<Turn> {
        let point = &run.points[at];
        match point.kind() {
            Kind::Atom => Vec::new(),
            Kind::Plain => self.other_answer(run, at),
            Kind::Server | Kind::Location | Kind::Map => {
                let mut free = Vec::new();
                if variables(&point.subject, &mut free).is_some() && free.is_empty() {
                    return Vec::new();
                }
                self.fan(run, at)
            }
        }
    }

    fn other_answer(&mut self, run: &Run, at: usize) -> Vec<Turn> {
        let point = &run.points[at];
        let (side, asked) = point.first();
        let Answered::Holds(holds) = asked.answer else { return Vec::new() };
        if let Test::Equals(other) = &asked.test
            && *other == point.subject
        {
            return Vec::new();
        }
        let mut goals = self.goals(&run.points[..at]);
        let answer = Answered::Holds(!holds);
        goals.push(Goal {
            subject: point.subject.clone(),
            test: asked.test.clone(),
            answer: answer.clone(),
            rules: None,
        });
        let mut other = vec![None; point.asked.len()];
        other[side] = Some(Asked { answer, ..asked.clone() });
        self.aim(run, at, &goals, &other).into_iter().collect()
    }

    /// One request for some goals, the last of which are new.
    pub(super) fn aim(
        &mut self,
        run: &Run,
        at: usize,
        goals: &[Goal],
        asked: &[Option<Asked>],
    ) -> Option<Turn> {
        let mut budget = self.budget.clone();
        let aim = self.aim_of(run);
        let aimed = aim.at(goals, &mut budget);
        self.budget = budget;
        let (tries, why) = match aimed {
            Aimed::At(mut values) => {
                return values.pop().map(|values| Turn { asked: asked.to_vec(), values });
            }
            Aimed::Nowhere => return None,
            Aimed::Unsure(tries, why) => (tries, why),
        };
        let turned = Point { subject: run.points[at].subject.clone(), asked: asked.to_vec() };
        for values in tries {
            if self.arrives(run, at, &values, &turned) {
                return Some(Turn { asked: asked.to_vec(), values });
            }
        }
        let text = self.about(&run.points[at], &why);
        self.notes.insert(text);
        None
    }

    /// Whether a request that was not computed has the settled answers and the other one.
    fn arrives(&mut self, run: &Run, at: usize, values: &Values, turned: &Point) -> bool {
        self.walk_on(run, at, values, Some(turned.clone())).is_some()
    }

    /// Walks a request that was not computed; `None`: it has not the settled answers and the other one.
    pub(super) fn walk_on(
        &mut self,
        run: &Run,
        at: usize,
        values: &Values,
        turned: Option<Point>,
    ) -> Option<Run> {
        let known = std::mem::take(&mut self.notes);
        let job = Job {
            door: run.door,
            values: values.clone(),
            world: run.world.clone(),
            settled: run.points.clone(),
            before: at,
            turned,
        };
        let arrived = self.walk(job);
        self.notes = known;
        arrived
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

    /// The worlds that give another answer to what the world was asked.
    fn atoms(&mut self, run: &Run, at: usize, jobs: &mut VecDeque<Job>) {
        let point = &run.points[at];
        let (side, asked) = point.first();
        let (Test::Atom(atom), Answered::Is(is)) = (&asked.test, &asked.answer) else { return };
        if let Some(twin) = worlds::named_alike(&run.points[..at], atom) {
            // The same by chance: for other requests it is another.
            let values = self.apart(run, at, &twin.clone());
            jobs.extend(values.map(|values| Job {
                door: run.door,
                values,
                world: run.world.clone(),
                settled: run.points.clone(),
                before: at,
                turned: None,
            }));
            return;
        }
        for other in self.others(atom, *is) {
            let mut world = run.world.clone();
            world.0.insert(atom.clone(), other);
            let mut turned = vec![None; point.asked.len()];
            turned[side] = Some(Asked { answer: Answered::Is(other), ..asked.clone() });
            jobs.push_back(Job {
                door: run.door,
                values: run.values.clone(),
                world,
                settled: run.points.clone(),
                before: at,
                turned: Some(Point { subject: point.subject.clone(), asked: turned }),
            });
        }
    }

    /// A request of the same way so far for which two values are not the same.
    fn apart(&mut self, run: &Run, at: usize, other: &Template) -> Option<Values> {
        let point = &run.points[at];
        if point.subject == *other {
            return None;
        }
        let mut goals = self.goals(&run.points[..at]);
        goals.push(Goal {
            subject: point.subject.clone(),
            test: Test::Equals(other.clone()),
            answer: Answered::Holds(false),
            rules: None,
        });
        let mut budget = self.budget.clone();
        let aimed = self.aim_of(run).at(&goals, &mut budget);
        self.budget = budget;
        let (tries, why) = match aimed {
            Aimed::At(mut values) => return values.pop(),
            Aimed::Nowhere => return None,
            Aimed::Unsure(tries, why) => (tries, why),
        };
        let found = tries.into_iter().find(|values| self.walk_on(run, at, values, None).is_some());
        if found.is_none() {
            let text = self.about(&run.points[at], &why);
            self.note(text);
        }
        found
    }

    fn others(&self, atom: &Atom, is: Is) -> Vec<Is> {
        worlds::all(atom, is, &self.statuses).into_iter().filter(|&other| other != is).collect()
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
