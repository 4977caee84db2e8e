//! A request for which given answers are given.

use std::rc::Rc;

use super::class::written;
use super::domain::Domains;
use super::lift::{
    Compiled, Derived, Lifted, Stuck, Variable, at_most, fill, language_of, lift, variables, with_one_free,
};
use super::rules::Rules;
use super::values::{Door, VERSIONS, Values, version_text};
use crate::choice::{Demand, View, solve_with};
use crate::language::{Budget, Formula, Solution, solve};
use crate::number::atoi;
use crate::route::address::Cidr;
use crate::route::{Answered, Input, Piece, Template, Test};

mod several;
mod spelled;
mod tries;

/// An answer that is wanted to a question.
#[derive(Clone)]
pub(super) struct Goal {
    /// As it is put together at the door.
    pub(super) subject: Template,
    pub(super) test: Test,
    pub(super) answer: Answered,
    /// The rules that it is a choice of.
    pub(super) rules: Option<Rc<Rules>>,
}

/// What came of looking for a request.
pub(super) enum Aimed {
    /// These values should have the answers. (Whoever asks runs them.)
    At(Vec<Values>),
    /// No request has them.
    Nowhere,
    /// Nobody knows, and why; but these are worth a try.
    Unsure(Vec<Values>, String),
}

/// Everything that a search for values needs to know.
pub(super) struct Aim<'a> {
    pub(super) door: &'a Door,
    pub(super) values: &'a Values,
    pub(super) compiled: &'a Compiled,
    pub(super) domains: &'a Domains,
    /// What the caller demands beside.
    pub(super) scope: &'a [(Input, Formula)],
}

/// How many values are tried where nothing can be computed.
const TRIES_MAX: usize = 24;

pub(super) fn set(values: &mut Values, variable: &Variable, value: &[u8]) {
    match variable {
        Variable::Host => values.host = value.to_vec(),
        Variable::Uri => (values.uri, values.target) = (value.to_vec(), None),
        Variable::Args => (values.args, values.target) = (value.to_vec(), None),
        Variable::Line => {
            let end = value.iter().position(|&byte| byte == b'?').unwrap_or(value.len());
            values.uri = value[..end].to_vec();
            values.args = value.get(end + 1..).unwrap_or(b"").to_vec();
            values.target = Some(value.to_vec());
        }
        Variable::Method => values.method = value.to_vec(),
        Variable::Header(name) => {
            values.headers.insert(name.clone(), value.to_vec());
        }
        Variable::Cookie(name) => {
            values.cookies.insert(name.clone(), value.to_vec());
        }
        Variable::Client => values.client = std::str::from_utf8(value).ok().and_then(|ip| ip.parse().ok()),
        Variable::Protocol => {
            let version = VERSIONS.into_iter().find(|&version| version_text(version) == value);
            values.version = version.unwrap_or(values.version);
        }
        Variable::Length => values.length = atoi(value),
    }
}

impl Goal {
    fn variables(&self) -> Option<Vec<Variable>> {
        let mut found = Vec::new();
        variables(&self.subject, &mut found)?;
        if let Test::Equals(other) = &self.test {
            variables(other, &mut found)?;
        }
        Some(found)
    }

    /// Whether the values have the answer; `None`: only a walk can tell.
    fn holds(&self, values: &Values, aim: &Aim<'_>) -> Option<bool> {
        let value = fill(&self.subject, values, aim.door, aim.compiled)?;
        let is = match &self.test {
            Test::Regex { pattern, caseless } => aim.compiled.groups(pattern, *caseless, &value)?.is_some(),
            Test::Equals(other) => fill(other, values, aim.door, aim.compiled)? == value,
            Test::Truth => !value.is_empty() && value != b"0",
            Test::Begins(text) => value.starts_with(text),
            Test::Ends(text) => value.ends_with(text),
            Test::OneOf(texts) => texts.contains(&value),
            Test::Range(range) => Cidr::of(range)?.has(values.client?),
            Test::MoreThan(number) => atoi(&value).is_some_and(|value| value > *number),
            Test::Server(_) | Test::Location(_) | Test::Map(_) => {
                let chosen = self.rules.as_ref()?.choose(&value);
                return Some(self.answer == Answered::Chosen(chosen));
            }
            Test::Atom(_) => return None,
        };
        Some(self.answer == Answered::Holds(is))
    }
}

impl Aim<'_> {
    /// Values with which every goal holds, the last of which does not hold now.
    pub(super) fn at(&self, goals: &[Goal], budget: &mut Budget) -> Aimed {
        let Some(wanted) = goals.last() else { return Aimed::At(vec![self.values.clone()]) };
        let Some(mut found) = wanted.variables() else {
            return Aimed::Unsure(Vec::new(), String::from("it rests on a value that nobody can follow"));
        };
        if found.is_empty() {
            return match wanted.holds(self.values, self) {
                Some(true) => Aimed::At(vec![self.values.clone()]),
                _ => Aimed::Nowhere,
            };
        }
        if found.len() > 1 && self.never(wanted, budget) {
            return Aimed::Nowhere;
        }
        if found.contains(&Variable::Line) {
            found.retain(|variable| !matches!(variable, Variable::Uri | Variable::Args));
        }
        let tied = self.tied(goals);
        let (mut tries, mut doubt) = (Vec::new(), None);
        for variable in &found {
            match self.one(variable, goals, budget) {
                Aimed::At(values) if found.len() == 1 => return Aimed::At(values),
                Aimed::At(values) => tries.extend(values),
                Aimed::Nowhere if tied.is_none() => return Aimed::Nowhere,
                Aimed::Nowhere => {}
                Aimed::Unsure(values, why) => {
                    tries.extend(values);
                    doubt = Some(why);
                }
            }
        }
        if let Some(tied) = tied {
            let surely = |values: &&Values| goals.iter().all(|goal| goal.holds(values, self) == Some(true));
            if let Some(values) = tries.iter().find(surely) {
                return Aimed::At(vec![values.clone()]);
            }
            let decided = match tied.has_target() {
                true => self.spelled(goals, budget),
                false => self.several(&tied, goals, budget),
            };
            match decided {
                Aimed::Unsure(values, why) => {
                    tries.extend(values);
                    doubt = Some(why);
                }
                decided => return decided,
            }
        }
        let why = doubt.unwrap_or_else(|| String::from("it compares values of the request with each other"));
        Aimed::Unsure(tries, why)
    }

    /// Whether a value that several inputs are in can have an answer in no case.
    fn never(&self, goal: &Goal, budget: &mut Budget) -> bool {
        let Ok((language, others)) = language_of(&goal.test, self.compiled) else { return false };
        let Some(most) = at_most(&goal.subject, self.compiled) else { return false };
        let formula = Formula::In(language);
        let yes = goal.answer == Answered::Holds(true);
        let formula = if yes == others { Formula::Not(Box::new(formula)) } else { formula };
        solve(&formula.and(Formula::In(most)), budget) == Solution::Empty
    }

    /// The same, with nothing changed but one variable.
    fn one(&self, variable: &Variable, goals: &[Goal], budget: &mut Budget) -> Aimed {
        let is_line =
            |variable: &Variable| matches!(variable, Variable::Uri | Variable::Args | Variable::Line);
        let spelled = |goal: &&Goal| goal.variables().is_some_and(|found| found.contains(&Variable::Line));
        let line =
            *variable == Variable::Line || is_line(variable) && goals.iter().any(|goal| spelled(&goal));
        let concerns = |goal: &&Goal| match goal.variables() {
            Some(found) => found.iter().any(|found| found == variable || line && is_line(found)),
            None => false,
        };
        let goals: Vec<&Goal> = goals.iter().filter(concerns).collect();
        self.alone(variable, line, &goals, &[], budget)
    }

    /// The same, of these goals only, and with more that must hold of the variable.
    fn alone(
        &self,
        variable: &Variable,
        line: bool,
        goals: &[&Goal],
        also: &[Formula],
        budget: &mut Budget,
    ) -> Aimed {
        let by_automata = || !also.is_empty();
        match variable {
            Variable::Client | Variable::Protocol | Variable::Length if by_automata() => {
                return Aimed::Unsure(Vec::new(), String::from("a number or an address is part of a value"));
            }
            Variable::Client => return self.client(goals),
            Variable::Protocol => {
                let versions = VERSIONS.map(|version| version_text(version).to_vec());
                return self.first_of(variable, goals, versions.to_vec(), true);
            }
            Variable::Length => return self.length(goals),
            Variable::Method if also.is_empty() => {
                let usual = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "X"];
                let usual = usual.iter().map(|method| method.as_bytes().to_vec()).collect();
                if let Aimed::At(values) = self.first_of(variable, goals, usual, false) {
                    return Aimed::At(values);
                }
            }
            _ => {}
        }
        self.text(variable, line, goals, also, budget)
    }

    /// What goals say of a variable by formulas, and whether nothing else concerns it.
    pub(super) fn conditions(&self, variable: &Variable, goals: &[Goal]) -> (Vec<Formula>, bool) {
        let is_line =
            |variable: &Variable| matches!(variable, Variable::Uri | Variable::Args | Variable::Line);
        let (mut formulas, mut complete) = (Vec::new(), true);
        for goal in goals {
            let Some(found) = goal.variables() else { continue };
            let spelled = found.contains(&Variable::Line) && is_line(variable);
            if !found.contains(variable) && !spelled {
                continue;
            }
            let alone = found.len() == 1 && !spelled && goal.rules.is_none();
            match self.formula(&goal.subject, &goal.test, goal, false) {
                Ok((formula, exact)) if alone => {
                    formulas.push(formula);
                    complete &= exact;
                }
                _ => complete = false,
            }
        }
        (formulas, complete)
    }

    /// Whether nothing speaks against values.
    pub(super) fn may_hold(&self, goals: &[Goal], values: &Values) -> bool {
        goals.iter().all(|goal| goal.holds(values, self) != Some(false))
    }

    /// A string, by automata.
    fn text(
        &self,
        variable: &Variable,
        line: bool,
        goals: &[&Goal],
        also: &[Formula],
        budget: &mut Budget,
    ) -> Aimed {
        let (mut formulas, mut views) = (also.to_vec(), Vec::new());
        let mut exact = true;
        let mut why = String::from("it compares values of the request with each other");
        let mut never = false;
        for goal in goals {
            if goal.variables().is_some_and(|found| found.len() > 1 && !line) {
                exact = false;
                why = format!("{} is made of several values", written(&goal.subject));
            }
            let free = |template: &Template| {
                with_one_free(template, variable, line, self.values, self.door, self.compiled)
            };
            let Some(subject) = free(&goal.subject) else {
                exact = false;
                continue;
            };
            let test = match &goal.test {
                Test::Equals(other) => match free(other) {
                    Some(other) => Test::Equals(other),
                    None => goal.test.clone(),
                },
                other => other.clone(),
            };
            if let (Some(rules), Answered::Chosen(chosen)) = (&goal.rules, &goal.answer) {
                let Rules::Strings(choice) = &**rules else {
                    exact = false;
                    continue;
                };
                let view = Derived {
                    template: subject,
                    variable: variable.clone(),
                    line,
                    values: self.values,
                    door: self.door,
                    compiled: self.compiled,
                };
                views.push((choice, *chosen, view));
                continue;
            }
            match self.formula(&subject, &test, goal, line) {
                Ok((formula, is_exact)) => {
                    if !is_exact {
                        exact = false;
                        why = format!("{} is written differently", written(&goal.subject));
                    }
                    formulas.push(formula);
                }
                Err(Stuck::Constant) => never |= goal.holds(self.values, self) == Some(false),
                Err(Stuck::Mixed) => {
                    exact = false;
                    why = format!("{} cannot be turned round", written(&goal.subject));
                }
                Err(Stuck::Regex(not)) => {
                    why = format!("a regex is beyond automata: {not:?}");
                    exact = false;
                }
            }
        }
        if never && exact {
            return Aimed::Nowhere;
        }
        let scope = self.scope.iter().filter(|(input, _)| super::lift::variable(input) == *variable);
        formulas.extend(scope.map(|(_, formula)| formula.clone()));
        let variable = if line { &Variable::Line } else { variable };
        let mut gave_up = false;
        for domain in self.domains.of(variable) {
            let formula = Formula::All(formulas.iter().cloned().chain([domain.clone()]).collect());
            let demands: Vec<Demand<'_>> = views
                .iter()
                .map(|(choice, chosen, view)| {
                    let plain = matches!(&view.template.0[..], [Piece::Input(_)]) && !line;
                    let view: Option<&dyn View> = if plain { None } else { Some(view) };
                    Demand { choice, chosen: *chosen, holds: true, view }
                })
                .collect();
            match solve_with(&formula, &demands, budget) {
                Solution::Found(string) => {
                    let mut values = self.values.clone();
                    set(&mut values, variable, &string);
                    let checked = goals.iter().all(|goal| goal.holds(&values, self) != Some(false));
                    if checked {
                        return Aimed::At(vec![values]);
                    }
                    exact = false;
                    why = String::from("no value was found that a walk agrees with");
                }
                Solution::Empty => {}
                Solution::GaveUp => gave_up = true,
            }
        }
        if exact && !gave_up && *variable != Variable::Line {
            return Aimed::Nowhere;
        }
        if gave_up {
            why = String::from("the search took too many steps");
        }
        Aimed::Unsure(self.tries(variable, goals), why)
    }

    /// What an answer means for a variable, and whether it means nothing else.
    fn formula(
        &self,
        subject: &Template,
        test: &Test,
        goal: &Goal,
        line: bool,
    ) -> Result<(Formula, bool), Stuck> {
        let (subject, other) = match (test, subject.fixed()) {
            // The other way round: the text is on the left.
            (Test::Equals(other), Some(_)) => (other, Test::Equals(subject.clone())),
            (test, _) => (subject, test.clone()),
        };
        let (language, others) = language_of(&other, self.compiled)?;
        let Lifted { language, exact } = lift(&subject.0, &language, line, self.compiled)?;
        let formula = Formula::In(language);
        let yes = goal.answer == Answered::Holds(true);
        Ok((if yes == others { Formula::Not(Box::new(formula)) } else { formula }, exact))
    }
}
