//! The post-mortem of an incident as a page: in a real browser, and as text.

mod browser;
mod error;
mod sample;

use evenkeel_controller::pages::incident::{html, markdown};
use evenkeel_fleet::Span;

fn page() -> String {
    html(&sample::review(), Span::from_secs(10))
}

#[test]
fn page_passes_axe_in_a_browser_in_the_light_and_in_the_dark() {
    for dark in [false, true] {
        let violations = browser::axe(&page(), dark);
        assert_eq!(violations, "0 violations", "dark: {dark}\n{violations}");
    }
}

#[test]
fn browser_would_see_what_is_wrong_with_a_page() {
    let without = page().replace("<title>", "<meta name=\"x\" content=\"").replace("</title>", "\">");
    let pale = without.replace("--ink: #1b1f24", "--ink: #cccccc");
    let violations = browser::axe(&pale, false);
    assert!(violations.contains("document-title") && violations.contains("color-contrast"), "{violations}");
}

#[test]
fn page_needs_nothing_beside_it() {
    let page = page();
    for outside in ["src=", "@import", "<script", "<link", "http://", "https://"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'"));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "what comes from outside is text");
}

#[test]
fn links_lead_to_entries_of_the_timeline_only() {
    let page = page();
    let mut from = 0;
    let mut links = 0;
    while let Some(found) = page[from..].find("href=\"#") {
        let start = from + found + 7;
        let name = &page[start..start + page[start..].find('"').unwrap()];
        assert!(page.contains(&format!("id=\"{name}\"")), "{name}");
        (from, links) = (start, links + 1);
    }
    assert!(links > 8, "{links}");
}

#[test]
fn markdown_tells_the_same_and_is_not_broken_by_what_comes_from_outside() {
    let text = markdown(&sample::review());
    for section in [
        "# Post-mortem: the shop is refused at the standby (i7)",
        "## Issue summary",
        "## Impact",
        "## Timeline",
        "## The change that mattered",
        "## Root cause and resolution",
        "## What it was not",
        "## Detection",
        "## What would have stopped it",
        "## Corrective and preventive measures",
        "## Compared with earlier incidents",
        "## Coffee owed",
    ] {
        assert!(text.contains(&format!("{section}\n")), "{section}\n{text}");
    }
    assert!(text.contains("| time to detect | onset to detection | 4.0 s |"), "{text}");
    assert!(text.contains("It would have been stopped by: rehearse; and told of by: diff."));
    assert!(text.contains("mail accepted the alert \\| after pager hung"));
    assert!(
        text.contains("from client1: 70 requests failed, all that were sent in 2 min 20 s (rejected)"),
        "{text}"
    );
    assert!(
        text.contains("* i6 “disk” of web1: filtered, since") && text.contains("rule 3: tcp dport 81 drop"),
        "{text}"
    );
    assert!(text.contains("````diff"), "a fence in the diff does not end its block");
    assert!(text.contains("- [x] probe the standby by address") && text.contains("- [ ] open 80/tcp"));
    assert!(text.contains("to detect: 4.0 s (before: 10 min 0 s)"), "{text}");
}

/// Keeps the page where a person can look at it: `EVENKEEL_PAGE=/tmp/page.html`.
#[test]
fn page_is_as_long_as_a_person_reads() {
    let page = page();
    if let Some(file) = std::env::var_os("EVENKEEL_PAGE") {
        std::fs::write(file, &page).unwrap();
    }
    assert!(page.len() < 64 * 1024, "{}", page.len());
}
