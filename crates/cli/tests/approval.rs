//! Approvals and freezes on a private nginx: what is a high risk needs the signature of somebody else, made by the real
//! ssh-keygen, and nothing that a stranger, a former approval or the author signs lets it pass.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use support::{Host, Ran, is_root};

/// A program of OpenSSH. It wants to know the name of its user: where there is none, it is root in a namespace.
fn with_a_name(program: &Path, args: &[&str]) -> Ran {
    let me = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()).to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let known = passwd.lines().any(|line| line.split(':').nth(2) == Some(&me));
    let mut command = match known {
        true => Command::new(program),
        false => {
            let mut command = Command::new("unshare");
            command.args(["--user", "--map-root-user"]).arg(program);
            command
        }
    };
    Ran::from(command.args(args).stdin(Stdio::null()).output().unwrap())
}

/// A host on which bob may approve, and a change that takes the site away.
struct Approving {
    host: Host,
}

impl Approving {
    fn start() -> Approving {
        let host = Host::start();
        host.run(&["adopt"]).ends(0);
        let this = Approving { host };
        for who in ["bob", "mallory", "author"] {
            this.keygen(who);
        }
        this.allow(&[("bob@example.com", "bob")]);
        let config = format!("[approval]\nallowed-signers = \"{}\"\n", this.path("signers"));
        this.host.write("evenkeel.toml", &config);
        this.host.propose().replace(
            "sites/shop.conf",
            "server_name shop.test;",
            "server_name shop.test cart.test;",
        );
        this.apply(&["--message", "a name more"]).ends(0);
        this.host.propose().replace("sites/shop.conf", " cart.test;", ";");
        this
    }

    fn path(&self, below: &str) -> String {
        self.host.path(below).to_str().unwrap().to_owned()
    }

    fn keygen(&self, who: &str) {
        let key = self.path(who);
        with_a_name(Path::new("ssh-keygen"), &["-q", "-t", "ed25519", "-N", "", "-C", who, "-f", &key])
            .ends(0);
    }

    fn allow(&self, signers: &[(&str, &str)]) {
        let line = |(name, key): &(&str, &str)| format!("{name} {}", self.host.read(&format!("{key}.pub")));
        self.host.write("signers", &signers.iter().map(line).collect::<String>());
    }

    fn apply(&self, more: &[&str]) -> Ran {
        let config = self.path("evenkeel.toml");
        self.host.apply(&[&["--config", &config], more].concat())
    }

    /// Asks for approval; gives what is to be signed.
    fn request(&self) -> String {
        let path = self.path("request");
        self.apply(&["--request-approval", &path]).ends(0).says("server_name cart.test is gone");
        path
    }

    /// Has somebody approve a request; gives the approval.
    fn approved(&self, request: &str, key: &str) -> String {
        let out = self.path(&format!("by-{key}"));
        let binary = Path::new(env!("CARGO_BIN_EXE_evenkeel"));
        with_a_name(binary, &["approve", request, "--key", &self.path(key), "--out", &out])
            .ends(0)
            .says("high risk");
        out
    }

    fn still_refused(&self, approval: &[&str], reason: &str) {
        let flags: Vec<&str> = approval.iter().flat_map(|path| ["--approval", path]).collect();
        self.apply(&flags).ends(1).says("it needs the approval of").says(reason);
        assert!(self.host.read("etc/sites/shop.conf").contains("cart.test"), "it was applied");
    }
}

#[test]
fn change_of_high_risk_waits_for_the_signature_of_somebody_else() {
    let this = Approving::start();
    this.still_refused(&[], "server_name cart.test is gone");
    let approval = this.approved(&this.request(), "bob");
    this.apply(&["--approval", &approval]).ends(0).says("approved by bob@example.com").says("confirmed");
    assert!(!this.host.read("etc/sites/shop.conf").contains("cart.test"));
    this.host.run(&["show", "r3"]).ends(0).says("approved by bob@example.com").says("SHA256:");
}

#[test]
fn ssh_keygen_alone_is_enough_to_approve() {
    let this = Approving::start();
    let request = this.request();
    let sign = ["-q", "-Y", "sign", "-n", "evenkeel-approval", "-f", &this.path("bob"), &request];
    with_a_name(Path::new("ssh-keygen"), &sign).ends(0);
    let both = this.host.read("request") + &this.host.read("request.sig");
    this.host.write("both", &both);
    this.apply(&["--approval", &this.path("both")]).ends(0).says("approved by bob@example.com");
}

#[test]
fn signature_of_a_stranger_of_the_author_or_of_another_text_counts_for_nothing() {
    let this = Approving::start();
    let request = this.request();
    this.still_refused(&[&this.approved(&request, "mallory")], "may not approve on this host");
    let author = this.host.read("request");
    let author = author.lines().find_map(|line| line.strip_prefix("author ")).unwrap().to_owned();
    let address = format!("{}@example.com", author.replace(' ', "_"));
    // A name without blanks, as the form of allowed signers wants it, still is the author's.
    if !author.contains(' ') {
        this.allow(&[("bob@example.com", "bob"), (&address, "author")]);
        this.still_refused(&[&this.approved(&request, "author")], "somebody else must");
    }
    let by_bob = this.approved(&request, "bob");
    let forged = this.host.read("by-bob").replacen("host ", "host x", 1);
    this.host.write("forged", &forged);
    this.still_refused(&[&this.path("forged")], "the signature is not of this text");
    this.still_refused(&[&request], "it is not signed");
    this.host.write("garbage", "\u{0}\u{1}");
    this.still_refused(&[&this.path("garbage"), &this.path("nowhere")], "does not count");
    // What was right all the time still is.
    this.apply(&["--approval", &by_bob]).ends(0);
}

#[test]
fn approval_is_for_one_step_of_one_host_once() {
    let this = Approving::start();
    let by_bob = this.approved(&this.request(), "bob");
    this.host.propose().replace("sites/shop.conf", " cart.test;", " else.test;");
    this.still_refused(&[&by_bob], "it is for the step from");
    this.host.propose().replace("sites/shop.conf", " cart.test;", ";");
    this.apply(&["--approval", &by_bob]).ends(0);
    this.host.run(&["rollback", "--to", "r1"]).ends(0);
    assert!(this.host.read("etc/sites/shop.conf").contains("cart.test"));
    this.still_refused(&[&by_bob], "ask again");
    let short = this.path("short");
    this.apply(&["--request-approval", &short, "--good-for", "1s"]).ends(0);
    let late = this.approved(&short, "bob");
    let since = std::time::Instant::now();
    this.host.wait("the approval is over", || since.elapsed().as_millis() > 1_100);
    this.still_refused(&[&late], "it has expired");
}

#[test]
fn signers_that_others_may_write_approve_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let this = Approving::start();
    let by_bob = this.approved(&this.request(), "bob");
    std::fs::set_permissions(this.host.path("signers"), std::fs::Permissions::from_mode(0o666)).unwrap();
    this.apply(&["--approval", &by_bob]).ends(1).says("others may write it");
    std::fs::remove_file(this.host.path("signers")).unwrap();
    this.apply(&["--approval", &by_bob]).ends(1).says("nobody can approve it");
    assert!(this.host.read("etc/sites/shop.conf").contains("cart.test"));
}

#[test]
fn emergency_passes_loudly_through_freeze_and_approval() {
    let this = Approving::start();
    this.host.run(&["freeze", "--message", "big sale", "--for", "1h"]).ends(0).says("frozen");
    let by_bob = this.approved(&this.request(), "bob");
    this.apply(&["--approval", &by_bob]).ends(1).says("big sale");
    this.host.run(&["status"]).says("big sale").says("until");
    this.apply(&["--emergency", "the cart charges twice"])
        .ends(0)
        .says("EMERGENCY")
        .says("nobody approved it");
    this.host.run(&["show", "r3"]).ends(0).says("EMERGENCY").says("the cart charges twice");
}

#[test]
fn freeze_ends_by_itself_and_never_holds_a_rollback() {
    let host = Host::start();
    host.propose().replace("sites/shop.conf", "\"one\"", "\"two\"");
    host.apply(&[]).ends(0);
    host.run(&["freeze", "--for", "2s"]).ends(0);
    host.propose().replace("sites/shop.conf", "\"two\"", "\"three\"");
    host.apply(&[]).ends(1).says("frozen by");
    host.run(&["rollback"]).ends(0);
    assert!(host.old_serves());
    host.propose().replace("sites/shop.conf", "\"one\"", "\"four\"");
    host.wait("the freeze is over", || !host.run(&["status"]).out.contains("frozen"));
    host.apply(&[]).ends(0);
}

#[test]
fn what_loosens_takes_away_or_opens_is_a_high_risk_and_what_does_not_is_none() {
    let this = Approving::start();
    let host = &this.host;
    let site = host.read("etc/sites/shop.conf");
    let deny = site.replace("location / {", "location /admin { deny all; }\n    location / {");
    host.propose().write("sites/shop.conf", &deny);
    this.apply(&["--accept", "rehearsal"]).ends(0);
    let invariant = "[[invariant]]\nname = \"admin is shut\"\nrequests = { path = \"/admin*\" }\nnever = { without = [\"deny\"] }\n";
    host.propose().write("routes.toml", &(host.good_routes() + invariant));
    this.apply(&[]).ends(0);
    let wide = format!("listen 127.0.0.1:{0};\n    listen 0.0.0.0:{1};", host.port, support::free_port());
    let cases = [
        ("sites/shop.conf", "deny all;", "allow all;", "access is loosened"),
        (
            "sites/shop.conf",
            &format!("listen 127.0.0.1:{};", host.port),
            &wide,
            "others than this host reach it",
        ),
        ("routes.toml", invariant, "", "the invariant \"admin is shut\" is taken away"),
        ("routes.toml", "/admin*", "/admin/x*", "the invariant \"admin is shut\" is changed"),
        ("routes.toml", "shop answers", "renamed", ""),
        ("sites/shop.conf", "\"one\"", "\"two\"", ""),
    ];
    for (file, old, new, risk) in cases {
        host.propose().replace(file, old, new);
        let asked = this.apply(&["--request-approval", "-"]);
        match risk {
            "" => asked.ends(0).says("nothing in it is a high risk"),
            risk => asked.ends(0).says(risk),
        };
    }
    host.propose().write("routes.toml", "");
    this.apply(&["--request-approval", "-"]).ends(0).says("the route \"shop answers\" is taken away");
    assert!(is_root() || host.old_serves());
}
