//! Values that several variables are in: what is demanded of such a value is divided between them.
//!
//! That `$host$uri` is of a language means that the automaton is in some state between the two: for every such state there is
//! a condition on `$host` and one on `$uri`, and the variables are chosen on their own again.

use std::collections::{BTreeMap, BTreeSet};

use super::{Aim, Aimed, Goal, set};
use crate::explore::back::{Lifted, lift};
use crate::explore::changed::turned;
use crate::explore::lift::{Variable, language_of, variables};
use crate::explore::values::Values;
use crate::language::{Budget, Formula, Language, Solution, solve};
use crate::route::{Answered, Piece, Template};

/// How many ways to divide one value there may be.
const WAYS_MAX: usize = 512;
/// How many combinations of them are looked at.
const COMBINATIONS_MAX: usize = 256;

/// Variables that goals tie together.
pub(super) struct Tied(BTreeSet<Variable>);

/// What one way to divide a value demands of each variable.
type Share = Vec<(Variable, Formula)>;

/// A value's pieces that are made of the same variable, with the text around them.
struct Segment {
    variable: Variable,
    pieces: Vec<Piece>,
}

/// A search for one combination that all variables agree to.
struct Combining<'g> {
    /// The goals on each variable alone.
    alone: BTreeMap<Variable, Vec<&'g Goal>>,
    /// Of each other goal, the ways to divide it.
    shares: Vec<Vec<Share>>,
    exact: bool,
    left: usize,
    tries: Vec<Values>,
    why: String,
}

impl Tied {
    /// Whether the target as it is spelled is among them.
    pub(super) fn has_target(&self) -> bool {
        self.0.contains(&Variable::Line)
    }
}

impl Aim<'_> {
    /// The variables that cannot be chosen on their own, because goals tie them to those of the last goal; `None`: there is
    /// only one.
    pub(super) fn tied(&self, goals: &[Goal]) -> Option<Tied> {
        let of: Vec<Vec<Variable>> = goals.iter().map(|goal| goal.variables().unwrap_or_default()).collect();
        let mut tied: BTreeSet<Variable> = of.last()?.iter().cloned().collect();
        let part_of_line = |variable: &Variable| matches!(variable, Variable::Uri | Variable::Args);
        loop {
            let before = tied.len();
            for variables in &of {
                if variables.iter().any(|one| tied.contains(one)) {
                    tied.extend(variables.iter().cloned());
                }
            }
            // The target is URI and arguments.
            if tied.contains(&Variable::Line) {
                tied.extend([Variable::Uri, Variable::Args]);
            } else if tied.iter().any(part_of_line)
                && of.iter().any(|variables| variables.contains(&Variable::Line))
            {
                tied.insert(Variable::Line);
            }
            if tied.len() == before {
                break;
            }
        }
        if tied.contains(&Variable::Line) {
            tied.retain(|variable| !part_of_line(variable));
        }
        (tied.len() > 1 || tied.contains(&Variable::Line)).then_some(Tied(tied))
    }

    /// Values with which every goal holds, where several variables have to be chosen together.
    pub(super) fn several(&self, Tied(tied): &Tied, goals: &[Goal], budget: &mut Budget) -> Aimed {
        let mut combining = Combining {
            alone: tied.iter().map(|variable| (variable.clone(), Vec::new())).collect(),
            shares: Vec::new(),
            exact: true,
            left: COMBINATIONS_MAX,
            tries: Vec::new(),
            why: String::from("it compares values of the request with each other"),
        };
        for goal in goals.iter().rev() {
            let Some(found) = goal.variables() else { continue };
            let found: BTreeSet<Variable> = found.into_iter().collect();
            if found.is_disjoint(tied) {
                continue;
            }
            if let (1, Some(variable)) = (found.len(), found.first()) {
                combining.alone.entry(variable.clone()).or_default().push(goal);
                continue;
            }
            match self.divided(goal) {
                Some((shares, exact)) => {
                    combining.exact &= exact;
                    combining.shares.push(shares);
                }
                None => {
                    combining.exact = false;
                    combining.why = format!("{} is made of several values", super::written(&goal.subject));
                }
            }
        }
        combining.shares.sort_by_key(Vec::len);
        if let Some(values) = self.combine(&mut combining, 0, &mut BTreeMap::new(), goals, budget) {
            return Aimed::At(vec![values]);
        }
        if combining.exact && combining.left > 0 {
            Aimed::Nowhere
        } else {
            Aimed::Unsure(combining.tries, combining.why)
        }
    }

    fn combine(
        &self,
        combining: &mut Combining<'_>,
        at: usize,
        also: &mut BTreeMap<Variable, Vec<Formula>>,
        goals: &[Goal],
        budget: &mut Budget,
    ) -> Option<Values> {
        if at == combining.shares.len() {
            return self.choose(combining, also, goals, budget);
        }
        for share in combining.shares[at].clone() {
            if combining.left == 0 {
                return None;
            }
            for (variable, formula) in &share {
                also.entry(variable.clone()).or_default().push(formula.clone());
            }
            let possible =
                share.iter().all(|(variable, _)| self.is_possible(variable, &also[variable], budget));
            let found = if possible { self.combine(combining, at + 1, also, goals, budget) } else { None };
            for (variable, _) in &share {
                also.entry(variable.clone()).or_default().pop();
            }
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Every variable on its own.
    fn choose(
        &self,
        combining: &mut Combining<'_>,
        also: &BTreeMap<Variable, Vec<Formula>>,
        goals: &[Goal],
        budget: &mut Budget,
    ) -> Option<Values> {
        combining.left -= 1;
        if combining.left == 0 {
            combining.why = String::from("the search took too many steps");
        }
        let mut values = self.values.clone();
        let mut sure = true;
        for (variable, own) in &combining.alone {
            let also = also.get(variable).map_or(&[][..], Vec::as_slice);
            match self.alone(variable, false, own, also, budget) {
                Aimed::At(found) => {
                    if let Some(found) = found.last() {
                        take(&mut values, found, variable);
                    }
                }
                Aimed::Nowhere => return None,
                Aimed::Unsure(found, why) => {
                    (sure, combining.why) = (false, why);
                    if let Some(found) = found.first() {
                        take(&mut values, found, variable);
                    }
                }
            }
        }
        let holds = goals.iter().all(|goal| goal.holds(&values, self) != Some(false));
        if sure && holds {
            return Some(values);
        }
        combining.exact = false;
        if holds && combining.tries.len() < super::TRIES_MAX {
            combining.tries.push(values);
        }
        None
    }

    fn is_possible(&self, variable: &Variable, formulas: &[Formula], budget: &mut Budget) -> bool {
        let domain = self.domains.of(variable).last().cloned();
        let all = formulas.iter().cloned().chain(domain).collect();
        solve(&Formula::All(all), budget) != Solution::Empty
    }

    /// The ways to divide what a goal demands, and whether they say no less than it; `None`: it cannot be divided.
    fn divided(&self, goal: &Goal) -> Option<(Vec<Share>, bool)> {
        if goal.rules.is_some() {
            return None;
        }
        let (language, others) = language_of(&goal.test, self.compiled).ok()?;
        let yes = goal.answer == Answered::Holds(true);
        let mut language = if yes == others { language.complement() } else { language };
        let mut subject = &goal.subject;
        // The whole is written differently: what was it before?
        while let [Piece::Changed { how, of }] = &subject.0[..] {
            (subject, language) = (of, turned(how, &language)?);
        }
        let segments = segments(subject)?;
        let (mut shares, mut exact) = (Vec::new(), true);
        self.divide(&segments, &language, &mut Vec::new(), &mut shares, &mut exact)?;
        Some((shares, exact))
    }

    fn divide(
        &self,
        segments: &[Segment],
        language: &Language,
        so_far: &mut Share,
        shares: &mut Vec<Share>,
        exact: &mut bool,
    ) -> Option<()> {
        let (segment, rest) = segments.split_first()?;
        let halves = if rest.is_empty() {
            vec![(language.clone(), Language::everything())]
        } else {
            language.halves()?
        };
        for (first, second) in halves {
            let lifted = lift(&segment.pieces, &first, false, self.compiled).ok()?;
            let Lifted { language, exact: is_exact } = lifted;
            *exact &= is_exact;
            if language.is_empty() {
                continue;
            }
            so_far.push((segment.variable.clone(), Formula::In(language)));
            if rest.is_empty() {
                shares.push(so_far.clone());
            } else {
                self.divide(rest, &second, so_far, shares, exact)?;
            }
            so_far.pop();
            if shares.len() > WAYS_MAX {
                return None;
            }
        }
        Some(())
    }
}

/// Takes over one variable.
fn take(values: &mut Values, found: &Values, variable: &Variable) {
    match variable {
        Variable::Host => values.host.clone_from(&found.host),
        Variable::Uri => (values.uri, values.target) = (found.uri.clone(), None),
        Variable::Args => (values.args, values.target) = (found.args.clone(), None),
        Variable::Line => set(values, variable, &found.target()),
        Variable::Method => values.method.clone_from(&found.method),
        Variable::Header(name) => {
            values.headers.insert(name.clone(), found.headers.get(name).cloned().unwrap_or_default());
        }
        Variable::Cookie(name) => {
            values.cookies.insert(name.clone(), found.cookies.get(name).cloned().unwrap_or_default());
        }
        Variable::Client => values.client = found.client,
        Variable::Protocol => values.version = found.version,
        Variable::Length => values.length = found.length,
    }
}

/// The pieces by their variables; `None`: a piece is made of several, or of what nobody can follow.
fn segments(template: &Template) -> Option<Vec<Segment>> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut before: Vec<Piece> = Vec::new();
    for piece in &template.0 {
        let mut found = Vec::new();
        variables(&Template(vec![piece.clone()]), &mut found)?;
        let found: BTreeSet<Variable> = found.into_iter().collect();
        let variable = match found.len() {
            0 => None,
            1 => found.into_iter().next(),
            _ => return None,
        };
        match (variable, segments.last_mut()) {
            (None, Some(last)) => last.pieces.push(piece.clone()),
            (None, None) => before.push(piece.clone()),
            (Some(variable), Some(last)) if last.variable == variable => last.pieces.push(piece.clone()),
            (Some(variable), _) => {
                let mut pieces = std::mem::take(&mut before);
                pieces.push(piece.clone());
                segments.push(Segment { variable, pieces });
            }
        }
    }
    Some(segments)
}
