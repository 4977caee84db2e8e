//! Incidents from their first sign to their end, and what becomes of their alerts.

mod histories;

use super::*;
use crate::journal::{
    Alert, AlertKind, AlertStep, By, Clue, Finding, Held, Incident, IncidentStep, Maintenance,
    MaintenanceStep, NoteKind, Severity, Source,
};
use crate::testing::{anna, at};
use crate::watch::ProbeId;
use crate::{Actor, AlertId, HostId, IncidentId, Receipt, Span, Timestamp, What};

pub(super) const I1: IncidentId = IncidentId(1);
const I2: IncidentId = IncidentId(2);
const A1: AlertId = AlertId(1);

pub(super) fn host(name: &str) -> HostId {
    HostId::new(name).unwrap()
}

/// The probe `home` of a host fails since a second.
pub(super) fn probe(name: &str, since: u64) -> Clue {
    Clue {
        key: format!("probe:home@{name}"),
        source: Source::Probe,
        host: Some(host(name)),
        upstream: None,
        probe: None,
        class: Some("status".to_owned()),
        says: "home answers 502".to_owned(),
        details: vec!["from here: 502".to_owned()],
        since: at(since),
        severity: Severity::Critical,
    }
}

fn drift(name: &str, since: u64) -> Clue {
    let (key, says) = (format!("drift:{name}"), "shop.conf was changed".to_owned());
    Clue { key, says, source: Source::Drift, class: None, severity: Severity::Warning, ..probe(name, since) }
}

fn upstream(name: &str, upstream: &str, since: u64) -> Clue {
    Clue { upstream: Some(upstream.to_owned()), ..probe(name, since) }
}

/// A pager, with e-mail in its place when it does not accept, and a phone when nobody takes care.
pub(super) fn settings() -> Settings {
    let pager =
        Channel { fallback: Some("mail".to_owned()), severity: Severity::Warning, ..Channel::new("pager") };
    let mail = Channel { reserve: true, ..Channel::new("mail") };
    let phone = Channel {
        escalate_after: Some(Span::from_secs(300)),
        severity: Severity::Critical,
        ..Channel::new("phone")
    };
    let depends = BTreeMap::from([(host("web-1"), vec![host("lb-1")]), (host("app-1"), vec![host("web-1")])]);
    Settings { channels: vec![pager, mail, phone], depends, ..Settings::default() }
}

/// Incidents, and the journal of everything that they went through.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) state: Incidents,
    pub(super) events: Vec<crate::Event>,
    pub(super) refused: Option<Refused>,
}

impl World {
    pub(super) fn tell(&mut self, secs: u64, input: Input) -> Vec<Delivery> {
        let decided = self.state.step(at(secs), &settings(), input);
        assert_eq!(decided.expected(), Sequence::default().after(self.events.len()));
        self.events.extend_from_slice(decided.events());
        self.refused = decided.refused().cloned();
        let receipt = Receipt::durable(decided.expected(), decided.events().len());
        decided.perform(&receipt)
    }

    fn report(&mut self, secs: u64, clue: Clue) {
        self.tell(secs, Input::Report(clue));
    }

    fn clear(&mut self, secs: u64, key: &str) {
        let (key, why) = (key.to_owned(), "as expected again".to_owned());
        self.tell(secs, Input::Clear { key, at: at(secs), why });
    }

    fn tick(&mut self, secs: u64) {
        self.tell(secs, Input::Tick);
    }

    /// Kinds and channels of the alerts of an incident, in their order.
    fn alerts(&self, id: IncidentId) -> Vec<(AlertKind, String)> {
        let of = self.state.outbox().alerts().filter(|alert| alert.incident == id);
        of.map(|alert| (alert.kind, alert.parcels.keys().cloned().collect::<Vec<_>>().join("+"))).collect()
    }

    fn kinds(&self, id: IncidentId) -> Vec<AlertKind> {
        self.alerts(id).into_iter().map(|(kind, _)| kind).collect()
    }

    fn open(&self) -> Vec<IncidentId> {
        self.state.open().map(super::Incident::id).collect()
    }

    fn send(&mut self, secs: u64, channel: &str) -> Option<Delivery> {
        let alert = self.state.outbox().next(channel, at(secs))?;
        self.tell(secs, Input::Send { alert, channel: channel.to_owned() }).pop()
    }

    fn failed(&mut self, secs: u64, alert: AlertId, perhaps: bool, retry_after: Option<Span>) {
        let (channel, why) = ("pager".to_owned(), "500".to_owned());
        self.tell(secs, Input::Failed { alert, channel, why, perhaps, retry_after });
    }

    fn accepted(&mut self, secs: u64, alert: AlertId, channel: &str) {
        let (channel, receipt) = (channel.to_owned(), "202".to_owned());
        self.tell(secs, Input::Accepted { alert, channel, receipt });
    }
}

#[test]
fn evidence_opens_an_incident_and_the_alert_is_in_the_same_append() {
    let mut world = World::default();
    world.report(4, probe("web-2", 1));
    assert!(matches!(
        &world.events[..],
        [
            crate::Event { what: What::Incident(Incident { step: IncidentStep::Opened { .. }, .. }), .. },
            crate::Event { what: What::Alert(Alert { step: AlertStep::Created { .. }, .. }), .. }
        ]
    ));
    let incident = world.state.incident(I1).unwrap();
    assert_eq!((incident.onset(), incident.detected()), (at(1), at(4)));
    assert_eq!(world.alerts(I1), [(AlertKind::Opened, "pager".to_owned())]);
    world.report(6, probe("web-2", 1));
    assert_eq!(world.events.len(), 2, "the same evidence told again is none");
}

#[test]
fn every_time_of_an_incident_is_measured() {
    let mut world = World::default();
    world.report(4, probe("web-2", 1));
    let sent = world.send(5, "pager").unwrap();
    world.accepted(7, sent.alert, "pager");
    world.tell(60, Input::Ack { incident: I1, who: anna() });
    let finding = Finding {
        says: "the upstream is down".to_owned(),
        confident: true,
        causes: Vec::new(),
        ruled_out: Vec::new(),
        missing: Vec::new(),
    };
    world.tell(90, Input::Diagnosed { incident: I1, finding });
    world.clear(200, "probe:home@web-2");
    world.tick(320);
    let times = world.state.times(I1).unwrap();
    let secs = |span: Span| span.as_millis() / 1000;
    assert_eq!(secs(times.to_detect()), 3);
    assert_eq!(times.alert_delay().map(secs), Some(3));
    assert_eq!(times.to_ack().map(secs), Some(56));
    assert_eq!(times.to_diagnose().map(secs), Some(30));
    assert_eq!(times.to_mitigate().map(secs), Some(199));
    assert_eq!(times.to_resolve().map(secs), Some(319));
    assert_eq!(times.to_resolve_from_detection().map(secs), Some(316));
    let kinds = [AlertKind::Opened, AlertKind::Acked, AlertKind::Diagnosed, AlertKind::Resolved];
    assert_eq!(world.kinds(I1), kinds);
}

#[test]
fn the_edit_and_what_it_broke_on_the_same_host_are_one_incident_that_got_worse() {
    let mut world = World::default();
    world.report(1, drift("web-2", 1));
    world.report(40, probe("web-2", 38));
    assert_eq!(world.open(), [I1]);
    assert_eq!(world.kinds(I1), [AlertKind::Opened, AlertKind::Worse]);
    assert_eq!(world.state.incident(I1).unwrap().severity(), Severity::Critical);
}

#[test]
fn old_trouble_of_a_host_does_not_swallow_a_new_outage() {
    let mut world = World::default();
    world.report(1, drift("web-2", 1));
    world.report(4_000, probe("web-2", 3_999));
    assert_eq!(world.open(), [I1, I2]);
    assert_eq!(world.kinds(I2), [AlertKind::Opened]);
}

#[test]
fn hosts_that_fail_together_behind_one_upstream_are_one_incident() {
    let mut world = World::default();
    world.report(3, upstream("web-2", "app", 1));
    world.report(4, upstream("web-3", "app", 2));
    world.report(5, upstream("web-4", "other", 2));
    assert_eq!(world.open(), [I1, I2]);
    let hosts: Vec<_> = world.state.incident(I1).unwrap().hosts().cloned().collect();
    assert_eq!(hosts, [host("web-2"), host("web-3")]);
}

#[test]
fn evidence_that_ties_two_incidents_together_merges_them() {
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    world.report(3, Clue { key: "judge:app".to_owned(), host: None, ..upstream("web-9", "app", 1) }.named());
    assert_eq!(world.open(), [I1, I2]);
    world.report(5, Clue { key: "judge:web-2".to_owned(), ..upstream("web-2", "app", 2) });
    assert_eq!(world.open(), [I1]);
    assert_eq!(world.state.incident(I2).unwrap().state(), State::Merged(I1));
    assert_eq!(world.state.incident(I1).unwrap().standing().count(), 3);
    assert_eq!(world.kinds(I2), [AlertKind::Opened, AlertKind::Resolved], "nobody keeps a dangling page");
}

impl Clue {
    fn named(self) -> Self {
        Self { says: "the upstream app fails".to_owned(), ..self }
    }
}

#[test]
fn it_is_over_by_itself_when_it_stayed_green_and_not_before() {
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    world.clear(50, "probe:home@web-2");
    world.tick(169);
    assert_eq!(world.open(), [I1]);
    world.tick(170);
    assert_eq!(world.open(), []);
    assert_eq!(world.kinds(I1), [AlertKind::Opened, AlertKind::Resolved]);
}

#[test]
fn relapse_before_it_is_over_is_the_same_incident_and_no_new_page() {
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    world.clear(50, "probe:home@web-2");
    world.report(100, probe("web-2", 98));
    world.tick(180);
    assert_eq!(world.open(), [I1]);
    assert_eq!(world.state.incident(I1).unwrap().mitigated(), None);
    assert_eq!(world.kinds(I1), [AlertKind::Opened]);
}

#[test]
fn what_depends_on_something_that_is_down_is_watched_but_pages_nobody() {
    let mut world = World::default();
    world.report(3, probe("lb-1", 1));
    world.report(4, probe("web-1", 1));
    world.report(5, probe("app-1", 1));
    assert_eq!(world.open(), [I1, I2, IncidentId(3)]);
    assert_eq!(world.state.incident(I2).unwrap().held(), Some(&Held::Dependency(I1)));
    assert_eq!(
        world.state.incident(IncidentId(3)).unwrap().held(),
        Some(&Held::Dependency(I2)),
        "one hop is enough"
    );
    assert_eq!((world.kinds(I2), world.kinds(IncidentId(3))), (vec![], vec![]));
    // The load balancer is back, and the web server is not: now somebody must know.
    world.clear(50, "probe:home@lb-1");
    world.tick(51);
    assert_eq!(world.kinds(I2), [AlertKind::Opened]);
    world.clear(60, "probe:home@web-1");
    world.tick(180);
    assert_eq!(world.kinds(I2), [AlertKind::Opened, AlertKind::Resolved]);
}

#[test]
fn maintenance_holds_alerts_back_until_it_ends() {
    let plan = |until| {
        let why = "new kernel".to_owned();
        let step =
            MaintenanceStep::Planned { hosts: vec![host("web-2")], from: at(0), until: at(until), why };
        Input::Maintain(Maintenance { name: "kernel".to_owned(), who: anna(), step })
    };
    let mut world = World::default();
    world.tell(1, plan(600));
    world.report(3, probe("web-2", 1));
    world.report(3, probe("web-3", 1));
    assert_eq!(world.kinds(I1), []);
    assert_eq!(world.kinds(I2), [AlertKind::Opened], "another host is not covered");
    world.tick(599);
    assert_eq!(world.kinds(I1), []);
    world.tick(600);
    assert_eq!(world.kinds(I1), [AlertKind::Opened]);
    world.tell(700, plan(650));
    assert_eq!(world.refused, Some(Refused::Past));
}

#[test]
fn what_one_host_is_known_for_hides_no_other_host() {
    let ack = Input::Ack { incident: I1, who: anna() };
    let silence = Input::Silence { incident: I1, who: anna(), why: "known".to_owned(), until: at(4_000) };
    let planned = MaintenanceStep::Planned {
        hosts: vec![host("web-8")],
        from: at(0),
        until: at(4_000),
        why: String::new(),
    };
    let work = Input::Maintain(Maintenance { name: "kernel".to_owned(), who: anna(), step: planned });
    let of = |name: &str, since| upstream(name, "app", since);
    for (before, after) in [(None, Some(ack)), (None, Some(silence)), (Some(work), None)] {
        let mut world = World::default();
        before.into_iter().for_each(|input| drop(world.tell(0, input)));
        world.report(2, of("web-8", 1));
        after.into_iter().for_each(|input| drop(world.tell(5, input)));
        let told = world.state.outbox().alerts().count();
        // The same upstream within a minute, at a host that nobody knows of yet.
        world.report(10, of("web-9", 9));
        let it = world.state.incident(I2).expect("an incident of its own");
        assert!(it.title().starts_with("web-9: ") && it.held().is_none(), "{}", it.title());
        assert_eq!(world.state.outbox().alerts().count(), told + 1, "somebody is told");
        // More of the host that is known is known.
        let more = Clue { key: "probe:other@web-8".to_owned(), ..of("web-8", 11) };
        world.report(12, more);
        assert_eq!(world.state.outbox().alerts().count(), told + 1);
    }
}

#[test]
fn silence_ends_and_what_still_stands_is_told_again() {
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    let silence = Input::Silence { incident: I1, who: anna(), why: "known".to_owned(), until: at(400) };
    world.tell(10, silence);
    world.report(20, Clue { severity: Severity::Critical, ..drift("web-2", 15) });
    for secs in [30, 399] {
        world.tick(secs);
    }
    assert_eq!(world.kinds(I1), [AlertKind::Opened], "nor an escalation");
    world.tick(400);
    world.tick(402);
    assert_eq!(world.kinds(I1), [AlertKind::Opened, AlertKind::Reminder, AlertKind::Escalated]);
}

#[test]
fn nobody_taking_care_escalates_once_and_somebody_taking_care_stops_it() {
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    for secs in [302, 303, 304, 900] {
        world.tick(secs);
    }
    assert_eq!(
        world.alerts(I1),
        [(AlertKind::Opened, "mail+pager".to_owned()), (AlertKind::Escalated, "phone".to_owned())]
    );
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    world.tell(100, Input::Ack { incident: I1, who: anna() });
    world.tick(900);
    assert_eq!(world.kinds(I1), [AlertKind::Opened, AlertKind::Acked]);
}

#[test]
fn person_cannot_resolve_what_still_fails_unless_they_insist_and_then_it_opens_again() {
    let resolve = |force| Input::Resolve { incident: I1, who: anna(), why: "fixed".to_owned(), force };
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    world.tell(10, resolve(false));
    assert!(matches!(world.refused, Some(Refused::StillFailing(..))));
    world.tell(11, resolve(true));
    assert_eq!((world.refused.clone(), world.open()), (None, vec![]));
    world.report(20, probe("web-2", 1));
    assert_eq!(world.open(), [I2]);
    world.tell(30, Input::Ack { incident: I1, who: anna() });
    assert_eq!(world.refused, Some(Refused::Over(I1)));
}

#[test]
fn channel_that_fails_is_tried_again_later_and_later_and_as_it_asks() {
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    let waits = |world: &World, from: u64| {
        (0..200).find(|wait| world.state.outbox().next("pager", at(from + wait)).is_some())
    };
    let (mut now, mut waited) = (10, Vec::new());
    for _ in 0..7 {
        let sent = world.send(now, "pager").unwrap();
        world.failed(now, sent.alert, false, None);
        let wait = waits(&world, now).unwrap();
        waited.push(wait);
        now += wait;
    }
    assert_eq!(waited, [1, 2, 4, 8, 16, 30, 30]);
    let sent = world.send(now, "pager").unwrap();
    assert_eq!((sent.attempt, sent.repeat), (8, false));
    world.failed(now, sent.alert, true, Some(Span::from_secs(77)));
    assert_eq!(waits(&world, now), Some(77));
    let sent = world.send(now + 77, "pager").unwrap();
    assert!(sent.repeat, "the other side may have it");
}

#[test]
fn fallback_gets_it_after_three_failures_or_thirty_seconds_and_is_told_of_the_end_too() {
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    for now in [4, 6] {
        let sent = world.send(now, "pager").unwrap();
        world.failed(now, sent.alert, false, None);
    }
    assert_eq!(world.alerts(I1)[0].1, "pager");
    let sent = world.send(9, "pager").unwrap();
    world.failed(9, sent.alert, false, None);
    assert_eq!(world.alerts(I1)[0].1, "mail+pager");
    // Another one hangs: no failure is known, time alone decides.
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    world.send(4, "pager").unwrap();
    world.tick(32);
    assert_eq!(world.alerts(I1)[0].1, "pager");
    world.tick(33);
    assert_eq!(world.alerts(I1)[0].1, "mail+pager");
    let sent = world.send(34, "mail").unwrap();
    world.accepted(35, sent.alert, "mail");
    world.clear(50, "probe:home@web-2");
    world.tick(170);
    assert_eq!(world.alerts(I1)[1], (AlertKind::Resolved, "mail+pager".to_owned()));
    let before = world.events.len();
    world.tick(230);
    assert_eq!(world.events.len(), before, "what goes through both already is not diverted");
}

#[test]
fn what_a_channel_will_never_take_goes_to_the_fallback_at_once() {
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    let sent = world.send(4, "pager").unwrap();
    let why = "400 Bad Request".to_owned();
    world.tell(4, Input::Unwanted { alert: sent.alert, channel: "pager".to_owned(), why });
    assert_eq!(world.send(4, "pager"), None);
    assert_eq!(world.send(4, "mail").map(|sent| sent.alert), Some(A1));
}

#[test]
fn what_nobody_has_taken_is_tried_again_though_a_channel_refuses_it() {
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    let refused = |world: &mut World, at: u64, channel: &str| {
        let sent = world.send(at, channel).expect("it is tried");
        let why = "401 Unauthorized".to_owned();
        world.tell(at, Input::Unwanted { alert: sent.alert, channel: channel.to_owned(), why });
    };
    // The key was changed, and the fallback is a page that was moved.
    refused(&mut world, 4, "pager");
    refused(&mut world, 5, "mail");
    assert_eq!(world.send(33, "pager"), None, "not at once");
    refused(&mut world, 34, "pager");
    assert_eq!(world.state.outbox().pending(), 2, "nobody has been told yet");
    // Somebody put the mail right; then the pager is believed.
    let sent = world.send(40, "mail").unwrap();
    world.accepted(40, sent.alert, "mail");
    refused(&mut world, 64, "pager");
    assert_eq!(world.state.outbox().pending(), 0);
}

#[test]
fn alerts_of_one_incident_keep_their_order_and_others_do_not_wait() {
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    world.tell(4, Input::Ack { incident: I1, who: anna() });
    world.report(5, probe("web-3", 3));
    let first = world.send(6, "pager").unwrap();
    assert_eq!((first.alert, first.kind), (A1, AlertKind::Opened));
    world.failed(6, first.alert, false, None);
    // The one of another incident is tried before the first again, the second of the first one is not.
    assert_eq!(world.send(10, "pager").map(|it| it.incident), Some(I2));
    world.accepted(11, AlertId(3), "pager");
    assert_eq!(world.send(12, "pager").map(|it| it.alert), Some(A1));
    world.accepted(13, A1, "pager");
    assert_eq!(world.send(14, "pager").map(|it| it.kind), Some(AlertKind::Acked));
}

#[test]
fn crash_while_sending_is_known_and_the_second_delivery_is_marked() {
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    assert!(!world.send(4, "pager").unwrap().repeat);
    let mut after = World { state: Incidents::replay(&world.events), events: world.events, refused: None };
    let again = after.send(60, "pager").unwrap();
    assert_eq!((again.alert, again.attempt, again.repeat), (A1, 2, true));
    after.failed(61, A1, false, None);
    assert!(after.send(70, "pager").unwrap().repeat, "that it may be there is not forgotten");
}

#[test]
fn cause_that_is_named_is_told_to_those_who_were_called() {
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    let finding = |confident, says: &str| Finding {
        says: says.to_owned(),
        confident,
        causes: Vec::new(),
        ruled_out: Vec::new(),
        missing: Vec::new(),
    };
    world.tell(5, Input::Diagnosed { incident: I1, finding: finding(false, "not enough evidence") });
    assert_eq!(world.kinds(I1), [AlertKind::Opened]);
    assert_eq!(world.state.times(I1).unwrap().diagnosed, None);
    world.tell(9, Input::Diagnosed { incident: I1, finding: finding(true, "the application is down") });
    assert_eq!(world.kinds(I1), [AlertKind::Opened, AlertKind::Diagnosed]);
    let alert = world.state.outbox().alert(AlertId(2)).unwrap();
    assert_eq!(alert.lines[0], "cause: the application is down");
}

#[test]
fn text_from_outside_is_cut() {
    let mut world = World::default();
    world.report(3, Clue { says: "é".repeat(10_000), ..probe("web-2", 1) });
    assert!(world.state.incident(I1).unwrap().title().chars().count() < 600);
}

#[test]
fn notes_are_kept_also_when_it_is_over_and_a_named_cause_counts_as_diagnosis() {
    let mut world = World::default();
    world.report(3, probe("web-2", 1));
    let note = |kind, text: &str| Input::Note {
        incident: I1,
        who: Actor::new("bo", ""),
        kind,
        text: text.to_owned(),
    };
    world.tell(10, note(NoteKind::Suspect, "the database?"));
    world.clear(20, "probe:home@web-2");
    world.tick(200);
    world.tell(900, note(NoteKind::Cause, "a typing error"));
    let incident = world.state.incident(I1).unwrap();
    assert_eq!(incident.notes().len(), 2);
    assert_eq!(world.state.times(I1).unwrap().diagnosed, Some(at(900)));
}

pub(super) fn some_probe(name: &str) -> ProbeId {
    ProbeId(name.to_owned())
}

pub(super) fn later(secs: u64) -> Timestamp {
    at(secs)
}

#[test]
fn alert_does_not_wait_for_a_clock_that_was_set_back() {
    let mut world = World::default();
    world.report(7_200, probe("lb", 7_200));
    let alert = world.send(7_201, "pager").unwrap().alert;
    world.failed(7_202, alert, false, None);
    assert!(world.send(7_202, "pager").is_none(), "it has just failed");
    assert!(world.send(3_600, "pager").is_some(), "the clock is an hour behind what it was");
}

#[test]
fn fallback_is_told_in_order_also_what_the_first_channel_still_owes() {
    let mut world = World::default();
    world.report(3, drift("web-2", 1));
    world.send(4, "pager").unwrap();
    world.tick(33);
    let opened = world.send(34, "mail").unwrap();
    world.accepted(34, opened.alert, "mail");
    // The pager hangs; it is worse, and then somebody takes care of it, which all who heard of it are told.
    world.report(40, probe("web-2", 40));
    world.tell(45, Input::Ack { incident: I1, who: anna() });
    let mut told = Vec::new();
    for now in 46..120 {
        world.tick(now);
        if let Some(sent) = world.send(now, "mail") {
            told.push(sent.kind);
            world.accepted(now, sent.alert, "mail");
        }
    }
    assert_eq!(told, [AlertKind::Worse, AlertKind::Acked]);
}
