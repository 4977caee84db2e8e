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

/// What format 3 added: what is seen of hosts, incidents, alerts, maintenance.
const SINCE_3: &[&str] = &[
    r#"{"v":3,"at":1,"what":{"watch":{"begun":{"version":"0.1.0","probes":4,"vantages":["here","office"]}}}}"#,
    r#"{"v":3,"at":1,"what":{"watch":{"ended":{"why":"stopped"}}}}"#,
    r#"{"v":3,"at":1,"what":{"watch":{"gap":{"what":"the watch","from":1,"until":2}}}}"#,
    r#"{"v":3,"at":1,"what":{"watch":{"turned":{"probe":"home","host":"web-1","vantage":"here","at":1,"took":3,"health":"up"}}}}"#,
    r#"{"v":3,"at":1,"what":{"watch":{"turned":{"probe":"home","host":"web-1","vantage":"here","at":1,"took":3,"health":{"down":{"class":"status","says":"502"}}}}}}"#,
    r#"{"v":3,"at":1,"what":{"watch":{"turned":{"probe":"home","host":"web-1","vantage":"here","at":1,"took":3,"health":"flapping"}}}}"#,
    r#"{"v":3,"at":1,"what":{"watch":{"vantage":{"vantage":"here","at":1,"unfit":"everything fails from there"}}}}"#,
    r#"{"v":3,"at":1,"what":{"watch":{"vantage":{"vantage":"here","at":1,"unfit":null}}}}"#,
    r#"{"v":3,"at":1,"what":{"drift":{"host":"web-1","released":"A","stage":"opened","changes":[{"path":"a.conf","how":"changed","old":"A","new":"B","at":1,"author":{"command":"sed -i x a.conf","pid":7,"user":"root","login":"anna","unit":"cron.service","above":["sh"],"known_by":"opening"}},{"path":"b.conf","how":{"mode":{"from":420,"to":438}},"old":null,"new":null,"at":1,"author":null}],"more":4,"meaning":["m"]}}}"#,
    r#"{"v":3,"at":1,"what":{"drift":{"host":"web-1","released":"A","stage":{"silenced":{"until":9,"who":{"name":"anna","via":""},"why":"w"}},"changes":[]}}}"#,
    r#"{"v":3,"at":1,"what":{"drift":{"host":"web-1","released":"A","stage":{"ended":"rolled_back"},"changes":[]}}}"#,
    r#"{"v":3,"at":1,"what":{"watch":{"firewall":{"host":"web-1","at":1,"old":null,"new":"A","says":"80/tcp is dropped","diff":"","author":{"command":"nft flush ruleset","pid":7,"login":"anna","known_by":"audit"}}}}}"#,
    r#"{"v":3,"at":1,"what":{"watch":{"certificate":{"host":"web-1","name":"a.test","address":"127.0.0.1:443","serial":"0a","on_disk":"0b","issuer":"ca","ends":9,"fault":"renewed, but not reloaded"}}}}"#,
    r#"{"v":3,"at":1,"what":{"incident":{"incident":"i1","step":{"opened":{"title":"t","clue":{"key":"k","source":"probe","host":"web-1","upstream":"app","probe":"home","class":"status","says":"s","details":["d"],"since":1,"severity":"critical"},"held":{"dependency":"i2"}}}}}}"#,
    r#"{"v":3,"at":1,"what":{"incident":{"incident":"i1","step":{"evidence":{"clue":{"key":"k","source":"readiness","host":null,"upstream":null,"probe":null,"class":null,"says":"s","details":[],"since":1,"severity":"warning"}}}}}}"#,
    r#"{"v":3,"at":1,"what":{"incident":{"incident":"i1","step":{"cleared":{"key":"k","at":2,"why":"w"}}}}}"#,
    r#"{"v":3,"at":1,"what":{"incident":{"incident":"i1","step":{"merged":{"into":"i2","why":"w"}}}}}"#,
    r#"{"v":3,"at":1,"what":{"incident":{"incident":"i1","step":{"diagnosed":{"finding":{"says":"s","confident":true,"causes":[{"name":"n","says":"s","rests_on":["r"],"against":["a"],"check":"c","fix":"f","release":"r1"}],"ruled_out":["o"],"missing":["m"]}}}}}}"#,
    r#"{"v":3,"at":1,"what":{"incident":{"incident":"i1","step":{"acked":{"who":{"name":"anna","via":""}}}}}}"#,
    r#"{"v":3,"at":1,"what":{"incident":{"incident":"i1","step":{"noted":{"who":{"name":"anna","via":""},"kind":"ruled_out","text":"not the database"}}}}}"#,
    r#"{"v":3,"at":1,"what":{"incident":{"incident":"i1","step":{"silenced":{"who":{"name":"anna","via":""},"why":"w","until":9}}}}}"#,
    r#"{"v":3,"at":1,"what":{"incident":{"incident":"i1","step":{"held":{"held":{"maintenance":"m"}}}}}}"#,
    r#"{"v":3,"at":1,"what":{"incident":{"incident":"i1","step":{"mitigated":{"at":5}}}}}"#,
    r#"{"v":3,"at":1,"what":{"incident":{"incident":"i1","step":{"resolved":{"by":"policy","why":"green for 2 min"}}}}}"#,
    r#"{"v":3,"at":1,"what":{"alert":{"alert":"a1","step":{"created":{"incident":"i1","kind":"opened","severity":"critical","title":"t","lines":["l"],"channels":["pager"]}}}}}"#,
    r#"{"v":3,"at":1,"what":{"alert":{"alert":"a1","step":{"diverted":{"from":"pager","to":"mail","why":"w"}}}}}"#,
    r#"{"v":3,"at":1,"what":{"alert":{"alert":"a1","step":{"sending":{"channel":"pager","attempt":1,"repeat":false}}}}}"#,
    r#"{"v":3,"at":1,"what":{"alert":{"alert":"a1","step":{"failed":{"channel":"pager","attempt":1,"why":"w","perhaps":true,"retry_at":9}}}}}"#,
    r#"{"v":3,"at":1,"what":{"alert":{"alert":"a1","step":{"accepted":{"channel":"pager","attempt":2,"receipt":"202"}}}}}"#,
    r#"{"v":3,"at":1,"what":{"alert":{"alert":"a1","step":{"given_up":{"channel":"pager","why":"w"}}}}}"#,
    r#"{"v":3,"at":1,"what":{"maintenance":{"name":"kernel","who":{"name":"anna","via":""},"step":{"planned":{"hosts":["web-1"],"from":1,"until":2,"why":"w"}}}}}"#,
    r#"{"v":3,"at":1,"what":{"maintenance":{"name":"kernel","who":{"name":"anna","via":""},"step":"called_off"}}}"#,
];

/// What format 4 added.
const SINCE_4: &[&str] = &[
    r#"{"v":4,"at":1,"what":{"drift":{"host":"web-1","released":"A","stage":"silence_over","changes":[{"path":"a.conf","how":"changed","old":"A","new":"B","at":1,"author":null}]}}}"#,
    r#"{"v":4,"at":1,"what":{"watch":{"answered":{"host":"web-1","step":10000,"steps":[{"at":1,"all":120,"server":1,"upstream":2}]}}}}"#,
    r#"{"v":4,"at":1,"what":{"incident":{"incident":"i1","step":{"replayed":{"replay":{"host":"web-1","bundles":["A","B"],"diff":"+x\n","gates":[{"name":"check","verdict":"stops","said":"s","took":3},{"name":"diff","verdict":"tells","said":"s"},{"name":"test","verdict":"passes","said":"s"},{"name":"rehearse","verdict":"not_asked","said":"s"}]}}}}}}"#,
    r#"{"v":4,"at":1,"what":{"incident":{"incident":"i1","step":{"replayed":{"replay":{"host":"web-1","gates":[]}}}}}}"#,
    r#"{"v":4,"at":1,"what":{"watch":{"turned":{"probe":"home","host":"web-1","vantage":"here","at":1,"took":3,"health":"up","after":7}}}}"#,
    r#"{"v":4,"at":1,"what":{"incident":{"incident":"i1","step":{"tasked":{"who":{"name":"anna","via":"apt-get"},"task":"add a probe","owner":"bert","due":9,"closed_by":"r14"}}}}}"#,
    r#"{"v":4,"at":1,"what":{"incident":{"incident":"i1","step":{"diagnosed":{"finding":{"says":"s","confident":true,"causes":[{"name":"n","says":"s","rests_on":[],"against":[],"check":"c","fix":"f","release":null,"hosts":["web-1"],"started":[{"at":1,"host":"app-1","what":"shop 2","by":"root"},{"at":2,"host":"app-2","what":"shop 2"}]}],"ruled_out":[],"missing":[]}}}}}}"#,
];

/// The names of the steps are a promise as well.
const STEPS_3: &str = "begun ended gap turned vantage drift firewall certificate opened evidence cleared merged diagnosed \
                       acked noted silenced held mitigated resolved created diverted sending failed accepted given_up \
                       planned called_off";

fn line(text: &str) -> String {
    text.replace("\"A\"", &format!("\"{A}\"")).replace("\"B\"", &format!("\"{B}\""))
}

#[test]
fn every_line_of_an_older_format_is_read_and_written_back_in_this_one() {
    for text in FORMAT_1.iter().chain(SINCE_2).chain(SINCE_3).chain(SINCE_4) {
        let text = line(text);
        let event: Event = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let of = text.find(',').expect("the version comes first");
        assert_eq!(serde_json::to_string(&event).unwrap(), format!("{{\"v\":{FORMAT}{}", &text[of..]));
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
fn format_3_has_a_line_for_every_step() {
    let key = |value: &serde_json::Value| match value {
        serde_json::Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let step = |line: &&str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let name = key(&line["what"]);
        let area = &line["what"][&name];
        if name == "watch" { key(area) } else { area.get("step").map_or(name, key) }
    };
    let mut names: Vec<String> = SINCE_3.iter().map(step).collect();
    names.dedup();
    assert_eq!(names.join(" "), STEPS_3);
}

#[test]
fn every_line_since_format_3_is_a_sentence() {
    for text in SINCE_3.iter().chain(SINCE_4) {
        let event: Event = serde_json::from_str(&line(text)).unwrap();
        let said = crate::incident::said(&event.what).unwrap();
        assert!(said.len() > 10 && !said.contains('{'), "{said}");
    }
}

#[test]
fn newer_format_is_told_apart_from_a_broken_one() {
    let found = FORMAT + 1;
    let newer = format!(r#"{{"v":{found},"at":1,"what":{{"teleported":{{"far":true}}}}}}"#);
    let format: Format = serde_json::from_str(&newer).unwrap();
    assert_eq!(format.check(), Err(NewerFormat { found }));
    assert!(serde_json::from_str::<Format>(r#"{"at":1}"#).is_err());
    let known = format!(r#"{{"v":{found},"at":7,"what":{{"switched":{{"release":"r1","host":"web-1"}}}}}}"#);
    let error = serde_json::from_str::<Event>(&known).unwrap_err().to_string();
    assert!(
        error.contains(&format!("format {found}")) && error.contains(&format!("up to {FORMAT}")),
        "{error}"
    );
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
