//! What logs came to, for people.

use super::Report;
use super::rows::Tally;
use super::show::{TEXT_CHARS_MAX, line};
use super::traffic::{ReadLog, Replayed, format_name};
use crate::commands::route::show::readable;

/// How many paths of a class.
const PATHS_MAX: usize = 5;

/// How many requests of the logs a row is.
pub(super) fn counted(report: &Report<'_>, tally: &Tally) -> String {
    let all = report.traffic.as_ref().map_or(0, |traffic| traffic.counted.requests);
    if tally.requests == 0 {
        return "none of the requests in the log".to_owned();
    }
    let clients = tally.clients.count();
    let about = if tally.clients.is_exact() { "" } else { "about " };
    let of = match clients {
        0 => String::new(),
        1 => " of 1 client".to_owned(),
        many => format!(" of {about}{} clients", number(many)),
    };
    let paths = tally.paths.most(PATHS_MAX);
    let paths = paths.iter().map(|(path, count)| format!("{} {}", readable(path), number(*count)));
    let paths = paths.collect::<Vec<_>>().join(", ");
    let paths = if paths.is_empty() { paths } else { format!(": {paths}") };
    format!("{} ({}){of}{paths}", requests(tally.requests), percent(tally.requests, all))
}

fn requests(many: u64) -> String {
    if many == 1 { "1 request".to_owned() } else { format!("{} requests", number(many)) }
}

/// A number with its thousands apart.
pub(super) fn number(many: u64) -> String {
    let digits = many.to_string();
    let first = (digits.len() - 1) % 3 + 1;
    let rest = digits.as_bytes()[first..].chunks(3).map(|three| String::from_utf8_lossy(three).into_owned());
    std::iter::once(digits[..first].to_owned()).chain(rest).collect::<Vec<_>>().join(",")
}

/// A share, so that few of many are not none.
pub(super) fn percent(part: u64, all: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a share of two digits")]
    let share = if all == 0 { 0.0 } else { part as f64 * 100.0 / all as f64 };
    match share {
        _ if part == 0 => "0 %".to_owned(),
        share if share < 0.01 => "< 0.01 %".to_owned(),
        share if share < 1.0 => format!("{share:.2} %"),
        share if share < 10.0 => format!("{share:.1} %"),
        share if share > 99.9 && part < all => "99.9 %".to_owned(),
        share => format!("{share:.0} %"),
    }
}

/// What a log is, and what it lacks.
pub(super) fn log(log: &ReadLog, text: &mut String) {
    let ReadLog { name, reading, lacks, fault, .. } = log;
    line(text, &format!("{name}: format {}, {}", format_name(&reading.format), reading.found));
    for lacking in super::lacking(lacks, reading) {
        line(text, &format!("  {lacking}"));
    }
    if let Some(fault) = fault {
        line(text, &format!("  it ends before its end ({fault}); what came before is counted"));
    }
}

/// Lines that are no requests.
pub(super) fn lines(traffic: &Replayed, text: &mut String) {
    let counted = &traffic.counted;
    if counted.requests + counted.unread + counted.not_http == 0 {
        line(text, "the log is empty");
    }
    if counted.not_http > 0 {
        let (many, lines) =
            (number(counted.not_http), if counted.not_http == 1 { "line tells" } else { "lines tell" });
        line(
            text,
            &format!(
                "{many} {lines} of what was no HTTP request (TLS on a plain port, a connection without a word)"
            ),
        );
    }
    if counted.beyond > 0 {
        line(
            text,
            &format!("{} are of further classes, too many to be told apart", requests(counted.beyond)),
        );
    }
    if counted.unread > 0 {
        let (many, lines) =
            (number(counted.unread), if counted.unread == 1 { "line is" } else { "lines are" });
        line(text, &format!("{many} {lines} not of the format, for example:"));
        for unread in &counted.first_unread {
            let name =
                traffic.logs.iter().find(|log| log.number == unread.log).map_or("", |log| &log.name[..]);
            let begins: String = readable(&unread.begins).chars().take(TEXT_CHARS_MAX).collect();
            let place = format!("{name}:{}:{}", unread.line, unread.column);
            line(text, &format!("  {place}: expected {}, in {begins}", unread.expected));
        }
    }
    if traffic.interrupted {
        line(text, "interrupted: the rest of the log is not counted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_shares_are_readable() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        let shares = [(0, 9), (1, 1_000_000), (1, 200), (1, 30), (1, 3), (999_999, 1_000_000), (3, 3)];
        let shown = shares.map(|(part, all)| percent(part, all));
        assert_eq!(shown, ["0 %", "< 0.01 %", "0.50 %", "3.3 %", "33 %", "99.9 %", "100 %"]);
    }
}
