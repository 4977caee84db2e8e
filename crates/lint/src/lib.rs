//! Rules over a configuration, and the rendering of what they find.
//!
//! * [`check`] runs the rules and takes in what `evenkeel_model::validate` found; the [`Report`] is sorted, and says a
//!   thing once of a place in a file, however often the file is included.
//! * [`new_or_worse`] and [`Baseline`] tell what a change brings from what was there before.
//! * [`rules`] lists the rules, each of which carries its own page; [`nginx_checks`] what nginx itself would refuse.
//! * [`render`] writes a report for people and for programs.
//!
//! Nothing may depend on a single rule. Deliberately absent: files, the clock, and any knowledge of what a directive
//! means that the model could have: a rule says what is unwise, not what nginx does.
#![deny(clippy::disallowed_methods)]

#[macro_use]
mod macros;

mod check;
mod compare;
mod finding;
mod nginx_checks;
pub mod render;
mod routes;
mod rule;
mod rules;
mod settings;
mod suppress;
#[cfg(test)]
mod testing;

pub use check::{Counts, Input, Report, Suppressed, check};
pub use compare::{Baseline, BaselineError, new_or_worse};
pub use finding::{Finding, Related, Severity, UnknownSeverity};
pub use nginx_checks::{NginxCheck, nginx_checks};
pub use rule::{Rule, rule, rules};
pub use settings::{Level, Settings, SettingsError};
