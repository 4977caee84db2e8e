//! Whether a way on which both sides give the same bytes, put together differently, is the same for every request.

use super::aim::{Aimed, Goal};
use super::lift::{Variable, with_free};
use super::narrow::{at_door, narrowed};
use super::search::{Run, Search};
use super::values::Values;
use super::{Way, class};
use crate::route::uri::{Escape, escape};
use crate::route::{Answered, Input, Observed, Piece, Shape, Template, Test};

/// What came of it.
pub(crate) enum Probed {
    /// The same for all of them.
    Same,
    /// Not for this one.
    Different(Box<Way>),
    /// Not for this one, and maybe not for others.
    Doubtful(Box<Way>),
    /// No difference was found, and none was ruled out.
    Undecided,
}

impl Search<'_, '_> {
    /// Looks for a request of the same way for which `differs` holds.
    pub(crate) fn probe(&mut self, run: &Run, differs: &dyn Fn(&[Observed]) -> bool) -> Probed {
        let [old, new] = [0, 1].map(|side| self.at_door_of(run, &run.seen[side].shape));
        let mut inputs: Vec<Input> = Vec::new();
        for (one, another) in old.values.iter().zip(&new.values).filter(|(one, another)| one != another) {
            inputs_of(one, &mut inputs);
            inputs_of(another, &mut inputs);
        }
        let mut fixed: Vec<Variable> = Vec::new();
        let mut tries: Vec<Values> = Vec::new();
        for input in &inputs {
            match self.otherwise(run, input) {
                Aimed::Nowhere => fixed.push(super::lift::variable(input)),
                Aimed::At(values) | Aimed::Unsure(values, _) => tries.extend(values),
            }
        }
        tries.extend(mutations(&run.values, &inputs));
        let comparable = old.values.len() == new.values.len();
        let equal = comparable
            && old.values.iter().zip(&new.values).all(|(one, another)| {
                let [one, another] = [one, another].map(|value| self.settled(run, value, &fixed));
                self.never_apart(run, one, another)
            });
        if equal {
            return Probed::Same;
        }
        let mut odd = None;
        for values in tries {
            let Some(other) = self.walk_on(run, run.points.len(), &values, None) else { continue };
            if other.points.len() != run.points.len() || !differs(&other.seen) {
                continue;
            }
            let way = Box::new(self.way(&other));
            if !class::is_odd(&values) {
                return Probed::Different(way);
            }
            odd = odd.or(Some(way));
        }
        match odd {
            Some(way) => Probed::Doubtful(way),
            None => Probed::Undecided,
        }
    }

    fn at_door_of(&self, run: &Run, shape: &Shape) -> Shape {
        let door = self.aim_of(run).door;
        Shape {
            words: shape.words.clone(),
            values: shape.values.iter().map(|value| at_door(value, door)).collect(),
        }
    }

    /// Values of the same way with which an input is another.
    fn otherwise(&mut self, run: &Run, input: &Input) -> Aimed {
        let mut goals = self.goals(&run.points);
        let now = run.values.get(input, self.aim_of(run).door);
        goals.push(Goal {
            subject: Template(vec![Piece::Input(input.clone())]),
            test: Test::Equals(Template(vec![Piece::Text(now)])),
            answer: Answered::Holds(false),
            rules: None,
        });
        let mut budget = self.budget.clone();
        let aimed = self.aim_of(run).at(&goals, &mut budget);
        self.budget = budget;
        aimed
    }

    /// A template with what the way leaves no choice about filled in.
    fn settled(&self, run: &Run, template: &Template, fixed: &[Variable]) -> Template {
        let aim = self.aim_of(run);
        let free = |variable: &Variable| !fixed.contains(variable);
        with_free(template, &free, aim.values, aim.door, aim.compiled).unwrap_or_else(|| template.clone())
    }

    /// Whether two values are equal for all requests of a way.
    fn never_apart(&mut self, run: &Run, one: Template, another: Template) -> bool {
        if one == another {
            return true;
        }
        let Some((subject, test)) = narrowed(one, &Test::Equals(another)) else { return false };
        let mut goals = self.goals(&run.points);
        goals.push(Goal { subject, test, answer: Answered::Holds(false), rules: None });
        let mut budget = self.budget.clone();
        let aimed = self.aim_of(run).at(&goals, &mut budget);
        self.budget = budget;
        matches!(aimed, Aimed::Nowhere)
    }
}

fn inputs_of(template: &Template, inputs: &mut Vec<Input>) {
    for piece in &template.0 {
        match piece {
            Piece::Input(input) if !inputs.contains(input) => inputs.push(input.clone()),
            Piece::Group { of, .. } | Piece::Changed { of, .. } => inputs_of(of, inputs),
            Piece::Input(_) | Piece::Text(_) | Piece::Opaque(_) => {}
        }
    }
}

/// Requests that are a little different; whether they go the same way, a walk will tell.
fn mutations(values: &Values, inputs: &[Input]) -> Vec<Values> {
    let mut all = Vec::new();
    let mut add = |change: &dyn Fn(&mut Values)| {
        let mut other = values.clone();
        change(&mut other);
        if other != *values {
            all.push(other);
        }
    };
    for tail in [&b"x"[..], b"/", b"/x/y", b" z", b".html", b"A", b"+", b"/x.php", b"\n", b"?"] {
        add(&|other| (other.uri, other.target) = ([&other.uri[..], tail].concat(), None));
    }
    add(&|other| (other.args, other.target) = (b"x=1".to_vec(), None));
    add(&|other| (other.args, other.target) = (b"x=1&y=%20+".to_vec(), None));
    add(&|other| {
        other.uri.extend_from_slice(b"x");
        other.args = b"x=1".to_vec();
    });
    // The same URI, written in another way.
    add(&|other| {
        let mut target = other.target();
        let letter = target.iter().position(u8::is_ascii_alphanumeric);
        match letter {
            Some(at) => {
                let byte = target[at];
                target.splice(at..=at, format!("%{byte:02x}").into_bytes());
            }
            None => target.splice(0..0, *b"/").for_each(drop),
        }
        other.target = Some(target);
    });
    add(&|other| other.target = Some([b"/", &other.target()[..]].concat()));
    add(&|other| {
        let path = escape(&other.uri, Escape::Uri);
        other.target = Some([&path[..], b"?x=1"].concat());
        other.args = b"x=1".to_vec();
    });
    for input in inputs {
        for text in [&b"x"[..], b"", b"0", b"X y"] {
            match input {
                Input::Header(name) if name != b"host" => add(&|other| {
                    other.headers.insert(name.clone(), text.to_vec());
                }),
                Input::Cookie(name) if !text.contains(&b' ') => add(&|other| {
                    other.cookies.insert(name.clone(), text.to_vec());
                }),
                _ => {}
            }
        }
        if *input == Input::Host {
            add(&|other| other.host = [b"x", &other.host[..]].concat());
        }
        if *input == Input::Method {
            add(&|other| other.method = b"POST".to_vec());
        }
    }
    all
}
