//! The post-mortem of an incident as one page of HTML: no script, nothing fetched, readable on paper and by a screen reader.

use evenkeel_fleet::postmortem::incident::{Review, Stretch};
use evenkeel_fleet::{Sequence, Span, Timestamp};
use maud::{DOCTYPE, Markup, PreEscaped, html as page};

use super::words;
use crate::pages::chart::{self, Axis, Placed};
use crate::when;

const STYLE: &str = include_str!("page.css");
/// A diff is cut after so many lines; the journal has the whole one.
const LINES_MAX: usize = 400;
/// How much of the time before and after the incident the charts show, as a part of its length.
const AROUND: u64 = 8;

/// Renders the document. `interval` is how long one point of the rate counts.
#[must_use]
pub fn html(review: &Review, interval: Span) -> String {
    let axis = axis(review);
    let marks = chart::placed(&review.marks, &axis);
    page! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Post-mortem: " (review.title) " (" (review.id) ")" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (head(review)) }
                main {
                    (summary(review))
                    (seen(review, interval, &marks, &axis))
                    (timeline(review))
                    (change(review))
                    (causes(review))
                    (detection(review))
                    (measures(review))
                }
                footer { p { "Every number after a # is an entry of the journal; links lead to it in the timeline." } }
            }
        }
    }
    .into_string()
}

/// From a while before what happened first to a while after what happened last.
fn axis(review: &Review) -> Axis {
    let named = review.times.named();
    let moments = named.iter().map(|(_, at)| *at).chain(review.marks.iter().map(|mark| mark.at));
    let (mut from, mut until) = (Timestamp::from_millis(u64::MAX), Timestamp::from_millis(0));
    for at in moments {
        from = from.min(at);
        until = until.max(at);
    }
    if from > until {
        from = until;
    }
    let around = Span::from_millis((until.since(from).as_millis() / AROUND).max(5_000));
    Axis::new(from - around, until + around, chart::LEFT, chart::RIGHT)
}

fn head(review: &Review) -> Markup {
    page! {
        h1 { "Post-mortem: " (review.title) }
        p class="state" {
            (review.id) " · " (words::status(review)) " · severity " (review.severity)
            @if !review.hosts.is_empty() {
                " · " (review.hosts.iter().map(|host| host.as_str()).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn summary(review: &Review) -> Markup {
    page! {
        section aria-labelledby="summary" {
            h2 id="summary" { "Issue summary" }
            @for claim in &review.summary { p class="lead" { (claim) } }
            @for caution in &review.cautions { p class="caution" { "Caution: " (caution) } }
            table {
                caption { "Moments" }
                thead { tr { th scope="col" { "moment" } th scope="col" { "time" } } }
                tbody {
                    @for (name, at) in words::moments(&review.times) {
                        tr { th scope="row" { (name) } td class="time" { (at) } }
                    }
                }
            }
            table {
                caption { "Durations" }
                thead { tr { th scope="col" { "duration" } th scope="col" { "counted from" } th scope="col" { "value" } } }
                tbody {
                    @for (name, what, span) in words::durations(&review.times) {
                        tr { th scope="row" { (name) } td { (what) } td class="number" { (span) } }
                    }
                }
            }
        }
    }
}

fn seen(review: &Review, interval: Span, marks: &[Placed<'_>], axis: &Axis) -> Markup {
    page! {
        section aria-labelledby="impact" {
            h2 id="impact" { "Impact" }
            p { (review.impact.claim) }
            @if let Some(it) = review.impact.requests {
                p { (it.failed) " of " (it.all) " requests failed, from " (it.clients) " client addresses." }
            }
            @if !review.impact.vantages.is_empty() {
                ul {
                    @for it in &review.impact.vantages {
                        li { "“" (it.probe) "” of " (it.host) " from " (it.vantage) ": " (words::met(it)) " (" (it.how.join(", ")) ")" }
                    }
                }
            }
            (beside(review))
            @if !review.strips.is_empty() {
                figure {
                    (chart::strips(&review.strips, marks, axis))
                    figcaption { "What each vantage saw. The numbered flags are told below." }
                    ul class="key" {
                        li { span class="is-up" {} "as expected" }
                        li { span class="is-down" {} "failed, with the class of the failure" }
                        li { span class="is-unknown" {} "not known" }
                    }
                }
                (strip_table(review))
            }
            @if !review.rate.is_empty() {
                figure {
                    (chart::rate(&review.rate, interval, marks, axis))
                    figcaption { "Requests (light) and those that failed (dark), from the access log." }
                }
            }
            @if !marks.is_empty() {
                h3 { "The flags in the charts" }
                ol {
                    @for it in marks {
                        li value=(it.number) {
                            (when::clock(it.mark.at)) ", " (it.mark.kind.name()) ": " (it.mark.what) " " (link(review, it.mark.entry))
                        }
                    }
                }
            }
        }
    }
}

/// What else was wrong at that time.
fn beside(review: &Review) -> Markup {
    page! {
        @if !review.beside.is_empty() {
            h3 { "Open at the same time" }
            ul {
                @for it in &review.beside {
                    li {
                        (it.id) " " (it.title) ", since " (when::clock(it.onset)) " " (links(review, &it.on))
                        ul {
                            @if let Some(cause) = &it.cause { li { "cause: " (cause) } }
                            @for on in &it.rests_on { li { "rests on: " (on) } }
                        }
                    }
                }
            }
        }
    }
}

/// The strips as text: what a screen reader and a reader on paper get.
fn strip_table(review: &Review) -> Markup {
    use evenkeel_fleet::postmortem::incident::Seen;
    let down = |stretch: &Stretch| match &stretch.seen {
        Seen::Down(class) => Some(class.clone()),
        Seen::Up | Seen::Unknown => None,
    };
    page! {
        div class="scroll" tabindex="0" role="region" aria-label="What each vantage saw, as a table" {
            table {
                caption { "What each vantage saw failing" }
                thead {
                    tr {
                        th scope="col" { "probe" } th scope="col" { "host" } th scope="col" { "vantage" }
                        th scope="col" { "how" } th scope="col" { "from" } th scope="col" { "for" }
                    }
                }
                tbody {
                    @for strip in &review.strips {
                        @for (stretch, class) in strip.stretches.iter().filter_map(|it| Some((it, down(it)?))) {
                            tr {
                                th scope="row" { (strip.probe) } td { (strip.host) } td { (strip.vantage) } td { (class) }
                                td class="time" { (when::clock(stretch.from)) }
                                td class="number" { (when::span(stretch.until.since(stretch.from))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn timeline(review: &Review) -> Markup {
    page! {
        section aria-labelledby="timeline" {
            h2 id="timeline" { "Timeline" }
            @if let Some(first) = review.timeline.first() {
                p { "Times are local: " (when::shown(first.at)) "." }
            }
            div class="scroll" tabindex="0" role="region" aria-label="Entries of the timeline" {
                table {
                    caption { "Everything that happened, in order" }
                    thead { tr { th scope="col" { "time" } th scope="col" { "what happened" } th scope="col" { "journal" } } }
                    tbody {
                        @for moment in &review.timeline {
                            tr id={ "e" (moment.entry) } {
                                td class="time" { (when::clock(moment.at)) } td { (moment.what) }
                                td class="number" { "#" (moment.entry) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn change(review: &Review) -> Markup {
    let Some(change) = &review.change else {
        return page! {
            section aria-labelledby="change" {
                h2 id="change" { "The change that mattered" }
                p { "No change is to blame, as far as the evidence goes." }
            }
        };
    };
    page! {
        section aria-labelledby="change" {
            h2 id="change" { "The change that mattered" }
            p { (change.what) ", by " (change.by) ", at " (when::shown(change.at)) " " (links(review, &change.on)) "." }
            @if !change.meaning.is_empty() {
                h3 { "What it means" }
                ul { @for meaning in &change.meaning { li { (meaning) } } }
            }
            @if !change.elsewhere.is_empty() {
                p {
                    "The same configuration stands on "
                    (change.elsewhere.iter().map(|host| host.as_str()).collect::<Vec<_>>().join(", ")) "."
                }
            }
            @if !change.diff.is_empty() {
                h3 { "What was written" }
                pre tabindex="0" {
                    @for line in change.diff.lines().take(LINES_MAX) { (line) "\n" }
                    @if change.diff.lines().count() > LINES_MAX { "… (cut here; the journal has the whole one)\n" }
                }
            }
        }
    }
}

fn causes(review: &Review) -> Markup {
    page! {
        section aria-labelledby="cause" {
            h2 id="cause" { "Root cause and resolution" }
            @if review.causes.is_empty() { p { "Not enough evidence to name a cause." } }
            @else {
                ol {
                    @for cause in &review.causes {
                        li {
                            strong { (cause.what) } " (" (cause.confidence) ") " (links(review, &cause.on))
                            ul {
                                @for on in &cause.rests_on { li { "rests on: " (on) } }
                                @for against in &cause.against { li { "against it: " (against) } }
                                @if !cause.fix.is_empty() { li { "fix: " (cause.fix) } }
                            }
                        }
                    }
                }
            }
            h3 { "What it was not" }
            @if review.misleading.is_empty() { p { "Nothing else was suspected, as far as the journal goes." } }
            @else {
                ul {
                    @for it in &review.misleading {
                        li {
                            (it.what) ": " (it.because)
                            @if let Some(cost) = it.cost { "; it cost " (when::span(cost)) }
                            " " (links(review, &it.on))
                        }
                    }
                }
            }
        }
    }
}

fn detection(review: &Review) -> Markup {
    page! {
        section aria-labelledby="detection" {
            h2 id="detection" { "Detection" }
            p { (review.detection.by) }
            @if !review.detection.gaps.is_empty() {
                ul { @for gap in &review.detection.gaps { li { (gap) } } }
            }
            h3 { "What would have stopped it" }
            p { (words::counterfactual(&review.counterfactual)) }
            @if !review.counterfactual.is_empty() {
                table {
                    caption { "The change, played once more" }
                    thead {
                        tr {
                            th scope="col" { "asked" } th scope="col" { "verdict" }
                            th scope="col" { "what it said" } th scope="col" { "took" }
                        }
                    }
                    tbody {
                        @for gate in &review.counterfactual {
                            tr {
                                th scope="row" { (gate.name) } td { (words::verdict(gate)) } td { (gate.said) }
                                td class="number" { (gate.took.map_or_else(|| "-".to_owned(), when::span)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn measures(review: &Review) -> Markup {
    page! {
        section aria-labelledby="measures" {
            h2 id="measures" { "Corrective and preventive measures" }
            @if review.items.is_empty() { p { "Nothing that the evidence asks for." } }
            @else {
                ul {
                    @for item in &review.items {
                        li {
                            @if item.closed_by.is_some() { "[done] " } @else { "[open] " }
                            (item.task.what) ": " (item.task.because) " (" (words::item_state(item)) ") "
                            (links(review, &item.task.on))
                        }
                    }
                }
            }
            @if let Some(text) = words::against_earlier(review) {
                h3 { "Compared with earlier incidents" }
                p { (text) }
            }
            @if !review.coffees.is_empty() {
                h3 { "Coffee owed" }
                ul {
                    @for coffee in &review.coffees {
                        li { (coffee.cups) " to " (coffee.to) ": " (coffee.why) }
                    }
                }
            }
        }
    }
}

/// A link to the entry in the timeline, where it is there.
fn link(review: &Review, entry: Sequence) -> Markup {
    let told = review.timeline.iter().any(|moment| moment.entry == entry);
    page! {
        @if told { a href={ "#e" (entry) } { "#" (entry) } } @else { "#" (entry) }
    }
}

fn links(review: &Review, entries: &[Sequence]) -> Markup {
    page! { @for entry in entries { (link(review, *entry)) " " } }
}
