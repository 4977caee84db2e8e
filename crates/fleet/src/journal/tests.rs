//! The form of the journal is a promise: these lines were written once and must be read for ever.

use super::{Event, FORMAT, Format, NewerFormat};
use crate::testing::World;
use crate::{Evidence, EvidenceKind, Fleet};

const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// One line of format 1 for every variant; `A` and `B` stand for digests.
const FORMAT_1: &[&str] = &[
    r#"{"v":1,"at":1,"what":{"adopted":{"host":"web-1","bundle":"A","before":null,"generation":0,"changes":[{"path":"a.conf","old":null,"new":"B"}],"diff":"+x\n","who":{"name":"anna","via":"sudo"},"why":"first"}}}"#,
    r#"{"v":1,"at":2,"what":{"proposed":{"release":"r1","proposal":{"host":"web-1","from":"A","to":"B","goes_back":false,"who":{"name":"anna","via":""},"why":"cart","changes":[],"diff":"","accepted":["alias-traversal a.conf:3"],"policy":{"proof_within":3000,"confirm_within":60000,"bake":10000,"hold":false,"gates":["check","preflight"]}}}}}"#,
    r#"{"v":1,"at":3,"what":{"saw":{"release":"r1","evidence":{"kind":"check","holds":true,"summary":"clean","details":[],"rests_on":["a.conf"],"digest":"A"}}}}"#,
    r#"{"v":1,"at":4,"what":{"answered":{"release":"r1","phase":"before","answers":[{"route":"cart","request":"GET http://a/","expected":"200","answer":"200","asked":1,"wrong":0,"first_wrong":null,"last_wrong":null}]}}}"#,
    r#"{"v":1,"at":4,"what":{"answered":{"release":"r1","phase":"watch","answers":[{"route":"cart","request":"GET http://a/","expected":"200","answer":"502","asked":9,"wrong":2,"first_wrong":5,"last_wrong":6}]}}}"#,
    r#"{"v":1,"at":5,"what":{"refused":{"release":"r1","by":{"evidence":"preflight"},"reason":"no"}}}"#,
    r#"{"v":1,"at":5,"what":{"refused":{"release":"r1","by":"freeze","reason":"sale"}}}"#,
    r#"{"v":1,"at":5,"what":{"refused":{"release":"r1","by":{"person":{"name":"bo","via":""}},"reason":"no"}}}"#,
    r#"{"v":1,"at":6,"what":{"ordered":{"release":"r1","host":"web-1","generation":7,"order":"apply"}}}"#,
    r#"{"v":1,"at":6,"what":{"ordered":{"release":"r1","host":"web-1","generation":8,"order":{"confirm":"policy"}}}}"#,
    r#"{"v":1,"at":6,"what":{"ordered":{"release":"r1","host":"web-1","generation":9,"order":"revert"}}}"#,
    r#"{"v":1,"at":7,"what":{"switched":{"release":"r1","host":"web-1"}}}"#,
    r#"{"v":1,"at":8,"what":{"proven":{"release":"r1","host":"web-1"}}}"#,
    r#"{"v":1,"at":9,"what":{"confirmed":{"release":"r1","host":"web-1","by":{"person":{"name":"anna","via":"ssh"}}}}}"#,
    r#"{"v":1,"at":10,"what":{"revert_ordered":{"release":"r1","host":"web-1","why":"not-confirmed-in-time","reason":"late","by":"policy"}}}"#,
    r#"{"v":1,"at":11,"what":{"reverted":{"release":"r1","host":"web-1","revert":{"why":"command-died","by":"fuse","proven":true,"evidence":[{"kind":"revert","holds":true,"summary":"old workers","details":["d"],"rests_on":[],"digest":null}],"decided_at":10,"took":120,"last_wrong":90,"kept":"B"}}}}"#,
    r#"{"v":1,"at":12,"what":{"conflict":{"release":"r1","host":"web-1","paths":["a.conf"]}}}"#,
    r#"{"v":1,"at":13,"what":{"frozen":{"scope":null,"who":{"name":"anna","via":""},"why":"sale","until":99}}}"#,
    r#"{"v":1,"at":14,"what":{"thawed":{"scope":"web-1","who":{"name":"anna","via":""},"why":"over"}}}"#,
    r#"{"v":1,"at":15,"what":{"recovered":{"host":"web-1","bundle":"A","choice":"last_known_good","evidence":{"kind":"recovery","holds":false,"summary":"s","details":[],"rests_on":[],"digest":null}}}}"#,
    r#"{"v":1,"at":16,"what":{"note":{"host":"web-1","release":null,"who":{"name":"anna","via":""},"text":"hello"}}}"#,
];

/// What formats after the first added.
const SINCE_2: &[&str] = &[
    r#"{"v":2,"at":2,"what":{"proposed":{"release":"r1","proposal":{"host":"web-1","from":"A","to":"B","goes_back":false,"who":{"name":"anna","via":""},"why":"cart","changes":[],"diff":"","accepted":[],"emergency":"the shop is down","policy":{"proof_within":3000,"confirm_within":60000,"bake":10000,"hold":false,"gates":["check","preflight","approval"]}}}}}"#,
    r#"{"v":2,"at":17,"what":{"packages":{"host":"web-1","stage":"done","packages":[{"name":"web","old":"1","new":"2"}],"who":{"name":"anna","via":"apt-get"},"command":"apt-get upgrade","before":"A","after":"B","conffiles":[{"path":"a.conf","package":"web","outcome":"replaced"},{"path":"b.conf","package":"web","outcome":"stays_deleted"}],"changes":[],"diff":"","effect":"no request changes","evidence":[],"notes":["n"],"held":"refused"}}}"#,
    r#"{"v":2,"at":17,"what":{"packages":{"host":"web-1","stage":{"stopped":"no"},"packages":[],"who":{"name":"anna","via":""},"command":"","before":null,"after":null,"conffiles":[],"changes":[],"diff":"","effect":"","evidence":[],"notes":[],"held":null}}}"#,
    r#"{"v":2,"at":17,"what":{"packages":{"host":"web-1","stage":{"overridden":{"reason":"no","why":"must"}},"packages":[],"who":{"name":"anna","via":""},"command":"","before":null,"after":null,"conffiles":[],"changes":[],"diff":"","effect":"","evidence":[],"notes":[],"held":null}}}"#,
    r#"{"v":2,"at":17,"what":{"packages":{"host":"web-1","stage":"begun","packages":[],"who":{"name":"anna","via":""},"command":"","before":null,"after":null,"conffiles":[],"changes":[],"diff":"","effect":"","evidence":[],"notes":[],"held":null}}}"#,
    r#"{"v":2,"at":18,"what":{"served":{"host":"web-1","action":"reload","bundle":"A","who":{"name":"root","via":"systemd"}}}}"#,
    r#"{"v":2,"at":3,"what":{"saw":{"release":"r1","evidence":{"kind":"way-back","holds":true,"summary":"reload","details":[],"rests_on":[],"digest":null}}}}"#,
    r#"{"v":2,"at":11,"what":{"reverted":{"release":"r1","host":"web-1","revert":{"why":"asked","by":"person","proven":true,"evidence":[],"decided_at":10,"took":12,"last_wrong":null,"kept":null,"way":"parse-free"}}}}"#,
];

fn line(text: &str) -> String {
    text.replace("\"A\"", &format!("\"{A}\"")).replace("\"B\"", &format!("\"{B}\""))
}

#[test]
fn every_line_of_an_older_format_is_read_and_written_back_in_this_one() {
    for text in FORMAT_1.iter().chain(SINCE_2) {
        let text = line(text);
        let event: Event = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let written = text.replacen("\"v\":1", "\"v\":2", 1);
        assert_eq!(serde_json::to_string(&event).unwrap(), written);
    }
}

#[test]
fn format_1_has_a_line_for_every_variant() {
    let mut names: Vec<&str> = FORMAT_1.iter().filter_map(|line| line.split('"').nth(7)).collect();
    names.dedup();
    assert_eq!(
        names,
        [
            "adopted",
            "proposed",
            "saw",
            "answered",
            "refused",
            "ordered",
            "switched",
            "proven",
            "confirmed",
            "revert_ordered",
            "reverted",
            "conflict",
            "frozen",
            "thawed",
            "recovered",
            "note"
        ]
    );
}

#[test]
fn newer_format_is_told_apart_from_a_broken_one() {
    let newer = r#"{"v":3,"at":1,"what":{"teleported":{"far":true}}}"#;
    let format: Format = serde_json::from_str(newer).unwrap();
    assert_eq!(format.check(), Err(NewerFormat { found: 3 }));
    assert!(serde_json::from_str::<Format>(r#"{"at":1}"#).is_err());
    let known = r#"{"v":3,"at":7,"what":{"switched":{"release":"r1","host":"web-1"}}}"#;
    let error = serde_json::from_str::<Event>(known).unwrap_err().to_string();
    assert!(error.contains("format 3") && error.contains(&format!("up to {FORMAT}")), "{error}");
}

#[test]
fn field_that_this_version_does_not_know_is_an_error() {
    let extra = r#"{"v":1,"at":7,"what":{"switched":{"release":"r1","host":"web-1","speed":3}}}"#;
    assert!(serde_json::from_str::<Event>(extra).is_err());
}

#[test]
fn journal_of_a_release_is_read_back_to_the_same_fleet() {
    let world = World::proven();
    let text: Vec<String> = world.events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    let read: Vec<Event> = text.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Fleet::replay(&read), world.fleet);
}

#[test]
fn text_from_outside_survives_the_journal() {
    let evidence =
        Evidence::new(EvidenceKind::Proof, false, "quote \" backslash \\ newline \n é \u{0} \u{1f}");
    let text = serde_json::to_string(&evidence).unwrap();
    assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
}
