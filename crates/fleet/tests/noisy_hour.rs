//! An hour of health with all its noise, played through the code that decides: samples of three vantages become verdicts, verdicts
//! become incidents, and errors of the logs go to the judge. No incident may open. The same hour with a real outage in it opens one.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_fleet::incident::{Incidents, Input, Settings};
use evenkeel_fleet::journal::{Clue, Severity, Source};
use evenkeel_fleet::watch::judge::{Arm, Judge, Judgement};
use evenkeel_fleet::watch::verdict::{Panel, Rules, Trouble, Verdict};
use evenkeel_fleet::watch::{Answer, Failure, Fitness, ProbeId, Sample, VantageId, fitness, is_evidence};
use evenkeel_fleet::{HostId, Span, Timestamp};

const HOSTS: [&str; 2] = ["web-1", "web-2"];
const PROBES: [&str; 2] = ["home", "cart"];
const VANTAGES: [&str; 3] = ["here", "office", "cloud"];
/// How often each probe asks, and how far apart the vantages ask.
const EVERY_MS: u64 = 5_000;
const APART_MS: u64 = 1_700;
const HOUR_MS: u64 = 3_600_000;
/// The chance that a judge is wrong, as a release sets it.
const ALPHA: f64 = 0.001;
/// How many hours are played.
const SEEDS: u64 = 40;

/// A stretch of time, in milliseconds of the hour.
type Stretch = (u64, u64);

/// The server is restarted, and takes no connection for so long.
const RESTARTS: [Stretch; 3] = [(720_000, 721_200), (1_500_000, 1_501_500), (2_460_000, 2_461_200)];
/// The server is reloaded: a connection that was kept may be reset.
const RELOADS_EVERY_MS: u64 = 300_000;
const RELOAD_MS: u64 = 150;
/// The application collects its garbage, or the database makes a copy: now and then an answer is too slow.
const SLOW: [Stretch; 3] = [(900_000, 945_000), (1_980_000, 2_025_000), (3_000_000, 3_045_000)];
/// The office loses its line: for half a minute once, and for moments.
const BLINKS: [Stretch; 4] =
    [(400_000, 408_000), (1_200_000, 1_230_000), (2_100_000, 2_104_000), (3_300_000, 3_312_000)];

/// What is really wrong in an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outage {
    /// Nothing.
    None,
    /// `web-1` answers 502 for three minutes.
    Host,
    /// The cart of `web-2` alone is broken for a minute.
    Route,
    /// A firewall drops two of three vantages for a minute.
    Firewall,
    /// The release of the half hour makes one of fifty requests fail, which no probe sees.
    Errors,
    /// The office's line is gone for good.
    Line,
}

const OUTAGE: Stretch = (2_700_000, 2_760_000);
const RELEASED_MS: u64 = 1_800_000;

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    /// Whether something happens that happens so often in ten thousand.
    fn of_ten_thousand(&mut self, often: u64) -> bool {
        // Source: Steele and Vigna, Computationally easy, spectrally good multipliers, 2021 (the constant of SplitMix64's kin)
        self.0 = self.0.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(0x2545_f491_4f6c_dd1d);
        (self.0 >> 33) % 10_000 < often
    }
}

/// The hour, and who decides.
struct Hour {
    chance: Chance,
    outage: Outage,
    panel: Panel,
    incidents: Incidents,
    settings: Settings,
    unfit: BTreeMap<VantageId, (Timestamp, String)>,
    judge: Judge,
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + ms)
}

fn within(ms: u64, stretches: &[Stretch]) -> bool {
    stretches.iter().any(|(from, until)| (*from..*until).contains(&ms))
}

impl Hour {
    fn new(seed: u64, outage: Outage) -> Hour {
        let vantages = VANTAGES.map(|it| VantageId(it.to_owned())).into();
        Hour {
            chance: Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            outage,
            panel: Panel::new(Rules::default(), vantages, at(0)),
            incidents: Incidents::default(),
            settings: Settings::default(),
            unfit: BTreeMap::new(),
            judge: Judge::new(ALPHA),
        }
    }

    fn play(mut self) -> Incidents {
        // Ten samples a tick: a tenth of the cadence.
        for ms in (0..HOUR_MS).step_by(100) {
            for (number, vantage) in (0..).zip(VANTAGES) {
                for (nth, (host, probe)) in
                    (0..).zip(HOSTS.into_iter().flat_map(|host| PROBES.map(|probe| (host, probe))))
                {
                    if ms % EVERY_MS == (number * APART_MS + nth * 400) % EVERY_MS {
                        self.ask(ms, vantage, host, probe);
                    }
                }
            }
            if ms % 500 == 0 {
                self.tick(ms);
            }
            if ms % 1_000 == 0 {
                self.requests(ms);
            }
        }
        self.incidents
    }

    /// How a probe goes at this moment.
    fn answer(&mut self, ms: u64, vantage: &str, host: &str, probe: &str) -> Answer {
        let broken = within(ms, &[OUTAGE]);
        let lost = match self.outage {
            Outage::Line => vantage == "office" && ms >= OUTAGE.0,
            _ => false,
        };
        if lost || vantage == "office" && within(ms, &BLINKS) {
            return Answer::Down(Failure::Filtered);
        }
        match self.outage {
            Outage::Host if host == "web-1" && (OUTAGE.0..OUTAGE.1 + 120_000).contains(&ms) => {
                return Answer::Down(Failure::Status(502));
            }
            Outage::Route if broken && host == "web-2" && probe == "cart" => {
                return Answer::Down(Failure::Status(502));
            }
            Outage::Firewall if broken && host == "web-1" && vantage != "here" => {
                return Answer::Down(Failure::Filtered);
            }
            _ => {}
        }
        if within(ms, &RESTARTS) {
            return Answer::Down(Failure::Refused);
        }
        if ms % RELOADS_EVERY_MS < RELOAD_MS && self.chance.of_ten_thousand(2_000) {
            return Answer::Down(Failure::Reset);
        }
        if within(ms, &SLOW) && self.chance.of_ten_thousand(300) || self.chance.of_ten_thousand(20) {
            return Answer::Down(Failure::Slow);
        }
        // A packet that is lost on its way.
        if self.chance.of_ten_thousand(30) { Answer::Down(Failure::Filtered) } else { Answer::Up }
    }

    fn ask(&mut self, ms: u64, vantage: &str, host: &str, probe: &str) {
        let answer = self.answer(ms, vantage, host, probe);
        let sample = Sample {
            at: at(ms),
            probe: ProbeId(probe.to_owned()),
            host: HostId::new(host).unwrap(),
            vantage: VantageId(vantage.to_owned()),
            took: Span::from_millis(20),
            answer,
        };
        let unfit: BTreeSet<VantageId> = self.unfit.keys().cloned().collect();
        if self.panel.take(at(ms), &sample, &unfit).transition.is_some() {
            self.suspect(ms, &sample.vantage);
        }
        let unfit = self.unfit.keys().cloned().collect();
        for ((probe, host), verdict) in self.panel.look(at(ms), &unfit) {
            self.report(ms, &probe, &host, &verdict);
        }
        // What `take` already said of this probe stands in the panel.
        let stands: Vec<_> =
            self.panel.verdicts().map(|(p, h, v)| (p.clone(), h.clone(), v.clone())).collect();
        for (probe, host, verdict) in stands {
            self.report(ms, &probe, &host, &verdict);
        }
    }

    /// As the watch does after every change of what a vantage sees.
    fn suspect(&mut self, ms: u64, vantage: &VantageId) {
        match fitness(&self.panel.looks(vantage), Span::from_millis(EVERY_MS * 2)) {
            Fitness::Fit => {
                if self.unfit.remove(vantage).is_some() {
                    let key = format!("vantage:{vantage}");
                    self.tell(ms, Input::Clear { key, at: at(ms), why: String::from("it sees again") });
                }
            }
            Fitness::Unfit(why) => {
                self.unfit.entry(vantage.clone()).or_insert_with(|| (at(ms), why.to_string()));
            }
        }
    }

    fn tick(&mut self, ms: u64) {
        let alone = self.unfit.len() == VANTAGES.len();
        let due = |since: Timestamp| is_evidence(since, at(ms), alone);
        let clues: Vec<Clue> = self
            .unfit
            .iter()
            .filter(|(_, (since, _))| due(*since))
            .map(|(vantage, (since, why))| {
                clue(&format!("vantage:{vantage}"), Source::Vantage, None, why, *since)
            })
            .collect();
        for clue in clues {
            self.tell(ms, Input::Report(clue));
        }
        self.tell(ms, Input::Tick);
    }

    /// A second of requests of users on two hosts, of which `web-1` has the release of the half hour.
    fn requests(&mut self, ms: u64) {
        for nth in 0..200 {
            let changed = nth % 2 == 0;
            let worse = self.outage == Outage::Errors && changed && ms >= RELEASED_MS;
            let often = if worse { 200 } else { 10 };
            if ms >= RELEASED_MS && self.chance.of_ten_thousand(often) {
                let arm = if changed { Arm::Changed } else { Arm::Unchanged };
                if self.judge.error(arm, 0.5) == Judgement::Worse {
                    let clue = clue("judge:r7", Source::Judge, Some("web-1"), "r7 made it worse", at(ms));
                    self.tell(ms, Input::Report(clue));
                }
            }
        }
    }

    fn report(&mut self, ms: u64, probe: &ProbeId, host: &HostId, verdict: &Verdict) {
        let key = format!("probe:{probe}@{host}");
        let input = match verdict {
            Verdict::Unknown => return,
            Verdict::Up => Input::Clear { key, at: at(ms), why: String::from("as expected again") },
            Verdict::Down(Trouble { onset, says, .. }) => {
                Input::Report(clue(&key, Source::Probe, Some(host.as_str()), says, *onset))
            }
        };
        self.tell(ms, input);
    }

    fn tell(&mut self, ms: u64, input: Input) {
        let decided = self.incidents.step(at(ms), &self.settings, input);
        assert_eq!(decided.refused(), None);
    }
}

fn clue(key: &str, source: Source, host: Option<&str>, says: &str, since: Timestamp) -> Clue {
    Clue {
        key: key.to_owned(),
        source,
        host: host.map(|host| HostId::new(host).unwrap()),
        upstream: None,
        probe: None,
        class: None,
        says: says.to_owned(),
        details: Vec::new(),
        since,
        severity: Severity::Critical,
    }
}

/// The one incident of an hour: the millisecond of its onset, and what opened it.
fn only(incidents: &Incidents, what: &str) -> (u64, Vec<String>) {
    let all: Vec<_> = incidents.incidents().collect();
    let [one] = all.as_slice() else { panic!("{what}: {} incidents: {all:#?}", all.len()) };
    let onset = one.onset().as_millis() - at(0).as_millis();
    (onset, one.hosts().map(ToString::to_string).collect())
}

#[test]
fn noisy_hour_opens_no_incident() {
    for seed in 0..SEEDS {
        let incidents = Hour::new(seed, Outage::None).play();
        let all: Vec<_> = incidents.incidents().collect();
        assert!(all.is_empty(), "seed {seed}: {all:#?}");
    }
    println!("{SEEDS} hours, no incident");
}

#[test]
fn outage_in_the_same_hour_opens_one_incident_about_what_is_broken() {
    for (outage, hosts) in [
        (Outage::Host, vec![String::from("web-1")]),
        (Outage::Route, vec![String::from("web-2")]),
        (Outage::Firewall, vec![String::from("web-1")]),
    ] {
        for seed in 0..5 {
            let what = format!("{outage:?}, seed {seed}");
            let (onset, about) = only(&Hour::new(seed, outage).play(), &what);
            assert_eq!(about, hosts, "{what}");
            // The first failing sample is at most a cadence behind the outage; noise just before it may belong to it.
            assert!((OUTAGE.0 - 60_000..OUTAGE.0 + EVERY_MS).contains(&onset), "{what}: onset at {onset}");
        }
    }
}

#[test]
fn errors_that_no_probe_sees_open_an_incident_about_the_changed_host() {
    for seed in 0..5 {
        let (onset, about) = only(&Hour::new(seed, Outage::Errors).play(), &format!("seed {seed}"));
        assert_eq!(about, ["web-1"]);
        assert!((RELEASED_MS..RELEASED_MS + 600_000).contains(&onset), "seed {seed}: {onset}");
    }
}

#[test]
fn vantage_that_does_not_come_back_is_an_incident_after_a_minute() {
    let (onset, about) = only(&Hour::new(1, Outage::Line).play(), "the line of the office");
    assert!(about.is_empty() && (OUTAGE.0..OUTAGE.0 + 2 * EVERY_MS).contains(&onset), "{onset}");
}
