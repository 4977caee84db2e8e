//! What the document of an incident says, and what it does not say.

use super::*;
use crate::journal::{
    Alert, AlertKind, AlertStep, Author, By, Cause as Named, Clue, Drift, DriftChange, DriftEnd, DriftHow,
    DriftStage, Finding, Health, Incident, KnownBy, NoteKind, Replay, Seen as Saw, Source, Started,
    Transition,
};
use crate::testing::{R1, anna, at, host};
use crate::{AlertId, IncidentId};

const I1: IncidentId = IncidentId(1);
const R1_BUNDLE: BundleId = BundleId([7; 32]);

struct Journal(Vec<Event>);

impl Journal {
    fn new() -> Self {
        let mut journal = Self(Vec::new());
        journal.say(
            0,
            What::Watch(Saw::Begun { version: "1".to_owned(), probes: 1, vantages: vec![vantage("v1")] }),
        );
        journal.turn(1, "v1", Health::Up);
        journal.turn(1, "v2", Health::Up);
        journal
    }

    fn say(&mut self, second: u64, what: What) {
        self.0.push(Event { at: at(second), what });
    }

    fn turn(&mut self, second: u64, from: &str, health: Health) {
        let (probe, took) = (ProbeId("shop".to_owned()), Span::from_millis(3));
        let turned = Transition {
            probe,
            host: host(),
            vantage: vantage(from),
            at: at(second),
            took,
            health,
            after: None,
        };
        self.say(second, What::Watch(Saw::Turned(turned)));
    }

    fn step(&mut self, second: u64, incident: IncidentId, step: IncidentStep) {
        self.say(second, What::Incident(Incident { incident, step }));
    }

    fn alert(&mut self, second: u64, step: AlertStep) {
        self.say(second, What::Alert(Alert { alert: AlertId(1), step }));
    }

    fn note(&mut self, second: u64, kind: NoteKind, text: &str) {
        self.step(second, I1, IncidentStep::Noted { who: anna(), kind, text: text.to_owned() });
    }
}

fn vantage(name: &str) -> VantageId {
    VantageId(name.to_owned())
}

fn down() -> Health {
    Health::Down { class: "status".to_owned(), says: "502".to_owned() }
}

fn clue(since: u64, source: Source) -> Clue {
    Clue {
        key: "probe/shop/web-1".to_owned(),
        source,
        host: Some(host()),
        upstream: None,
        probe: (source == Source::Probe).then(|| ProbeId("shop".to_owned())),
        class: Some("status".to_owned()),
        says: "shop answers 502".to_owned(),
        details: Vec::new(),
        since: at(since),
        severity: Severity::Critical,
    }
}

fn opened(since: u64, source: Source) -> IncidentStep {
    IncidentStep::Opened { title: "the shop answers 502".to_owned(), clue: clue(since, source), held: None }
}

fn finding(confident: bool, name: &str) -> IncidentStep {
    let cause = Named {
        name: name.to_owned(),
        says: "the upstream's port was changed".to_owned(),
        rests_on: vec!["connect() failed (111)".to_owned()],
        against: Vec::new(),
        check: "diff".to_owned(),
        fix: "evenkeel rollback".to_owned(),
        ..Named::default()
    };
    let finding = Finding {
        says: "the upstream's port was changed".to_owned(),
        confident,
        causes: vec![cause],
        ruled_out: vec!["the application is down: it answers on its own port".to_owned()],
        missing: Vec::new(),
    };
    IncidentStep::Diagnosed { finding }
}

fn created() -> AlertStep {
    AlertStep::Created {
        incident: I1,
        kind: AlertKind::Opened,
        severity: Severity::Critical,
        title: "the shop answers 502".to_owned(),
        lines: Vec::new(),
        channels: vec!["pager".to_owned()],
    }
}

/// Begins at 100, is known at 104, told at 130 by mail, taken on at 200, over at 300.
fn outage() -> Journal {
    let mut journal = Journal::new();
    journal.turn(100, "v1", down());
    journal.turn(101, "v2", down());
    journal.step(104, I1, opened(100, Source::Probe));
    journal.alert(104, created());
    journal.step(105, I1, finding(true, "upstream-port"));
    let why = "did not answer in 10 s".to_owned();
    journal.alert(125, AlertStep::Diverted { from: "pager".to_owned(), to: "mail".to_owned(), why });
    journal.alert(
        130,
        AlertStep::Accepted { channel: "mail".to_owned(), attempt: 1, receipt: "250".to_owned() },
    );
    journal.step(200, I1, IncidentStep::Acked { who: anna() });
    journal.note(210, NoteKind::Suspect, "the database");
    journal.note(250, NoteKind::RuledOut, "it answers in 2 ms");
    journal.note(280, NoteKind::Action, "put port 8080 back");
    journal.turn(290, "v1", Health::Up);
    journal.turn(291, "v2", Health::Up);
    journal.step(295, I1, IncidentStep::Mitigated { at: at(291) });
    journal.step(300, I1, IncidentStep::Resolved { by: By::Policy, why: "green for 9 s".to_owned() });
    journal
}

fn written(journal: &Journal) -> Review {
    review(&journal.0, I1, &|_| false).expect("there is such an incident")
}

#[test]
fn moments_are_those_of_the_journal() {
    let it = written(&outage());
    let durations = it.times.durations();
    assert_eq!(durations.to_detect, Some(Span::from_secs(4)));
    assert_eq!(durations.alert_delay, Some(Span::from_secs(26)));
    assert_eq!(durations.to_acknowledge, Some(Span::from_secs(96)));
    assert_eq!(durations.to_diagnose, Some(Span::ZERO), "it was named before anybody came");
    assert_eq!(durations.to_mitigate, Some(Span::from_secs(191)));
    assert_eq!(durations.to_repair, Some(Span::from_secs(200)));
}

#[test]
fn strips_show_what_each_vantage_saw_and_time_down_counts_it_once() {
    let it = written(&outage());
    assert_eq!(it.strips.len(), 2);
    let seen: Vec<_> = it.strips[1].stretches.iter().map(|it| (it.from, it.until, it.seen.clone())).collect();
    let status = Seen::Down("status".to_owned());
    let expected = [(at(70), at(101), Seen::Up), (at(101), at(291), status), (at(291), at(330), Seen::Up)];
    assert_eq!(seen, expected);
    assert_eq!(
        it.impact.probe_time_down,
        Span::from_secs(191),
        "from the first vantage's first to the last's last"
    );
}

#[test]
fn suspicion_that_was_closed_is_told_with_what_it_cost() {
    let it = written(&outage());
    let (first, second) = (&it.misleading[0], &it.misleading[1]);
    assert_eq!((first.what.as_str(), first.because.as_str()), ("the database", "it answers in 2 ms"));
    assert_eq!(first.cost, Some(Span::from_secs(40)));
    assert_eq!((second.cost, second.because.as_str()), (None, "ruled out by the diagnosis"));
}

#[test]
fn summary_says_what_happened_why_and_what_ended_it() {
    let [happened, why, ended] = written(&outage()).summary.map(|claim| claim.to_string());
    assert_eq!(happened, "For 3 min 11 s: the shop answers 502.");
    assert_eq!(why, "the upstream's port was changed.");
    assert_eq!(ended, "put port 8080 back");
}

#[test]
fn channel_that_did_not_take_the_alert_is_a_gap_and_a_task() {
    let it = written(&outage());
    assert_eq!(it.detection.gaps, ["pager did not take the alert (did not answer in 10 s); mail had to."]);
    let tasks: Vec<&str> = it.items.iter().map(|item| item.task.what.as_str()).collect();
    assert_eq!(tasks, ["evenkeel rollback", "repair the channel pager"]);
}

#[test]
fn task_has_the_owner_the_day_and_the_end_that_people_said_last() {
    let mut journal = outage();
    let due = Timestamp::from_millis(7);
    for (task, owner, due, closed_by) in [
        ("repair the channel", Some("anna"), None, None),
        ("buy cake", Some("bert"), None, None),
        ("repair the channel pager", Some("carla"), Some(due), None),
        ("evenkeel rollback", None, None, Some("r14")),
    ] {
        let [owner, closed_by] = [owner, closed_by].map(|text: Option<&str>| text.map(str::to_owned));
        let step = IncidentStep::Tasked { who: anna(), task: task.to_owned(), owner, due, closed_by };
        journal.step(900, I1, step);
    }
    let it = written(&journal);
    let said = it
        .items
        .iter()
        .map(|item| (item.task.what.as_str(), item.owner.as_deref(), item.due, item.closed_by.as_deref()));
    let expected = [
        ("evenkeel rollback", None, None, Some("r14")),
        ("repair the channel pager", Some("carla"), Some(due), None),
        ("buy cake", Some("bert"), None, None),
    ];
    assert_eq!(said.collect::<Vec<_>>(), expected);
}

#[test]
fn cause_that_is_not_certain_is_not_told_as_if_it_were() {
    let mut journal = Journal::new();
    journal.step(104, I1, opened(100, Source::Person));
    journal.step(105, I1, finding(false, "upstream-port"));
    let it = written(&journal);
    assert_eq!(it.summary[1].to_string(), "Perhaps: the upstream's port was changed.");
    assert_eq!((it.times.diagnosed, it.change.is_none()), (None, true));
    assert!(
        matches!(it.summary[2], Claim::NotEnough { .. })
            && matches!(it.impact.claim, Claim::NotEnough { .. })
    );
    assert_eq!(it.cautions.len(), 1);
    let tasks: Vec<&str> = it.items.iter().map(|item| item.task.what.as_str()).collect();
    assert!(tasks.contains(&"name who takes an alert on") && tasks.contains(&"add a probe that sees this"));
}

#[test]
fn evidence_that_comes_back_takes_the_end_of_the_impact_away() {
    let mut journal = outage();
    journal.0.pop();
    journal.step(310, I1, IncidentStep::Evidence { clue: clue(305, Source::Probe) });
    assert_eq!(written(&journal).times.mitigated, None);
}

#[test]
fn incident_that_is_part_of_another_one_is_told_there() {
    let (two, three) = (IncidentId(2), IncidentId(3));
    let mut journal = outage();
    for (id, into) in [(two, I1), (three, two)] {
        journal.step(106, id, opened(98, Source::Drift));
        journal.step(107, id, IncidentStep::Merged { into, why: "one host".to_owned() });
    }
    assert_eq!(review(&journal.0, three, &|_| false), None);
    let it = written(&journal);
    assert_eq!(it.times.onset, Some(at(98)), "the first sign of any part");
    assert_eq!(incidents(&journal.0), [I1]);
}

#[test]
fn vantage_that_cannot_be_relied_upon_saw_nothing() {
    let mut journal = outage();
    let unfit =
        Saw::Vantage { vantage: vantage("v1"), at: at(99), unfit: Some("its anchor fails".to_owned()) };
    journal.0.insert(3, Event { at: at(99), what: What::Watch(unfit) });
    let it = written(&journal);
    let strip = it.strips.iter().find(|strip| strip.vantage == vantage("v1")).unwrap();
    assert!(strip.stretches.iter().all(|it| it.from < at(99) || it.seen == Seen::Unknown), "{strip:?}");
}

#[test]
fn release_that_the_diagnosis_blames_is_the_change_that_mattered() {
    let mut world = crate::testing::World::adopted();
    world.tell(10, crate::Input::Propose(crate::testing::proposal(crate::testing::OLD, crate::testing::NEW)));
    let mut journal = outage();
    let mut events = world.events;
    let mut tail = std::mem::take(&mut journal.0);
    for event in &mut tail {
        if let What::Incident(Incident { step: IncidentStep::Diagnosed { finding }, .. }) = &mut event.what {
            finding.causes[0].release = Some(R1);
        }
    }
    events.extend(tail);
    let it = review(&events, I1, &|_| true).unwrap();
    let change = it.change.unwrap();
    assert_eq!((change.what.as_str(), change.diff.as_str()), ("release r1 on web-1", "-old\n+new\n"));
    assert_eq!(change.by, "a release that says \"new cart\"", "a change has a reason and no person");
    assert_eq!((it.coffees.len(), it.coffees[0].cups), (1, 2), "whoever is woken at night is owed two");
}

#[test]
fn every_entry_that_is_named_is_one_of_the_journal() {
    let journal = outage();
    let it = written(&journal);
    let last = Sequence(journal.0.len() as u64);
    let named = it.timeline.iter().map(|moment| moment.entry).chain(it.marks.iter().map(|mark| mark.entry));
    assert!(named.chain(it.causes.iter().flat_map(|cause| cause.on.clone())).all(|entry| entry <= last));
    assert!(it.timeline.is_sorted_by_key(|moment| moment.at));
}

fn drift(second: u64, of: &str, path: &str, stage: DriftStage, author: Option<&str>) -> What {
    let author = author.map(|command| Author {
        command: command.to_owned(),
        pid: None,
        user: None,
        login: None,
        unit: None,
        above: Vec::new(),
        known_by: KnownBy::Package,
    });
    let (path, how) = (path.to_owned(), DriftHow::Changed);
    let change = DriftChange { path, how, old: None, new: None, at: at(second), author };
    What::Drift(Drift {
        host: HostId::new(of).unwrap(),
        released: R1_BUNDLE,
        stage,
        changes: vec![change],
        more: 0,
        meaning: Vec::new(),
    })
}

/// The outage, with what had drifted, and hosts of its cause.
fn drifted(hosts: &[&str]) -> Journal {
    let mut journal = Journal::new();
    journal.say(40, drift(40, "web1", "old.conf", DriftStage::Opened, None));
    journal.say(50, drift(50, "web1", "old.conf", DriftStage::Ended(DriftEnd::Undone), None));
    journal.say(97, drift(97, "db", "db.conf", DriftStage::Opened, None));
    for (second, of) in [(98, "web1"), (99, "web2")] {
        journal.say(second, drift(second, of, "shop.conf", DriftStage::Opened, None));
        journal.say(second, drift(second, of, "shop.conf", DriftStage::Updated, Some("dpkg, shop 2")));
        journal.say(second, drift(second, of, "shop.conf.dpkg-old", DriftStage::Updated, None));
    }
    journal.turn(100, "v1", down());
    journal.step(104, I1, opened(100, Source::Probe));
    let mut found = finding(true, "upstream-port");
    if let IncidentStep::Diagnosed { finding } = &mut found {
        finding.causes[0].hosts = hosts.iter().map(|host| HostId::new(host).unwrap()).collect();
    }
    journal.step(105, I1, found);
    journal.say(110, drift(110, "web2", "shop.conf", DriftStage::Updated, Some("vi shop.conf")));
    journal
}

#[test]
fn change_is_that_of_the_hosts_of_the_cause_together_and_nobody_elses() {
    let change = written(&drifted(&["web2", "web1"])).change.unwrap();
    assert_eq!(change.what, "a change that nobody released on web2 and web1: shop.conf");
    assert_eq!(change.by, "`dpkg, shop 2` (likely: known by the package manager's log)");
    assert_eq!(change.at, at(98), "when it was made first, not when somebody repaired it");
    let alone = written(&drifted(&["web1"])).change.unwrap();
    assert_eq!(alone.what, "a change that nobody released on web1: shop.conf");
}

#[test]
fn what_was_played_once_more_is_told_with_its_diff_and_with_what_the_watch_over_the_tree_knew() {
    let mut journal = drifted(&["web1"]);
    let gate = Gate { name: "check".to_owned(), verdict: Verdict::Stops, said: "no".to_owned(), took: None };
    let replay = |bundles| Replay {
        host: HostId::new("web1").unwrap(),
        bundles,
        diff: "-a\n+b\n".to_owned(),
        gates: vec![gate.clone()],
    };
    journal.step(106, I1, IncidentStep::Replayed { replay: replay(Some((R1_BUNDLE, R1_BUNDLE))) });
    // Later there is nothing left of it to play.
    journal.step(120, I1, IncidentStep::Replayed { replay: Replay { gates: Vec::new(), ..replay(None) } });
    let it = written(&journal);
    let told: Vec<(&str, Verdict)> =
        it.counterfactual.iter().map(|it| (it.name.as_str(), it.verdict)).collect();
    assert_eq!(told, [("check", Verdict::Stops), ("drift --follow", Verdict::Tells)]);
    assert!(
        it.counterfactual[1].said.contains("2 s before the first failing answer"),
        "{:?}",
        it.counterfactual
    );
    assert_eq!(it.change.unwrap().diff, "-a\n+b\n");
}

#[test]
fn start_of_an_application_is_the_change_where_the_diagnosis_blames_it() {
    let mut journal = drifted(&["web1"]);
    let mut found = finding(true, "application-says-404");
    if let IncidentStep::Diagnosed { finding } = &mut found {
        let (host, what) = (HostId::new("app1").unwrap(), "shop 1.1 was started".to_owned());
        finding.causes[0].started = vec![Started { at: at(99), host, what, by: Some("root".to_owned()) }];
    }
    journal.step(107, I1, found);
    let it = written(&journal);
    let change = it.change.unwrap();
    assert_eq!(
        (change.what.as_str(), change.by.as_str(), change.at),
        ("the start of an application on app1, beside any release", "root", at(99))
    );
    assert_eq!(change.meaning, ["app1: shop 1.1 was started"]);
    assert!(
        it.items.iter().any(|item| item.task.what.starts_with("let the application go out by a release"))
    );
}

#[test]
fn failed_requests_are_counted_from_vantage_to_vantage_where_the_journal_has_them() {
    let mut journal = Journal::new();
    let turn = |second: u64, health: Health, after: Option<u64>| {
        let (probe, took) = (ProbeId("shop".to_owned()), Span::from_millis(3));
        let turned =
            Transition { probe, host: host(), vantage: vantage("v1"), at: at(second), took, health, after };
        What::Watch(Saw::Turned(turned))
    };
    let filtered = Health::Down { class: "filtered".to_owned(), says: "filtered".to_owned() };
    journal.say(100, turn(100, down(), Some(50)));
    journal.step(104, I1, opened(100, Source::Probe));
    journal.say(110, turn(110, filtered, Some(5)));
    journal.say(120, turn(120, Health::Up, Some(4)));
    journal.step(130, I1, IncidentStep::Resolved { by: By::Policy, why: String::new() });
    let it = written(&journal);
    let met = &it.impact.vantages[0];
    assert_eq!(
        (met.failed, met.down, met.how.join(" ")),
        (Some(9), Span::from_secs(20), "status filtered".to_owned())
    );
    let mut still = Journal::new();
    still.turn(100, "v1", down());
    still.step(104, I1, opened(100, Source::Probe));
    assert_eq!(written(&still).impact.vantages[0].failed, None);
}

#[test]
fn incident_that_was_open_at_the_same_time_is_told_beside_it_and_not_as_an_earlier_one() {
    let mut journal = outage();
    let standby = |since: u64| Clue { key: format!("standby/{since}"), ..clue(since, Source::Readiness) };
    for (id, since, until) in [(2, 20, 60), (3, 90, 310)] {
        let (id, title) = (IncidentId(id), format!("standby {since}"));
        journal.step(since, id, IncidentStep::Opened { title, clue: standby(since), held: None });
        journal.step(until, id, IncidentStep::Resolved { by: By::Policy, why: String::new() });
    }
    let it = written(&journal);
    let (beside, earlier) = (&it.beside, &it.earlier);
    assert_eq!((beside.len(), beside[0].id.as_str()), (1, "i3"));
    assert_eq!((earlier.len(), earlier[0].id.as_str()), (1, "i2"));
}
