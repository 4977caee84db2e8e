//! A report for people: the verdict first.

use super::{Asked, Down, Report, Run, Step, Upstream};
use crate::compare::{headers, page_of};
use crate::finding::Finding;
use crate::load::{Loaded, Round};

/// How many changed answers, outages and differences are shown.
const SHOWN_MAX: usize = 12;

/// Writes a report for people. `accepted`: findings that somebody accepted, by `RULE` or `RULE:FILE`.
#[must_use]
pub fn text(report: &Report, accepted: &[String]) -> String {
    let mut out = String::new();
    let blocking = report.blocking(accepted).count();
    let verdict = match blocking {
        0 => "rehearsed: nothing stands in the way".to_owned(),
        1 => "rehearsed: 1 thing stands in the way".to_owned(),
        many => format!("rehearsed: {many} things stand in the way"),
    };
    line(&mut out, &verdict);
    for run in &report.runs {
        summary(&mut out, run, report.runs.len() > 1);
    }
    if !report.upstreams.is_empty() {
        let accepting = report.upstreams.iter().filter(|it| it.accepts).count();
        let asked = report.upstreams.iter().filter(|it| it.is_asked()).count();
        if asked > 0 {
            line(
                &mut out,
                &format!("  upstreams       {accepting} of {asked} accept connections from this host"),
            );
        }
    }
    let first =
        report.timings.first_answer_ms.map(|ms| format!("first answer after {ms} ms, ")).unwrap_or_default();
    line(&mut out, &format!("  time            {first}{} ms in all", report.timings.total_ms));
    for finding in &report.findings {
        tell(&mut out, finding, accepted);
    }
    for (at, run) in report.runs.iter().enumerate() {
        // Most often another version answers the same.
        let lists = (changes(run), outages(run));
        if report.runs[..at].iter().all(|earlier| (changes(earlier), outages(earlier)) != lists) {
            let with = if at == 0 { String::new() } else { format!(", with {}", run.nginx) };
            list(&mut out, &format!("answered differently{with}:"), &lists.0);
            list(&mut out, &format!("when upstreams are down{with}:"), &lists.1);
        }
    }
    list(&mut out, &format!("not as on the host (sandbox mode {}):", report.mode), &report.differences);
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}

fn summary(out: &mut String, run: &Run, several: bool) {
    if several {
        let version = run.version.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
        line(out, &format!("  {}{version}", run.nginx));
    }
    if let Some(step) = &run.transition {
        line(out, &format!("  reload          {}", of_step(step)));
    }
    if let Some(step) = &run.start {
        line(out, &format!("  fresh start     {}", of_step(step)));
    }
    let asked = run.asked.len();
    if asked > 0 {
        let exact = run.asked.iter().filter(|it| it.depends_on.is_empty()).count();
        let changed = run.asked.iter().filter(|it| it.changed).count();
        let against = match run.asked.iter().any(|it| it.old.is_some()) {
            true => format!(", {changed} answered differently than by the live tree"),
            false => String::new(),
        };
        line(out, &format!("  requests        {asked} asked, {exact} predicted exactly{against}"));
    }
    if let Some(loaded) = &run.load {
        load(out, loaded);
    }
}

/// A line for each tree that was loaded.
fn load(out: &mut String, loaded: &Loaded) {
    let Loaded { rate, seconds, requests, new, old } = loaded;
    let plural = if *requests == 1 { "" } else { "s" };
    let what = format!("{rate} requests a second for {seconds} s, {requests} different one{plural}");
    line(out, &format!("  load            {what}: {}", of_rounds(new)));
    if !old.is_empty() {
        line(out, &format!("                  the live tree: {}", of_rounds(old)));
    }
}

fn of_rounds(rounds: &[Round]) -> String {
    let sum = |of: fn(&Round) -> u32| rounds.iter().map(of).sum::<u32>();
    let of = |time: fn(&Round) -> Option<f64>| {
        let times: Vec<String> = rounds.iter().filter_map(time).map(|ms| format!("{ms:.1}")).collect();
        if times.is_empty() { "-".to_owned() } else { times.join(" and ") }
    };
    let (asked, failed) = (sum(|it| it.asked), sum(|it| it.failed));
    format!("{failed} of {asked} failed, p50 {} ms, p99 {} ms", of(|it| it.p50_ms), of(|it| it.p99_ms))
}

fn of_step(step: &Step) -> String {
    match step.works {
        true => format!("works ({} ms)", step.took_ms),
        false => format!("fails: {}", step.said.first().map_or("no reason was given", String::as_str)),
    }
}

fn tell(out: &mut String, finding: &Finding, accepted: &[String]) {
    let place = match (&finding.file, finding.line) {
        (Some(file), Some(line)) => format!("{file}:{line}: "),
        (Some(file), None) => format!("{file}: "),
        _ => String::new(),
    };
    let mark = match (finding.old, finding.is_accepted(accepted)) {
        (true, _) => " (the live tree has it, too)",
        (false, true) => " (accepted)",
        (false, false) => "",
    };
    let with = finding.nginx.as_deref().map(|nginx| format!(" [with {nginx}]")).unwrap_or_default();
    line(out, "");
    line(out, &format!("{}[{}]: {place}{}{with}{mark}", finding.severity, finding.rule, finding.message));
    if let Some(help) = &finding.help {
        line(out, &format!("  help: {help}"));
    }
}

fn changes(run: &Run) -> Vec<String> {
    let changed = run.asked.iter().filter(|it| it.changed);
    let line = |it: &Asked| {
        let old = it.old.as_ref()?;
        let headers = headers(old, &it.new).map(|words| format!(", {words}")).unwrap_or_default();
        Some(format!("{}: {} -> {}{headers}", it.request, page_of(old), page_of(&it.new)))
    };
    changed.filter_map(line).collect()
}

fn outages(run: &Run) -> Vec<String> {
    let line = |down: &Down| {
        let took_over = if down.took_over { " (another server takes over)" } else { "" };
        let late = match down.seen.took_ms {
            SLOW_MS.. => format!(" after {} ms", down.seen.took_ms),
            _ => String::new(),
        };
        format!("{} down: {} gets {}{took_over}{late}", down.what, down.request, page_of(&down.seen))
    };
    run.down.iter().map(line).collect()
}

/// From here on people notice that they wait.
const SLOW_MS: u64 = 1000;

fn list(out: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    line(out, "");
    line(out, title);
    for one in lines.iter().take(SHOWN_MAX) {
        line(out, &format!("  {one}"));
    }
    if lines.len() > SHOWN_MAX {
        line(out, &format!("  and {} more (--json has all)", lines.len() - SHOWN_MAX));
    }
}

impl Upstream {
    fn is_asked(&self) -> bool {
        !self.said.starts_with("not asked")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;
    use crate::report::Timings;

    #[test]
    fn verdict_comes_first_and_every_finding_has_its_help() {
        let finding = Finding::new("upstream-refuses", Severity::Error, "10.0.0.5:80 refuses connections")
            .at(Some(("nginx.conf".to_owned(), 3)))
            .help("start it");
        let old = finding.clone().old(true);
        let step = Step { works: true, said: Vec::new(), took_ms: 170 };
        let run = Run { transition: Some(step.clone()), start: Some(step), ..Run::default() };
        let report = Report {
            findings: vec![finding, old],
            mode: "ident".to_owned(),
            differences: vec!["a key was replaced".to_owned()],
            runs: vec![run],
            timings: Timings { first_answer_ms: Some(48), total_ms: 420 },
            ..Report::default()
        };
        let text = text(&report, &[]);
        let expected = "\
rehearsed: 1 thing stands in the way
  reload          works (170 ms)
  fresh start     works (170 ms)
  time            first answer after 48 ms, 420 ms in all

error[upstream-refuses]: nginx.conf:3: 10.0.0.5:80 refuses connections
  help: start it

error[upstream-refuses]: nginx.conf:3: 10.0.0.5:80 refuses connections (the live tree has it, too)
  help: start it

not as on the host (sandbox mode ident):
  a key was replaced
";
        assert_eq!(text, expected);
        assert!(
            super::text(&report, &["upstream-refuses".to_owned()]).starts_with("rehearsed: nothing stands")
        );
    }
}
