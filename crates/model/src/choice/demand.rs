//! Several choices that one string has to meet.

use super::rules::is_odd;
use super::search::{Hunted, Target, hunt, not_of};
use super::{Choice, Chosen, Sought};
use crate::language::{Budget, Formula, Language, NotRegular, Solution};

/// How the string that a choice is asked of follows from the string that is looked for: a rewritten URI, the value of a
/// variable. Where a [`Demand`] has none, both are the same.
pub trait View {
    /// The string that the choice is asked of; `None` when there is none for this input.
    fn image(&self, input: &[u8]) -> Option<Vec<u8>>;

    /// The inputs whose image is of a language, as far as they have an image.
    ///
    /// # Errors
    /// [`NotRegular`] when that is no language; the search then only tries single strings.
    fn pull(&self, language: &Language) -> Result<Language, NotRegular>;
}

/// What a choice has to give.
#[derive(Clone, Copy)]
pub struct Demand<'a> {
    /// The choice.
    pub choice: &'a Choice,
    /// What it gives, or must not give.
    pub chosen: Chosen,
    /// Whether it has to give that.
    pub holds: bool,
    /// What the choice is asked of; `None`: the very string that is looked for.
    pub view: Option<&'a dyn View>,
}

/// A string for which the formula holds and of which every choice gives what is demanded.
pub fn solve_with(formula: &Formula, demands: &[Demand<'_>], budget: &mut Budget) -> Solution {
    meet(formula, demands, &mut Vec::new(), budget)
}

fn meet<'d>(
    formula: &Formula,
    demands: &[Demand<'d>],
    targets: &mut Vec<Target<'d>>,
    budget: &mut Budget,
) -> Solution {
    let Some((demand, rest)) = demands.split_first() else {
        return match hunt(targets, formula, false, budget, &mut |_, _| {}) {
            Hunted::Found(string) if targets.iter().all(|target| target.gets(&string)) => {
                Solution::Found(string)
            }
            // A regex and its automaton disagree.
            Hunted::Found(_) => Solution::GaveUp,
            Hunted::Nothing(_) => Solution::Empty,
            Hunted::Undecided(_) => Solution::GaveUp,
        };
    };
    let Demand { choice, chosen, holds, view } = *demand;
    if let Chosen::Unknown(_) = chosen {
        return Solution::GaveUp;
    }
    let of_chosen = choice.rules.entries(chosen);
    let entries = if holds {
        of_chosen
    } else {
        // Mostly there is a string that does not even fit the rule; nobody has to be asked for it.
        if let Some(unfit) = not_of(choice, &of_chosen, view)
            && let found @ Solution::Found(_) = meet(&formula.clone().and(unfit), rest, targets, budget)
        {
            return found;
        }
        (0..choice.rules.len()).filter(|&entry| choice.rules.chosen(entry) != chosen).collect()
    };
    let mut end = Solution::Empty;
    for entry in entries {
        targets.push(Target { choice, entry, view });
        let solution = meet(formula, rest, targets, budget);
        targets.pop();
        match solution {
            Solution::Found(_) => return solution,
            Solution::GaveUp => end = Solution::GaveUp,
            Solution::Empty => {}
        }
    }
    end
}

/// A string that gets `x` of `old` and `y` of `new` and for which `also` holds.
pub fn find_pair(
    old: &Choice,
    x: Chosen,
    new: &Choice,
    y: Chosen,
    also: &Formula,
    budget: &mut Budget,
) -> Sought {
    let demand = |choice, chosen| Demand { choice, chosen, holds: true, view: None };
    match solve_with(also, &[demand(old, x), demand(new, y)], budget) {
        Solution::Found(string) => Sought::Found { only_odd: is_odd(&string), string },
        Solution::Empty => Sought::Shadowed(Vec::new()),
        Solution::GaveUp => Sought::Undecided("the search ended before it could tell".to_owned()),
    }
}
