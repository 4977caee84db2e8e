//! `postmortem i1`: the document of an incident that a real watch wrote down, as Markdown, as a page, as JSON; and what it is
//! given that is none.

mod support;

use std::process::Stdio;

use support::{Host, Ran, free_port, get, kill};

/// A host on which nginx was down for a while, and a watch saw it.
fn host_with_an_incident() -> Host {
    let (host, metrics) = (Host::new(), free_port());
    let port = host.port;
    host.write(
        "evenkeel.toml",
        &format!(
            "[host]\nname = \"web-1\"\n\n[watch]\nevery = \"1s\"\nlimit = \"800ms\"\nresolve-after = \"1s\"\n\
             metrics = \"127.0.0.1:{metrics}\"\n\n[[probe]]\nname = \"version\"\nurl = \"http://shop.test:{port}/version\"\n"
        ),
    );
    let log = std::fs::File::create(host.path("watch.log")).unwrap();
    let mut command = host.evenkeel(&["watch", "--config", host.path("evenkeel.toml").to_str().unwrap()]);
    let mut watch =
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let open = "evenkeel_incidents_open{severity=\"critical\"} ";
    let metric = |line: &str| {
        get(metrics, "localhost", "/metrics").is_some_and(|(_, page)| page.lines().any(|it| it == line))
    };
    host.wait("an incident is open", || metric(&format!("{open}1.0")));
    run(&host, &["incident", "note", "i1", "--kind", "action", "started <script>alert(1)</script> | nginx"])
        .ends(0);
    host.start_nginx();
    host.wait("it is over", || {
        metric(&format!("{open}0.0")) || !run(&host, &["incident", "list"]).out.contains("i1")
    });
    kill(i32::try_from(watch.id()).unwrap(), "TERM");
    assert!(watch.wait().unwrap().success());
    host
}

fn run(host: &Host, args: &[&str]) -> Ran {
    let settings = host.path("evenkeel.toml");
    let mut command = host.evenkeel(args);
    Ran::from(command.arg("--config").arg(settings).output().unwrap())
}

#[test]
fn incident_is_written_as_text_as_a_page_and_as_json() {
    let host = host_with_an_incident();
    let text = run(&host, &["postmortem", "i1"]).ends(0);
    for section in [
        "# Post-mortem: ",
        "## Issue summary\n",
        "## Impact\n",
        "## Timeline\n",
        "## Detection\n",
        "## Coffee owed\n",
    ] {
        assert!(text.out.contains(section), "no {section:?} in\n{}", text.out);
    }
    assert!(text.out.contains("(i1)") && text.err.is_empty(), "{text:?}");

    let page = host.path("i1.html");
    let page = page.to_str().unwrap();
    let document = run(&host, &["postmortem", "i1", "--html", page, "--json"]).ends(0).json();
    assert_eq!((document["incident"].as_str(), document["hosts"][0].as_str()), (Some("i1"), Some("web-1")));
    for moment in ["onset", "detected", "repaired"] {
        assert!(
            document["moments"].as_object().unwrap().keys().any(|name| name.contains(moment)),
            "{document:#}"
        );
    }
    let repair = document["durations_ms"]["to_repair"].as_u64().unwrap();
    assert!((1..600_000).contains(&repair), "{document:#}");
    assert!(!document["timeline"].as_array().unwrap().is_empty(), "{document:#}");
    let html = host.read("i1.html");
    assert!(
        html.starts_with("<!DOCTYPE html>") && html.contains("<svg") && !html.contains("<script>alert"),
        "{html}"
    );
    assert!(html.contains("&lt;script&gt;alert(1)"), "what somebody noted is text");
    // The change is played again only where there is one; --no-replay says the same here.
    let again = run(&host, &["postmortem", "i1", "--no-replay", "--json"]).ends(0).json();
    assert_eq!(again["timeline"], document["timeline"]);

    for (args, says) in [
        (&["postmortem", "i2"][..], "the last are i1"),
        (&["postmortem", "i1", "--html", "/nonexistent/i1.html"], "write /nonexistent/i1.html"),
        (&["postmortem", "r1", "--html", page], "--html is for incidents"),
        (&["postmortem", "r1"], "find r1: there is no such release"),
    ] {
        run(&host, args).ends(2).says(says);
    }
    let ran = run(&host, &["postmortem", "i2", "--json"]).ends(2);
    assert!(ran.json()["error"].as_str().unwrap().contains("find i2"), "{ran:?}");
}

#[test]
fn what_is_no_incident_ends_with_2_and_one_message() {
    let host = Host::new();
    // Nothing was ever written down here.
    host.run(&["postmortem", "i1"]).ends(2);
    host.run(&["postmortem", "i1", "--json"]).ends(2).json();
    host.run(&["adopt"]).ends(0);
    host.run(&["postmortem", "i1"]).ends(2).says("there is none yet");
    let long = format!("i{}", "9".repeat(5_000));
    for id in ["i", "i0x1", "i-1", "i1 2", "i99999999999999999999", "i\u{0661}", "i1\n", "I1", long.as_str()]
    {
        let ran = host.run(&["postmortem", id, "--json"]).ends(2);
        assert!(ran.json()["error"].is_string() && !ran.err.contains("panicked"), "{id:?}: {ran:?}");
        assert!(ran.err.lines().count() <= 2, "{ran:?}");
    }
    for args in [
        &["postmortem"][..],
        &["postmortem", "i1", "--since", "1h"],
        &["postmortem", "--since", "1h", "--html", "x.html"],
        &["postmortem", "i1", "i2"],
        &["postmortem", "i1", "--html"],
    ] {
        let ran = host.run(args).ends(2);
        assert!(ran.out.is_empty() && !ran.err.contains("panicked"), "{args:?}: {ran:?}");
    }
}
