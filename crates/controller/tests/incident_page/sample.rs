//! An incident as it could have been: the standby behind a firewall.

use evenkeel_fleet::postmortem::incident::*;
use evenkeel_fleet::postmortem::{Claim, Moment, Task};
use evenkeel_fleet::watch::{ProbeId, VantageId};
use evenkeel_fleet::{HostId, Sequence, Span, Timestamp};

const START: u64 = 1_763_719_200_000;

fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(START + second * 1_000)
}

fn rests(text: &str, on: &[u64]) -> Claim {
    Claim::Rests { text: text.to_owned(), on: on.iter().copied().map(Sequence).collect() }
}

fn host(name: &str) -> HostId {
    HostId::new(name).unwrap()
}

fn strip(host_name: &str, vantage: &str, down: Option<(u64, u64, &str)>) -> Strip {
    let stretch = |from, until, seen| Stretch { from: at(from), until: at(until), seen };
    let stretches = match down {
        Some((from, until, class)) => vec![
            stretch(0, from, Seen::Up),
            stretch(from, until, Seen::Down(class.to_owned())),
            stretch(until, 400, Seen::Up),
        ],
        None => vec![stretch(0, 380, Seen::Up), stretch(380, 400, Seen::Unknown)],
    };
    Strip {
        probe: ProbeId("shop".to_owned()),
        host: host(host_name),
        vantage: VantageId(vantage.to_owned()),
        stretches,
    }
}

fn met(vantage: &str, failed: Option<u64>) -> Met {
    Met {
        probe: ProbeId("shop".to_owned()),
        host: host("standby"),
        vantage: VantageId(vantage.to_owned()),
        down: Span::from_secs(140),
        failed,
        how: vec!["rejected".to_owned()],
    }
}

fn mark(second: u64, kind: MarkKind, what: &str, entry: u64) -> Mark {
    Mark { at: at(second), kind, what: what.to_owned(), entry: Sequence(entry) }
}

pub(crate) fn review() -> Review {
    let moment =
        |second, what: &str, entry| Moment { at: at(second), what: what.to_owned(), entry: Sequence(entry) };
    let gate = |name: &str, verdict, said: &str| Gate {
        name: name.to_owned(),
        verdict,
        said: said.to_owned(),
        took: Some(Span::from_millis(140)),
    };
    Review {
        id: "i7".to_owned(),
        title: "the shop is refused at the standby".to_owned(),
        severity: "critical".to_owned(),
        hosts: vec![host("standby"), host("web1")],
        times: Times {
            onset: Some(at(100)),
            detected: Some(at(104)),
            accepted: Some(at(109)),
            acknowledged: Some(at(160)),
            diagnosed: Some(at(105)),
            mitigated: Some(at(240)),
            resolved: Some(at(300)),
        },
        summary: [
            rests("For 2 min 20 s nobody reached the shop.", &[4]),
            rests("A firewall rule on the standby refuses port 80; it took over when web1 went down.", &[5]),
            rests("The rule was removed.", &[9]),
        ],
        impact: Impact {
            requests: Some(Requests { all: 9_410, failed: 6_587, clients: 311 }),
            probe_time_down: Span::from_secs(140),
            probes: vec![ProbeId("shop".to_owned())],
            vantages: vec![met("client1", Some(70)), met("client2", None)],
            claim: rests("every probe of the shop failed for 2 min 20 s", &[4]),
        },
        strips: vec![
            strip("web1", "client1", Some((100, 400, "refused"))),
            strip("standby", "client1", Some((100, 240, "rejected"))),
            strip("standby", "client2", Some((101, 240, "rejected"))),
            strip("lb", "client3", None),
        ],
        beside: vec![Beside {
            id: "i6".to_owned(),
            title: "“disk” of web1: filtered".to_owned(),
            onset: at(40),
            cause: Some("web1: a firewall drops connections to this port".to_owned()),
            rests_on: vec!["inet filter input, rule 3: tcp dport 81 drop".to_owned()],
            fix: "accept the port".to_owned(),
            on: vec![Sequence(3)],
        }],
        rate: (0..40)
            .map(|step| Rate { at: at(step * 10), all: 235, failed: if (10..24).contains(&step) { 235 } else { 0 } })
            .collect(),
        marks: vec![
            mark(98, MarkKind::Change, "an edit by hand in sites-available/default on web1", 3),
            mark(104, MarkKind::Opened, "incident i7", 4),
            mark(109, MarkKind::Alerted, "mail", 6),
            mark(160, MarkKind::Acknowledged, "on call", 7),
            mark(239, MarkKind::Action, "rule removed", 8),
            mark(300, MarkKind::Resolved, "green for a minute", 9),
        ],
        timeline: vec![
            moment(98, "sites-available/default changed on web1 by `sed -i s/^listen/#listen/`", 3),
            moment(104, "two of three vantages: shop at standby rejected (ICMP 3/13 from 10.73.0.13)", 4),
            moment(105, "diagnosis: a firewall rule on the standby <script>alert(1)</script>", 5),
            moment(109, "mail accepted the alert | after pager hung", 6),
            moment(160, "on call took it on", 7),
            moment(239, "nft delete rule inet filter input handle 12", 8),
            moment(300, "green for a minute", 9),
        ],
        change: Some(Change {
            at: at(98),
            what: "drift in sites-available/default on web1".to_owned(),
            by: "an edit by hand".to_owned(),
            bundles: None,
            diff: "--- a/sites-available/default\n+++ b/sites-available/default\n-    listen 80;\n+    #listen 80;\n```\n# not a heading\n".to_owned(),
            meaning: vec!["GET /* on shop.test:80 is answered by another server".to_owned()],
            elsewhere: vec![host("web2")],
            on: vec![Sequence(3)],
        }),
        causes: vec![Cause {
            what: "firewall rule inet filter input 12 refuses port 80 on the standby".to_owned(),
            confidence: "confident".to_owned(),
            rests_on: vec!["ICMP 3/13 from the host itself".to_owned(), "the rule set says so".to_owned()],
            against: vec![],
            fix: "nft delete rule inet filter input handle 12, and in /etc/nftables.conf".to_owned(),
            named_at: Some(at(105)),
            on: vec![Sequence(5)],
        }],
        misleading: vec![Misleading {
            what: "nginx is down on the standby".to_owned(),
            because: "it listens on port 80, and answers from itself".to_owned(),
            cost: Some(Span::from_secs(30)),
            on: vec![Sequence(7)],
        }],
        detection: Detection {
            by: rests("probe shop, from client1 and client2, 4 s after onset", &[4]),
            gaps: vec!["the standby was asked for the first time when it was needed".to_owned()],
        },
        counterfactual: vec![
            gate("check", Verdict::Passes, "no finding"),
            gate("diff", Verdict::Tells, "GET / on shop.test changes its server"),
            gate("rehearse", Verdict::Stops, "the standby refuses connections"),
            Gate { name: "test".to_owned(), verdict: Verdict::NotAsked, said: "no routes.toml".to_owned(), took: None },
        ],
        items: vec![
            Item {
                task: Task {
                    what: "open 80/tcp on the standby, at run time and after a boot".to_owned(),
                    because: "the rule refused everybody".to_owned(),
                    on: vec![Sequence(5)],
                },
                owner: Some("operations".to_owned()),
                due: Some(at(86_400)),
                closed_by: None,
            },
            Item {
                task: Task {
                    what: "probe the standby by address".to_owned(),
                    because: "nobody knew".to_owned(),
                    on: vec![],
                },
                owner: None,
                due: None,
                closed_by: Some("release r8".to_owned()),
            },
        ],
        earlier: vec![Earlier {
            id: "i3".to_owned(),
            title: "wrong upstream".to_owned(),
            times: Times { onset: Some(at(0)), detected: Some(at(600)), ..Times::default() },
        }],
        coffees: vec![Coffee { to: "whoever was on call".to_owned(), cups: 1, why: "woken at 3".to_owned() }],
        cautions: vec!["the clock of client2 jumped by 4 s".to_owned()],
    }
}
