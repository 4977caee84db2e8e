//! What holds in every history of incidents.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn any_clue(now: u64) -> impl Strategy<Value = Clue> {
    let hosts = proptest::sample::select(vec!["lb-1", "web-1", "web-2", "app-1"]);
    let upstreams = proptest::option::of(proptest::sample::select(vec!["app", "img"]));
    let severity = proptest::sample::select(vec![Severity::Note, Severity::Warning, Severity::Critical]);
    (hosts, upstreams, severity, 0..30_u64, 0..2_u8).prop_map(move |(name, upstream, severity, ago, of)| {
        Clue {
            key: format!("{of}:{name}:{}", upstream.unwrap_or("-")),
            upstream: upstream.map(str::to_owned),
            probe: (of == 1).then(|| some_probe("cart")),
            since: later(now.saturating_sub(ago)),
            severity,
            ..probe(name, 0)
        }
    })
}

#[derive(Debug, Clone)]
enum Act {
    Report(Clue),
    Clear(usize),
    Ack(u64),
    Silence(u64, u64),
    Resolve(u64, bool),
    Merge(u64, u64),
    Maintain(u64),
    Send(&'static str),
    /// What the last delivery came to.
    Came(u8),
    Crash,
    Tick,
}

fn any_act() -> impl Strategy<Value = Act> {
    let id = || 1..6_u64;
    prop_oneof![
        6 => any_clue(500).prop_map(Act::Report),
        4 => any::<usize>().prop_map(Act::Clear),
        1 => id().prop_map(Act::Ack),
        1 => (id(), 1..200_u64).prop_map(|(id, secs)| Act::Silence(id, secs)),
        1 => (id(), any::<bool>()).prop_map(|(id, force)| Act::Resolve(id, force)),
        1 => (id(), id()).prop_map(|(id, into)| Act::Merge(id, into)),
        1 => (1..200_u64).prop_map(Act::Maintain),
        6 => proptest::sample::select(vec!["pager", "mail", "phone"]).prop_map(Act::Send),
        6 => (0..4_u8).prop_map(Act::Came),
        1 => Just(Act::Crash),
        5 => Just(Act::Tick),
    ]
}

/// What the other sides have, in the order in which they got it: channel, incident, alert, attempt, marked as a repeat.
type Received = Vec<(String, IncidentId, AlertId, bool)>;

struct Play {
    world: World,
    now: u64,
    flying: Vec<Delivery>,
    received: Received,
}

impl Play {
    fn act(&mut self, act: &Act) {
        let now = self.now;
        let input = match act {
            Act::Report(clue) => Input::Report(Clue { since: later(now.saturating_sub(5)), ..clue.clone() }),
            Act::Clear(pick) => {
                let keys: Vec<String> =
                    self.world.state.open().flat_map(|it| it.standing().map(|it| it.key.clone())).collect();
                let Some(key) = keys.get(pick % keys.len().max(1)) else { return };
                Input::Clear { key: key.clone(), at: later(now), why: String::new() }
            }
            Act::Ack(id) => Input::Ack { incident: IncidentId(*id), who: anna() },
            Act::Silence(id, secs) => {
                let (incident, until) = (IncidentId(*id), later(now + secs));
                Input::Silence { incident, who: anna(), why: String::new(), until }
            }
            Act::Resolve(id, force) => {
                let (incident, force) = (IncidentId(*id), *force);
                Input::Resolve { incident, who: anna(), why: String::new(), force }
            }
            Act::Merge(id, into) => {
                let (incident, into) = (IncidentId(*id), IncidentId(*into));
                Input::Merge { incident, into, why: String::new() }
            }
            Act::Maintain(secs) => {
                let (from, until, why) = (later(now), later(now + secs), String::new());
                let step = MaintenanceStep::Planned { hosts: vec![host("web-2")], from, until, why };
                Input::Maintain(Maintenance { name: "m".to_owned(), who: anna(), step })
            }
            Act::Send(channel) => {
                if self.flying.iter().any(|it| it.channel == *channel) {
                    return;
                }
                self.flying.extend(self.world.send(now, channel));
                return;
            }
            Act::Came(how) => {
                let Some(it) = self.flying.pop() else { return };
                let Delivery { alert, channel, incident, repeat, .. } = it;
                // It arrived, or it arrived and the answer was lost, or it did not arrive, or it is not wanted.
                if *how < 2 {
                    self.received.push((channel.clone(), incident, alert, repeat));
                }
                let why = String::new();
                match how {
                    0 => Input::Accepted { alert, channel, receipt: String::new() },
                    1 => Input::Failed { alert, channel, why, perhaps: true, retry_after: None },
                    2 => Input::Failed { alert, channel, why, perhaps: false, retry_after: None },
                    _ => Input::Unwanted { alert, channel, why },
                }
            }
            Act::Crash => {
                // What was on its way may have arrived; nobody knows.
                for it in self.flying.drain(..) {
                    self.received.push((it.channel, it.incident, it.alert, it.repeat));
                }
                self.world.state = Incidents::replay(&self.world.events);
                return;
            }
            Act::Tick => Input::Tick,
        };
        self.world.tell(now, input);
    }
}

fn play(acts: &[(u64, Act)]) -> Play {
    let mut play = Play { world: World::default(), now: 500, flying: Vec::new(), received: Vec::new() };
    for (later, act) in acts {
        play.now += later;
        play.act(act);
        assert_eq!(
            Incidents::replay(&play.world.events),
            play.world.state,
            "a replay is the same as having been there"
        );
    }
    play
}

fn any_history() -> impl Strategy<Value = Vec<(u64, Act)>> {
    proptest::collection::vec((0..40_u64, any_act()), 0..60)
}

proptest! {
    #[test]
    fn no_evidence_is_lost_and_a_replay_tells_the_same(acts in any_history()) {
        let play = play(&acts);
        let mut standing: BTreeMap<String, bool> = BTreeMap::new();
        for event in &play.world.events {
            let What::Incident(it) = &event.what else { continue };
            match &it.step {
                IncidentStep::Opened { clue, .. } | IncidentStep::Evidence { clue } => {
                    standing.insert(clue.key.clone(), true);
                }
                IncidentStep::Cleared { key, .. } => {
                    standing.insert(key.clone(), false);
                }
                IncidentStep::Resolved { by: By::Person(_), .. } => {
                    let over = play.world.state.incident(it.incident).unwrap();
                    for evidence in over.evidence() {
                        standing.insert(evidence.clue.key.clone(), false);
                    }
                }
                _ => {}
            }
        }
        for (key, stands) in standing {
            let open = play.world.state.open().any(|it| it.standing().any(|clue| clue.key == key));
            prop_assert!(!stands || open, "{} stands and no incident is open for it", key);
        }
    }

    #[test]
    fn opening_comes_first_and_nothing_happens_after_the_end_but_notes(acts in any_history()) {
        let mut state: BTreeMap<IncidentId, bool> = BTreeMap::new();
        for event in &play(&acts).world.events {
            let What::Incident(it) = &event.what else { continue };
            match &it.step {
                IncidentStep::Opened { .. } => prop_assert_eq!(state.insert(it.incident, true), None),
                IncidentStep::Resolved { .. } | IncidentStep::Merged { .. } => {
                    prop_assert_eq!(state.insert(it.incident, false), Some(true));
                }
                IncidentStep::Noted { .. } | IncidentStep::Diagnosed { .. } => {}
                _ => prop_assert_eq!(state.get(&it.incident), Some(&true)),
            }
        }
    }

    #[test]
    fn no_alert_is_lost_none_comes_twice_unmarked_and_each_incident_in_its_order(acts in any_history()) {
        let mut play = play(&acts);
        // Every channel accepts from now on.
        for _ in 0..400 {
            play.now += 40;
            for channel in ["pager", "mail", "phone"] {
                play.act(&Act::Send(channel));
                play.act(&Act::Came(0));
            }
        }
        prop_assert_eq!(play.world.state.outbox().pending(), 0);
        for alert in play.world.state.outbox().alerts() {
            for (channel, parcel) in &alert.parcels {
                let there = play.received.iter().any(|(at, _, id, _)| at == channel && *id == alert.id);
                let unwanted = matches!(parcel.state, ParcelState::GivenUp { .. });
                prop_assert!(there || unwanted, "{} never came through {}", alert.id, channel);
            }
        }
        let mut last: BTreeMap<(String, IncidentId), AlertId> = BTreeMap::new();
        for (at, (channel, incident, alert, repeat)) in play.received.iter().enumerate() {
            let before = play.received[..at].iter().any(|(c, _, a, _)| c == channel && a == alert);
            prop_assert!(!before || *repeat, "{} came twice through {} and was not marked", alert, channel);
            if !before {
                let last = last.insert((channel.clone(), *incident), *alert);
                prop_assert!(last < Some(*alert), "{} came after {:?}", alert, last);
            }
        }
    }

    #[test]
    fn merging_again_changes_nothing(acts in any_history(), id in 1..6_u64, into in 1..6_u64) {
        let mut world = play(&acts).world;
        let merge = || Input::Merge { incident: IncidentId(id), into: IncidentId(into), why: String::new() };
        world.tell(5_000, merge());
        let once = (world.events.len(), world.state.open().map(super::super::Incident::id).collect::<Vec<_>>());
        world.tell(5_000, merge());
        let twice = (world.events.len(), world.state.open().map(super::super::Incident::id).collect::<Vec<_>>());
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn what_is_green_for_long_enough_is_over(acts in any_history()) {
        let mut world = play(&acts).world;
        let keys: Vec<String> =
            world.state.open().flat_map(|it| it.standing().map(|it| it.key.clone())).collect();
        for key in keys {
            world.tell(9_000, Input::Clear { key, at: later(9_000), why: String::new() });
        }
        world.tell(9_200, Input::Tick);
        prop_assert_eq!(world.state.open().count(), 0);
    }
}
