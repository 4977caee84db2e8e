//! Which directive defines a variable.

use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};

use super::Router;
use crate::config::{Config, NodeId};
use crate::context::Context;

/// By the name of the variable: the module to speak of, and the directive.
pub(crate) type Definitions = HashMap<String, (&'static str, NodeId)>;
/// Names of variables.
pub(crate) type Names = HashSet<String>;

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

/// The variables that directives of one kind of context define, by name: the module, and the directive.
pub(crate) fn definitions(config: &Config, wanted: impl Fn(Context) -> bool) -> Definitions {
    let mut defined = HashMap::new();
    for &(directive, argument, module) in DEFINING {
        for node in config.named(directive).filter(|node| wanted(node.context())) {
            let at = argument.unwrap_or_else(|| node.args().len().saturating_sub(1));
            let variable = node.arg_str(at).and_then(|text| text.strip_prefix('$'));
            if let Some(variable) = variable {
                defined.insert(variable.to_ascii_lowercase(), (module, node.id()));
            }
        }
    }
    defined
}

/// The variables that `set` or a named group gives a value, in one kind of context.
pub(crate) fn own_variables(config: &Config, wanted: impl Fn(Context) -> bool) -> Names {
    let of = |directive: &str| config.named(directive).filter(|node| wanted(node.context()));
    let mut own = HashSet::new();
    for node in of("set") {
        own.extend(node.arg_str(0).and_then(|text| text.strip_prefix('$')).map(str::to_ascii_lowercase));
    }
    for directive in ["location", "server_name", "rewrite", "if"] {
        for node in of(directive) {
            for argument in node.args() {
                own.extend(group_names(&String::from_utf8_lossy(argument)));
            }
        }
    }
    for map in of("map") {
        for line in map.children() {
            own.extend(group_names(&String::from_utf8_lossy(line.name_bytes())));
        }
    }
    own
}

impl Router<'_> {
    /// The module whose directive defines a variable, and the directive. (`stream` has variables of its own.)
    pub(super) fn definition(&self, name: &str) -> Option<(&'static str, NodeId)> {
        self.defined.get_or_init(|| definitions(self.config, Context::is_http)).get(name).copied()
    }

    /// Whether `set` or a named group somewhere gives a variable its value; until then it is empty.
    pub(super) fn is_own_variable(&self, name: &str) -> bool {
        self.own_variables.get_or_init(|| own_variables(self.config, Context::is_http)).contains(name)
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
