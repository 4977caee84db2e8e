//! A volume of requests, played to a real nginx with the live tree and with the proposed one.

use evenkeel_model::Live;
use evenkeel_rehearsal::Settings;
use evenkeel_rehearsal::load::Load;

use crate::Test;
use crate::answers::question;
use crate::stand::{blocking, only, run, settings, tree};

pub(crate) const TESTS: &[Test] = &[
    ("limit that turns users away under load is in the way", limit_under_load_is_in_the_way),
    ("load of a tree alone tells what fails", load_of_a_tree_alone_tells_what_fails),
];

fn loaded(rate: u32, seconds: u32) -> Settings {
    Settings { load: Some(Load { rate, seconds }), ..settings() }
}

fn limited(rate: &str) -> String {
    format!(
        "limit_req_zone $binary_remote_addr zone=one:1m rate={rate};\nserver {{ listen 790;\n \
         location / {{ limit_req zone=one burst=5 nodelay; proxy_pass http://10.1.2.3; }} }}"
    )
}

fn limit_under_load_is_in_the_way() {
    let (live, new) = (tree(&limited("10000r/s")), tree(&limited("20r/s")));
    let questions = [question("GET http://a:790/", Live::default())];
    let report = run(Some(&live), &new, &questions, &loaded(100, 2));
    let played = report.runs[0].load.as_ref().unwrap();
    assert_eq!((played.requests, played.new.len(), played.old.len()), (1, 2, 2), "{played:#?}");
    for round in played.new.iter().chain(&played.old) {
        assert_eq!(round.asked, 100, "{played:#?}");
    }
    // Each alone passes: nothing but the load shows it.
    assert_eq!(blocking(&report), ["load-fails-more"].into(), "{:#?}", report.findings);
    let finding = only(&report, "load-fails-more");
    assert!(finding.message.contains("(status 503)"), "{finding:#?}");
    // 20 a second and a burst of 5 of 100 that come within a second.
    let failed: u32 = played.new.iter().map(|round| round.failed).sum();
    assert!((40..=160).contains(&failed), "{played:#?}");
    let same = run(Some(&live), &live, &questions, &loaded(100, 2));
    assert!(blocking(&same).is_empty(), "{:#?}", same.findings);
    let answered = same.runs[0].load.as_ref().unwrap().new.iter().all(|round| round.p99_ms.is_some());
    assert!(answered, "{:#?}", same.runs[0].load);
}

fn load_of_a_tree_alone_tells_what_fails() {
    let questions = [question("GET http://a:790/", Live::default())];
    let report = run(None, &tree(&limited("20r/s")), &questions, &loaded(100, 2));
    let finding = only(&report, "load-fails");
    assert!(!finding.blocks() && finding.message.contains("(status 503)"), "{finding:#?}");
    let nothing = run(None, &tree("server { listen 790; return 503; }"), &[], &loaded(10, 2));
    assert!(nothing.runs[0].load.is_none(), "{nothing:#?}");
    assert!(
        nothing.differences.iter().any(|it| it.contains("no load was played")),
        "{:#?}",
        nothing.differences
    );
}
