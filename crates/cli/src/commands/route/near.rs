//! The blocks that nearly took a request, for people and as JSON.

use std::fmt::Write as _;

use evenkeel_model::{Config, NearMiss, NodeId};
use serde_json::{Map, Value};

use super::show::{asked, place, readable};

/// The near misses for people; nothing where there are none.
pub(super) fn text(config: &Config, misses: &[NearMiss]) -> String {
    if misses.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nNear misses:\n");
    for miss in misses {
        let node = config.node(miss.rival);
        let block = readable(block(config, miss.rival).as_bytes());
        let why = readable(miss.why.as_bytes());
        writeln!(text, "  {}:{}  {block}: {why}", node.source().display, node.line())
            .expect("a String takes all");
        let end = match (&miss.edited, &miss.why_not) {
            (Some(request), _) => format!("it takes {}", request.url()),
            (None, Some(why)) => why.clone(),
            (None, None) => continue,
        };
        writeln!(text, "    {}", readable(end.as_bytes())).expect("a String takes all");
    }
    text
}

/// A block as it is written: `location ~ \.php$`.
fn block(config: &Config, node: NodeId) -> String {
    let node = config.node(node);
    let names = match node.name() {
        "server" => node.find("server_name").flat_map(|names| names.args()).collect::<Vec<_>>(),
        _ => node.args().collect(),
    };
    let words: Vec<_> = names.into_iter().map(String::from_utf8_lossy).collect();
    format!("{} {}", node.name(), words.join(" ")).trim_end().to_owned()
}

/// The near misses as JSON.
pub(super) fn document(config: &Config, misses: &[NearMiss]) -> Value {
    let each = misses.iter().map(|miss| {
        let mut entry = Map::new();
        entry.insert("block".to_owned(), block(config, miss.rival).into());
        place(&mut entry, config, miss.rival);
        entry.insert("why".to_owned(), miss.why.clone().into());
        entry.insert("request".to_owned(), miss.edited.as_ref().map_or(Value::Null, asked));
        entry.insert("why_not".to_owned(), miss.why_not.clone().into());
        Value::Object(entry)
    });
    each.collect()
}
