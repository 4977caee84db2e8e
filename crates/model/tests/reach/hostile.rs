//! Dumps that no honest program prints: each is answered, soon, with a verdict or an error.

use std::time::{Duration, Instant};

use evenkeel_model::reach::{Client, Dumps, Firewall, Host, ReadError, Target, Transport, Verdict};
use serde_json::{Value, json};

fn ask(firewall: &Firewall, port: u16) -> Verdict {
    let target = Target { address: None, v6: false, everywhere: true, port, transport: Transport::Tcp };
    firewall.verdict(&Host::default(), &target, &Client::default())
}

fn read(dump: &Value) -> Firewall {
    let dump = dump.to_string();
    Firewall::read(&Dumps { nft: Some(dump.as_bytes()), ..Dumps::default() }).unwrap()
}

fn chain(name: &str, base: bool) -> Value {
    let mut chain = json!({"family": "inet", "table": "t", "name": name, "handle": 1});
    if base {
        for (key, value) in [
            ("type", json!("filter")),
            ("hook", json!("input")),
            ("prio", json!(0)),
            ("policy", json!("accept")),
        ] {
            chain[key] = value;
        }
    }
    json!({ "chain": chain })
}

fn rule(chain: &str, expressions: &Value) -> Value {
    json!({"rule": {"family": "inet", "table": "t", "chain": chain, "handle": 7, "expr": expressions}})
}

fn because(verdict: Verdict) -> String {
    match verdict {
        Verdict::Unknown { because } => because,
        other => panic!("{other:?}"),
    }
}

#[test]
fn circles_of_jumps_and_gotos_end() {
    for how in ["jump", "goto"] {
        let firewall = read(&json!({"nftables": [
            chain("in", true), chain("a", false), chain("b", false),
            rule("in", &json!([{ how: {"target": "a"} }])),
            rule("a", &json!([{ how: {"target": "b"} }])),
            rule("b", &json!([{ how: {"target": "a"} }])),
        ]}));
        let begin = Instant::now();
        assert!(because(ask(&firewall, 80)).contains(if how == "jump" { "jumps" } else { "more rules" }));
        assert!(begin.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn table_that_is_asleep_stops_nothing_and_one_that_may_be_is_unknown() {
    let mut input = chain("in", true);
    input["chain"]["policy"] = json!("drop");
    let table = |flags: Value| json!({"nftables": [{"table": {"family": "inet", "name": "t", "flags": flags}}, input]});
    assert_eq!(ask(&read(&table(json!(["dormant"]))), 80), Verdict::Reachable { provided: Vec::new() });
    assert!(because(ask(&read(&table(json!("rubbish"))), 80)).contains("flags of table inet t"));
    let dump = table(json!("rubbish")).to_string();
    let words = b"table inet t {\n\tflags dormant\n}\n";
    let both = Dumps { nft: Some(dump.as_bytes()), words: Some(words), ..Dumps::default() };
    assert_eq!(ask(&Firewall::read(&both).unwrap(), 80), Verdict::Reachable { provided: Vec::new() });
}

#[test]
fn jump_to_a_chain_that_is_missing_is_unknown() {
    let firewall =
        read(&json!({"nftables": [chain("in", true), rule("in", &json!([{"jump": {"target": "gone"}}]))]}));
    assert!(because(ask(&firewall, 80)).contains("gone"));
}

#[test]
fn set_that_is_missing_is_unknown_only_where_it_matters() {
    let look = json!({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@gone"}});
    let port = |port: u16| json!({"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": port}});
    let firewall = read(&json!({"nftables": [
        chain("in", true), rule("in", &json!([port(80), look, {"drop": null}])),
    ]}));
    assert!(because(ask(&firewall, 80)).contains("@gone"));
    assert_eq!(ask(&firewall, 443), Verdict::Reachable { provided: Vec::new() });
}

#[test]
fn questions_without_end_are_given_up() {
    let doubt = json!({"match": {"op": "==", "left": {"meta": {"key": "cpu"}}, "right": 0}});
    let mut all = vec![chain("in", true)];
    for mark in 0..64 {
        all.push(rule("in", &json!([doubt, {"mangle": {"key": {"meta": {"key": "mark"}}, "value": mark}}])));
    }
    all.push(rule(
        "in",
        &json!([{"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 63}}, {"drop": null}]),
    ));
    let begin = Instant::now();
    assert!(because(ask(&read(&json!({ "nftables": all })), 80)).contains("meta cpu"));
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn gigantic_set_is_searched_fast() {
    let elements: Vec<Value> = (0..300_000_u32)
        .map(|number| json!({"prefix": {"addr": std::net::Ipv4Addr::from(0x0100_0000 + number * 4096).to_string(), "len": 24}}))
        .collect();
    let look = json!({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@s"}});
    let firewall = read(&json!({"nftables": [
        {"set": {"family": "inet", "name": "s", "table": "t", "type": "ipv4_addr", "flags": ["interval"], "elem": elements}},
        chain("in", true), rule("in", &json!([look, {"drop": null}])),
    ]}));
    let from = |address: &str| {
        let target =
            Target { address: None, v6: false, everywhere: true, port: 80, transport: Transport::Tcp };
        let client = Client { address: Some(address.parse().unwrap()), interface: None };
        matches!(firewall.verdict(&Host::default(), &target, &client), Verdict::Blocked { .. })
    };
    let begin = Instant::now();
    assert!((0..1000).all(|_| from("1.0.16.9") && !from("1.0.17.9")));
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn what_is_no_dump_is_an_error() {
    let nft = |dump: &[u8]| Firewall::read(&Dumps { nft: Some(dump), ..Dumps::default() }).unwrap_err();
    assert!(matches!(nft(b""), ReadError::Json(_)));
    assert!(matches!(nft(b"{\"nftables\": [{\"chain\": {\"fam"), ReadError::Json(_)));
    assert!(matches!(nft("[".repeat(1_000_000).as_bytes()), ReadError::Json(_)));
    assert_eq!(nft(b"{}"), ReadError::NotNft);
    let saved = |dump: &[u8]| Firewall::read(&Dumps { iptables: Some(dump), ..Dumps::default() });
    assert!(matches!(saved(b"\xff\x00garbage").unwrap_err(), ReadError::NotIptables(_)));
    assert!(
        saved(
            b"*filter\n:INPUT DROP [0:0]\n-A\n-A INPUT -m\n-A INPUT -p\n-A INPUT --dport \"80\n-A INPUT ! \n"
        )
        .is_err()
    );
}

/// Cuts and small damages of a real shape: never a panic, whatever the answer.
#[test]
fn damaged_dumps_are_answered() {
    let good = json!({"nftables": [
        {"set": {"family": "inet", "name": "s", "table": "t", "type": ["ipv4_addr", "inet_service"], "elem": [{"concat": ["10.0.0.1", 80]}]}},
        {"map": {"family": "inet", "name": "m", "table": "t", "type": "inet_service", "map": "verdict", "elem": [[80, {"drop": null}]]}},
        chain("in", true), chain("a", false),
        rule("in", &json!([{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}}, {"accept": null}])),
        rule("in", &json!([{"vmap": {"key": {"payload": {"protocol": "tcp", "field": "dport"}}, "data": "@m"}}])),
        rule("in", &json!([{"match": {"op": "==", "left": {"concat": [{"payload": {"protocol": "ip", "field": "saddr"}}, {"payload": {"protocol": "tcp", "field": "dport"}}]}, "right": "@s"}}, {"jump": {"target": "a"}}])),
        rule("a", &json!([{"match": {"op": "==", "left": {"&": [{"payload": {"protocol": "tcp", "field": "flags"}}, ["syn", "ack"]]}, "right": "syn"}}, {"limit": {"rate": 1, "per": "second"}}, {"reject": {"type": "icmp", "expr": "port-unreachable"}}])),
    ]})
    .to_string();
    let mut rng = fastrand::Rng::with_seed(5);
    let mut read = 0;
    for _ in 0..4000 {
        let mut bytes = good.clone().into_bytes();
        for _ in 0..rng.usize(1..4) {
            let at = rng.usize(0..bytes.len());
            bytes[at] = *b"\"{}[]:,0159aetx\0\xff".get(rng.usize(0..17)).unwrap();
        }
        if let Ok(firewall) = Firewall::read(&Dumps { nft: Some(&bytes), ..Dumps::default() }) {
            read += 1;
            let _any = ask(&firewall, 80);
        }
        let text =
            String::from_utf8_lossy(&bytes).replace(',', " -").replace('{', "\n-A ").replace('}', "\n*");
        if let Ok(firewall) = Firewall::read(&Dumps { iptables: Some(text.as_bytes()), ..Dumps::default() }) {
            let _any = ask(&firewall, 80);
        }
    }
    assert!(read > 200, "only {read} of the damaged dumps could be read at all");
}
