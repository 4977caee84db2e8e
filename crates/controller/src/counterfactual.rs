//! What would have stopped a change, asked afterwards: the change is played once more through the commands that look at one, as
//! children of this program, in the order in which people meet them.

use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel_fleet::postmortem::Task;
use evenkeel_fleet::postmortem::incident::{Gate, Item, Review, Verdict};
use evenkeel_fleet::{Sequence, Span};
use evenkeel_host::process::{self, Output, Request};
use serde_json::Value;

/// How long one of them may take.
const LIMIT: Duration = Duration::from_secs(120);
/// An answer longer than this is not read to its end, and counts as none.
const OUTPUT_BYTES_MAX: usize = 16 << 20;

/// A change to play once more.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// This program.
    pub program: &'a Path,
    /// The settings that it takes in place of the usual ones.
    pub settings_file: Option<&'a Path>,
    /// A directory with the tree of before.
    pub old: &'a Path,
    /// A directory with the tree of the change.
    pub new: &'a Path,
    /// Where the tree lives on its host.
    pub prefix: &'a Path,
}

/// Plays a change through `check`, `diff`, `test` and `rehearse`. `doing` hears what is asked.
pub fn gates(change: &Change<'_>, doing: &mut dyn FnMut(&str)) -> Vec<Gate> {
    let Change { old, new, .. } = change;
    let mut asked = Vec::new();
    let mut ask = |name: &str, args: &[&Path], flags: &[&str], read: fn(&Value, i32) -> (Verdict, String)| {
        doing(&format!("playing the change once more: {name}"));
        asked.push(one(change, name, args, flags, read));
    };
    ask("check", &[new, Path::new("--against"), old], &[], checked);
    ask("diff", &[old, new], &[], compared);
    if new.join("routes.toml").is_file() {
        ask("test", &[new], &[], tested);
    }
    ask("rehearse", &[new, Path::new("--against"), old], &[], rehearsed);
    asked
}

/// Puts the answers into the document, and the tasks that they give reason for.
pub fn told(review: &mut Review, gates: Vec<Gate>) {
    let on: Vec<Sequence> = review.change.as_ref().map(|change| change.on.clone()).unwrap_or_default();
    let named = |verdict: Verdict| {
        let names =
            gates.iter().filter(|gate| gate.verdict == verdict).map(|gate| format!("`{}`", gate.name));
        names.collect::<Vec<_>>().join(" and ")
    };
    let (stops, tells) = (named(Verdict::Stops), named(Verdict::Tells));
    let task = match (stops.is_empty(), tells.is_empty()) {
        (false, _) => Some((
            format!("have {stops} asked before such a change goes live"),
            "played once more, it would have stopped this one",
        )),
        (true, false) => Some((
            format!("write down in routes.toml what must not change, so that what {tells} tells is refused"),
            "it would have been told of, and nothing would have stopped it",
        )),
        (true, true) if !gates.is_empty() => Some((
            "find out how this could be known before it is live".to_owned(),
            "nothing that looks at a change sees it",
        )),
        _ => None,
    };
    review.items.extend(task.map(|(what, because)| Item {
        task: Task { what, because: because.to_owned(), on },
        owner: None,
        due: None,
        closed_by: None,
    }));
    review.counterfactual = gates;
}

fn one(
    change: &Change<'_>,
    name: &str,
    args: &[&Path],
    flags: &[&str],
    read: fn(&Value, i32) -> (Verdict, String),
) -> Gate {
    let mut all: Vec<OsString> = vec![name.into()];
    all.extend(args.iter().map(|arg| arg.as_os_str().to_owned()));
    all.extend(["--prefix".into(), change.prefix.into(), "--json".into()]);
    if let Some(file) = change.settings_file {
        all.extend(["--config".into(), file.into()]);
    }
    all.extend(flags.iter().map(Into::into));
    let env =
        ["PATH", "HOME", "TZ"].into_iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    let request = Request {
        program: change.program.to_owned(),
        args: all,
        env: env.collect(),
        cwd: None,
        limit: LIMIT,
        output_bytes_max: OUTPUT_BYTES_MAX,
    };
    let began = Instant::now();
    let (verdict, said) = match process::run(&request) {
        Ok(output) => answer(&output, read),
        Err(why) => (Verdict::NotAsked, why.to_string()),
    };
    let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Gate { name: name.to_owned(), verdict, said, took: Some(Span::from_millis(took)) }
}

fn answer(output: &Output, read: fn(&Value, i32) -> (Verdict, String)) -> (Verdict, String) {
    let json: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    match (output.status.code(), json) {
        (Some(code @ (0 | 1)), Some(json)) => read(&json, code),
        (_, Some(json)) => {
            (Verdict::NotAsked, text(&json, "/error").unwrap_or("it could not look").to_owned())
        }
        _ => (Verdict::NotAsked, "it gave no answer".to_owned()),
    }
}

fn checked(json: &Value, code: i32) -> (Verdict, String) {
    let findings = json.pointer("/findings").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let error = findings.iter().find(|it| text(it, "/severity") == Some("error"));
    match error.or(findings.first()) {
        Some(first) if error.is_some() => (Verdict::Stops, finding(first, findings.len())),
        // `apply` refuses on errors alone; a pipeline that asks it stops at warnings too.
        Some(first) if code == 1 => {
            let said = finding(first, findings.len());
            (Verdict::Stops, format!("{said}; a warning: a pipeline stops at it, `apply` goes on"))
        }
        Some(first) => (Verdict::Passes, finding(first, findings.len())),
        None => (Verdict::Passes, "nothing new or worse".to_owned()),
    }
}

fn finding(first: &Value, all: usize) -> String {
    let of = |path: &str| text(first, path).unwrap_or_default();
    let more = if all > 1 { format!(" (and {} more)", all - 1) } else { String::new() };
    let line = first.pointer("/line").and_then(Value::as_u64).unwrap_or(0);
    format!("{}:{line}: {} [{}]{more}", of("/file"), of("/message"), of("/rule"))
}

fn compared(json: &Value, _: i32) -> (Verdict, String) {
    let lists = ["/changes", "/stream", "/settings"].map(|path| json.pointer(path).and_then(Value::as_array));
    let all: usize = lists.iter().flatten().map(|list| list.len()).sum();
    let whole = json.pointer("/complete").and_then(Value::as_bool).unwrap_or(false);
    let outcome = |row: &Value, side: &str| {
        let kind = text(row, &format!("/{side}/kind")).unwrap_or("another outcome");
        let status = row.pointer(&format!("/{side}/status")).and_then(Value::as_u64);
        let to = text(row, &format!("/{side}/pass")).map(str::to_owned);
        let detail = to.or_else(|| status.map(|status| status.to_string()));
        detail.map_or_else(|| kind.to_owned(), |detail| format!("{kind} {detail}"))
    };
    let moves = |row: &&Value| outcome(row, "old") != outcome(row, "new");
    let rows = || lists.iter().flatten().flat_map(|list| list.iter());
    let Some(first) = rows().find(moves).or_else(|| rows().next()) else {
        let how = if whole {
            "no request changes its outcome"
        } else {
            "no change was found; not everything could be compared"
        };
        return (Verdict::Passes, how.to_owned());
    };
    let class = text(first, "/class").or(text(first, "/what")).unwrap_or("a class of requests");
    let more = if all > 1 { format!(" (and {} more)", all - 1) } else { String::new() };
    let said = if moves(&first) {
        format!("{class}: {} becomes {}", outcome(first, "old"), outcome(first, "new"))
    } else {
        format!("{class}: {}, and other servers or settings behind it", outcome(first, "new"))
    };
    (Verdict::Tells, format!("{said}{more}"))
}

fn tested(json: &Value, code: i32) -> (Verdict, String) {
    if code == 0 {
        return (Verdict::Passes, "every route is as routes.toml expects".to_owned());
    }
    let routes = json.pointer("/routes").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let wrong = routes.iter().find(|it| text(it, "/verdict") == Some("failed"));
    let name = wrong.and_then(|it| text(it, "/name")).unwrap_or("a route");
    (Verdict::Stops, format!("\"{name}\" is not as routes.toml expects"))
}

fn rehearsed(json: &Value, code: i32) -> (Verdict, String) {
    let findings = json.pointer("/findings").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    match (code, findings.first()) {
        (1, Some(first)) => (Verdict::Stops, finding(first, findings.len())),
        (1, None) => (Verdict::Stops, "it does not pass".to_owned()),
        (_, Some(first)) => (Verdict::Tells, finding(first, findings.len())),
        (_, None) => {
            (Verdict::Passes, "the real nginx goes from the old tree to the new one and answers".to_owned())
        }
    }
}

fn text<'v>(json: &'v Value, path: &str) -> Option<&'v str> {
    json.pointer(path).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn check_stops_where_it_says_no_and_a_warning_is_said_to_be_one() {
        let of = |severity: &str| {
            let found =
                json!({ "rule": "r", "severity": severity, "file": "a.conf", "line": 3, "message": "m" });
            checked(&json!({ "findings": [found] }), 1)
        };
        assert_eq!(of("error"), (Verdict::Stops, "a.conf:3: m [r]".to_owned()));
        let (verdict, said) = of("warning");
        assert!(verdict == Verdict::Stops && said.contains("`apply` goes on"), "{said}");
        assert_eq!(checked(&json!({ "findings": [] }), 0).0, Verdict::Passes);
    }

    #[test]
    fn comparison_that_could_not_see_everything_says_so() {
        let nothing = |complete: bool| compared(&json!({ "changes": [], "complete": complete }), 0).1;
        assert_eq!(nothing(true), "no request changes its outcome");
        assert!(nothing(false).contains("not everything"));
        let change = json!({ "class": "GET /* on *:80", "old": { "kind": "proxy", "pass": "http://app/" },
            "new": { "kind": "return", "status": 404 } });
        let (verdict, said) = compared(&json!({ "changes": [change], "complete": true }), 1);
        assert_eq!(
            (verdict, said.as_str()),
            (Verdict::Tells, "GET /* on *:80: proxy http://app/ becomes return 404")
        );
    }

    #[test]
    fn program_that_is_not_there_could_not_be_asked() {
        let here = Path::new("/nowhere/at/all");
        let change = Change { program: here, settings_file: None, old: here, new: here, prefix: here };
        let mut said = Vec::new();
        let gates = gates(&change, &mut |what| said.push(what.to_owned()));
        assert!(gates.iter().all(|gate| gate.verdict == Verdict::NotAsked), "{gates:?}");
        assert_eq!(said.len(), 3);
    }
}
