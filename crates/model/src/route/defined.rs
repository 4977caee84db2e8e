//! Which directive defines a variable.

use std::collections::{HashMap, HashSet};

use super::Router;
use crate::config::{Node, NodeId};

/// The directives that define variables, which argument names it, and the module to speak of.
const DEFINING: &[(&str, Option<usize>, &str)] = &[
    ("map", Some(1), "map"),
    ("geo", None, "geo"),
    ("split_clients", Some(1), "split_clients"),
    ("js_set", Some(0), "njs"),
    ("js_var", Some(0), "njs"),
    ("perl_set", Some(0), "perl"),
    ("auth_request_set", Some(0), "auth_request"),
    ("keyval", Some(1), "keyval"),
    ("set_by_lua", Some(0), "lua"),
    ("set_by_lua_block", Some(0), "lua"),
    ("set_by_lua_file", Some(0), "lua"),
    ("auth_jwt_claim_set", Some(0), "auth_jwt"),
];

impl Router<'_> {
    /// The module whose directive defines a variable, and the directive.
    pub(super) fn definition(&self, name: &str) -> Option<(&'static str, NodeId)> {
        let defined = self.defined.get_or_init(|| {
            let mut defined = HashMap::new();
            for &(directive, argument, module) in DEFINING {
                for node in self.of_http(directive) {
                    let at = argument.unwrap_or_else(|| node.args().len().saturating_sub(1));
                    let variable = node.arg_str(at).and_then(|text| text.strip_prefix('$'));
                    if let Some(variable) = variable {
                        defined.insert(variable.to_ascii_lowercase(), (module, node.id()));
                    }
                }
            }
            defined
        });
        defined.get(name).copied()
    }

    /// The directives of a name that belong to http: `stream` has variables of its own.
    fn of_http(&self, directive: &str) -> impl Iterator<Item = Node<'_>> {
        self.config.named(directive).filter(|node| node.context().is_http())
    }

    /// Whether `set` or a named group somewhere gives a variable its value; until then it is empty.
    pub(super) fn is_own_variable(&self, name: &str) -> bool {
        let own = self.own_variables.get_or_init(|| {
            let mut own = HashSet::new();
            for node in self.of_http("set") {
                own.extend(
                    node.arg_str(0).and_then(|text| text.strip_prefix('$')).map(str::to_ascii_lowercase),
                );
            }
            for directive in ["location", "server_name", "rewrite", "if"] {
                for node in self.of_http(directive) {
                    for argument in node.args() {
                        own.extend(group_names(&String::from_utf8_lossy(argument)));
                    }
                }
            }
            for map in self.of_http("map") {
                for line in map.children() {
                    own.extend(group_names(&String::from_utf8_lossy(line.name_bytes())));
                }
            }
            own
        });
        own.contains(name)
    }
}

/// The names of the named groups in a regex, in lower case.
fn group_names(pattern: &str) -> Vec<String> {
    let starts = pattern.match_indices("(?").map(|(at, _)| &pattern[at + 2..]);
    let names = starts.filter_map(|rest| {
        let rest = rest.strip_prefix('P').unwrap_or(rest);
        let rest = rest.strip_prefix(['<', '\''])?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        (end > 0).then(|| rest[..end].to_ascii_lowercase())
    });
    names.collect()
}
