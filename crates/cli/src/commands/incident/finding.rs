//! What the look for a cause came to: how sure it is, on what it rests, and what it is not.

use evenkeel_fleet::journal::{Cause, Finding};

/// The finding as lines, a blank one behind them.
pub(super) fn shown(finding: &Finding) -> String {
    let mut out = String::new();
    let sure = if finding.confident { "certain" } else { "possible, not certain" };
    match finding.causes.as_slice() {
        [] => line(&mut out, "cause", &finding.says),
        [first, further @ ..] => {
            line(&mut out, "cause", &format!("{} ({sure})", first.says));
            of_one(&mut out, first);
            for cause in further {
                line(&mut out, "or", &format!("{} (less likely)", cause.says));
                of_one(&mut out, cause);
            }
        }
    }
    finding.ruled_out.iter().for_each(|it| line(&mut out, "ruled out", it));
    finding.missing.iter().for_each(|it| line(&mut out, "unknown", it));
    out.push('\n');
    out
}

fn of_one(out: &mut String, cause: &Cause) {
    for (name, all) in [("rests on", &cause.rests_on), ("against", &cause.against)] {
        all.iter().for_each(|it| line(out, name, it));
    }
    for (name, text) in [("check", &cause.check), ("fix", &cause.fix)] {
        if !text.is_empty() {
            line(out, name, text);
        }
    }
}

fn line(out: &mut String, name: &str, text: &str) {
    let text = text.trim_end().replace('\n', "\n            ");
    out.push_str(&format!("{name:<10}  {text}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(says: &str, against: &[&str]) -> Cause {
        let text = format!(
            r#"{{"name":"x","says":"{says}","rests_on":["the log says so"],"against":{against:?},"check":"look","fix":"mend","release":null}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn possible_cause_does_not_look_like_a_fact() {
        let finding = Finding {
            says: "the application is down".to_owned(),
            confident: false,
            causes: vec![
                cause("the application is down", &["it answers on another port"]),
                cause("it is slow", &[]),
            ],
            ruled_out: vec!["the firewall: it lets everybody in".to_owned()],
            missing: vec!["the error log may not be read".to_owned()],
        };
        assert_eq!(
            shown(&finding),
            "cause       the application is down (possible, not certain)\n\
             rests on    the log says so\n\
             against     it answers on another port\n\
             check       look\n\
             fix         mend\n\
             or          it is slow (less likely)\n\
             rests on    the log says so\n\
             check       look\n\
             fix         mend\n\
             ruled out   the firewall: it lets everybody in\n\
             unknown     the error log may not be read\n\n"
        );
    }

    #[test]
    fn finding_without_a_cause_says_what_would_settle_it() {
        let says = "not enough evidence; the error log would settle it".to_owned();
        let finding = Finding {
            says,
            confident: false,
            causes: Vec::new(),
            ruled_out: Vec::new(),
            missing: Vec::new(),
        };
        assert_eq!(shown(&finding), "cause       not enough evidence; the error log would settle it\n\n");
    }
}
