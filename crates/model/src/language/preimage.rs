//! From a language of values back to the inputs that the values are made of.

use std::collections::HashMap;

use super::automaton::{ACCEPTS, DEAD};
use super::{Automaton, Language, NotRegular};

/// How many states a language may have that is divided between parts.
const DIVIDED_STATES_MAX: usize = 400;

impl Language {
    /// What is of it once every byte is spelled so: escaped, made lower case.
    #[must_use]
    pub fn spelled(&self, spelling: impl Fn(u8) -> Vec<u8>) -> Language {
        Language::new(self.0.spelled(spelling))
    }

    /// The inputs for which the values of some parts, put together in order, are of the language. `pull` gives the
    /// inputs for which the value of a part is of a language.
    ///
    /// # Errors
    /// What `pull` says; [`NotRegular::TooLarge`] when there are too many ways to divide a value.
    pub fn joined(
        &self,
        parts: usize,
        pull: &mut dyn FnMut(usize, &Language) -> Result<Language, NotRegular>,
    ) -> Result<Language, NotRegular> {
        let mut known = HashMap::new();
        self.joined_from(self.0.start, 0, parts, pull, &mut known)
    }

    /// Every way to divide its strings in two: languages of which any first and any second half make a string of this one.
    /// `None` when there are too many.
    pub fn halves(&self) -> Option<Vec<(Language, Language)>> {
        let states = self.0.flags.len();
        if states > DIVIDED_STATES_MAX {
            return None;
        }
        let alive = (0..states as u32).filter(|&to| !self.0.is(to, DEAD));
        let halves = alive.map(|to| {
            let first = Language::new(self.0.accepting(self.0.start, |state| state == to));
            (first, Language::new(self.0.accepting(to, |state| self.0.accepts(state))))
        });
        Some(halves.filter(|(first, second)| !first.is_empty() && !second.is_empty()).collect())
    }

    /// The inputs for which the parts from `part` on lead from a state to an accepting one.
    fn joined_from(
        &self,
        state: u32,
        part: usize,
        parts: usize,
        pull: &mut dyn FnMut(usize, &Language) -> Result<Language, NotRegular>,
        known: &mut HashMap<(u32, usize), Language>,
    ) -> Result<Language, NotRegular> {
        if let Some(known) = known.get(&(state, part)) {
            return Ok(known.clone());
        }
        let inputs = if part == parts {
            let all = Language::everything();
            if self.0.is(state, ACCEPTS) { all } else { all.complement() }
        } else if part + 1 == parts {
            pull(part, &Language::new(self.0.accepting(state, |state| self.0.accepts(state))))?
        } else {
            let states = self.0.flags.len();
            if states > DIVIDED_STATES_MAX {
                return Err(NotRegular::TooLarge);
            }
            let mut inputs = Language::everything().complement();
            for to in (0..states as u32).filter(|&to| !self.0.is(to, DEAD)) {
                let leads = Language::new(self.0.accepting(state, |state| state == to));
                if leads.is_empty() {
                    continue;
                }
                let first = pull(part, &leads)?;
                if first.is_empty() {
                    continue;
                }
                let rest = self.joined_from(to, part + 1, parts, pull, known)?;
                let both = first.and(&rest).ok_or(NotRegular::TooLarge)?;
                inputs = inputs.or(&both).ok_or(NotRegular::TooLarge)?;
            }
            inputs
        };
        known.insert((state, part), inputs.clone());
        Ok(inputs)
    }
}

impl Automaton {
    /// What is of it once every byte is spelled so.
    fn spelled(&self, spelling: impl Fn(u8) -> Vec<u8>) -> Automaton {
        let states = self.flags.len();
        let mut columns: HashMap<Vec<u32>, u8> = HashMap::new();
        let mut classes = self.classes.clone();
        let mut kept: Vec<Vec<u32>> = Vec::new();
        for byte in 0..=255_u8 {
            let spelled = spelling(byte);
            let column: Vec<u32> = (0..states as u32).map(|state| self.run(state, &spelled)).collect();
            let fresh = kept.len() as u8;
            classes.of[usize::from(byte)] = *columns.entry(column).or_insert_with_key(|column| {
                kept.push(column.clone());
                fresh
            });
        }
        classes.count = kept.len();
        let next = (0..states).flat_map(|state| kept.iter().map(move |column| column[state])).collect();
        let accepts = (0..states as u32).map(|state| self.accepts(state)).collect();
        Automaton::new(classes, next, accepts, self.start)
    }
}
