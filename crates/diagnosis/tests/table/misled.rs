//! What looks like one cause, and is another or none.

use evenkeel_diagnosis::evidence::{ChangeKind, Routed};
use evenkeel_diagnosis::{Confidence, diagnose};
use evenkeel_fleet::watch::Failure;
use evenkeel_model::ErrorLine;

use crate::{at, change, direct, failing, is, listens, log, nginx, upstream};

/// A location that asks nobody.
fn own() -> Option<Routed> {
    Some(Routed { location: Some(String::from("location /cart")), ..Routed::default() })
}

fn passed() -> Option<Routed> {
    let server = String::from("http://10.0.0.5:9000");
    Some(Routed { upstream: Some(server.clone()), servers: vec![server], ..Routed::default() })
}

#[test]
fn nginx_of_somebody_else_is_not_the_one_that_ought_to_listen() {
    let mut evidence = failing(Failure::Refused);
    evidence.listening = listens(&[("127.0.0.1:8080", "nginx")]);
    let sure = |evidence: &_| {
        diagnose(evidence).causes.iter().any(|cause| cause.confidence == Confidence::Confident)
    };
    assert!(!sure(&evidence), "nobody found an nginx with this tree");
    evidence.nginx = nginx(true);
    assert!(!sure(&evidence), "no configuration names the address");
    evidence.listen_named = Some(false);
    assert!(!sure(&evidence), "it does not, nor did it");
}

#[test]
fn application_that_answers_everything_has_not_this_path() {
    let mut evidence = failing(Failure::Status(404));
    evidence.route = own();
    evidence.direct = direct(None);
    let other = evidence.direct.as_mut().unwrap();
    (other[0].configured, other[0].because) =
        (false, Some(String::from("nginx.conf:7 sends other requests there")));
    is(&evidence, "no-location-for-route");
    evidence.direct.as_mut().unwrap()[0].answers_all = true;
    let diagnosis = diagnose(&evidence);
    assert!(diagnosis.causes.iter().all(|cause| cause.confidence < Confidence::Confident), "{diagnosis:#?}");
}

#[test]
fn what_nginx_refuses_by_a_rule_wants_no_location() {
    for line in [
        "[error] 12#12: *7 access forbidden by rule, client: 198.51.100.7, server: shop.test, request: \"GET /cart HTTP/1.1\"",
        "[error] 12#12: *7 open() \"/srv/cart\" failed (13: Permission denied), client: 198.51.100.7, request: \"GET /cart HTTP/1.1\"",
    ] {
        let mut evidence = failing(Failure::Status(403));
        evidence.route = own();
        evidence.direct = direct(None);
        let other = evidence.direct.as_mut().unwrap();
        (other[0].configured, other[0].because) =
            (false, Some(String::from("nginx.conf:7 sends other requests there")));
        log(&mut evidence, &[line]);
        let diagnosis = diagnose(&evidence);
        assert_ne!(diagnosis.first().unwrap().id, "no-location-for-route", "{diagnosis:#?}");
        assert!(diagnosis.causes.iter().all(|cause| cause.id != "no-location-for-route"), "{diagnosis:#?}");
    }
}

#[test]
fn start_of_an_application_explains_no_answer_that_it_was_never_asked_for() {
    let mut started = change(ChangeKind::Application, 50);
    started.touches = vec![String::from("10.0.0.5:9000")];
    // Other requests failed there.
    let line = upstream("connect() failed (111: Connection refused) while connecting to upstream");
    let of_others = line.replace("/cart", "/other");
    // A location that returns.
    let mut evidence = failing(Failure::Status(503));
    evidence.onset = Some(at(60));
    evidence.changes.push(started.clone());
    evidence.route =
        Some(Routed { returns: Some(503), place: Some(String::from("nginx.conf:11")), ..own().unwrap() });
    let read = ErrorLine::read(format!("2026/11/21 09:37:36 {of_others}").into_bytes().leak()).unwrap();
    evidence.note_line(&read, at(40));
    let diagnosis = is(&evidence, "configuration-says-so");
    assert!(diagnosis.first().unwrap().rests_on[0].contains("nginx.conf:11 says 503"), "{diagnosis:#?}");
    assert_eq!(diagnosis.causes.len(), 1, "{diagnosis:#?}");
    // A location that wants a password, before it asks the application.
    let mut evidence = failing(Failure::Status(401));
    evidence.onset = Some(at(60));
    evidence.changes.push(started);
    evidence.route = Some(Routed { wants_password: true, ..passed().unwrap() });
    let diagnosis = is(&evidence, "password-wanted");
    assert_eq!(diagnosis.causes.len(), 1, "{diagnosis:#?}");
}

#[test]
fn application_that_answers_later_than_nginx_waits_is_slow() {
    let mut evidence = failing(Failure::Status(504));
    evidence.samples[0].took_ms = 2_003;
    evidence.route = passed();
    let mut started = change(ChangeKind::Application, 50);
    started.touches = vec![String::from("10.0.0.5:9000")];
    evidence.changes.push(started);
    log(
        &mut evidence,
        &[&upstream(
            "upstream timed out (110: Connection timed out) while reading response header from upstream",
        )],
    );
    evidence.direct = direct(None);
    evidence.direct.as_mut().unwrap()[0].took_ms = 4_005;
    is(&evidence, "application-slow");
}

#[test]
fn gateway_error_that_the_application_gives_itself_is_its_own() {
    use evenkeel_diagnosis::evidence::Origin;
    let mut evidence = failing(Failure::Status(502));
    evidence.route = passed();
    // So does the log where nginx made it.
    evidence.note_answer("/cart", 502, Origin::Upstream(502), Some("http://10.0.0.5:9000"));
    evidence.direct = direct(Some(Failure::Refused));
    assert!(diagnose(&evidence).causes.iter().all(|cause| cause.id != "application-fails-itself"));
    evidence.direct = direct(Some(Failure::Status(502)));
    is(&evidence, "application-fails-itself");
}
