//! What a target does.

use super::super::How;
use super::super::fields::{Ct, Field};
use super::super::ruleset::{Bits, ChainRef, Expr, Family, Statement, Verdict};
use super::super::value::Item;
use super::number::{exactly, integer, number_expr, number_of, port_range};

/// The target, and what its options said.
#[derive(Default)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) goto: bool,
    pub(super) options: Vec<(String, String)>,
}

impl Target {
    /// What it does to a packet of this family.
    pub(super) fn statements(&self, family: Family) -> Vec<Statement> {
        let target = self;
        let option = |name: &str| {
            target.options.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
        };
        let whole = || {
            let options: Vec<String> =
                target.options.iter().map(|(name, value)| format!(" {name} {value}")).collect();
            format!("-j {}{}", target.name, options.concat())
        };
        let verdict = |verdict| vec![Statement::Verdict(verdict)];
        match target.name.as_str() {
            "ACCEPT" => verdict(Verdict::Accept),
            "DROP" => verdict(Verdict::Drop),
            "RETURN" => verdict(Verdict::Return),
            "REJECT" => verdict(Verdict::Reject(rejected(option("--reject-with")))),
            "LOG" | "NFLOG" | "ULOG" | "TRACE" | "AUDIT" | "CHECKSUM" | "TCPMSS" | "CLASSIFY" | "DSCP"
            | "TOS" | "SECMARK" | "CONNSECMARK" | "RATEEST" | "IDLETIMER" => Vec::new(),
            "NOTRACK" => vec![Statement::Notrack],
            "CT" if option("--notrack").is_some() => vec![Statement::Notrack],
            "CT" if target.options.iter().all(|(name, _)| name == "--helper" || name == "--ctevents") => {
                Vec::new()
            }
            "MARK" | "CONNMARK" => {
                mark_target(target.name == "CONNMARK", option("--set-xmark"), &target.options)
                    .map_or_else(|| vec![Statement::Rewrite(whole())], |statement| vec![statement])
            }
            "REDIRECT" => vec![dnat(family, true, None, option("--to-ports"))],
            "DNAT" => match option("--to-destination").and_then(|to| destination(family, to)) {
                Some((address, port)) => vec![dnat(family, false, address, port)],
                None => vec![Statement::OpaqueVerdict(whole())],
            },
            "SNAT" | "MASQUERADE" => vec![Statement::Snat],
            // A set that grows by packets: what is looked up later in it is what it was.
            "SET" => vec![Statement::Rewrite(whole())],
            name if name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit()) && is_known(name) => {
                vec![Statement::OpaqueVerdict(whole())]
            }
            name => {
                let to = ChainRef(name.into());
                verdict(if target.goto { Verdict::Goto(to) } else { Verdict::Jump(to) })
            }
        }
    }
}

fn dnat(family: Family, redirect: bool, address: Option<u128>, port: Option<&str>) -> Statement {
    let port =
        port.map(|port| Expr::Constant(vec![port_range(&port.replace('-', ":")).unwrap_or(Item::Opaque)]));
    let to = address.map(|address| Expr::Constant(vec![exactly(address)]));
    Statement::Dnat { redirect, to, port, family: Some(family) }
}

/// `10.0.0.1:80`, `10.0.0.1`, `:80`, `[fd00::1]:80`
fn destination(family: Family, value: &str) -> Option<(Option<u128>, Option<&str>)> {
    if let Some(rest) = value.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        return Some((Some(number_of(family, address)?), rest.strip_prefix(':')));
    }
    if family == Family::V6 {
        return Some((Some(number_of(family, value)?), None));
    }
    let (address, port) =
        value.split_once(':').map_or((value, None), |(address, port)| (address, Some(port)));
    let address = if address.is_empty() { None } else { Some(number_of(family, address)?) };
    Some((address, port))
}

/// Targets that are programs' own, not chains.
fn is_known(name: &str) -> bool {
    const TARGETS: &[&str] = &[
        "QUEUE",
        "NFQUEUE",
        "TPROXY",
        "SYNPROXY",
        "TEE",
        "NETMAP",
        "CLUSTERIP",
        "HL",
        "TTL",
        "ECN",
        "TCPOPTSTRIP",
        "HMARK",
        "LED",
        "NAT",
        "CT",
        "DNPT",
        "SNPT",
        "MIRROR",
        "TARPIT",
        "STEAL",
        "DELUDE",
        "CHAOS",
    ];
    TARGETS.contains(&name)
}

fn rejected(with: Option<&str>) -> How {
    let what = with.unwrap_or("icmp-port-unreachable");
    if what == "tcp-reset" {
        return How::Reset;
    }
    let plain = what.trim_start_matches("icmp6-").trim_start_matches("icmp-");
    How::Rejected(
        match plain {
            "port-unreach" => "port-unreachable",
            "adm-prohibited" => "admin-prohibited",
            other => other,
        }
        .to_owned(),
    )
}

/// `--set-xmark value/mask`: the bits of the mask are cleared, then the value is xored in; the saved and restored marks
/// only as a whole.
fn mark_target(connection: bool, set: Option<&str>, options: &[(String, String)]) -> Option<Statement> {
    const ALL: u128 = 0xffff_ffff;
    let own = || if connection { Field::Ct(Ct::Mark) } else { Field::Mark };
    if let Some(value) = set {
        let (value, mask) = value.split_once('/').unwrap_or((value, "0xffffffff"));
        let (value, mask) = (integer(value)?, integer(mask)?);
        let kept = Expr::Bits(Bits::And, Box::new(Expr::Field(own())), Box::new(number_expr(ALL & !mask)));
        let value = if mask == ALL {
            number_expr(value)
        } else {
            Expr::Bits(Bits::Xor, Box::new(kept), Box::new(number_expr(value)))
        };
        return Some(Statement::SetMark { connection, value });
    }
    let whole =
        options.iter().filter(|(name, _)| name.ends_with("mask")).all(|(_, mask)| integer(mask) == Some(ALL));
    let has = |wanted: &str| options.iter().any(|(name, _)| name == wanted);
    match (whole, has("--save-mark"), has("--restore-mark")) {
        (true, true, false) => Some(Statement::SetMark { connection: true, value: Expr::Field(Field::Mark) }),
        (true, false, true) => {
            Some(Statement::SetMark { connection: false, value: Expr::Field(Field::Ct(Ct::Mark)) })
        }
        _ => None,
    }
}
