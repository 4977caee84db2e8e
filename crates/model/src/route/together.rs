//! Values put together from text, variables and captures, as nginx does it.
//!
//! Source: src/http/ngx_http_script.c

use super::script::{self, Part};
use super::traced::Traced;
use super::walk::Walk;

/// How long a value may get before it counts as unknown: a tree may double one again and again.
pub(super) const VALUE_BYTES_MAX: usize = 1 << 20;

/// A value put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// What cannot be known stands in it as it is written (`$name`).
    pub(super) text: Traced,
    pub(super) known: bool,
}

/// What [`Walk::put_together`] made.
pub(super) struct Made {
    /// The bytes; behind the `?`, where there is one.
    pub(super) text: Traced,
    /// What stands before the `?`.
    pub(super) uri: Option<Traced>,
    pub(super) known: bool,
    /// The second pass had more bytes than the first counted: nginx gives up.
    pub(super) overflows: bool,
}

impl Walk<'_, '_> {
    /// A value with its variables filled in. What cannot be known becomes a dependence.
    pub(super) fn eval(&mut self, value: &[u8]) -> Value {
        self.eval_in(value, false)
    }

    /// The same, for what `code` says.
    pub(super) fn eval_in(&mut self, value: &[u8], code: bool) -> Value {
        if !script::has_variables(value) && value.len() <= VALUE_BYTES_MAX {
            return Value { text: Traced::text(value), known: true };
        }
        let parts = script::parts(value, false);
        let made = self.put_together(&parts, code, |walk, group, _| walk.group(group));
        if made.overflows {
            self.depend("script");
        }
        Value { text: made.text, known: made.known && !made.overflows }
    }

    /// Puts a value together as nginx does it, in two passes: the first asks every variable and counts the bytes, the second
    /// writes them. A variable that asks a regex leaves its groups to whatever stands before it, too. What is volatile is
    /// asked once for a value; in `set` and `rewrite`, which are `code`, wherever it stands and in both passes.
    ///
    /// Source: `ngx_http_complex_value`, `ngx_http_script_copy_var_code`, `ngx_http_script_copy_capture_code`,
    /// src/http/ngx_http_script.c
    pub(super) fn put_together(
        &mut self,
        parts: &[Part<'_>],
        code: bool,
        group: impl Fn(&Self, usize, bool) -> Traced,
    ) -> Made {
        let (mut values, mut counted, mut known, mut in_args) = (Vec::new(), 0, true, false);
        let mut asked: Vec<&[u8]> = Vec::new();
        for part in parts {
            counted += match part {
                Part::Text(text) => text.len(),
                Part::Capture(number) => group(self, *number, in_args).len(),
                Part::Variable(name) => {
                    let before = asked.iter().position(|asked| asked.eq_ignore_ascii_case(name));
                    let value = match before.filter(|_| !code && self.router.is_volatile(name)) {
                        Some(at) => Traced::clone(&values[at]),
                        None => self.known_or_written(name, &mut known),
                    };
                    let length = value.len();
                    values.push(value);
                    asked.push(name);
                    length
                }
                Part::Args => {
                    in_args = true;
                    0
                }
            };
            if counted > VALUE_BYTES_MAX {
                break;
            }
        }
        let (mut text, mut uri, mut values) = (Traced::default(), None, values.into_iter());
        for part in parts {
            match part {
                Part::Text(own) => text.push_text(own),
                Part::Capture(number) => text.push(&group(self, *number, uri.is_some())),
                Part::Variable(name) => {
                    let first = values.next().unwrap_or_default();
                    let again = code && self.router.is_volatile(name);
                    let value = if again { self.known_or_written(name, &mut known) } else { first };
                    text.push(&value);
                }
                Part::Args => uri = Some(std::mem::take(&mut text)),
            }
            if text.len() > VALUE_BYTES_MAX {
                text = text.start(VALUE_BYTES_MAX);
                break;
            }
        }
        if counted > VALUE_BYTES_MAX {
            known = false;
            self.depend("length");
        }
        let overflows = known && text.len() + uri.as_ref().map_or(0, |uri| uri.len()) > counted;
        Made { text, uri, known, overflows }
    }

    /// The value of a variable; where it cannot be known, as it is written.
    fn known_or_written(&mut self, name: &[u8], known: &mut bool) -> Traced {
        let value = self.variable(name);
        *known &= value.is_some();
        value.unwrap_or_else(|| self.opaque([b"$", name].concat(), || self.unknown(name)))
    }
}
