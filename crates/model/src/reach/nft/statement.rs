//! What a rule does.

use serde_json::Value as Json;

use super::super::fields::{Ct, Field, Kind};
use super::super::ruleset::{ChainRef, Expr, Family, Match, Op, Right, SetRef, Statement, Verdict};
use super::super::value::{Element, Item, Set};
use super::super::{How, text};
use super::{Scope, constant, expression};

impl Scope<'_> {
    /// Reads one statement; those that neither look nor do are left out.
    pub(super) fn statement(&self, json: &Json, into: &mut Vec<Statement>) {
        let Some((name, body)) = json.as_object().and_then(|object| object.iter().next()) else {
            into.push(Statement::Opaque(text::statement(json)));
            return;
        };
        let shown = || text::statement(json);
        match name.as_str() {
            "match" => self.comparison(body, json, into),
            "vmap" => into.push(self.vmap(body).unwrap_or_else(|| Statement::OpaqueVerdict(shown()))),
            "limit" | "quota" | "ct count" => into.push(self.load(name, body, json)),
            "counter" | "log" | "last" | "comment" | "ct helper" | "ct timeout" | "ct expectation"
            | "secmark" | "dup" => {}
            "notrack" => into.push(Statement::Notrack),
            "mangle" => self.mangle(body, json, into),
            "dnat" | "redirect" => into.extend(self.dnat(body, name == "redirect")),
            "snat" | "masquerade" => into.push(Statement::Snat),
            "set" | "map" => into.extend(self.update(body, json)),
            "meter" => into.push(meter(body, json)),
            "reject" => {
                into.extend(reject_needs(body));
                into.push(Statement::Verdict(reject(body)));
            }
            "xt" => into.extend(xt(body, json)),
            "queue" | "fwd" | "tproxy" | "synproxy" => into.push(Statement::OpaqueVerdict(shown())),
            "flow" => {}
            _ => match verdict(json) {
                Some(Verdict::Continue) => {}
                Some(verdict) => into.push(Statement::Verdict(verdict)),
                None => into.push(Statement::Opaque(shown())),
            },
        }
    }

    fn comparison(&self, body: &Json, whole: &Json, into: &mut Vec<Statement>) {
        let (Some(left), Some(right)) = (body.get("left"), body.get("right")) else {
            into.push(Statement::Opaque(text::statement(whole)));
            return;
        };
        let mut left = self.expression(left);
        // `fib … oif missing`
        if let (Expr::Field(Field::FibInterface { exists, .. }), Json::Bool(_)) = (&mut left, right) {
            *exists = true;
        }
        let kinds = expression::kinds_of(&left);
        let one = kinds.first().copied().unwrap_or(Kind::Number);
        let several = right.is_array();
        let op = match body.get("op").and_then(Json::as_str).unwrap_or("==") {
            "!=" => Op::IsNot,
            "<" => Op::Less,
            ">" => Op::More,
            "<=" => Op::AtMost,
            ">=" => Op::AtLeast,
            "in" => Op::AnyBit,
            "!" => Op::NoBit,
            _ if several && is_bits(one) => Op::AnyBit,
            _ => Op::Is,
        };
        let right = match op {
            Op::Is | Op::IsNot => self
                .set(right, &kinds, None)
                .map_or_else(|| Right::Set(single(constant::items(right, &kinds))), Right::Set),
            _ => constant::number(right, one).map_or(Right::Opaque, Right::Number),
        };
        into.push(Statement::Match(Match { left, op, right, text: text::statement(whole) }));
    }

    fn vmap(&self, body: &Json) -> Option<Statement> {
        let key = self.expression(body.get("key")?);
        let kinds = expression::kinds_of(&key);
        let map = self.set(body.get("data")?, &kinds, Some(&constant::DataKind::Verdict))?;
        Some(Statement::Vmap { key, map })
    }

    fn load(&self, name: &str, body: &Json, whole: &Json) -> Statement {
        let shown = text::statement(whole);
        let object = match body {
            Json::String(object) => {
                let key = (name.to_owned(), object.clone());
                match self.table().and_then(|table| table.objects.get(&key)) {
                    Some(object) => object,
                    None => return Statement::Opaque(shown),
                }
            }
            other => other,
        };
        match natural(name, object) {
            Some(natural) => Statement::Load { text: shown, natural },
            None => Statement::Opaque(shown),
        }
    }

    fn mangle(&self, body: &Json, whole: &Json, into: &mut Vec<Statement>) {
        let (Some(key), Some(value)) = (body.get("key"), body.get("value")) else {
            into.push(Statement::Rewrite(text::statement(whole)));
            return;
        };
        let statement = match self.expression(key) {
            Expr::Field(Field::Mark) => {
                Statement::SetMark { connection: false, value: self.value(value, Kind::Number) }
            }
            Expr::Field(Field::Ct(Ct::Mark)) => {
                Statement::SetMark { connection: true, value: self.value(value, Kind::Number) }
            }
            // Where it is queued, how it is coloured and how large it may be does not stop it.
            _ if harmless(key) => return,
            _ => Statement::Rewrite(text::statement(whole)),
        };
        into.push(statement);
    }

    fn dnat(&self, body: &Json, redirect: bool) -> Vec<Statement> {
        let family = match body.get("family").and_then(Json::as_str) {
            Some("ip") => Some(Family::V4),
            Some("ip6") => Some(Family::V6),
            _ => None,
        };
        let kind = |json: &Json| expression::kind_by_form(json);
        let to = body.get("addr").map(|addr| match addr {
            Json::Object(object) if object.contains_key("map") => self.expression(addr),
            Json::Object(object) if object.contains_key("concat") => Expr::Constant(vec![Item::Opaque]),
            _ => Expr::Constant(vec![constant::item(addr, kind(addr))]),
        });
        let port = body.get("port").map(|port| match port {
            Json::Object(object) if object.contains_key("map") => self.expression(port),
            _ => Expr::Constant(vec![constant::item(port, Kind::Number)]),
        });
        vec![Statement::Dnat { redirect, to, port, family }]
    }

    fn update(&self, body: &Json, whole: &Json) -> Vec<Statement> {
        let opaque = || vec![Statement::Opaque(text::statement(whole))];
        let (Some(element), Some(set)) = (body.get("elem"), body.get("set").or_else(|| body.get("map")))
        else {
            return opaque();
        };
        let (key, _) = constant::unwrap_element(element);
        let Some(set) = self.set(set, &[], None) else { return opaque() };
        let load = body.get("stmt").and_then(Json::as_array).and_then(|all| all.iter().find_map(load_of));
        let delete = body.get("op").and_then(Json::as_str) == Some("delete");
        vec![Statement::Update { delete, key: self.expression(key), set, load }]
    }
}

fn single(items: Vec<Item>) -> SetRef {
    SetRef::own(Set::new(vec![Element { key: items, load: None, data: None }], false))
}

fn is_bits(kind: Kind) -> bool {
    use super::super::symbols::{CT_STATES, CT_STATUSES, TCP_FLAGS};
    matches!(kind, Kind::Word(words) if words == CT_STATES || words == CT_STATUSES || words == TCP_FLAGS)
}

/// What a single, unhurried connection sees of a limit; `None` when that is not known either.
fn natural(name: &str, body: &Json) -> Option<bool> {
    let over = body.get("inv").and_then(Json::as_bool).unwrap_or_default();
    let number = |key: &str| body.get(key).and_then(Json::as_u64);
    match name {
        "limit" => Some(!over),
        "ct count" => Some((1 > number("val")?) == over),
        "quota" => {
            let size = number("bytes").or_else(|| {
                let unit = match body.get("val_unit").and_then(Json::as_str) {
                    Some("kbytes") => 1 << 10,
                    Some("mbytes") => 1 << 20,
                    Some("bytes") | None => 1,
                    _ => return None,
                };
                number("val")?.checked_mul(unit)
            })?;
            Some((number("used").unwrap_or_default() > size) == over)
        }
        _ => None,
    }
}

/// The limit that an element carries.
pub(super) fn load_of(json: &Json) -> Option<(String, bool)> {
    let object = json.as_object()?;
    ["limit", "quota", "ct count"].iter().find_map(|name| {
        let body = object.get(*name)?;
        let shown = text::statement(&serde_json::json!({ *name: body }));
        Some((shown, natural(name, body)?))
    })
}

fn meter(body: &Json, whole: &Json) -> Statement {
    match body.get("stmt").and_then(load_of) {
        Some((text, natural)) => Statement::Load { text, natural },
        None => Statement::Opaque(text::statement(whole)),
    }
}

fn harmless(key: &Json) -> bool {
    if let Some(meta) = key.get("meta") {
        let name = meta.get("key").and_then(Json::as_str).unwrap_or_default();
        return matches!(name, "priority" | "nftrace" | "secmark");
    }
    if let Some(payload) = key.get("payload") {
        let field = payload.get("field").and_then(Json::as_str).unwrap_or_default();
        return matches!(field, "dscp" | "ecn");
    }
    key.get("tcp option").and_then(|option| option.get("name")).and_then(Json::as_str) == Some("maxseg")
        || key
            .get("ct")
            .and_then(|ct| ct.get("key"))
            .and_then(Json::as_str)
            .is_some_and(|key| matches!(key, "label" | "secmark" | "event"))
}

/// What iptables has and nft does not know. Some of it neither stops nor changes anything.
fn xt(body: &Json, whole: &Json) -> Option<Statement> {
    let name = body.get("name").and_then(Json::as_str).unwrap_or_default();
    if matches!(name, "comment" | "LOG" | "NFLOG" | "TRACE" | "AUDIT" | "CHECKSUM" | "TCPMSS") {
        return None;
    }
    if body.get("type").and_then(Json::as_str) == Some("target") {
        return Some(Statement::OpaqueVerdict(text::statement(whole)));
    }
    Some(Statement::Opaque(text::statement(whole)))
}

/// A verdict, as a statement or as the data of a map.
pub(super) fn verdict(json: &Json) -> Option<Verdict> {
    let (name, body) = json.as_object()?.iter().next()?;
    let target = || Some(ChainRef(body.get("target")?.as_str()?.into()));
    Some(match name.as_str() {
        "accept" => Verdict::Accept,
        "drop" => Verdict::Drop,
        "return" => Verdict::Return,
        "continue" => Verdict::Continue,
        "jump" => Verdict::Jump(target()?),
        "goto" => Verdict::Goto(target()?),
        "reject" => reject(body),
        _ => return None,
    })
}

fn reject(body: &Json) -> Verdict {
    let what = body.get("expr").and_then(Json::as_str);
    Verdict::Reject(match body.get("type").and_then(Json::as_str) {
        Some("tcp reset") => How::Reset,
        _ => How::Rejected(what.unwrap_or("port-unreachable").to_owned()),
    })
}

/// A refusal that only one family or TCP knows implies it; nft leaves the test out when it prints the rule.
fn reject_needs(body: &Json) -> Option<Statement> {
    let (field, number) = match body.get("type").and_then(Json::as_str)? {
        "icmp" => (Field::NfProto, 2),
        "icmpv6" => (Field::NfProto, 10),
        "tcp reset" => (Field::Protocol(None), 6),
        _ => return None,
    };
    Some(Statement::Match(Match {
        left: Expr::Field(field),
        op: Op::Is,
        right: Right::Set(single(vec![Item::Range(number, number)])),
        text: "what reject implies".to_owned(),
    }))
}
