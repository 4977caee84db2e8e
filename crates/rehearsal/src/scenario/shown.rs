//! The page that users are shown while what nginx asks is down, and whether it is fit to be shown.

use evenkeel_model::Request;

use super::{EVERYTHING, Felt, is_cached};
use crate::answers::gathered;
use crate::compare::outcome_of;
use crate::finding::{Finding, Severity};
use crate::page::builtin;

/// The statuses with which nginx tells of an upstream that does not answer.
const OF_UPSTREAMS: [u16; 4] = [502, 504, 503, 500];

/// What users are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// A page that somebody wrote, with the status of an error; or an answer from elsewhere.
    Fit,
    /// The page that nginx has built in, of the error.
    Builtin,
    /// The page that nginx has built in, of this status: that of `error_page` is not there, or may not be read.
    Missing(u16),
    /// An error without a page.
    Empty,
    /// A page that says with its status that all is well, or that it is elsewhere.
    WrongStatus(u16),
}

fn shown(felt: &Felt) -> Option<Shown> {
    let status = felt.down.seen.status.filter(|_| !felt.down.seen.not_asked)?;
    // HEAD has no page; and whoever took over answers for itself.
    if felt.others || felt.request.method == b"HEAD" {
        return None;
    }
    if felt.heard.reached.is_some() || is_cached(felt) {
        return Some(Shown::Fit);
    }
    // Only of what an upstream answered before is it known that it should be an error now: of a page of nginx's own, which
    // asked an upstream for something beside it, it is not.
    let named = builtin(&felt.heard.body);
    if status < 500 {
        let shown = if named.is_some() && status >= 400 {
            Shown::Missing(status)
        } else {
            Shown::WrongStatus(status)
        };
        return felt.by_upstream.then_some(shown);
    }
    Some(match named {
        Some(named) if named != status => Shown::Missing(named),
        Some(_) => Shown::Builtin,
        None if felt.heard.body.is_empty() => Shown::Empty,
        None => Shown::Fit,
    })
}

/// Says what is wrong with the pages, held against those of the live tree. `page_of`: the `error_page` that holds where a
/// request ended, for a status.
pub(super) fn judge(
    felt: &[Felt],
    live: &[Felt],
    page_of: impl Fn(&Request, u16) -> Option<(String, u32)>,
) -> Vec<Finding> {
    let mut findings: Vec<(&str, Finding)> = Vec::new();
    for one in felt {
        let Some(is) = shown(one) else { continue };
        // The upstream may have got another name or address; the page is what is asked for.
        let same = |it: &&Felt| it.down.request == one.down.request && !it.others;
        let before = live.iter().filter(same).find(|it| it.down.what == one.down.what);
        let before = before.or_else(|| live.iter().find(same));
        let was = before.and_then(shown);
        let Some(mut finding) = told(one, is, &page_of) else { continue };
        // Where the live tree still served, that is told already.
        let served = |it: &Felt| it.heard.reached.is_some() || is_cached(it);
        let showed_a_page = was == Some(Shown::Fit) && before.is_some_and(|it| !served(it));
        if showed_a_page {
            finding.rule = "error-page-worse";
            finding.severity = Severity::Error;
            finding.message.push_str("; the live tree shows a page of its own");
        }
        let finding = finding.old(was == Some(is));
        // What is so with one of them down is so with all of them down.
        let request = one.down.request.as_str();
        let known = findings.iter().any(|(asked, it)| *asked == request && it.rule == finding.rule);
        if !(known && one.down.what == EVERYTHING) {
            findings.push((request, finding));
        }
    }
    gathered(findings.into_iter().map(|(_, finding)| finding).collect())
}

fn told(
    one: &Felt,
    shown: Shown,
    page_of: &impl Fn(&Request, u16) -> Option<(String, u32)>,
) -> Option<Finding> {
    let (what, request) = (&one.down.what, &one.down.request);
    let status = one.down.seen.status?;
    let place = page_of(&one.request, status);
    let of_upstreams = || OF_UPSTREAMS.iter().find_map(|status| page_of(&one.request, *status));
    let note = |rule, message: String| Finding::new(rule, Severity::Note, message);
    Some(match shown {
        Shown::Fit => return None,
        Shown::Missing(named) => {
            let message = format!(
                "with {what} down users of {request} get a {status} with nginx's own page of a {named}: the page of \
                 `error_page` is not where it is looked for, or may not be read"
            );
            note("error-page-missing", message)
                .at(of_upstreams())
                .help("`evenkeel error-pages DIR` writes pages with the location that serves them")
        }
        Shown::Builtin if place.is_some() => {
            let message =
                format!("with {what} down users do not see this error page, but nginx's own {status}");
            let help = "the page comes from the upstream that is down; serve it from a file, in a location of its own";
            note("error-page-fails", message).at(place).help(help)
        }
        Shown::Builtin => {
            let message = format!("with {what} down users of {request} see nginx's own page of a {status}");
            let help = "`evenkeel error-pages DIR` writes plain pages, and the lines for nginx";
            note("no-error-page", message).help(help)
        }
        Shown::Empty => {
            let message = format!("with {what} down users of {request} get a {status} without any page");
            note("error-page-empty", message).at(place).help("a browser shows a white window")
        }
        Shown::WrongStatus(_) => {
            let message = format!(
                "with {what} down {request} is answered with {}: monitoring, caches and search engines take it for \
                 the page itself",
                outcome_of(&one.down.seen)
            );
            let help = "let the error keep its status: `error_page 502 /page.html` without `=200`, and a page that nginx itself serves";
            note("error-page-status", message).at(of_upstreams()).help(help)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::felt;
    use super::*;

    const PAGE: &[u8] = b"<!doctype html><title>Sorry</title><h1>Back soon</h1>";

    fn with(status: u16, body: &[u8]) -> Felt {
        let mut one = felt("app", status, false);
        one.heard.body = body.to_vec();
        one
    }

    fn own(status: u16) -> Vec<u8> {
        format!("<html>\r\n<head><title>{status} Bad</title></head>\r\n<hr><center>nginx</center>")
            .into_bytes()
    }

    fn rules(new: &[Felt], live: &[Felt], page: bool) -> Vec<(&'static str, bool, bool)> {
        let page_of = |_: &Request, _: u16| page.then(|| ("nginx.conf".to_owned(), 7));
        judge(new, live, page_of).iter().map(|it| (it.rule, it.old, it.blocks())).collect()
    }

    #[test]
    fn page_of_its_own_with_the_status_of_the_error_is_fit() {
        assert_eq!(rules(&[with(502, PAGE)], &[], true), []);
    }

    #[test]
    fn each_fault_of_a_page_has_its_name() {
        assert_eq!(rules(&[with(502, &own(502))], &[], false), [("no-error-page", false, false)]);
        assert_eq!(rules(&[with(502, &own(502))], &[], true), [("error-page-fails", false, false)]);
        let missing = Felt { by_upstream: true, ..with(404, &own(404)) };
        assert_eq!(rules(&[missing], &[], true), [("error-page-missing", false, false)]);
        assert_eq!(rules(&[with(502, &own(403))], &[], true), [("error-page-missing", false, false)]);
        assert_eq!(rules(&[with(502, b"")], &[], true), [("error-page-empty", false, false)]);
        let mut well = with(200, PAGE);
        assert_eq!(rules(&[well.clone()], &[], true), [], "nginx's own page that asks an upstream beside it");
        well.by_upstream = true;
        assert_eq!(rules(&[well], &[], true), [("error-page-status", false, false)]);
    }

    #[test]
    fn page_that_the_live_tree_still_shows_is_in_the_way() {
        let (good, bad) = ([with(502, PAGE)], [with(502, &own(502))]);
        assert_eq!(rules(&bad, &good, false), [("error-page-worse", false, true)]);
        assert_eq!(rules(&bad, &bad, false), [("no-error-page", true, false)]);
        assert_eq!(rules(&good, &bad, true), []);
        let mut renamed = bad.clone();
        renamed[0].down.what = "10.0.0.9:80".to_owned();
        assert_eq!(rules(&renamed, &good, false), [("error-page-worse", false, true)]);
        assert_eq!(rules(&renamed, &bad, false), [("no-error-page", true, false)]);
    }

    #[test]
    fn what_is_so_for_one_and_for_all_is_told_once() {
        let mut all = with(502, &own(502));
        all.down.what = EVERYTHING.to_owned();
        assert_eq!(rules(&[with(502, &own(502)), all], &[], false).len(), 1);
    }
}
