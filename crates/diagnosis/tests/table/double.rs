//! Two faults at a time: one of them comes first, and both are named.

use evenkeel_diagnosis::evidence::Routed;
use evenkeel_diagnosis::{Confidence, Evidence, diagnose};
use evenkeel_fleet::watch::{CertificateFault, Failure};

use crate::{
    at, blocked, certificate, direct, failing, firewall, icmp, listens, log, nginx, seen, session, site,
    upstream, v6,
};

fn both(evidence: &Evidence, first: &str, second: &str) {
    let diagnosis = diagnose(evidence);
    let sure: Vec<_> = diagnosis
        .causes
        .iter()
        .filter(|cause| cause.confidence == Confidence::Confident)
        .map(|cause| cause.id)
        .collect();
    assert_eq!(diagnosis.first().map(|cause| cause.id), Some(first), "{diagnosis:#?}");
    assert!(diagnosis.causes.iter().any(|cause| cause.id == second), "{diagnosis:#?}");
    assert!(sure.iter().all(|id| [first, second].contains(id)), "confident and wrong: {diagnosis:#?}");
}

fn bad_gateway(messages: &[&str]) -> Evidence {
    let mut evidence = failing(Failure::Status(502));
    let lines: Vec<String> = messages.iter().map(|message| upstream(message)).collect();
    log(&mut evidence, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    evidence
}

const REFUSED: &str = "connect() failed (111: Connection refused) while connecting to upstream";

#[test]
fn application_down_and_the_group_out_for_it() {
    let mut evidence = bad_gateway(&[REFUSED, "no live upstreams while connecting to upstream"]);
    evidence.direct = direct(Some(Failure::Refused));
    both(&evidence, "application-down", "group-disabled");
}

#[test]
fn application_down_and_a_reload_that_failed() {
    let mut evidence = bad_gateway(&[REFUSED]);
    evidence.direct = direct(Some(Failure::Refused));
    evidence.nginx = nginx(true);
    log(&mut evidence, &["[emerg] 1#1: unknown directive \"lissten\" in /etc/nginx/nginx.conf:3"]);
    both(&evidence, "application-down", "directive-unknown");
}

#[test]
fn application_down_and_a_change_not_loaded() {
    let mut evidence = bad_gateway(&[REFUSED]);
    evidence.direct = direct(Some(Failure::Refused));
    evidence.nginx = nginx(true);
    let state = evidence.nginx.as_mut().unwrap();
    (state.config_changed, state.youngest_worker) = (Some(at(90)), Some(at(10)));
    both(&evidence, "application-down", "change-not-loaded");
}

#[test]
fn application_down_and_the_next_start_would_fail() {
    let mut evidence = bad_gateway(&[REFUSED]);
    evidence.direct = direct(Some(Failure::Refused));
    evidence.nginx = nginx(true);
    evidence.nginx.as_mut().unwrap().disk = Some(Err(String::from("host not found")));
    both(&evidence, "application-down", "next-start-fails");
}

#[test]
fn application_down_and_too_few_worker_connections() {
    let mut evidence = bad_gateway(&[REFUSED]);
    evidence.direct = direct(Some(Failure::Refused));
    log(&mut evidence, &["[alert] 12#12: 768 worker_connections are not enough"]);
    let diagnosis = diagnose(&evidence);
    let ids: Vec<_> = diagnosis.causes.iter().map(|cause| cause.id).collect();
    assert!(
        ids[..2].contains(&"application-down") && ids[..2].contains(&"worker-connections-exhausted"),
        "{ids:?}"
    );
}

#[test]
fn header_too_big_and_the_group_out_for_it() {
    let evidence = bad_gateway(&[
        "upstream sent too big header while reading response header from upstream",
        "no live upstreams while connecting to upstream",
    ]);
    both(&evidence, "answer-header-too-big", "group-disabled");
}

#[test]
fn slow_application_and_a_reload_that_failed() {
    let mut evidence = failing(Failure::Status(504));
    let slow = upstream(
        "upstream timed out (110: Connection timed out) while reading response header from upstream",
    );
    log(&mut evidence, &[&slow, "[emerg] 1#1: bind() to 0.0.0.0:81 failed (98: Address already in use)"]);
    evidence.direct = direct(Some(Failure::Silent));
    evidence.nginx = nginx(true);
    both(&evidence, "application-slow", "port-taken");
}

#[test]
fn nginx_down_because_the_port_is_taken() {
    let mut evidence = failing(Failure::Refused);
    evidence.nginx = nginx(false);
    log(&mut evidence, &["[emerg] 1#1: bind() to 0.0.0.0:443 failed (98: Address already in use)"]);
    both(&evidence, "port-taken", "nginx-not-running");
}

#[test]
fn nginx_down_because_of_a_certificate() {
    let mut evidence = failing(Failure::Refused);
    evidence.nginx = nginx(false);
    log(
        &mut evidence,
        &[
            "[emerg] 1#1: cannot load certificate \"/etc/ssl/shop.pem\": BIO_new_file() failed (SSL: error:80000002:system library::No such file or directory)",
        ],
    );
    both(&evidence, "certificate-not-loaded", "nginx-not-running");
}

#[test]
fn nginx_down_because_of_a_name() {
    let mut evidence = failing(Failure::Refused);
    evidence.nginx = nginx(false);
    log(
        &mut evidence,
        &["[emerg] 1#1: host not found in upstream \"app.internal\" in /etc/nginx/nginx.conf:9"],
    );
    both(&evidence, "name-gone-at-start", "nginx-not-running");
}

#[test]
fn nginx_down_because_of_a_missing_file() {
    let mut evidence = failing(Failure::Refused);
    evidence.nginx = nginx(false);
    log(
        &mut evidence,
        &[
            "[emerg] 1#1: open() \"/etc/nginx/gone.conf\" failed (2: No such file or directory) in /etc/nginx/nginx.conf:9",
        ],
    );
    both(&evidence, "file-missing-at-start", "nginx-not-running");
}

#[test]
fn renewed_certificate_not_loaded_and_a_change_not_loaded() {
    let mut evidence = failing(Failure::Certificate(CertificateFault::Expired(at(0))));
    evidence.certificates = certificate("02", 9_000_000);
    evidence.nginx = nginx(true);
    let state = evidence.nginx.as_mut().unwrap();
    (state.config_changed, state.youngest_worker) = (Some(at(90)), Some(at(10)));
    both(&evidence, "certificate-not-reloaded", "change-not-loaded");
}

#[test]
fn ipv6_closed_and_the_application_down() {
    let mut evidence = bad_gateway(&[REFUSED]);
    evidence.direct = direct(Some(Failure::Refused));
    evidence.samples.push(seen("one", v6(), Some(Failure::Rejected(icmp(13)))));
    both(&evidence, "application-down", "firewall-rejects");
}

#[test]
fn firewall_drops_and_a_wrong_upstream_waits_behind_it() {
    let mut evidence = failing(Failure::Filtered);
    evidence.firewall = firewall(&site().to_string(), blocked());
    evidence.nginx = nginx(true);
    log(&mut evidence, &["[emerg] 1#1: unknown directive \"lissten\" in /etc/nginx/nginx.conf:3"]);
    both(&evidence, "firewall-drops", "directive-unknown");
}

#[test]
fn upstream_filtered_and_old_workers_stay() {
    let mut evidence = failing(Failure::Status(504));
    log(
        &mut evidence,
        &[&upstream("upstream timed out (110: Connection timed out) while connecting to upstream")],
    );
    evidence.firewall = firewall("10.0.0.5:9000", blocked());
    evidence.nginx = nginx(true);
    evidence.nginx.as_mut().unwrap().generations = 9;
    both(&evidence, "upstream-filtered", "old-workers-stay");
}

#[test]
fn no_location_and_a_reload_that_failed() {
    let mut evidence = failing(Failure::Status(404));
    evidence.route = Some(Routed { location: Some(String::from("/")), ..Routed::default() });
    evidence.direct = direct(None);
    let other = evidence.direct.as_mut().unwrap();
    (other[0].configured, other[0].because) =
        (false, Some(String::from("location /shop/ sends requests there")));
    evidence.nginx = nginx(true);
    log(&mut evidence, &["[emerg] 1#1: unknown directive \"lissten\" in /etc/nginx/nginx.conf:3"]);
    both(&evidence, "no-location-for-route", "directive-unknown");
}

#[test]
fn index_missing_and_a_name_claimed_twice() {
    let mut evidence = failing(Failure::Status(403));
    log(
        &mut evidence,
        &[
            "[error] 12#12: *7 directory index of \"/srv/www/\" is forbidden, client: 198.51.100.7, server: shop.test, request: \"GET / HTTP/1.1\", host: \"shop.test\"",
            "[warn] 1#1: conflicting server name \"shop.test\" on 0.0.0.0:80, ignored",
        ],
    );
    both(&evidence, "index-missing", "name-claimed-twice");
}

#[test]
fn balancer_without_server_and_nginx_down() {
    let mut evidence = failing(Failure::Status(503));
    evidence.balancer = session("SC--", 503, None, Some("L4CON"));
    evidence.nginx = nginx(false);
    log(&mut evidence, &["[emerg] 1#1: bind() to 0.0.0.0:80 failed (98: Address already in use)"]);
    both(&evidence, "balancer-server-refuses", "port-taken");
}

#[test]
fn listens_elsewhere_and_a_change_not_loaded() {
    let mut evidence = failing(Failure::Refused);
    evidence.nginx = nginx(true);
    evidence.listening = listens(&[("127.0.0.1:443", "nginx")]);
    let state = evidence.nginx.as_mut().unwrap();
    (state.config_changed, state.youngest_worker) = (Some(at(90)), Some(at(10)));
    both(&evidence, "listens-elsewhere", "change-not-loaded");
}

#[test]
fn limit_of_requests_by_the_balancers_address_and_slow_answers() {
    let mut evidence = failing(Failure::Status(503));
    log(
        &mut evidence,
        &[
            "[error] 12#12: *7 limiting requests, excess: 5.040 by zone \"one\", client: 10.0.0.1, server: shop.test, request: \"GET / HTTP/1.1\", host: \"shop.test\"",
            &upstream(
                "upstream timed out (110: Connection timed out) while reading response header from upstream",
            ),
        ],
    );
    for _ in 0..30 {
        evidence.note_answer("/", 503, evenkeel_diagnosis::evidence::Origin::Nginx, None);
    }
    evidence.access.as_mut().unwrap()[0].clients = 2;
    both(&evidence, "limit-key-is-balancer", "limit-key-is-balancer");
}
