//! What a variable can be at all: first as people would write it, then everything.

use super::lift::Variable;
use crate::language::{Formula, Language};

/// The values of each kind of variable.
pub(super) struct Domains {
    host: Vec<Formula>,
    uri: Vec<Formula>,
    args: Vec<Formula>,
    line: Vec<Formula>,
    method: Vec<Formula>,
    value: Vec<Formula>,
    /// Whether no server takes two slashes for two.
    pub(super) merges_slashes: bool,
}

impl Domains {
    /// `merges_slashes`: no server takes two slashes for two.
    pub(super) fn new(merges_slashes: bool) -> Domains {
        let uri =
            [&["\\A/"][..], &["\\x00", "/\\.\\.?(?:/|\\z)"], if merges_slashes { &["//"] } else { &[] }];
        let without = [uri[1], uri[2]].concat();
        let plain = [&without[..], &["[\\x00-\\x20\\x7f-\\xff]"]].concat();
        let spelled = "\\A/[a-zA-Z0-9_.~!$&'()*+,;=:@/-]*(?:\\?[^\\x00-\\x20\\x7f#]+)?\\z";
        let spelled_without = ["\\A[^?]*//", "\\A[^?]*/\\.\\.?(?:[/?]|\\z)"];
        Domains {
            merges_slashes,
            host: vec![
                all("\\A[a-z0-9_-]+(?:\\.[a-z0-9_-]+)*\\z", &[]),
                all(
                    "\\A(?:[a-z0-9._~!$&'()*+,;=%-]*|\\[[a-z0-9:._~!$&'()*+,;=-]*\\])\\z",
                    &["\\.\\.", "\\.\\z"],
                ),
            ],
            uri: vec![all(uri[0][0], &plain), all(uri[0][0], &without)],
            args: vec![all("\\A[a-zA-Z0-9_=&./-]*\\z", &[]), all("\\A[^\\x00-\\x20\\x7f#]*\\z", &[])],
            line: vec![all(spelled, &spelled_without)],
            method: vec![all("\\A[A-Z_-]+\\z", &["\\A(?:CONNECT|TRACE)\\z"])],
            value: vec![
                all("\\A(?:[!-:<-~](?:[ -:<-~]*[!-:<-~])?)?\\z", &[]),
                all("\\A(?:[^\\x00\\r\\n ](?:[^\\x00\\r\\n]*[^\\x00\\r\\n ])?)?\\z", &[]),
            ],
        }
    }

    /// Each says more than the one before it; the last says all.
    pub(super) fn of(&self, variable: &Variable) -> &[Formula] {
        match variable {
            Variable::Host => &self.host,
            Variable::Uri => &self.uri,
            Variable::Args => &self.args,
            Variable::Line => &self.line,
            Variable::Method => &self.method,
            Variable::Header(_) | Variable::Cookie(_) => &self.value,
            Variable::Client | Variable::Protocol | Variable::Length => &[],
        }
    }
}

/// What matches one regex and none of the others.
fn all(regex: &str, without: &[&str]) -> Formula {
    let language = |regex: &str| Language::pattern(regex.as_bytes(), false).map(Formula::In);
    let holds = language(regex).into_iter();
    let fails = without.iter().filter_map(|regex| language(regex).ok());
    Formula::All(holds.chain(fails.map(|formula| Formula::Not(Box::new(formula)))).collect())
}
