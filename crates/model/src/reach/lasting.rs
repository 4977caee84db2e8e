//! Addresses that a firewall stops for good: rules by the source address, and members of sets that never run out. What writes such
//! a block by itself (a ban tool, a script) must take it back by itself, too; the kernel never will.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::Dumps;

/// The most addresses that are kept.
const BLOCKS_MAX: usize = 10_000;

/// One address that is stopped until somebody takes that back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastingBlock {
    /// Where: `inet guard input`.
    pub place: String,
    /// What its writer says of it: the comment of the rule, or else the set that it looks into.
    pub of: Option<String>,
    /// The address, network or range.
    pub address: String,
}

/// The addresses that these rules stop with no end. Other dumps than those of nft and iptables have none.
#[must_use]
pub fn lasting_blocks(dumps: &Dumps<'_>) -> BTreeSet<LastingBlock> {
    let mut found = BTreeSet::new();
    if let Some(dump) = dumps.nft.and_then(|dump| serde_json::from_slice::<Json>(dump).ok()) {
        of_nft(&dump, &mut found);
    }
    let saved = [
        ("ip", dumps.iptables),
        ("ip6", dumps.ip6tables),
        ("ip", dumps.iptables_legacy),
        ("ip6", dumps.ip6tables_legacy),
    ];
    for (family, dump) in saved {
        of_iptables(family, &String::from_utf8_lossy(dump.unwrap_or_default()), &mut found);
    }
    found
}

fn of_nft(dump: &Json, found: &mut BTreeSet<LastingBlock>) {
    let objects = dump.get("nftables").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let bodies = |kind: &'static str| objects.iter().filter_map(move |object| object.get(kind)?.as_object());
    let text = |body: &Map<String, Json>, key: &str| {
        body.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
    };
    for rule in bodies("rule") {
        let expr = rule.get("expr").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        if !expr.iter().any(|it| it.get("drop").is_some() || it.get("reject").is_some()) {
            continue;
        }
        let (family, table) = (text(rule, "family"), text(rule, "table"));
        let place = format!("{family} {table} {}", text(rule, "chain"));
        let comment = Some(text(rule, "comment")).filter(|comment| !comment.is_empty());
        for right in expr.iter().filter_map(source) {
            let name = right.as_str().and_then(|name| name.strip_prefix('@'));
            let of = comment.clone().or_else(|| name.map(|name| format!("the set {name}")));
            let members: Vec<&Json> = match name {
                None => members(right),
                Some(name) => {
                    let is_it = |set: &&Map<String, Json>| {
                        text(set, "family") == family
                            && text(set, "table") == table
                            && text(set, "name") == name
                    };
                    // A set with a time-out gives it to each of its members.
                    let set = bodies("set").find(is_it).filter(|set| !set.contains_key("timeout"));
                    let elements = set.and_then(|set| set.get("elem")?.as_array());
                    elements.into_iter().flatten().filter(|it| lasts(it)).collect()
                }
            };
            for address in members.into_iter().filter_map(address) {
                if found.len() < BLOCKS_MAX {
                    found.insert(LastingBlock { place: place.clone(), of: of.clone(), address });
                }
            }
        }
    }
}

/// What the source address is held against, where a match is of that kind.
fn source(expression: &Json) -> Option<&Json> {
    let of = expression.get("match")?;
    let field = of.get("left")?.get("payload")?.get("field")?.as_str()?;
    let same = matches!(of.get("op")?.as_str()?, "==" | "in");
    (field == "saddr" && same).then(|| of.get("right")).flatten()
}

fn members(right: &Json) -> Vec<&Json> {
    match right.get("set").and_then(Json::as_array) {
        Some(all) => all.iter().collect(),
        None => vec![right],
    }
}

fn lasts(element: &Json) -> bool {
    let of = |key: &str| element.get("elem").and_then(|elem| elem.get(key)).is_some();
    !of("timeout") && !of("expires")
}

fn address(element: &Json) -> Option<String> {
    let element = element.get("elem").and_then(|elem| elem.get("val")).unwrap_or(element);
    if let Some(prefix) = element.get("prefix") {
        return Some(format!("{}/{}", prefix.get("addr")?.as_str()?, prefix.get("len")?));
    }
    if let Some([low, high]) = element.get("range").and_then(Json::as_array).map(Vec::as_slice) {
        return Some(format!("{}-{}", low.as_str()?, high.as_str()?));
    }
    if let Some(parts) = element.get("concat").and_then(Json::as_array) {
        let part = |part: &Json| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
        return Some(parts.iter().map(part).collect::<Vec<_>>().join(" . "));
    }
    element.as_str().map(str::to_owned)
}

fn of_iptables(family: &str, dump: &str, found: &mut BTreeSet<LastingBlock>) {
    let mut table = "";
    for line in dump.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name.trim();
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["-A", chain, rest @ ..] = words.as_slice() else { continue };
        let behind = |option: &str| {
            let at = rest.iter().position(|word| *word == option)?;
            (at.checked_sub(1).and_then(|before| rest.get(before)) != Some(&"!")).then(|| rest.get(at + 1))?
        };
        if !matches!(behind("-j"), Some(&"DROP" | &"REJECT")) {
            continue;
        }
        let Some(address) = behind("-s") else { continue };
        let address = address.strip_suffix("/32").or_else(|| address.strip_suffix("/128")).unwrap_or(address);
        let of = line.split_once("--comment ").map(|(_, comment)| match comment.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
            None => comment.split(' ').next().unwrap_or_default().to_owned(),
        });
        // The same rule stands in nft's dump, too, where iptables writes into nftables.
        let place = format!("{family} {table} {chain}");
        found.retain(|it| it.place != place || it.address != address || it.of.is_some());
        if found.len() < BLOCKS_MAX && !found.iter().any(|it| it.place == place && it.address == address) {
            found.insert(LastingBlock { place, of, address: address.to_owned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(dumps: &Dumps<'_>) -> Vec<(String, String)> {
        lasting_blocks(dumps)
            .into_iter()
            .map(|it| (format!("{} ({})", it.place, it.of.unwrap_or_default()), it.address))
            .collect()
    }

    fn pair(place: &str, address: &str) -> (String, String) {
        (place.to_owned(), address.to_owned())
    }

    #[test]
    fn addresses_in_rules_and_in_sets_without_an_end_are_told() {
        let saddr = r#"{"payload": {"protocol": "ip", "field": "saddr"}}"#;
        let rule = |more: &str, op: &str, right: &str, verdict: &str| {
            format!(
                r#"{{"rule": {{"family": "inet", "table": "guard", "chain": "input"{more}, "expr": [{{"match": {{"op": "{op}",
                "left": {saddr}, "right": {right}}}}}, {{"counter": {{"packets": 0, "bytes": 0}}}}, {{"{verdict}": null}}]}}}}"#
            )
        };
        let set = |name: &str, more: &str, elements: &str| {
            format!(
                r#"{{"set": {{"family": "inet", "table": "guard", "name": "{name}", "type": "ipv4_addr"{more}, "elem": [{elements}]}}}}"#
            )
        };
        let dump = [
            set("banned", "", r#""192.0.2.1", {"elem": {"val": "192.0.2.2", "timeout": 600, "expires": 5}}, {"prefix": {"addr": "198.51.100.0", "len": 24}}"#),
            set("jail", r#", "timeout": 600"#, r#""192.0.2.9""#),
            rule(r#", "comment": "too many errors""#, "==", r#"{"set": ["10.73.0.12", "10.73.0.13"]}"#, "drop"),
            rule("", "==", r#""@banned""#, "reject"),
            rule("", "==", r#""@jail""#, "drop"),
            rule("", "!=", r#""203.0.113.1""#, "drop"),
            rule("", "==", r#""203.0.113.2""#, "accept"),
        ]
        .join(",");
        let dump = format!(r#"{{"nftables": [{dump}]}}"#);
        let dumps = Dumps { nft: Some(dump.as_bytes()), ..Dumps::default() };
        assert_eq!(
            of(&dumps),
            [
                pair("inet guard input (the set banned)", "192.0.2.1"),
                pair("inet guard input (the set banned)", "198.51.100.0/24"),
                pair("inet guard input (too many errors)", "10.73.0.12"),
                pair("inet guard input (too many errors)", "10.73.0.13"),
            ]
        );
    }

    #[test]
    fn rules_of_iptables_are_told_once_with_their_comment() {
        let nft = br#"{"nftables": [{"rule": {"family": "ip", "table": "filter", "chain": "f2b-sshd", "expr": [{"match": {"op": "==",
            "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "192.0.2.7"}}, {"drop": null}]}}]}"#;
        let saved = "*filter\n:f2b-sshd - [0:0]\n-A f2b-sshd -s 192.0.2.7/32 -m comment --comment \"too many\" -j DROP\n\
                     -A f2b-sshd ! -s 192.0.2.8/32 -j DROP\n-A f2b-sshd -s 192.0.2.9/32 -j ACCEPT\n-A f2b-sshd -j RETURN\nCOMMIT\n";
        let dumps = Dumps { nft: Some(nft.as_slice()), iptables: Some(saved.as_bytes()), ..Dumps::default() };
        assert_eq!(of(&dumps), [pair("ip filter f2b-sshd (too many)", "192.0.2.7")]);
    }

    #[test]
    fn what_is_no_dump_has_no_blocks() {
        let dumps =
            Dumps { nft: Some(b"nft: command not found"), iptables: Some(b"\xff*-A -s"), ..Dumps::default() };
        assert_eq!(of(&dumps), Vec::<(String, String)>::new());
    }
}
