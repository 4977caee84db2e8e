//! Values that are found by trying: those of small sets, and guesses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Aim, Aimed, Goal, TRIES_MAX, set};
use crate::explore::lift::{Variable, fill};
use crate::explore::rules::{Rules, borders};
use crate::explore::values::Values;
use crate::route::{Input, Piece, Test, generate};

impl Aim<'_> {
    /// The first of some values that will do.
    pub(super) fn first_of(
        &self,
        variable: &Variable,
        goals: &[&Goal],
        all: Vec<Vec<u8>>,
        exact: bool,
    ) -> Aimed {
        let mut open = false;
        for value in all {
            let mut values = self.values.clone();
            set(&mut values, variable, &value);
            let says: Vec<Option<bool>> = goals.iter().map(|goal| goal.holds(&values, self)).collect();
            if says.iter().all(|&says| says == Some(true)) {
                return Aimed::At(vec![values]);
            }
            open |= says.iter().all(|&says| says != Some(false));
        }
        if exact && !open {
            Aimed::Nowhere
        } else {
            Aimed::Unsure(Vec::new(), String::from("no value was found"))
        }
    }

    /// An address: of the borders of all ranges, since nothing changes between them.
    pub(super) fn client(&self, goals: &[&Goal]) -> Aimed {
        let mut all: Vec<IpAddr> = vec![
            IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)),
            IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)),
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7)),
        ];
        let mut exact = true;
        for goal in goals {
            let one =
                |text: &[u8]| std::str::from_utf8(text).is_ok_and(|text| text.parse::<IpAddr>().is_ok());
            match (&goal.test, goal.rules.as_deref()) {
                (Test::Range(range), _) => all.extend(borders(range)),
                (Test::OneOf(texts), _) => {
                    all.extend(texts.iter().filter(|text| one(text)).flat_map(|text| borders(text)));
                }
                (Test::Equals(other), _) => match other.fixed() {
                    Some(text) if one(text) => all.extend(borders(text)),
                    Some(_) => {}
                    None => exact = false,
                },
                (_, Some(rules @ Rules::Addresses(_))) => all.extend(rules.borders()),
                _ => exact = false,
            }
            exact &= matches!(goal.subject.0[..], [Piece::Input(Input::Client)]);
        }
        all.dedup();
        let all = all.into_iter().map(|ip| ip.to_string().into_bytes()).collect();
        self.first_of(&Variable::Client, goals, all, exact)
    }

    pub(super) fn length(&self, goals: &[&Goal]) -> Aimed {
        let mut all = vec![Vec::new()];
        for goal in goals {
            if let Test::MoreThan(number) = goal.test {
                all.extend([number, number.saturating_add(1)].map(|number| number.to_string().into_bytes()));
            }
        }
        let exact = goals.iter().all(|goal| matches!(goal.test, Test::MoreThan(_)));
        self.first_of(&Variable::Length, goals, all, exact)
    }

    /// Values worth a try.
    pub(super) fn tries(&self, variable: &Variable, goals: &[&Goal]) -> Vec<Values> {
        let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
        for goal in goals {
            match &goal.test {
                Test::Regex { pattern, .. } => texts.extend(generate::strings(pattern).0),
                Test::Equals(other) => {
                    texts.extend(other.fixed().map(<[u8]>::to_vec));
                    texts.extend(fill(other, self.values, self.door, self.compiled));
                }
                Test::OneOf(all) => texts.extend(all.iter().cloned()),
                Test::Begins(text) | Test::Ends(text) => texts.push(text.clone()),
                _ => {}
            }
        }
        texts.extend([&b"x"[..], b"0", b"1"].map(<[u8]>::to_vec));
        let rooted = matches!(variable, Variable::Uri | Variable::Line);
        let mut found: Vec<Values> = Vec::new();
        for text in texts.into_iter().take(200) {
            let text = if rooted && !text.starts_with(b"/") { [b"/", &text[..]].concat() } else { text };
            if self.domains.of(variable).last().is_some_and(|domain| !domain.holds(&text)) {
                continue;
            }
            let mut values = self.values.clone();
            set(&mut values, variable, &text);
            let possible = goals.iter().all(|goal| goal.holds(&values, self) != Some(false));
            if possible && values != *self.values && !found.contains(&values) {
                found.push(values);
            }
            if found.len() == TRIES_MAX {
                break;
            }
        }
        found
    }
}
