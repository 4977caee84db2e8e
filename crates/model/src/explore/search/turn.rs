//! The other answers to a question, and the requests that have them.

use std::collections::VecDeque;

use super::{Job, Run, Search, Turn};
use crate::explore::aim::{Aimed, Goal};
use crate::explore::lift::variables;
use crate::explore::narrow::narrowed;
use crate::explore::trail::{Asked, Kind, Point};
use crate::explore::values::Values;
use crate::explore::worlds;
use crate::route::{Answered, Atom, Is, Template, Test};

impl Search<'_, '_> {
    /// The requests that give another answer to a question of the request.
    pub(super) fn turns(&mut self, run: &Run, at: usize) -> Vec<Turn> {
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
    pub(in crate::explore) fn aim(
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
    pub(in crate::explore) fn walk_on(
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

    /// The worlds that give another answer to what the world was asked.
    pub(super) fn atoms(&mut self, run: &Run, at: usize, jobs: &mut VecDeque<Job>) {
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
        let (subject, test) = narrowed(point.subject.clone(), &Test::Equals(other.clone()))?;
        let mut goals = self.goals(&run.points[..at]);
        goals.push(Goal { subject, test, answer: Answered::Holds(false), rules: None });
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
}
