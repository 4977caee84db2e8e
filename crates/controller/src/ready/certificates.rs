//! Certificates that will be, or are, a fault for users.

use evenkeel_fleet::Timestamp;
use evenkeel_fleet::journal::Severity;
use evenkeel_host::probe::Certificate;

use super::{Ill, Part, days_left};
use crate::local::{ServedCertificate, Wrong};
use crate::when;

/// So many days before its end a certificate should have been renewed; one with a short life, when a third of it is left.
const SOON_DAYS: u64 = 14;
/// So many days before its end nobody may wait any longer; one with a short life, when a sixth of it is left.
const URGENT_DAYS: u64 = 7;
const DAY_MS: u64 = 86_400_000;

/// How bad it is that a certificate ends when it does; `None`: not at all.
pub(crate) fn ends(certificate: &Certificate, now: Timestamp) -> Option<Severity> {
    let left = certificate.not_after.since(now).as_millis();
    let life = certificate.not_after.since(certificate.not_before).as_millis();
    if left == 0 {
        // Whoever asks for it fails.
        return Some(Severity::Critical);
    }
    if left < (URGENT_DAYS * DAY_MS).min(life / 6) {
        return Some(Severity::Warning);
    }
    (left < (SOON_DAYS * DAY_MS).min(life / 3)).then_some(Severity::Note)
}

/// What is wrong with one that is served.
pub(crate) fn of_served(it: &ServedCertificate, now: Timestamp) -> Vec<Ill> {
    let about = format!("{} at {}", it.name, it.address);
    let ill = |what: &str, says: String, details: Vec<String>, severity| Ill {
        part: Part::Certificates,
        about: format!("{about}, {what}"),
        says: format!("the certificate for {about}: {says}"),
        details,
        severity,
    };
    let file = || vec![it.path.display().to_string()];
    let mut ills = Vec::new();
    for wrong in &it.wrong {
        let (what, severity) = match wrong {
            Wrong::NotReloaded => ("disk", Severity::Warning),
            Wrong::Another | Wrong::Chain { .. } => ("disk", Severity::Note),
            Wrong::NotShown => ("shown", Severity::Warning),
            Wrong::NoIssuer => ("issuer", Severity::Note),
            // An ordinary user may not read it; the end is told below.
            Wrong::Unreadable | Wrong::Ended | Wrong::Ends { .. } => continue,
        };
        ills.push(ill(what, wrong.to_string(), file(), severity));
    }
    if let Some((served, severity)) = it.served.as_ref().and_then(|it| Some((it, ends(it, now)?))) {
        let mut details = file();
        details.push(match severity {
            Severity::Critical => "it has ended".to_owned(),
            _ => format!("{} days are left", days_left(served.not_after, now)),
        });
        ills.push(ill("end", format!("it ends {}", when::shown(served.not_after)), details, severity));
    }
    ills
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(from: u64, until: u64) -> Certificate {
        Certificate {
            serial: "01".to_owned(),
            names: vec!["shop.test".to_owned()],
            subject: "CN=shop.test".to_owned(),
            issuer: "CN=authority".to_owned(),
            not_before: Timestamp::from_millis(from * DAY_MS),
            not_after: Timestamp::from_millis(until * DAY_MS),
            chain: 1,
        }
    }

    #[test]
    fn end_is_as_bad_as_it_is_near_for_what_lives_long_and_what_lives_short() {
        let at = |day: u64| Timestamp::from_millis(day * DAY_MS + 1);
        let long = certificate(0, 90);
        let said: Vec<_> = [70, 77, 84, 90].map(|day| ends(&long, at(day))).to_vec();
        assert_eq!(said, [None, Some(Severity::Note), Some(Severity::Warning), Some(Severity::Critical)]);
        // One of six days is renewed in time with two days left.
        let short = certificate(0, 6);
        let said: Vec<_> = [1, 3, 4, 5].map(|day| ends(&short, at(day))).to_vec();
        assert_eq!(said, [None, None, Some(Severity::Note), Some(Severity::Warning)]);
    }

    #[test]
    fn each_fault_has_a_line_that_stays_the_same_while_days_go_by() {
        let served = certificate(0, 90);
        let it = ServedCertificate {
            address: "192.0.2.1:443".parse().unwrap(),
            name: "shop.test".to_owned(),
            path: "/etc/ssl/shop.pem".into(),
            on_disk: Some(certificate(80, 170)),
            served: Some(served),
            wrong: vec![Wrong::NotReloaded, Wrong::Ends { days: 9 }],
        };
        let on = |day: u64| of_served(&it, Timestamp::from_millis(day * DAY_MS));
        let said = on(80);
        assert_eq!(
            said.iter().map(|it| it.severity).collect::<Vec<_>>(),
            [Severity::Warning, Severity::Note]
        );
        assert!(
            said[0].says.contains("never reloaded") && said[1].details[1] == "10 days are left",
            "{said:?}"
        );
        let lines =
            |ills: &[Ill]| ills.iter().map(|it| (it.about.clone(), it.says.clone())).collect::<Vec<_>>();
        assert_eq!(lines(&said), lines(&on(81)));
    }
}
