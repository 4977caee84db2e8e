//! What `nft list ruleset` says in words and its JSON does not: nft 1.0.6 leaves out the devices of a chain, and prints
//! a wrong word for the flags of a table.

use std::collections::{BTreeMap, BTreeSet};

/// The tables that are asleep, and the devices of chains.
#[derive(Debug, Default)]
pub(super) struct Outline {
    /// By family and name.
    pub(super) asleep: BTreeSet<(String, String)>,
    /// By family, table and name.
    pub(super) devices: BTreeMap<(String, String, String), Vec<String>>,
}

/// Reads the words of `nft -t list ruleset`; lines that are something else are passed over.
pub(super) fn read(text: &[u8]) -> Outline {
    let mut outline = Outline::default();
    let mut table = (String::new(), String::new());
    let mut chain = String::new();
    for line in String::from_utf8_lossy(text).lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["table", family, name, "{", ..] => {
                table = ((*family).to_owned(), (*name).to_owned());
                chain.clear();
            }
            ["chain", name, "{", ..] => chain = (*name).to_owned(),
            ["flags", flags @ ..] if chain.is_empty() => {
                let flags = flags.join(" ");
                if flags.split([',', ' ', ';']).any(|flag| flag == "dormant") {
                    outline.asleep.insert(table.clone());
                }
            }
            ["type", _, "hook", ..] if !chain.is_empty() => {
                let key = (table.0.clone(), table.1.clone(), chain.clone());
                outline.devices.insert(key, devices(line));
            }
            _ => {}
        }
    }
    outline
}

/// `device "va"`, or `devices = { "va", "vb" }`; names stand in quotation marks.
fn devices(line: &str) -> Vec<String> {
    let Some((_, rest)) = line.split_once(" device") else { return Vec::new() };
    let end = rest.find(" priority").unwrap_or(rest.len());
    let rest = rest.get(..end).unwrap_or_default();
    if rest.contains('"') {
        return rest.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    }
    let words = rest.trim_start_matches('s').split([' ', ',', '{', '}', '=']);
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_and_sleep_are_read_from_words() {
        let text = "table inet a {\n\tflags dormant\n\n\tset s {\n\t\ttype mark\n\t\tflags interval\n\t}\n\n\tchain i {\n\
                    \t\ttype filter hook ingress devices = { \"va\", \"vb\" } priority filter; policy drop;\n\t}\n}\n\
                    table netdev b {\n\tchain i {\n\t\ttype filter hook ingress device \"lo\" priority -500; policy accept;\n\t}\n}\n";
        let outline = read(text.as_bytes());
        assert_eq!(outline.asleep.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["a"]);
        let devices: Vec<_> = outline.devices.values().map(|devices| devices.join("+")).collect();
        assert_eq!(devices, ["va+vb", "lo"]);
    }
}
