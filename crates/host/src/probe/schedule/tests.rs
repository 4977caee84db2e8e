//! Thousands of schedules played to their end, each with its own numbers.

use super::*;

/// A small generator: the same seed gives the same schedule.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Plays a schedule for so long; `ask` gives how long a question takes and whether it goes well. Gives every start with its time.
fn play(
    schedule: &mut Schedule,
    from_ms: u64,
    until_ms: u64,
    mut ask: impl FnMut(usize, u64) -> (u64, bool),
) -> Vec<(u64, Start)> {
    let mut now = from_ms;
    let mut ends: BinaryHeap<Reverse<(u64, usize, bool)>> = BinaryHeap::new();
    let mut starts = Vec::new();
    while now < until_ms {
        while let Some(Reverse((_, probe, well))) =
            ends.peek().copied().filter(|Reverse((at, ..))| *at <= now)
        {
            ends.pop();
            schedule.ended(probe, now, well);
        }
        while let Some(start) = schedule.start(now) {
            let (takes, well) = ask(start.probe, now);
            ends.push(Reverse((now + takes, start.probe, well)));
            starts.push((now, start));
        }
        let end = ends.peek().map(|Reverse((at, ..))| *at);
        let next = schedule.wake_at_ms().into_iter().chain(end).min().unwrap_or(until_ms);
        assert!(next > now, "it asks to be woken in the past");
        now = next;
    }
    starts
}

#[test]
fn promises_hold_in_thousands_of_random_schedules() {
    for seed in 1..=3_000 {
        let mut dice = Dice(seed * 0x9e37_79b9);
        let hosts = 1 + dice.below(6);
        let rules = Rules {
            in_flight_max: 1 + dice.below(12) as usize,
            per_host_max: 1 + dice.below(4) as usize,
            host_spacing_ms: dice.below(30),
            slowest_ms: 5_000,
        };
        let probes: Vec<Timed> = (0..1 + dice.below(20))
            .map(|_| Timed {
                host: dice.below(hosts) as usize,
                every_ms: [50, 100, 500, 1_000][dice.below(4) as usize],
            })
            .collect();
        let from = dice.below(1_000_000);
        let mut schedule = Schedule::new(rules, &probes, seed, from);
        let mut ends = vec![0; probes.len()];
        let mut taken = Vec::new();
        let starts = play(&mut schedule, from, from + 20_000, |probe, now| {
            assert!(ends[probe] <= now, "seed {seed}: probe {probe} is under way twice");
            let takes = if dice.below(10) == 0 { dice.below(3_000) } else { dice.below(20) } + 1;
            ends[probe] = now + takes;
            taken.push(now + takes);
            (takes, dice.below(4) != 0)
        });
        let mut last = vec![None; probes.len()];
        let mut last_of_host = vec![None; hosts as usize];
        let mut under_way: Vec<(u64, usize)> = Vec::new();
        for (at, (now, start)) in starts.iter().enumerate() {
            let Timed { host, every_ms } = probes[start.probe];
            assert_eq!(start.late_ms, now - start.due_ms);
            let first = *last[start.probe].get_or_insert(start.due_ms);
            assert_eq!((start.due_ms - first) % every_ms, 0, "seed {seed}: the cadence drifts");
            last[start.probe] = Some(start.due_ms);
            let before: Option<u64> = last_of_host[host].replace(*now);
            assert!(
                before.is_none_or(|before| now - before >= rules.host_spacing_ms),
                "seed {seed}: too fast"
            );
            under_way.retain(|(end, _)| end > now);
            under_way.push((taken[at], host));
            let to_host = under_way.iter().filter(|(_, other)| *other == host).count();
            assert!(under_way.len() <= rules.in_flight_max && to_host <= rules.per_host_max, "seed {seed}");
        }
        assert_eq!(schedule.counts().started, starts.len() as u64);
    }
}

#[test]
fn every_probe_is_asked_at_its_cadence_and_without_a_herd() {
    let probes = vec![Timed { host: 0, every_ms: 10_000 }; 1_000];
    let rules = Rules { host_spacing_ms: 0, per_host_max: 100, ..Rules::default() };
    let mut schedule = Schedule::new(rules, &probes, 7, 0);
    let starts = play(&mut schedule, 0, 60_000, |_, _| (3, true));
    assert_eq!((starts.len(), schedule.counts().skipped), (6_000, 0));
    assert!(starts.iter().all(|(_, start)| start.late_ms == 0));
    let mut in_a_tenth = vec![0_u32; 600];
    starts.iter().for_each(|(now, _)| in_a_tenth[(now / 100) as usize] += 1);
    assert!(in_a_tenth.iter().all(|count| (7..=13).contains(count)), "{in_a_tenth:?}");
}

#[test]
fn a_probe_that_hangs_is_skipped_and_not_doubled() {
    let probes = [Timed { host: 0, every_ms: 1_000 }, Timed { host: 0, every_ms: 1_000 }];
    let mut schedule = Schedule::new(Rules::default(), &probes, 1, 0);
    let starts = play(&mut schedule, 0, 10_000, |probe, _| (if probe == 0 { 3_500 } else { 2 }, true));
    let of = |probe| starts.iter().filter(|(_, start)| start.probe == probe).count();
    assert_eq!((of(0), of(1)), (3, 10));
    assert_eq!(schedule.counts().skipped, 7);
}

#[test]
fn a_machine_that_slept_asks_each_once_and_goes_on() {
    let probes = vec![Timed { host: 0, every_ms: 1_000 }; 5];
    let mut schedule = Schedule::new(Rules::default(), &probes, 1, 0);
    play(&mut schedule, 0, 5_000, |_, _| (1, true));
    let starts = play(&mut schedule, 3_600_000, 3_601_000, |_, _| (1, true));
    assert_eq!(starts.len(), 10, "once what was missed, once what falls due");
}

#[test]
fn a_host_that_only_fails_is_asked_less_and_never_more_often() {
    let probes = [Timed { host: 0, every_ms: 2_000 }, Timed { host: 1, every_ms: 2_000 }];
    let mut schedule = Schedule::new(Rules::default(), &probes, 1, 0);
    let starts = play(&mut schedule, 0, 60_000, |probe, _| (5, probe == 1));
    let of = |probe| starts.iter().filter(|(_, start)| start.probe == probe).count();
    assert_eq!(of(1), 30, "the other host is asked as ever");
    // Six at 2 s, five at 4 s, the rest at 8 s.
    assert!((14..=16).contains(&of(0)), "{}", of(0));
    assert_eq!(schedule.stretch(0), 4);
    let starts = play(&mut schedule, 60_000, 120_000, |_, _| (5, true));
    let of_first: Vec<u64> =
        starts.iter().filter(|(_, start)| start.probe == 0).map(|(now, _)| *now).collect();
    assert_eq!(schedule.stretch(0), 1);
    assert!(of_first[0] <= 68_000, "it is asked at the slow cadence still: {of_first:?}");
    assert!(
        of_first.windows(2).all(|pair| pair[1] - pair[0] == 2_000),
        "one good answer ends it: {of_first:?}"
    );
}

#[test]
fn a_probe_that_is_slow_by_itself_is_not_made_slower_than_the_floor() {
    let probes = [Timed { host: 0, every_ms: 25_000 }];
    let mut schedule = Schedule::new(Rules::default(), &probes, 1, 0);
    let starts = play(&mut schedule, 0, 1_000_000, |_, _| (5, false));
    assert_eq!(starts.len(), 40);
}
