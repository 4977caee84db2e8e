//! The table of causes: its rows by number, which cause each must lead to, and how that is proven. The share of what is provoked
//! live is worked out here, so that no figure that is told of it can grow old.

use std::collections::{BTreeMap, BTreeSet};

use crate::case::Case;

/// How a row is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// A test brings it about on real parts.
    Live,
    /// By what was written down when it was brought about on real parts (`recorded/`).
    Recorded,
}
use Proof::{Live, Recorded};

/// Of a hundred rows, so many must be provoked live.
const LIVE_OF_HUNDRED_MIN: usize = 70;

/// The rows, with the causes that they may lead to.
const ROWS: &[(u16, &[&str], Proof)] = &[
    (1, &["nginx-not-running"], Live),
    (2, &["listens-elsewhere"], Live),
    (3, &["firewall-rejects"], Live),
    (4, &["firewall-rejects"], Live),
    (5, &["ipv6-refused"], Live),
    (6, &["firewall-drops"], Live),
    (7, &["host-down"], Live),
    (8, &["accept-queue-full"], Live),
    (9, &["firewall-limits"], Live),
    (10, &["firewall-drops-data"], Live),
    (11, &["vantage-cannot-see"], Live),
    (14, &["name-refused"], Live),
    (15, &["certificate-not-reloaded"], Live),
    (16, &["certificate-expired"], Live),
    (17, &["certificate-of-default-server", "certificate-of-other-name"], Live),
    (18, &["certificate-self-signed", "certificate-issuer-unknown"], Live),
    (19, &["listener-speaks-no-tls"], Live),
    (20, &["plain-request-to-tls"], Live),
    (21, &["tls-versions-apart"], Live),
    (22, &["client-certificate-wanted"], Live),
    (23, &["closed-by-444"], Live),
    (24, &["proxy-protocol-apart"], Live),
    (25, &["host-header-bad"], Live),
    (26, &["request-header-too-long"], Live),
    (27, &["uri-too-long"], Live),
    (28, &["body-too-large"], Live),
    (29, &["clients-give-up"], Live),
    (30, &["password-wrong"], Live),
    (31, &["password-file-missing"], Live),
    (32, &["forbidden-by-rule"], Live),
    (33, &["index-missing"], Live),
    (34, &["file-not-readable"], Live),
    (35, &["file-missing"], Live),
    (36, &["configuration-says-404"], Live),
    (37, &["application-says-404"], Live),
    (38, &["no-location-for-route"], Live),
    (40, &["page-instead-of-file"], Live),
    (41, &["default-server-answers"], Live),
    (42, &["redirect-to-itself"], Live),
    (43, &["redirect-to-itself"], Live),
    (44, &["redirect-to-no-host"], Live),
    (45, &["redirected-to-https"], Live),
    (46, &["redirected-by-wildcard"], Live),
    (47, &["limit-key-is-balancer"], Live),
    (50, &["redirect-cycle"], Live),
    (51, &["named-location-missing"], Live),
    (52, &["auth-request-fails"], Live),
    (53, &["proxy-pass-empty"], Live),
    (54, &["proxy-bind-not-here"], Live),
    (55, &["disk-full"], Live),
    (56, &["regex-explodes"], Live),
    (57, &["worker-connections-exhausted"], Live),
    (58, &["descriptors-exhausted"], Live),
    (59, &["worker-killed"], Live),
    (60, &["application-down"], Live),
    (61, &["upstream-address-wrong"], Live),
    (62, &["upstream-firewall-rejects"], Live),
    (63, &["upstream-host-down"], Live),
    (64, &["no-way-to-upstream"], Live),
    (65, &["upstream-protocol-rejected"], Live),
    (66, &["upstream-filtered"], Live),
    (67, &["application-slow"], Live),
    (68, &["upstream-data-dropped"], Live),
    (69, &["answer-stalls", "answer-cut"], Live),
    (70, &["answer-chunks-invalid"], Live),
    (71, &["application-closes"], Live),
    (72, &["application-resets"], Live),
    (73, &["answer-header-too-big"], Live),
    (74, &["answer-header-invalid"], Live),
    (75, &["upstream-speaks-no-http"], Live),
    (76, &["upstream-wants-tls"], Live),
    (77, &["upstream-speaks-no-tls"], Live),
    (78, &["upstream-tls-versions-apart"], Live),
    (79, &["upstream-certificate-bad", "upstream-certificate-other-name"], Live),
    (80, &["fastcgi-to-http"], Live),
    (81, &["socket-missing"], Live),
    (82, &["socket-forbidden"], Live),
    (83, &["group-disabled"], Live),
    (84, &["group-empty"], Live),
    (85, &["resolver-missing"], Live),
    (86, &["resolver-down"], Live),
    (87, &["upstream-name-moved"], Live),
    (88, &["local-ports-exhausted"], Live),
    (90, &["route-moved"], Live),
    (91, &["cookies-cached"], Live),
    (92, &["headers-not-inherited"], Live),
    (93, &["upgrade-not-passed"], Live),
    (94, &["directive-unknown", "port-taken"], Live),
    (95, &["old-workers-stay"], Live),
    (96, &["name-gone-at-start", "next-start-fails"], Live),
    (97, &["port-taken"], Live),
    (98, &["address-not-here"], Live),
    (99, &["directive-unknown", "module-not-loaded"], Live),
    (100, &["module-incompatible"], Live),
    (101, &["key-mismatch", "certificate-not-loaded"], Live),
    (102, &["hash-not-built"], Live),
    (103, &["zone-missing"], Live),
    (104, &["buffers-disagree"], Live),
    (105, &["name-claimed-twice"], Live),
    (106, &["package-replaced-file"], Live),
    (107, &["balancer-server-refuses"], Live),
    (108, &["balancer-has-no-server"], Live),
    (110, &["balancer-server-slow"], Live),
    (111, &["balancer-server-closes"], Live),
    (112, &["balancer-answer-invalid"], Live),
    (113, &["balancer-queue-full"], Live),
    (114, &["balancer-answer-cut"], Live),
    (115, &["balancer-refuses-request"], Live),
    (116, &["balancer-check-outdated"], Live),
    (120, &["one-vantage-only"], Live),
    (121, &["forbidden-by-rule", "firewall-drops"], Live),
];
/// Rows that are proven beyond those that must be.
const BEYOND: &[(u16, &[&str])] =
    &[(109, &["balancer-connect-times-out"]), (117, &["balancer-check-tls-apart"])];

const FILES: &[&[(&str, Case)]] = &[
    crate::balancer::CASES,
    crate::content::CASES,
    crate::network::CASES,
    crate::own::CASES,
    crate::start::CASES,
    crate::tls::CASES,
    crate::upstream::CASES,
];

/// What each row is proven by.
fn proven() -> BTreeMap<u16, Vec<(&'static str, &'static str)>> {
    let mut proven: BTreeMap<u16, Vec<_>> = BTreeMap::new();
    for (name, case) in FILES.iter().copied().flatten() {
        for row in case.rows {
            proven.entry(*row).or_default().push((*name, case.cause));
        }
    }
    proven
}

#[test]
fn every_row_is_proven_and_enough_of_them_live() {
    let proven = proven();
    let numbers: BTreeSet<u16> = ROWS.iter().map(|(row, ..)| *row).collect();
    assert_eq!(numbers.len(), ROWS.len(), "a row stands twice");
    let causes: BTreeSet<&str> = evenkeel_diagnosis::analyzers::rows().map(|row| row.id).collect();
    for (row, leads_to, proof) in ROWS {
        for cause in *leads_to {
            assert!(causes.contains(cause), "row {row}: {cause} is no cause");
            let live = proven.get(row).is_some_and(|tests| tests.iter().any(|(_, proves)| proves == cause));
            assert_eq!(
                live,
                *proof == Live,
                "row {row} ({cause}) is marked {proof:?}: {:?}",
                proven.get(row)
            );
        }
    }
    for (row, tests) in &proven {
        let known = ROWS.iter().map(|(row, causes, _)| (*row, *causes)).chain(BEYOND.iter().copied());
        let leads_to = known.into_iter().find(|(other, _)| other == row).map(|(_, causes)| causes);
        for (name, cause) in tests {
            assert!(
                leads_to.is_some_and(|causes| causes.contains(cause)),
                "{name} proves row {row} with {cause}"
            );
        }
    }
    let live = ROWS.iter().filter(|(.., proof)| *proof == Live).count();
    let recorded = ROWS.iter().filter(|(.., proof)| *proof == Recorded).count();
    println!("{} rows: {live} live, {recorded} recorded, {} % live", ROWS.len(), live * 100 / ROWS.len());
    assert!(live * 100 >= ROWS.len() * LIVE_OF_HUNDRED_MIN, "{live} of {}", ROWS.len());
}

#[test]
fn twenty_double_faults_and_twenty_healthy_hosts_are_among_the_cases() {
    let (double, healthy) = (crate::double::CASES, crate::healthy::CASES);
    assert!(double.len() >= 20 && double.iter().all(|(_, case)| !case.and.is_empty()));
    assert!(healthy.len() >= 20 && healthy.iter().all(|(_, case)| case.cause.is_empty()));
    println!("{} double faults, {} healthy hosts", double.len(), healthy.len());
}
