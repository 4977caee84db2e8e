//! AppArmor: the `network` rules of a profile.

use super::{Act, Answer, Socket};

/// A profile that is enforced on nginx.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppArmor {
    /// Its name, as the kernel knows it.
    pub profile: String,
    /// The file that it was read from, and what it says with everything that it includes; `None` where it is not found.
    pub source: Option<Source>,
}

/// The text of a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// The file, for people.
    pub path: String,
    /// The rules, without those of other profiles of the file.
    pub rules: Vec<String>,
    /// Whether something that it includes could not be read, or decides over variables.
    pub incomplete: bool,
}

impl AppArmor {
    /// Says whether nginx may make a socket.
    ///
    /// Source: apparmor.d(5), "Network Rules": what no rule allows is denied, and `deny` wins.
    #[must_use]
    pub fn ask(&self, socket: Socket) -> Answer {
        let profile = &self.profile;
        let Some(source) = &self.source else {
            return Answer::Unknown {
                because: format!(
                    "the profile `{profile}` of AppArmor is enforced, and its text was not found"
                ),
                help: format!("grep -rl '{profile}' /etc/apparmor.d"),
            };
        };
        let families = match socket.inet6 {
            Some(true) => &["inet6"][..],
            Some(false) => &["inet"],
            None => &["inet", "inet6"],
        };
        // A socket for a name that leads to one family is enough.
        let mut verdicts = families.iter().map(|family| source.network(family, socket.udp));
        let privileged = socket.act == Act::Listen && socket.port < 1024;
        let rule = format!("network {} {},", families[0], if socket.udp { "dgram" } else { "stream" });
        let path = &source.path;
        if let Some(verdict) = verdicts.find(|verdict| *verdict != Some(false)) {
            let conditional = verdict.is_none();
            if !conditional && (!privileged || source.has_capability("net_bind_service")) {
                return Answer::Allowed;
            }
            if !conditional && !source.incomplete {
                return Answer::Denied {
                    because: format!("the profile `{profile}` of AppArmor does not grant `net_bind_service`"),
                    help: format!(
                        "add `capability net_bind_service,` to {path}, then: apparmor_parser -r {path}"
                    ),
                };
            }
        } else if !source.incomplete {
            return Answer::Denied {
                because: format!(
                    "no rule of the profile `{profile}` of AppArmor allows `{}`",
                    rule.trim_end_matches(',')
                ),
                help: format!("add `{rule}` to {path}, then: apparmor_parser -r {path}"),
            };
        }
        Answer::Unknown {
            because: format!(
                "the profile `{profile}` of AppArmor is enforced, and its rules are not plain enough to tell"
            ),
            help: format!("apparmor_parser -p {path} | grep -E 'network|capability'"),
        }
    }
}

impl Source {
    /// Whether sockets of a family are allowed; `None` when a rule has conditions on addresses or ports.
    fn network(&self, family: &str, udp: bool) -> Option<bool> {
        let (kind, protocol) = if udp { ("dgram", "udp") } else { ("stream", "tcp") };
        let mut verdict = Some(false);
        for rule in &self.rules {
            let mut words: Vec<&str> = rule.split_whitespace().collect();
            let denies = words.contains(&"deny");
            words.retain(|word| !matches!(*word, "deny" | "allow" | "audit" | "quiet"));
            let Some((&"network", conditions)) = words.split_first() else { continue };
            let is_access = |word: &&str| word.starts_with('(') || word.contains('=');
            let covers = conditions
                .iter()
                .filter(|word| !is_access(word))
                .all(|word| *word == family || *word == kind || *word == protocol);
            if !covers {
                continue;
            }
            match (denies, conditions.iter().any(is_access)) {
                (true, false) => return Some(false),
                (false, false) => verdict = verdict.map(|_| true),
                (_, true) => verdict = None,
            }
        }
        verdict
    }

    fn has_capability(&self, name: &str) -> bool {
        let rules = || self.rules.iter().map(|rule| rule.split_whitespace().collect::<Vec<_>>());
        let speaks_of = |words: &[&str]| words.len() == 1 || words[1..].contains(&name);
        let denied =
            rules().any(|words| words.starts_with(&["deny", "capability"]) && speaks_of(&words[1..]));
        let is_grant = |words: Vec<&str>| {
            let start = usize::from(words.first() == Some(&"allow"));
            words.get(start) == Some(&"capability") && speaks_of(&words[start..])
        };
        !denied && rules().any(is_grant)
    }
}

/// Reads `NAME (MODE)`, as the kernel names what confines a process, or lists its profiles.
#[must_use]
pub fn profile_and_mode(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_end_matches(['\0', '\n']);
    let (name, mode) = line.rsplit_once(" (")?;
    Some((name, mode.strip_suffix(')')?))
}

/// Takes the rules of one profile out of the text of a file: those between its braces, comments and hats left out.
/// Each `include` is handed to `read`, which gives the text of that file or of all files of that directory.
pub fn rules_of(
    text: &str,
    profile: &str,
    read: &mut dyn FnMut(&str) -> Option<String>,
) -> Option<(Vec<String>, bool)> {
    let body = body_of(text, profile)?;
    let mut found = (Vec::new(), false);
    collect(body, read, 0, &mut found);
    Some(found)
}

/// How deep includes are followed.
const DEPTH_MAX: usize = 8;

fn collect(
    text: &str,
    read: &mut dyn FnMut(&str) -> Option<String>,
    depth: usize,
    found: &mut (Vec<String>, bool),
) {
    let mut inner = 0_usize;
    for line in text.lines() {
        let line = line.trim();
        if let Some(path) = include_of(line) {
            if inner > 0 {
                continue;
            }
            match read(path).filter(|_| depth < DEPTH_MAX) {
                Some(text) => collect(&text, read, depth + 1, found),
                None => found.1 |= !line.contains("if exists"),
            }
            continue;
        }
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.starts_with('#') {
            continue;
        }
        let (opens, closes) = (line.ends_with('{'), line.starts_with('}'));
        inner = (inner + usize::from(opens)).saturating_sub(usize::from(closes));
        if inner == 0 && !closes {
            let rules = line.split(',').map(str::trim).filter(|rule| !rule.is_empty());
            found.0.extend(rules.map(str::to_owned));
        }
    }
}

/// The path of `include <abstractions/base>`, with or without the old `#`.
fn include_of(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('#').unwrap_or(line).strip_prefix("include")?.trim_start();
    let rest = rest.strip_prefix("if exists").unwrap_or(rest).trim();
    let rest = rest.trim_end_matches(',').trim();
    rest.strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .or_else(|| rest.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')))
}

/// What stands between the braces of a profile: after a line that names it, or attaches it to that path.
fn body_of<'t>(text: &'t str, profile: &str) -> Option<&'t str> {
    let mut start = None;
    let (mut depth, mut at) = (0_usize, 0);
    for line in text.split_inclusive('\n') {
        let code = line.trim();
        at += line.len();
        if code.starts_with('#') {
            continue;
        }
        if code.ends_with('{') {
            let names = code.trim_end_matches('{').split_whitespace().map(|word| word.trim_matches('"'));
            if depth == 0 && start.is_none() && names.clone().any(|name| name == profile) {
                start = Some(at);
            }
            depth += 1;
        } else if code.starts_with('}') {
            depth = depth.saturating_sub(1);
            if let (0, Some(start)) = (depth, start) {
                return Some(&text[start..at - line.len()]);
            }
        }
    }
    None
}
