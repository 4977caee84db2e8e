//! What several hosts say, as one finding.
//!
//! The surest cause comes first. Of equally sure ones that of a host at which the request fails comes before a danger that nobody
//! meets yet, and the one that lies deeper on the way of the request before the one in front of it: a balancer that has no server
//! left is right, and its servers know why.

use std::cmp::Reverse;

use evenkeel_fleet::journal::{Cause, Finding, Started};
use evenkeel_fleet::{HostId, Span, Timestamp};

use super::Heard;
use super::answer::Sure;

/// The most causes that are kept of one host, and of all.
const OF_HOST_MAX: usize = 3;
const CAUSES_MAX: usize = 8;
/// How long before the onset an application's start may have brought it, and how far clocks may be apart.
const BEFORE: Span = Span::from_secs(15 * 60);
const CLOCKS: Span = Span::from_secs(2);
/// Causes with these names are an application's own.
const OF_APPLICATION: &str = "application-";

/// A cause, and who says it.
struct Told<'h> {
    hosts: Vec<&'h HostId>,
    depth: usize,
    failing: bool,
    sure: Sure,
    cause: Cause,
}

/// Brings together what hosts said; `None`: nothing is wrong anywhere.
pub(super) fn together(onset: Timestamp, heard: &[Heard]) -> Option<Finding> {
    let mut told: Vec<Told<'_>> = Vec::new();
    for it in heard {
        for one in of_host(it) {
            let same = |has: &&mut Told<'_>| {
                has.cause.name == one.cause.name && has.cause.says == one.cause.says && has.depth == one.depth
            };
            match told.iter_mut().find(same) {
                Some(has) => has.hosts.extend(one.hosts),
                None => told.push(one),
            }
        }
    }
    // Stable: what is equal stays in the order in which the hosts stand on the way.
    told.sort_by_key(|it| (Reverse(it.failing), Reverse(it.sure), Reverse(it.depth)));
    told.truncate(CAUSES_MAX);
    if let Some(first) = told.first_mut() {
        blame_start(first, onset, heard);
    }
    let failing = heard.iter().any(|it| it.said.failing);
    let confident = told.first().is_some_and(|first| first.sure == Sure::Confident);
    let causes: Vec<Cause> = told
        .into_iter()
        .map(|it| {
            let says = format!("{}: {}", names(&it.hosts), it.cause.says);
            Cause { says, hosts: it.hosts.into_iter().cloned().collect(), ..it.cause }
        })
        .collect();
    // What several hosts say alike is said once.
    let each = |pick: fn(&Heard) -> &[String]| {
        let mut all: Vec<(&String, Vec<&HostId>)> = Vec::new();
        for (line, host) in heard.iter().flat_map(|it| pick(it).iter().map(move |line| (line, &it.host))) {
            match all.iter_mut().find(|(has, _)| *has == line) {
                Some((_, hosts)) => hosts.push(host),
                None => all.push((line, vec![host])),
            }
        }
        all.iter().map(|(line, hosts)| format!("{}: {line}", names(hosts))).collect::<Vec<_>>()
    };
    let missing = if confident { Vec::new() } else { each(|it| &it.said.missing) };
    let says = match causes.first() {
        Some(first) => first.says.clone(),
        None if !failing => return None,
        None => format!("not enough evidence; this would settle it: {}", missing.join("; ")),
    };
    Some(Finding { says, confident, causes, ruled_out: each(|it| &it.said.ruled_out), missing })
}

/// The causes of one host, the best first. One that comes behind another is no surer than that: it follows from it.
fn of_host(it: &Heard) -> Vec<Told<'_>> {
    let mut told: Vec<Told<'_>> = Vec::new();
    for (sure, cause) in it.said.causes.iter().take(OF_HOST_MAX).rev() {
        let sure = told.last().map_or(*sure, |behind| behind.sure.max(*sure));
        let (hosts, depth, failing) = (vec![&it.host], it.depth, it.said.failing);
        told.push(Told { hosts, depth, failing, sure, cause: cause.clone() });
    }
    told.reverse();
    told
}

/// Where an application is to blame, its host knows when it was started.
fn blame_start(first: &mut Told<'_>, onset: Timestamp, heard: &[Heard]) {
    if !first.cause.name.starts_with(OF_APPLICATION) {
        return;
    }
    for it in heard.iter().filter(|it| it.depth > first.depth) {
        let lately = it.said.started.iter().filter(|start| {
            start.at <= onset + CLOCKS && onset.since(start.at).as_millis() <= BEFORE.as_millis()
        });
        if let Some(start) = lately.max_by_key(|start| start.at) {
            first.cause.rests_on.push(format!("{}, shortly before: {}", it.host, start.what));
            let (at, host) = (start.at, it.host.clone());
            first.cause.started.push(Started { at, host, what: start.what.clone(), by: start.by.clone() });
        }
    }
    first.cause.started.sort();
}

fn names(hosts: &[&HostId]) -> String {
    let names: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => names.join(""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::{Said, Start};
    use super::*;

    const ONSET: Timestamp = Timestamp::from_millis(3_600_000);

    fn heard(host: &str, depth: usize, failing: bool, causes: &[(Sure, &str)]) -> Heard {
        let cause = |(sure, name): &(Sure, &str)| {
            let cause = Cause {
                name: (*name).to_owned(),
                says: format!("it is {name}"),
                rests_on: vec!["a fact".to_owned()],
                ..Cause::default()
            };
            (*sure, cause)
        };
        let said = Said { failing, causes: causes.iter().map(cause).collect(), ..Said::default() };
        Heard { host: HostId::new(host).unwrap(), depth, said }
    }

    fn says(heard: &[Heard]) -> Vec<String> {
        together(ONSET, heard).unwrap().causes.into_iter().map(|cause| cause.says).collect()
    }

    #[test]
    fn what_lies_deeper_comes_before_what_stands_in_front_of_it() {
        let all = [
            heard("lb", 0, true, &[(Sure::Confident, "no-server")]),
            heard("web1", 1, true, &[(Sure::Confident, "port")]),
            heard("web2", 1, true, &[(Sure::Confident, "port")]),
            heard("app1", 2, true, &[(Sure::Possible, "something")]),
        ];
        assert_eq!(says(&all), ["web1 and web2: it is port", "lb: it is no-server", "app1: it is something"]);
    }

    #[test]
    fn what_follows_from_another_cause_stays_behind_it_though_it_is_surer() {
        let all = [heard("web1", 0, true, &[(Sure::Likely, "root"), (Sure::Confident, "branch")])];
        let found = together(ONSET, &all).unwrap();
        assert_eq!(found.says, "web1: it is root");
        assert!(found.confident);
    }

    #[test]
    fn danger_on_a_host_that_is_well_comes_last() {
        let all = [
            heard("web1", 0, true, &[(Sure::Likely, "slow")]),
            heard("web2", 0, false, &[(Sure::Confident, "next-start-fails")]),
        ];
        assert_eq!(says(&all), ["web1: it is slow", "web2: it is next-start-fails"]);
    }

    #[test]
    fn start_of_an_application_is_told_where_the_application_is_to_blame() {
        let mut app = heard("app1", 2, true, &[]);
        let start = |at: Timestamp, what: &str| Start { at, what: what.to_owned(), by: None };
        app.said.started = vec![
            start(ONSET - Span::from_secs(5), "the shop was started"),
            start(ONSET + Span::from_secs(60), "it was started again"),
            start(ONSET - Span::from_secs(3_000), "long ago"),
        ];
        for (name, told) in [("application-says-404", true), ("listens-elsewhere", false)] {
            let all = [heard("web1", 1, true, &[(Sure::Confident, name)]), app.clone()];
            let found = together(ONSET, &all).unwrap();
            let starts = "app1, shortly before: the shop was started".to_owned();
            assert_eq!(found.causes[0].rests_on.contains(&starts), told, "{found:?}");
            assert_eq!(found.causes[0].rests_on.len(), 1 + usize::from(told));
            assert_eq!(found.causes[0].started.len(), usize::from(told));
            assert_eq!(found.causes[0].hosts, [HostId::new("web1").unwrap()]);
        }
    }

    #[test]
    fn health_is_no_finding() {
        assert_eq!(together(ONSET, &[heard("web1", 0, false, &[])]), None);
        assert!(together(ONSET, &[heard("web1", 0, true, &[])]).unwrap().says.starts_with("not enough"));
    }
}
