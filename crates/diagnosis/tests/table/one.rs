//! One cause at a time: those that need a network, a balancer or a clock of their own.

use evenkeel_diagnosis::evidence::{ChangeKind, Routed, Verdict};
use evenkeel_diagnosis::{Confidence, diagnose};
use evenkeel_fleet::watch::{CertificateFault, DnsFault, Failure, Icmp};

use crate::{
    at, blocked, certificate, change, direct, failing, firewall, icmp, is, listens, log, nginx, seen,
    session, site, upstream, v6, well,
};

#[test]
fn nothing_listens_and_no_nginx_runs() {
    let mut evidence = failing(Failure::Refused);
    evidence.nginx = nginx(false);
    is(&evidence, "nginx-not-running");
}

#[test]
fn nginx_listens_elsewhere() {
    let mut evidence = failing(Failure::Refused);
    evidence.nginx = nginx(true);
    evidence.listening = listens(&[("127.0.0.1:443", "nginx"), ("0.0.0.0:22", "sshd")]);
    evidence.listen_named = Some(true);
    is(&evidence, "listens-elsewhere");
}

#[test]
fn refused_without_a_look_at_the_host_is_no_certainty() {
    let diagnosis = diagnose(&failing(Failure::Refused));
    assert!(diagnosis.causes.iter().all(|cause| cause.confidence == Confidence::Possible), "{diagnosis:#?}");
    assert!(diagnosis.missing.iter().any(|text| text.contains("whether nginx runs")), "{diagnosis:#?}");
}

#[test]
fn firewall_that_resets() {
    let mut evidence = failing(Failure::Refused);
    evidence.nginx = nginx(true);
    evidence.listening = listens(&[("0.0.0.0:443", "nginx")]);
    evidence.firewall = firewall(&site().to_string(), blocked());
    is(&evidence, "firewall-resets");
}

#[test]
fn firewall_that_rejects() {
    for code in [3, 9, 10, 13] {
        is(&failing(Failure::Rejected(icmp(code))), "firewall-rejects");
    }
}

#[test]
fn firewall_closed_for_ipv6_alone() {
    let refusal = Failure::Rejected(Icmp { kind: 1, code: 1, from: v6().ip() });
    let mut evidence = well();
    evidence.samples.push(seen("one", v6(), Some(refusal)));
    is(&evidence, "ipv6-refused");
}

#[test]
fn firewall_that_drops() {
    let mut evidence = failing(Failure::Filtered);
    evidence.firewall = firewall(&site().to_string(), blocked());
    is(&evidence, "firewall-drops");
}

#[test]
fn full_accept_queue_is_not_taken_for_a_firewall() {
    let mut evidence = failing(Failure::Filtered);
    evidence.firewall = firewall(&site().to_string(), Verdict::Reachable);
    evidence.listening = listens(&[("0.0.0.0:443", "nginx")]);
    evidence.listening.as_mut().unwrap()[0].full = Some(true);
    let diagnosis = is(&evidence, "accept-queue-full");
    assert!(diagnosis.ruled_out.iter().any(|one| one.id == "firewall-drops"), "{diagnosis:#?}");
}

#[test]
fn firewall_that_limits() {
    let mut evidence = failing(Failure::Filtered);
    let on = String::from("limit rate 1/second");
    evidence.firewall = firewall(&site().to_string(), Verdict::Conditional { on });
    is(&evidence, "firewall-limits");
    let mut hole = failing(Failure::Silent);
    let on = String::from("nothing accepts established connections");
    hole.firewall = firewall(&site().to_string(), Verdict::Conditional { on });
    is(&hole, "firewall-limits");
}

#[test]
fn host_down_and_no_way() {
    is(&failing(Failure::HostDown), "host-down");
    is(&failing(Failure::Unreachable(icmp(1))), "no-way-to-host");
    is(&failing(Failure::OwnSide { reason: String::from("no route") }), "vantage-cannot-see");
    is(&failing(Failure::Dns(DnsFault::NoSuchName)), "name-does-not-resolve");
}

#[test]
fn vantage_that_sees_it_alone() {
    let mut evidence = failing(Failure::Filtered);
    evidence.samples.push(seen("two", site(), None));
    evidence.samples.push(seen("three", site(), None));
    is(&evidence, "one-vantage-only");
}

#[test]
fn handshakes_that_fail() {
    is(&failing(Failure::TlsAlert(112)), "name-refused");
    is(&failing(Failure::TlsAlert(70)), "tls-versions-apart");
    is(&failing(Failure::TlsAlert(40)), "tls-versions-apart");
    is(&failing(Failure::NotTls), "listener-speaks-no-tls");
}

#[test]
fn certificates_that_clients_refuse() {
    let of = |fault| failing(Failure::Certificate(fault));
    let mut renewed = of(CertificateFault::Expired(at(0)));
    renewed.certificates = certificate("02", 9_000_000);
    is(&renewed, "certificate-not-reloaded");
    let mut expired = of(CertificateFault::Expired(at(0)));
    expired.certificates = certificate("01", 0);
    is(&expired, "certificate-expired");
    is(&of(CertificateFault::NotYetValid(at(9))), "certificate-not-yet-valid");
    is(&of(CertificateFault::SelfSigned), "certificate-self-signed");
    is(&of(CertificateFault::UnknownIssuer), "certificate-issuer-unknown");
    let other = || of(CertificateFault::OtherName(vec![String::from("blog.test")]));
    is(&other(), "certificate-of-other-name");
    let mut by_default = other();
    by_default.route =
        Some(Routed { server: String::from("blog.test"), by_default: true, ..Routed::default() });
    is(&by_default, "certificate-of-default-server");
}

#[test]
fn client_certificate_that_is_missing() {
    let mut evidence = failing(Failure::Status(400));
    log(
        &mut evidence,
        &[
            "[info] 12#12: *7 client sent no required SSL certificate while reading client request headers, client: 198.51.100.7, server: shop.test, request: \"GET / HTTP/1.1\", host: \"shop.test\"",
        ],
    );
    is(&evidence, "client-certificate-wanted");
}

#[test]
fn clients_that_give_up() {
    let mut evidence = failing(Failure::Status(499));
    log(
        &mut evidence,
        &[
            "[info] 12#12: *7 client prematurely closed connection while sending request to upstream, client: 198.51.100.7, server: shop.test, request: \"GET / HTTP/1.1\"",
        ],
    );
    is(&evidence, "clients-give-up");
}

#[test]
fn upstream_behind_a_firewall_that_rejects() {
    let mut evidence = failing(Failure::Status(502));
    log(&mut evidence, &[&upstream("connect() failed (113: No route to host) while connecting to upstream")]);
    evidence.direct = direct(Some(Failure::Rejected(icmp(13))));
    is(&evidence, "upstream-firewall-rejects");
}

#[test]
fn upstream_whose_machine_is_down() {
    let mut evidence = failing(Failure::Status(502));
    log(&mut evidence, &[&upstream("connect() failed (113: No route to host) while connecting to upstream")]);
    evidence.direct = direct(Some(Failure::HostDown));
    is(&evidence, "upstream-host-down");
}

#[test]
fn upstream_without_a_way() {
    let mut evidence = failing(Failure::Status(502));
    log(
        &mut evidence,
        &[&upstream("connect() failed (101: Network is unreachable) while connecting to upstream")],
    );
    is(&evidence, "no-way-to-upstream");
}

#[test]
fn upstream_whose_firewall_denies_the_protocol() {
    let mut evidence = failing(Failure::Status(502));
    let line = upstream("connect() failed (92: Protocol not available) while connecting to upstream");
    log(&mut evidence, &[&line.replace("[error]", "[alert]")]);
    is(&evidence, "upstream-protocol-rejected");
}

#[test]
fn upstream_behind_a_firewall_that_drops() {
    let mut evidence = failing(Failure::Status(504));
    log(
        &mut evidence,
        &[&upstream("upstream timed out (110: Connection timed out) while connecting to upstream")],
    );
    evidence.firewall = firewall("10.0.0.5:9000", blocked());
    is(&evidence, "upstream-filtered");
}

#[test]
fn upstream_that_does_not_take_connections() {
    let mut evidence = failing(Failure::Status(504));
    log(
        &mut evidence,
        &[&upstream("upstream timed out (110: Connection timed out) while connecting to upstream")],
    );
    evidence.listening = listens(&[("10.0.0.5:9000", "app")]);
    evidence.listening.as_mut().unwrap()[0].full = Some(true);
    is(&evidence, "application-queue-full");
}

#[test]
fn upstream_whose_data_is_dropped() {
    let mut evidence = failing(Failure::Status(504));
    log(
        &mut evidence,
        &[&upstream(
            "upstream timed out (110: Connection timed out) while reading response header from upstream",
        )],
    );
    let on = String::from("nothing accepts established connections");
    evidence.firewall = firewall("10.0.0.5:9000", Verdict::Conditional { on });
    let diagnosis = is(&evidence, "upstream-data-dropped");
    assert!(diagnosis.ruled_out.iter().any(|one| one.id == "application-slow"), "{diagnosis:#?}");
}

#[test]
fn local_ports_that_ran_out() {
    let mut evidence = failing(Failure::Status(502));
    let line = upstream(
        "connect() to 10.0.0.5:9000 failed (99: Cannot assign requested address) while connecting to upstream",
    );
    log(&mut evidence, &[&line.replace("[error]", "[crit]")]);
    is(&evidence, "local-ports-exhausted");
}

#[test]
fn module_of_another_nginx() {
    let mut evidence = failing(Failure::Refused);
    evidence.nginx = nginx(false);
    log(
        &mut evidence,
        &[
            "[emerg] 1#1: module \"/usr/lib/nginx/modules/ngx_http_lua_module.so\" is not binary compatible in /etc/nginx/modules-enabled/50-lua.conf:1",
        ],
    );
    is(&evidence, "module-incompatible");
}

#[test]
fn disk_that_is_full() {
    let mut evidence = failing(Failure::Status(500));
    log(
        &mut evidence,
        &[
            "[crit] 12#12: *7 pwrite() \"/var/lib/nginx/body/0000000001\" failed (28: No space left on device), client: 198.51.100.7, server: shop.test, request: \"POST / HTTP/1.1\", host: \"shop.test\"",
        ],
    );
    is(&evidence, "disk-full");
}

#[test]
fn old_workers_and_configurations() {
    let mut many = well();
    many.nginx = nginx(true);
    many.nginx.as_mut().unwrap().generations = 6;
    is(&many, "old-workers-stay");
    let mut unloaded = well();
    unloaded.nginx = nginx(true);
    let state = unloaded.nginx.as_mut().unwrap();
    (state.config_changed, state.youngest_worker) = (Some(at(90)), Some(at(10)));
    is(&unloaded, "change-not-loaded");
    let mut refused = well();
    refused.nginx = nginx(true);
    refused.nginx.as_mut().unwrap().disk =
        Some(Err(String::from("host not found in upstream \"app.internal\"")));
    is(&refused, "next-start-fails");
}

#[test]
fn sessions_of_a_balancer() {
    let cases = [
        ("SC--", 503, Some("web1"), Some("L4CON"), "balancer-server-refuses"),
        ("SC--", 503, None, None, "balancer-has-no-server"),
        ("SC--", 503, None, Some("L7STS/404"), "balancer-check-outdated"),
        ("SC--", 503, None, Some("L6RSP"), "balancer-check-tls-apart"),
        ("sC--", 503, Some("web1"), None, "balancer-connect-times-out"),
        ("sH--", 504, Some("web1"), None, "balancer-server-slow"),
        ("SH--", 502, Some("web1"), None, "balancer-server-closes"),
        ("PH--", 502, Some("web1"), None, "balancer-answer-invalid"),
        ("sQ--", 503, None, None, "balancer-queue-full"),
        ("PR--", 400, None, None, "balancer-refuses-request"),
    ];
    for (code, status, server, check, cause) in cases {
        let mut evidence = failing(Failure::Status(status));
        evidence.balancer = session(code, status, server, check);
        is(&evidence, cause);
    }
    let mut cut = failing(Failure::Truncated);
    cut.balancer = session("SD--", 200, Some("web1"), None);
    is(&cut, "balancer-answer-cut");
}

#[test]
fn change_shortly_before_is_named_and_taken_back() {
    let mut evidence = failing(Failure::Status(502));
    log(
        &mut evidence,
        &[&upstream("connect() failed (111: Connection refused) while connecting to upstream")],
    );
    evidence.direct = direct(Some(Failure::Refused));
    evidence.onset = Some(at(60));
    evidence.changes.push(change(ChangeKind::Release, 50));
    let diagnosis = diagnose(&evidence);
    let first = diagnosis.first().unwrap();
    assert_eq!(
        (first.id, first.confidence),
        ("upstream-address-changed", Confidence::Likely),
        "{diagnosis:#?}"
    );
    assert_eq!(first.rollback.as_deref(), Some("evenkeel rollback"));
    // A change of last week is none.
    evidence.onset = Some(at(700_000));
    is(&evidence, "application-down");
}

#[test]
fn failure_that_no_row_explains_names_the_change_and_stays_uncertain() {
    let mut evidence = failing(Failure::Content { reason: String::from("it does not contain \"cart\"") });
    evidence.onset = Some(at(60));
    evidence.changes.push(change(ChangeKind::Application, 50));
    let diagnosis = diagnose(&evidence);
    let first = diagnosis.first().unwrap();
    assert_eq!((first.id, first.confidence), ("recent-change", Confidence::Possible), "{diagnosis:#?}");
}

#[test]
fn status_alone_is_not_enough_evidence() {
    let diagnosis = diagnose(&failing(Failure::Status(502)));
    assert!(diagnosis.failing && diagnosis.causes.is_empty(), "{diagnosis:#?}");
    assert!(diagnosis.missing.iter().any(|text| text.contains("error log")), "{diagnosis:#?}");
}
