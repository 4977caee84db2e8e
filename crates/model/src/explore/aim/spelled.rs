//! Requests whose target is looked at as it is spelled, beside the URI that it means.

use super::{Aim, Aimed, Goal};
use crate::explore::back::{Lifted, lift};
use crate::explore::lift::{Stuck, Variable, language_of, regex_text, with_one_free};
use crate::language::{Budget, Formula, Language, Solution, solve};
use crate::route::{Answered, Input, Piece, Template, Test};

/// What stands before a path and means nothing: segments that are gone back from, escaped or not.
const NOTHING: &str = r"/(?:\.|%2[eE])|/[a-zA-Z0-9_~!$&'()*+,;=:@-]+/(?:\.|%2[eE]){2}";

/// What a target can be at all.
const TARGETS: &[u8] = br"\A/[^\x00-\x20\x7f#]*\z";

impl Aim<'_> {
    /// Values with which every goal holds, where some are about the target: the others first, then a target that means the
    /// same and is spelled so that all hold.
    pub(super) fn spelled(&self, goals: &[Goal], budget: &mut Budget) -> Aimed {
        let of_target = |goal: &Goal| goal.variables().is_some_and(|found| found.contains(&Variable::Line));
        let (spelled, others): (Vec<&Goal>, Vec<&Goal>) = goals.iter().partition(|goal| of_target(goal));
        let mut tries = Vec::new();
        let others: Vec<Goal> = others.into_iter().cloned().collect();
        let mut unsure = None;
        let starts = if goals.last().is_some_and(of_target) {
            vec![self.values.clone()]
        } else {
            match self.at(&others, budget) {
                Aimed::At(values) => values,
                Aimed::Nowhere => return Aimed::Nowhere,
                Aimed::Unsure(values, why) => {
                    unsure = Some(why);
                    values
                }
            }
        };
        let free = Template(vec![Piece::Input(Input::Target)]);
        if self.targets(&spelled, &free, None, budget) == Some(Solution::Empty) {
            return Aimed::Nowhere;
        }
        for mut values in starts {
            let aim = Aim { values: &values, ..*self };
            let Ok(means) = Language::pattern(&aim.spellings(), false) else { continue };
            if let Some(Solution::Found(target)) = aim.targets(&spelled, &free, Some(means), budget) {
                values.target = Some(target);
                if self.may_hold(goals, &values) {
                    tries.push(values);
                }
            }
        }
        match (tries.is_empty(), unsure) {
            (false, None) => Aimed::At(tries),
            (_, why) => Aimed::Unsure(
                tries,
                why.unwrap_or_else(|| String::from("the target means one thing and is spelled like another")),
            ),
        }
    }

    /// A target for which some goals hold, and which is one of `means`. Not all that is demanded may be known: only what is
    /// not found is sure.
    fn targets(
        &self,
        goals: &[&Goal],
        free: &Template,
        means: Option<Language>,
        budget: &mut Budget,
    ) -> Option<Solution> {
        let settled = means.is_some();
        let mut formulas: Vec<Formula> = means.map(Formula::In).into_iter().collect();
        formulas.push(Formula::In(self.compiled.language(TARGETS, false).ok()?));
        for goal in goals {
            let alone = goal.subject == *free;
            // With the rest as it is now; where that may be another, only what is about nothing else counts.
            if !alone && !settled || goal.rules.is_some() {
                continue;
            }
            let fixed = |template: &Template| {
                with_one_free(template, &Variable::Line, false, self.values, self.door, self.compiled)
            };
            let (Some(subject), Ok((language, others))) = (fixed(&goal.subject), self.test_of(goal)) else {
                continue;
            };
            if let Ok(Lifted { language, exact: true }) = lift(&subject.0, &language, false, self.compiled) {
                let yes = goal.answer == Answered::Holds(true);
                let formula = Formula::In(language);
                formulas.push(if yes == others { Formula::Not(Box::new(formula)) } else { formula });
            }
        }
        Some(solve(&Formula::All(formulas), budget))
    }

    fn test_of(&self, goal: &Goal) -> Result<(Language, bool), Stuck> {
        let test = match &goal.test {
            Test::Equals(other) => {
                let value = super::fill(other, self.values, self.door, self.compiled);
                let fixed = other.fixed().is_some();
                value
                    .filter(|_| fixed)
                    .map_or_else(|| goal.test.clone(), |value| Test::Equals(Template::text(&value)))
            }
            other => other.clone(),
        };
        language_of(&test, self.compiled)
    }

    /// A regex for targets that mean URI and arguments as they are now.
    fn spellings(&self) -> Vec<u8> {
        let slashes = if self.domains.merges_slashes { "/|" } else { "" };
        let mut pattern = format!(r"\A(?:{slashes}{NOTHING})*").into_bytes();
        for &byte in &self.values.uri {
            let (high, low) = (byte >> 4, byte & 15);
            let digit = |digit: u8| match digit {
                0..10 => format!("{digit}"),
                _ => format!("[{}{}]", char::from(b'a' + digit - 10), char::from(b'A' + digit - 10)),
            };
            let escaped = format!("%{}{}", digit(high), digit(low));
            // What a target cannot have, or means something else there, is escaped.
            let plain = byte > b' ' && byte != 0x7f && !b"%?#".contains(&byte);
            let plain = if plain { [&regex_text(&[byte])[..], b"|"].concat() } else { Vec::new() };
            pattern.extend([&b"(?:"[..], &plain, escaped.as_bytes(), b")"].concat());
        }
        if self.values.args.is_empty() {
            pattern.extend_from_slice(br"\??");
        } else {
            pattern.extend_from_slice(br"\?");
            pattern.extend(regex_text(&self.values.args));
        }
        pattern.extend_from_slice(br"\z");
        pattern
    }
}
