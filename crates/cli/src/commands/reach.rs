//! `reach`: whether clients come to what the tree listens on, and the rule that decides.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use evenkeel_controller::reach::{Boot, Listen, Reach, Report, Subject, look};
use evenkeel_model::reach::{Client, DecidingRule, How, Source, Transport, Verdict};
use serde_json::{Value, json};

use crate::args::{self, Global};
use crate::output::{Exit, Output};
use crate::settings::Settings;
use crate::tree::Tree;

/// The largest dump that is read, in bytes.
const DUMP_BYTES_MAX: u64 = 256 << 20;

pub(crate) fn reach(args: &args::Reach, global: &Global, output: Output) -> anyhow::Result<Exit> {
    let settings = Settings::load(global)?;
    let progress = output.progress();
    progress.say("reading the tree");
    let tree = args.tree.clone().unwrap_or_else(|| settings.config_dir.clone());
    let tree = Tree::read(&tree, args.prefix.as_deref(), None, &settings)?;
    let client = client(args.from.as_deref());
    progress.say("reading the firewall");
    let dump = args.ruleset.as_deref().map(dump).transpose()?;
    let subject = dump.as_deref().map_or(Subject::Machine, Subject::Dump);
    let report = look(&tree.config, subject, &client)?;
    drop(progress);
    output.print(|| text(&report, args.from.as_deref(), output), || document(&report, args.from.as_deref()));
    Ok(exit(&report))
}

/// An address, or else an interface.
pub(super) fn client(from: Option<&str>) -> Client {
    match from.map(|from| (from, from.parse())) {
        Some((_, Ok(address))) => Client { address: Some(address), interface: None },
        Some((name, Err(_))) => Client { address: None, interface: Some(name.to_owned()) },
        None => Client::default(),
    }
}

fn dump(file: &Path) -> anyhow::Result<Vec<u8>> {
    let about = || format!("read {}", file.display());
    // A pipe says nothing of its length, and a device has none.
    let mut dump = Vec::new();
    let file_of = File::open(file).with_context(about)?;
    file_of.take(DUMP_BYTES_MAX + 1).read_to_end(&mut dump).with_context(about)?;
    if dump.len() as u64 > DUMP_BYTES_MAX {
        bail!("read {}: it is larger than {} MiB", file.display(), DUMP_BYTES_MAX >> 20);
    }
    Ok(dump)
}

fn exit(report: &Report) -> Exit {
    let all = || report.listens.iter().flat_map(|one| std::iter::once(&one.now).chain(&one.after_boot));
    let bad = all().any(|reach| !reach.is_good() && !reach.is_unknown());
    if bad || report.listens.iter().any(|one| one.held == Some(false)) {
        return Exit::No;
    }
    if all().any(Reach::is_unknown) { Exit::CouldNotLook } else { Exit::Yes }
}

fn text(report: &Report, from: Option<&str>, output: Output) -> String {
    let mut out = format!("from {}:\n", from.unwrap_or("anybody outside"));
    if report.listens.is_empty() {
        out.push_str("    the tree listens on no address\n");
    }
    for one in &report.listens {
        let same = one.after_boot.as_ref() == Some(&one.now);
        let good = one.now.is_good() && one.held != Some(false);
        let later_is_good = one.after_boot.as_ref().is_none_or(Reach::is_good);
        let mark = mark(output, good && (same || later_is_good), &one.now);
        let name = format!("{} {}", one.address, transport(one.transport));
        out.push_str(&format!("{mark}  {name:<26} {}\n", said(&one.now)));
        if one.held == Some(false) {
            out.push_str(&format!("    {:<26} nobody listens there\n", ""));
        }
        if let Some(later) = one.after_boot.as_ref().filter(|_| !same) {
            out.push_str(&format!("    {:<26} after a boot: {}\n", "", said(later)));
        }
    }
    for unread in &report.unread {
        out.push_str(&format!("    not read: {unread}\n"));
    }
    if let Some(boot) = &report.boot {
        out.push_str(&boot_text(boot));
    }
    out
}

fn boot_text(boot: &Boot) -> String {
    let from = if boot.from.is_empty() { "no firewall".to_owned() } else { boot.from.join(", ") };
    let mut out = format!("    a boot loads: {from}\n");
    for asleep in &boot.asleep {
        out.push_str(&format!("    a boot does not load: {asleep}\n"));
    }
    for unread in &boot.unread {
        out.push_str(&format!("    not read: {unread}\n"));
    }
    out
}

fn mark(output: Output, good: bool, reach: &Reach) -> String {
    match (good, reach.is_unknown()) {
        (true, _) => output.verdict(true, "ok"),
        (false, true) => "??".to_owned(),
        (false, false) => output.verdict(false, "NO"),
    }
}

fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    }
}

fn said(reach: &Reach) -> String {
    match reach {
        Reach::Local => "this machine only".to_owned(),
        Reach::NoAddress => "no address of this family on both sides".to_owned(),
        Reach::Firewall(_, Verdict::Reachable { provided }) if provided.is_empty() => "reachable".to_owned(),
        Reach::Firewall(_, Verdict::Reachable { provided }) => {
            format!("reachable, as long as nobody uses up: {}", provided.join("; "))
        }
        Reach::Firewall(_, Verdict::Unknown { because }) => format!("unknown, because of: {because}"),
        Reach::Firewall(_, Verdict::Blocked { rule, how, or }) => {
            let or = if or.is_empty() {
                String::new()
            } else {
                format!(" (or {} more that may be first)", or.len())
            };
            format!("BLOCKED: {} by {}{or}", how_text(how), place(rule))
        }
    }
}

fn how_text(how: &How) -> String {
    match how {
        How::Dropped => "dropped".to_owned(),
        How::Rejected(with) => format!("rejected ({with})"),
        How::Reset => "rejected (TCP reset)".to_owned(),
        How::Elsewhere(to) => format!("handed on to {to}"),
    }
}

fn place(rule: &DecidingRule) -> String {
    let source = source(rule.source);
    let at = format!("{source} {} {} {}", rule.family, rule.table, rule.chain);
    let handle = rule.handle.map(|handle| format!(", handle {handle}")).unwrap_or_default();
    match rule.number {
        Some(number) => format!("rule {number} of {at}{handle}: {}", rule.text),
        None => format!("the policy of {at}"),
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Nftables => "nft",
        Source::IptablesNft => "iptables",
        Source::IptablesLegacy => "iptables-legacy",
    }
}

fn document(report: &Report, from: Option<&str>) -> Value {
    json!({
        "from": from,
        "listens": report.listens.iter().map(listen).collect::<Vec<_>>(),
        "unread": report.unread,
        "boot": report.boot.as_ref().map(|boot| json!({
            "from": boot.from, "asleep": boot.asleep, "unread": boot.unread,
        })),
    })
}

fn listen(one: &Listen) -> Value {
    json!({
        "address": one.address.to_string(),
        "transport": transport(one.transport),
        "listening": one.held,
        "now": reach_document(&one.now),
        "after_boot": one.after_boot.as_ref().map(reach_document),
    })
}

fn reach_document(reach: &Reach) -> Value {
    match reach {
        Reach::Local => json!({ "verdict": "local" }),
        Reach::NoAddress => json!({ "verdict": "no-address" }),
        Reach::Firewall(address, verdict) => {
            let mut document = match verdict {
                Verdict::Reachable { provided } => json!({ "verdict": "reachable", "provided": provided }),
                Verdict::Unknown { because } => json!({ "verdict": "unknown", "because": because }),
                Verdict::Blocked { rule, how, or } => json!({
                    "verdict": "blocked", "how": how_text(how), "rule": rule_document(rule),
                    "or": or.iter().map(rule_document).collect::<Vec<_>>(),
                }),
            };
            document["address"] = json!(address);
            document
        }
    }
}

fn rule_document(rule: &DecidingRule) -> Value {
    json!({
        "source": source(rule.source), "family": rule.family, "table": rule.table, "chain": rule.chain,
        "handle": rule.handle, "number": rule.number, "text": rule.text,
    })
}
