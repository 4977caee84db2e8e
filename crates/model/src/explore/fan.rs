//! The other answers to a question with many: which server, which location, which line of a map.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use super::aim::{Goal, set};
use super::lift::{Variable, variable};
use super::rules::Rules;
use super::search::{Run, Search, Turn};
use super::trail::{Asked, Kind, Point};
use crate::choice::{Choice, Chosen, Sought, pairs};
use crate::config::{Config, NodeId};
use crate::language::Formula;
use crate::lower::{LocationKind, location_pattern};
use crate::route::{Answered, Piece};

/// An answer of each side that asked, and a value that may have it.
struct Answer {
    chosen: Vec<Option<Chosen>>,
    value: Option<Vec<u8>>,
}

impl Search<'_, '_> {
    /// Requests that get another answer to a question with many.
    pub(super) fn fan(&mut self, run: &Run, at: usize) -> Vec<Turn> {
        let point = run.points[at].clone();
        let goals = self.goals(&run.points[..at]);
        let rules: Vec<Option<Rc<Rules>>> = point
            .asked
            .iter()
            .enumerate()
            .map(|(side, asked)| asked.as_ref().and_then(|asked| self.rules_of(side, &asked.test)))
            .collect();
        if rules.iter().zip(&point.asked).any(|(rules, asked)| rules.is_none() && asked.is_some()) {
            let text = self.about(&point, "it is no choice that can be turned round");
            self.note(text);
            return Vec::new();
        }
        if rules.iter().flatten().any(|rules| matches!(**rules, Rules::Addresses(_))) {
            return self.fan_of_addresses(run, &point, &goals, &rules);
        }
        let (also, plain) = self.also(run, &point, &goals);
        let choices: Vec<Option<&Choice>> = rules
            .iter()
            .map(|rules| match rules.as_deref() {
                Some(Rules::Strings(choice)) => Some(choice),
                _ => None,
            })
            .collect();
        let answers = match &choices[..] {
            [Some(old), Some(new)] => self.pairs_of(run, at, old, new, &also),
            _ => self.single(&point, &choices, &also),
        };
        let now = chosen_of(&point);
        let mut turns = Vec::new();
        for answer in answers {
            if answer.chosen == now || self.pruned(run, at, &answer.chosen) {
                continue;
            }
            if self.budget.0 == 0 {
                break;
            }
            let asked = asked_so(&point, &answer.chosen);
            match answer.value {
                // The value is one of the input itself, and nothing else stands against it.
                Some(value) if plain.is_some() => {
                    let mut values = run.values.clone();
                    set(&mut values, plain.as_ref().expect("it was just looked at"), &value);
                    turns.push(Turn { asked, values });
                }
                _ => {
                    let mut goals = goals.clone();
                    for (side, asked) in asked.iter().enumerate() {
                        goals.extend(asked.iter().map(|asked| self.goal(&point, side, asked)));
                    }
                    turns.extend(self.aim(run, at, &goals, &asked));
                }
            }
        }
        turns
    }

    /// What else must hold of the value, as far as it can be said of the value itself; and the variable that the value is,
    /// where that is all that must hold.
    fn also(&self, run: &Run, point: &Point, goals: &[Goal]) -> (Formula, Option<Variable>) {
        let [Piece::Input(input)] = &point.subject.0[..] else {
            return (Formula::All(Vec::new()), None);
        };
        let variable = variable(input);
        let domain = self.domains.of(&variable).last().cloned();
        let (formulas, complete) = self.aim_of(run).conditions(&variable, goals);
        let scope = self.limits.scope.iter().filter(|(input, _)| super::lift::variable(input) == variable);
        let scope: Vec<Formula> = scope.map(|(_, formula)| formula.clone()).collect();
        let all = formulas.into_iter().chain(domain).chain(scope).collect();
        (Formula::All(all), complete.then_some(variable))
    }

    /// The answers of one side alone.
    fn single(&mut self, point: &Point, choices: &[Option<&Choice>], also: &Formula) -> Vec<Answer> {
        let Some((side, choice)) =
            choices.iter().enumerate().find_map(|(side, choice)| Some((side, (*choice)?)))
        else {
            return Vec::new();
        };
        let mut answers = Vec::new();
        let add = |chosen: Chosen, value: Vec<u8>, answers: &mut Vec<Answer>| {
            let mut all = vec![None; choices.len()];
            all[side] = Some(chosen);
            answers.push(Answer { chosen: all, value: Some(value) });
        };
        let mut undecided = Vec::new();
        for (rule, sought) in choice.live(also, &mut self.budget) {
            match sought {
                Sought::Found { string, .. } => add(Chosen::Rule(rule), string, &mut answers),
                Sought::Shadowed(_) => {}
                Sought::Undecided(why) => undecided.push((rule, why)),
            }
        }
        let mut others = Vec::new();
        if point.kind() != Kind::Server {
            others.push(Chosen::Nothing);
        }
        if point.kind() == Kind::Location {
            others.extend(redirecting(self.routers[side].config(), &choice.rules()).map(Chosen::Redirect));
        }
        for other in others {
            match choice.find(other, also, &mut self.budget) {
                Sought::Found { string, .. } => add(other, string, &mut answers),
                Sought::Shadowed(_) => {}
                Sought::Undecided(why) => {
                    let text = self.about(point, &why);
                    self.note(text);
                }
            }
        }
        for (rule, why) in undecided {
            let node = self.routers[side].config().node(rule);
            self.note(format!("{}:{}: {why}", node.source().display, node.line()));
        }
        answers
    }

    /// The answers of both sides together that may lead to something different.
    fn pairs_of(&mut self, run: &Run, at: usize, old: &Choice, new: &Choice, also: &Formula) -> Vec<Answer> {
        let point = &run.points[at];
        let mut answers: Vec<Answer> = Vec::new();
        let both = |old: Chosen, new: Chosen, value: Option<Vec<u8>>| Answer {
            chosen: vec![Some(old), Some(new)],
            value,
        };
        let twins: Vec<(Chosen, Chosen)> = match point.kind() {
            Kind::Location => {
                let Some(between) = self.between_at(point) else { return answers };
                for why in &between.incomplete {
                    self.note(why.clone());
                }
                // What was found without any condition holds for URIs that nothing else was asked of.
                let free = at_start(run, at);
                let moved = between.moved.iter().cloned();
                answers.extend(moved.map(|(old, new, uri)| both(old, new, Some(uri).filter(|_| free))));
                let mut twins: Vec<(Chosen, Chosen)> =
                    between.twins.iter().map(|(old, new)| (Chosen::Rule(*old), Chosen::Rule(*new))).collect();
                let configs = [self.routers[0].config(), self.routers[1].config()];
                let redirects: BTreeSet<NodeId> = redirecting(configs[1], &new.rules()).collect();
                for place in redirecting(configs[0], &old.rules()) {
                    let twin = between.twins.get(&place).filter(|twin| redirects.contains(twin));
                    twins.extend(twin.map(|twin| (Chosen::Redirect(place), Chosen::Redirect(*twin))));
                }
                twins.push((Chosen::Nothing, Chosen::Nothing));
                twins
            }
            kind => {
                let keys = |side: usize, choice: &Choice| keyed(self.routers[side].config(), choice, kind);
                let (of_old, of_new) = (keys(0, old), keys(1, new));
                let twins: HashMap<NodeId, NodeId> =
                    of_old.iter().filter_map(|(key, place)| Some((*place, *of_new.get(key)?))).collect();
                let same = |old: NodeId, new: NodeId| twins.get(&old) == Some(&new);
                let found = pairs(old, new, &same, also, &mut self.budget);
                for why in found.incomplete {
                    self.note(why);
                }
                answers.extend(found.pairs.into_iter().map(|(old, new, value)| both(old, new, Some(value))));
                let mut twins: Vec<(Chosen, Chosen)> =
                    twins.into_iter().map(|(old, new)| (Chosen::Rule(old), Chosen::Rule(new))).collect();
                if kind == Kind::Map {
                    twins.push((Chosen::Nothing, Chosen::Nothing));
                }
                twins
            }
        };
        let mut twins: Vec<(Chosen, Chosen)> =
            twins.into_iter().filter(|(old, new)| !self.pruned(run, at, &[Some(*old), Some(*new)])).collect();
        twins.sort_unstable();
        // Most of many get what they get alone.
        let alone: HashMap<NodeId, Vec<u8>> = if twins.len() > 8 {
            let live = old.live(also, &mut self.budget).into_iter();
            live.filter_map(|(rule, sought)| match sought {
                Sought::Found { string, .. } => Some((rule, string)),
                _ => None,
            })
            .collect()
        } else {
            HashMap::new()
        };
        for (x, y) in twins {
            let easy = match x {
                Chosen::Rule(rule) => alone.get(&rule).filter(|value| new.choose(value) == y),
                _ => None,
            };
            if let Some(value) = easy {
                answers.push(both(x, y, Some(value.clone())));
                continue;
            }
            match crate::choice::find_pair(old, x, new, y, also, &mut self.budget) {
                Sought::Found { string, .. } => answers.push(both(x, y, Some(string))),
                Sought::Shadowed(_) => {}
                Sought::Undecided(why) => {
                    let text = self.about(&run.points[at], &why);
                    self.note(text);
                }
            }
        }
        answers
    }

    /// Whether nothing can differ behind these answers.
    fn pruned(&mut self, run: &Run, at: usize, chosen: &[Option<Chosen>]) -> bool {
        if self.routers.len() < 2 {
            return false;
        }
        let point = &run.points[at];
        match point.kind() {
            Kind::Server => {
                let first = run.points.iter().position(|point| point.kind() == Kind::Server) == Some(at);
                let server = |side: usize| match chosen[side] {
                    Some(Chosen::Rule(server)) => Some(server),
                    Some(_) => None,
                    None => self.only_server(side, run),
                };
                first
                    && self.same_connection(run.door)
                    && matches!((server(0), server(1)), (Some(old), Some(new)) if self.same_server(old, new))
            }
            Kind::Location => match (chosen[0], chosen[1]) {
                (Some(old), Some(new)) => {
                    self.in_step(run, at).is_some_and(|between| between.is_alike(old, new))
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Lines of a `geo`: nothing changes between the borders of its ranges.
    fn fan_of_addresses(
        &mut self,
        run: &Run,
        point: &Point,
        goals: &[Goal],
        rules: &[Option<Rc<Rules>>],
    ) -> Vec<Turn> {
        let [Piece::Input(input)] = &point.subject.0[..] else {
            let text = self.about(point, "its address is put together");
            self.note(text);
            return Vec::new();
        };
        let variable = variable(input);
        let mut known = BTreeSet::from([chosen_of(point)]);
        let mut turns = Vec::new();
        let mut borders: Vec<_> = rules.iter().flatten().flat_map(|rules| rules.borders().to_vec()).collect();
        borders.extend(run.values.client);
        for border in borders {
            let value = border.to_string().into_bytes();
            let chosen: Vec<Option<Chosen>> =
                rules.iter().map(|rules| rules.as_ref().map(|rules| rules.choose(&value))).collect();
            if known.contains(&chosen) {
                continue;
            }
            let mut values = run.values.clone();
            set(&mut values, &variable, &value);
            if !self.aim_of(run).may_hold(goals, &values) {
                continue;
            }
            turns.push(Turn { asked: asked_so(point, &chosen), values });
            known.insert(chosen);
        }
        turns
    }
}

fn chosen_of(point: &Point) -> Vec<Option<Chosen>> {
    let chosen = |asked: &Option<Asked>| match asked.as_ref().map(|asked| &asked.answer) {
        Some(Answered::Chosen(chosen)) => Some(*chosen),
        _ => None,
    };
    point.asked.iter().map(chosen).collect()
}

fn asked_so(point: &Point, chosen: &[Option<Chosen>]) -> Vec<Option<Asked>> {
    let asked = point.asked.iter().zip(chosen).map(|(asked, chosen)| {
        let (asked, chosen) = (asked.as_ref()?, (*chosen)?);
        Some(Asked { answer: Answered::Chosen(chosen), ..asked.clone() })
    });
    asked.collect()
}

/// Whether nothing was asked of the URI before.
fn at_start(run: &Run, at: usize) -> bool {
    let mut free = Vec::new();
    for point in &run.points[..at] {
        if super::lift::variables(&point.subject, &mut free).is_none() {
            return false;
        }
    }
    !free.iter().any(|variable| matches!(variable, Variable::Uri | Variable::Line))
}

/// Locations that send a URI without their last slash on.
fn redirecting<'a>(config: &'a Config, rules: &[NodeId]) -> impl Iterator<Item = NodeId> + use<'a> {
    let rules = rules.to_vec();
    rules.into_iter().filter(move |&rule| {
        let node = config.node(rule);
        let (kind, text) = location_pattern(node);
        !matches!(kind, LocationKind::Regex { .. } | LocationKind::Named)
            && text.ends_with(b"/")
            && node.children().any(|child| child.name().ends_with("_pass"))
    })
}

/// The rules by what they say, so that counterparts are found; of equal ones by their order.
fn keyed(config: &Config, choice: &Choice, kind: Kind) -> HashMap<(Vec<Vec<u8>>, usize), NodeId> {
    let mut counts: HashMap<Vec<Vec<u8>>, usize> = HashMap::new();
    let mut keyed = HashMap::new();
    for rule in choice.rules() {
        let node = config.node(rule);
        let key: Vec<Vec<u8>> = match kind {
            Kind::Server => {
                let names = node
                    .find("server_name")
                    .flat_map(|names| names.args().map(<[u8]>::to_vec).collect::<Vec<_>>());
                names.collect()
            }
            _ => vec![node.name_bytes().to_vec()],
        };
        let count = counts.entry(key.clone()).or_default();
        keyed.insert((key, *count), rule);
        *count += 1;
    }
    keyed
}
