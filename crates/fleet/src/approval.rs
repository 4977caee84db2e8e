//! What an approval says, and whether it fits the release that it is held against.
//!
//! An approval is one text that somebody other than the author signs with an SSH key (`ssh-keygen -Y sign`), and whose
//! key the host knows ([`Signers`]).

mod signers;

use std::fmt;
use std::str::FromStr;

pub use signers::{Approved, BadSigners, NotApproved, Signers};

use crate::{Actor, BundleId, Generation, HostId, Span, Timestamp};

/// What the signature is made for (`ssh-keygen -n`): one for something else is none for this.
pub const NAMESPACE: &str = "evenkeel-approval";
/// The longest time for which an approval may be good.
pub const GOOD_FOR_MAX: Span = Span::from_secs(7 * 24 * 60 * 60);
/// Longest text of an approval, in bytes.
pub const BYTES_MAX: usize = 256 * 1024;
/// Most risks that one names; what is beyond them is counted in the last.
const RISKS_MAX: usize = 200;
/// Longest risk, in bytes.
const RISK_BYTES_MAX: usize = 1_000;
const HEAD: &str = "evenkeel approval 1";

/// What is approved: one step of one host, once, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The host that may take the step.
    pub host: HostId,
    /// What stands there.
    pub from: BundleId,
    /// What may stand there.
    pub to: BundleId,
    /// The number of the order that it is for: after any other order it is of no use.
    pub epoch: Generation,
    /// Until when it is good, by the host's clock.
    pub expires: Timestamp,
    /// Who wants the change.
    pub author: String,
    /// What makes it a high risk.
    pub risks: Vec<String>,
}

/// A text that is no approval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadApproval {
    /// It is too long to be one.
    #[error("read an approval of more than {BYTES_MAX} bytes")]
    Long,
    /// It does not begin as one.
    #[error("read an approval that does not begin with \"{HEAD}\"")]
    Head,
    /// A line says nothing that is known, or says it again.
    #[error("read line {0} of an approval")]
    Line(usize),
    /// Something is not said.
    #[error("find \"{0}\" in an approval")]
    Missing(&'static str),
}

/// The step that needs approval, as the host itself sees it.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// This host.
    pub host: &'a HostId,
    /// What stands here.
    pub from: BundleId,
    /// What shall stand here.
    pub to: BundleId,
    /// The number of the order that would be given.
    pub epoch: Generation,
    /// Who is about to apply it.
    pub who: &'a Actor,
    /// What makes it a high risk.
    pub risks: &'a [String],
    /// The present time.
    pub now: Timestamp,
}

/// Why an approval does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is another host's.
    #[error("it is for host {0}")]
    Host(HostId),
    /// It is for another step.
    #[error("it is for the step from {} to {}", from.short(), to.short())]
    Bundle {
        /// The bundle to begin with.
        from: BundleId,
        /// The bundle to end with.
        to: BundleId,
    },
    /// The host was given an order since: what was approved then is not approved again.
    #[error("it was for order {approved} of this host, and the next one is {next}: ask again")]
    Used {
        /// The order that it is for.
        approved: Generation,
        /// The order that would be given.
        next: Generation,
    },
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// It would be good for longer than any may be.
    #[error("it would be good for {0}, and the most is {GOOD_FOR_MAX}")]
    TooLong(Span),
    /// The author, or whoever applies it, signed it.
    #[error("{0} signed it, whose change it is: somebody else must")]
    OwnChange(String),
    /// The change does something that whoever signed it was not told.
    #[error("it does not speak of this: {0}")]
    NotTold(String),
}

impl Approval {
    /// Says whether it lets `wanted` pass when `signer` signed it.
    ///
    /// # Errors
    /// [`Unfit`] names the first thing that does not fit.
    pub fn fits(&self, wanted: &Wanted<'_>, signer: &str) -> Result<(), Unfit> {
        if self.host != *wanted.host {
            return Err(Unfit::Host(self.host.clone()));
        }
        if (self.from, self.to) != (wanted.from, wanted.to) {
            return Err(Unfit::Bundle { from: self.from, to: self.to });
        }
        if self.epoch != wanted.epoch {
            return Err(Unfit::Used { approved: self.epoch, next: wanted.epoch });
        }
        if wanted.now >= self.expires {
            return Err(Unfit::Expired);
        }
        let good_for = self.expires.since(wanted.now);
        if good_for > GOOD_FOR_MAX {
            return Err(Unfit::TooLong(good_for));
        }
        if same_person(signer, &self.author) || same_person(signer, &wanted.who.name) {
            return Err(Unfit::OwnChange(signer.to_owned()));
        }
        match told(wanted.risks).into_iter().find(|risk| !self.risks.contains(risk)) {
            Some(risk) => Err(Unfit::NotTold(risk)),
            None => Ok(()),
        }
    }
}

/// Risks as an approval tells them: each on one line, with bounds.
#[must_use]
pub fn told(risks: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = risks.iter().take(RISKS_MAX).map(|risk| line(risk)).collect();
    if let Some(more) = risks.len().checked_sub(RISKS_MAX).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines
}

/// One risk on one line, with a bound.
fn line(risk: &str) -> String {
    let mut line: String = risk.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if line.len() > RISK_BYTES_MAX {
        line.truncate(line.floor_char_boundary(RISK_BYTES_MAX - '…'.len_utf8()));
        line.push('…');
    }
    line
}

/// Whether two names are one person's: a login, and an address that begins with it.
fn same_person(one: &str, another: &str) -> bool {
    let login = |name: &str| name.split('@').next().unwrap_or_default().to_lowercase();
    login(one) == login(another)
}

/// The text that is signed.
impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, from, to, epoch, expires, author, risks } = self;
        let author: String = author.chars().filter(|c| !c.is_control()).collect();
        writeln!(f, "{HEAD}\nhost {host}\nfrom {from}\nto {to}\nepoch {epoch}")?;
        writeln!(f, "expires {}\nauthor {author}", moment(*expires))?;
        risks.iter().map(|risk| line(risk)).try_for_each(|risk| writeln!(f, "risk {risk}"))
    }
}

impl FromStr for Approval {
    type Err = BadApproval;

    fn from_str(text: &str) -> Result<Self, BadApproval> {
        if text.len() > BYTES_MAX {
            return Err(BadApproval::Long);
        }
        let mut lines = text.split_terminator('\n').enumerate();
        if lines.next().is_none_or(|(_, head)| head != HEAD) {
            return Err(BadApproval::Head);
        }
        let (mut host, mut from, mut to, mut epoch, mut expires, mut author) =
            (None, None, None, None, None, None);
        let mut risks = Vec::new();
        for (index, line) in lines {
            let bad = || BadApproval::Line(index + 1);
            let (key, value) = line.split_once(' ').ok_or_else(bad)?;
            match key {
                "host" => once(&mut host, HostId::new(value).ok()),
                "from" => once(&mut from, value.parse().ok()),
                "to" => once(&mut to, value.parse().ok()),
                "epoch" => once(&mut epoch, value.parse().ok().map(Generation)),
                "expires" => once(&mut expires, timestamp(value)),
                "author" => once(&mut author, Some(value.to_owned())),
                "risk" if risks.len() <= RISKS_MAX => {
                    risks.push(value.to_owned());
                    Some(())
                }
                _ => None,
            }
            .ok_or_else(bad)?;
        }
        let missing = BadApproval::Missing;
        Ok(Self {
            host: host.ok_or(missing("host"))?,
            from: from.ok_or(missing("from"))?,
            to: to.ok_or(missing("to"))?,
            epoch: epoch.ok_or(missing("epoch"))?,
            expires: expires.ok_or(missing("expires"))?,
            author: author.ok_or(missing("author"))?,
            risks,
        })
    }
}

/// A time as people read it, to the second.
fn moment(at: Timestamp) -> jiff::Timestamp {
    let second = i64::try_from(at.as_millis() / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(second).unwrap_or(jiff::Timestamp::MAX)
}

fn timestamp(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    u64::try_from(moment.as_millisecond()).ok().map(Timestamp::from_millis)
}

/// Takes a value that is there, and that was not there before.
fn once<T>(place: &mut Option<T>, value: Option<T>) -> Option<()> {
    if place.is_some() {
        return None;
    }
    *place = value;
    place.is_some().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(super) const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    pub(super) fn approval() -> Approval {
        Approval {
            host: HostId::new("web1").unwrap(),
            from: BundleId([1; 32]),
            to: BundleId([2; 32]),
            epoch: Generation(7),
            expires: NOW + Span::from_secs(3600),
            author: "alice".to_owned(),
            risks: vec!["server_name a.test is gone".to_owned()],
        }
    }

    /// Holds an approval against the step that [`approval`] is for.
    fn held(approval: &Approval, signer: &str) -> Result<(), Unfit> {
        let (host, who) = (HostId::new("web1").unwrap(), Actor::new("alice", "sudo"));
        let risks = ["server_name a.test is gone".to_owned()];
        let (from, to, epoch) = (BundleId([1; 32]), BundleId([2; 32]), Generation(7));
        approval.fits(&Wanted { host: &host, from, to, epoch, who: &who, risks: &risks, now: NOW }, signer)
    }

    #[test]
    fn approval_of_somebody_else_fits_the_step_that_it_names() {
        assert_eq!(held(&approval(), "bob@example.com"), Ok(()));
    }

    #[test]
    fn nobody_approves_a_change_of_their_own() {
        for signer in ["alice", "alice@example.com", "Alice@elsewhere.test"] {
            assert_eq!(held(&approval(), signer), Err(Unfit::OwnChange(signer.to_owned())));
        }
        let of_bob = Approval { author: "bob".to_owned(), ..approval() };
        assert!(matches!(held(&of_bob, "bob@example.com"), Err(Unfit::OwnChange(_))));
        assert!(matches!(held(&of_bob, "alice"), Err(Unfit::OwnChange(_))), "whoever applies it counts too");
    }

    #[test]
    fn approval_for_anything_else_does_not_fit() {
        let cases = [
            Approval { host: HostId::new("web2").unwrap(), ..approval() },
            Approval { from: BundleId([9; 32]), ..approval() },
            Approval { to: BundleId([9; 32]), ..approval() },
            Approval { epoch: Generation(6), ..approval() },
            Approval { epoch: Generation(8), ..approval() },
            Approval { expires: NOW, ..approval() },
            Approval { expires: NOW + GOOD_FOR_MAX + Span::from_millis(1), ..approval() },
            Approval { risks: Vec::new(), ..approval() },
        ];
        for case in cases {
            assert!(held(&case, "bob").is_err(), "{case:?}");
        }
    }

    #[test]
    fn text_with_anything_more_or_less_is_no_approval() {
        let text = approval().to_string();
        assert_eq!(text.parse(), Ok(approval()));
        for line in text.lines().filter(|line| !line.starts_with("risk ")) {
            let without: String = text.lines().filter(|it| *it != line).map(|it| format!("{it}\n")).collect();
            assert!(without.parse::<Approval>().is_err(), "without {line}");
            if line != HEAD {
                assert!(format!("{text}{line}\n").parse::<Approval>().is_err(), "twice {line}");
            }
        }
        for more in ["until tomorrow\n", "\n", "risk\n"] {
            assert!(format!("{text}{more}").parse::<Approval>().is_err(), "{more:?}");
        }
        assert_eq!("a".repeat(BYTES_MAX + 1).parse::<Approval>(), Err(BadApproval::Long));
    }

    #[test]
    fn many_and_long_risks_are_told_within_bounds() {
        let risks: Vec<String> = (0..500).map(|n| format!("{n}\n{}", "é".repeat(5_000))).collect();
        let many = Approval { risks: told(&risks), ..approval() };
        assert_eq!(many.risks.last().unwrap(), "and 300 more");
        assert!(many.to_string().len() < BYTES_MAX);
        assert_eq!(many.to_string().parse(), Ok(many));
    }

    proptest! {
        #[test]
        fn whatever_an_author_or_a_risk_says_no_line_is_smuggled_in(author in any::<String>(), risk in any::<String>()) {
            let odd = Approval { author, risks: vec![risk], ..approval() };
            if let Ok(read) = odd.to_string().parse::<Approval>() {
                prop_assert_eq!((&read.host, read.from, read.to, read.epoch, read.expires),
                    (&odd.host, odd.from, odd.to, odd.epoch, odd.expires));
                prop_assert_eq!(read.risks.len(), 1);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = format!("{HEAD}\n{text}").parse::<Approval>();
        }
    }
}
