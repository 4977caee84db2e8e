//! What rules say of nginx is what a real nginx does.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use evenkeel_lint::{Finding, Input, check};
use evenkeel_model::{Answer, Config, Files, Settings, Want, load};

/// A running nginx with `http` in its http block; `PORT1` and `PORT2` in it are ports of its own.
struct Nginx {
    directory: tempfile::TempDir,
    ports: [u16; 2],
}

impl Nginx {
    fn start(http: &str) -> Nginx {
        let free: Vec<TcpListener> = (0..2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports = [0, 1].map(|at: usize| free[at].local_addr().unwrap().port());
        drop(free);
        let directory = tempfile::tempdir().unwrap();
        let http = http.replace("PORT1", &ports[0].to_string()).replace("PORT2", &ports[1].to_string());
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("    {name}_temp_path tmp/{name};\n"));
        let text = format!(
            "pid nginx.pid;\nerror_log error.log;\nworker_processes 1;\nevents {{ }}\nhttp {{\n    access_log off;\n\
             {}{http}\n}}\n",
            temporary.concat()
        );
        fs::create_dir(directory.path().join("tmp")).unwrap();
        fs::write(directory.path().join("nginx.conf"), text).unwrap();
        let nginx = Nginx { directory, ports };
        let output = nginx.run(&[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        nginx
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn run(&self, more: &[&str]) -> std::process::Output {
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-p").arg(self.path()).arg("-e").arg(self.path().join("error.log"));
        command.arg("-c").arg(self.path().join("nginx.conf")).args(more);
        command.output().expect("nginx is installed (scripts/setup.sh)")
    }

    /// The whole answer of a GET.
    fn get(&self, port: usize, host: &str, target: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.ports[port])).unwrap();
        write!(stream, "GET {target} HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Which rules find something in its configuration.
    fn found(&self) -> Vec<String> {
        self.findings().into_iter().map(|finding| finding.rule).collect()
    }

    /// What is found in its configuration.
    fn findings(&self) -> Vec<Finding> {
        let config = self.config();
        let settings = evenkeel_lint::Settings::default();
        let report = check(&Input { config: &config, problems: &[], live: None, settings: &settings });
        let is_meant = |finding: &Finding| finding.rule != "missing-error-page";
        report.findings.into_iter().filter(is_meant).collect()
    }

    fn config(&self) -> Config {
        let path = b"/etc/nginx/nginx.conf".to_vec();
        let text = fs::read(self.path().join("nginx.conf")).unwrap();
        let mut files = Files::new();
        files.supply(Want::Bytes(path.clone()), Answer::Bytes(text.as_slice().into()));
        loop {
            match load(&Settings::new(path.clone()), &mut files) {
                Ok(config) => return config,
                Err(wants) => wants.0.into_iter().for_each(|want| files.supply(want, Answer::Unknown)),
            }
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.run(&["-s", "stop"]);
        // The pid file goes last.
        let pid = self.path().join("nginx.pid");
        for _ in 0..500 {
            if !pid.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

#[test]
fn a_prefix_inside_a_regex_is_never_asked() {
    let nginx = Nginx::start(
        "server { listen 127.0.0.1:PORT1;
            location ~ /a { return 200 outer;
                location /a/b { return 200 inner; }
                location = /a/c { return 200 inner; }
                location ^~ /a/d { location ~ e { return 200 inner; } return 200 inner; }
                location ~ /a/x { return 200 regex; }
            }
        }",
    );
    assert_eq!(nginx.found(), ["static-location-in-regex"; 3]);
    for target in ["/a/b", "/a/c", "/a/d", "/a/d/e"] {
        assert!(nginx.get(0, "a.test", target).ends_with("outer"), "{target}");
    }
    assert!(nginx.get(0, "a.test", "/a/x").ends_with("regex"));
}

#[test]
fn the_first_server_redirects_every_unknown_host() {
    let nginx = Nginx::start(
        "server { listen 127.0.0.1:PORT1; server_name www.a.test; return 301 http://a.test$request_uri; }
         server { listen 127.0.0.1:PORT1; server_name _; return 200 site; }
         server { listen 127.0.0.1:PORT2; server_name www.a.test; return 301 http://a.test$request_uri; }
         server { listen 127.0.0.1:PORT2 default_server; server_name _; return 200 site; }",
    );
    assert_eq!(nginx.found(), ["implicit-default-server"]);
    assert!(nginx.get(0, "a.test", "/x").contains("Location: http://a.test/x"), "a loop");
    assert!(nginx.get(1, "a.test", "/x").ends_with("site"));
}

#[test]
fn a_page_of_the_upstream_that_failed_is_never_seen() {
    let nginx = Nginx::start(
        "error_page 502 /50x.html;
         upstream app { server 127.0.0.1:PORT2; }
         server { listen 127.0.0.1:PORT1; server_name a.test; location / { proxy_pass http://app; } }
         server { listen 127.0.0.1:PORT1; server_name b.test;
            location / { proxy_pass http://app; } location = /50x.html { return 200 sorry; } }",
    );
    let found = nginx.found();
    assert!(found.contains(&"error-page-by-failed-upstream".to_owned()), "{found:?}");
    assert!(nginx.get(0, "a.test", "/").contains("<h1>502 Bad Gateway</h1>"));
    assert!(nginx.get(0, "b.test", "/").ends_with("sorry"));
    let log = fs::read_to_string(nginx.path().join("error.log")).unwrap();
    let asked = log.matches("connect() failed").count();
    assert_eq!(asked, 3, "the page of a.test was asked of the upstream, too:\n{log}");
}

#[test]
fn an_expression_that_explodes_costs_a_500() {
    let nginx = Nginx::start(
        r#"server { listen 127.0.0.1:PORT1;
            location / { if ($args ~ "^(x+x+)+[yz]") { return 403; } return 200 ok; } }
         server { listen 127.0.0.1:PORT2;
            location / { if ($args ~ "^xx+[yz]") { return 403; } return 200 ok; } }"#,
    );
    assert_eq!(nginx.found(), ["exponential-regex"]);
    let text = evenkeel_model::exploding_text(b"^(x+x+)+[yz]", false, b"").unwrap();
    let target = format!("/?{}", String::from_utf8(text).unwrap());
    assert!(nginx.get(0, "a.test", &target).contains("500 Internal Server Error"), "{target}");
    assert!(nginx.get(1, "a.test", &target).ends_with("ok"), "{target}");
}

#[test]
fn a_location_that_is_proven_dead_is_never_the_one() {
    let nginx = Nginx::start(
        r#"server { listen 127.0.0.1:PORT1;
            location ~ \.php$ { return 200 first; }
            location ~ ^/admin/.*\.php\z { return 200 dead; }
            location ^~ /static/ { return 200 marked; }
            location ~ ^/static/.*\.html { return 200 dead; }
            location = /a { return 200 equal; }
            location ~ ^/a$ { return 200 odd; }
        }"#,
    );
    assert_eq!(nginx.found(), ["shadowed-location"; 3]);
    for target in ["/admin/x.php", "/admin/.php", "/admin/a%0A/b.php", "/static/x.html", "/static/%0A.html"] {
        assert!(!nginx.get(0, "a.test", target).ends_with("dead"), "{target}");
    }
    assert!(nginx.get(0, "a.test", "/a").ends_with("equal"));
    assert!(nginx.get(0, "a.test", "/a%0A").ends_with("odd"), "only with a control character");
}

#[test]
fn a_longer_plain_prefix_lets_regular_expressions_back_in() {
    let nginx = Nginx::start(
        r"server { listen 127.0.0.1:PORT1;
            location ^~ /static/ { return 200 marked; }
            location /static/upload/ { return 200 plain; }
            location ~ \.php$ { return 200 regex; }
        }",
    );
    assert_eq!(nginx.found(), ["no-regex-mark-undone"]);
    assert!(nginx.get(0, "a.test", "/static/x.php").ends_with("marked"));
    assert!(nginx.get(0, "a.test", "/static/upload/x.php").ends_with("regex"));
}

#[test]
fn a_name_or_a_line_that_is_proven_dead_is_never_the_one() {
    let nginx = Nginx::start(
        r#"map $http_host $line { ~*bot first; ~*(google)bot dead; default other; }
         server { listen 127.0.0.1:PORT1; server_name *.example.com; return 200 "wildcard $line"; }
         server { listen 127.0.0.1:PORT1; server_name ~^shop\d+\.example\.com$; return 200 "dead $line"; }"#,
    );
    assert_eq!(nginx.found(), ["shadowed-map-line", "shadowed-server-name"]);
    assert!(nginx.get(0, "shop1.example.com", "/").ends_with("wildcard other"));
    assert!(nginx.get(0, "googlebot.example.com", "/").ends_with("wildcard first"));
}

#[test]
fn a_server_whose_names_are_taken_is_never_used() {
    let nginx = Nginx::start(
        r#"server { listen 127.0.0.1:PORT1; server_name a.test *.b.test; return 200 first; }
           server { listen 127.0.0.1:PORT1; server_name a.test ~^x\d+\.b\.test$; return 200 dead; }
           server { listen 127.0.0.1:PORT2; server_name a.test; return 200 first; }
           server { listen 127.0.0.1:PORT2 default_server; server_name a.test; return 200 default; }"#,
    );
    assert_eq!(nginx.found(), ["unreachable-server", "shadowed-server-name"]);
    for host in ["a.test", "x1.b.test", "elsewhere.test"] {
        assert!(nginx.get(0, host, "/").ends_with("first"), "{host}");
    }
    assert!(nginx.get(1, "a.test", "/").ends_with("first"));
    assert!(nginx.get(1, "elsewhere.test", "/").ends_with("default"), "the default is used for the rest");
}

/// The texts in a message that stand between backticks.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

#[test]
fn an_upstream_is_asked_what_is_said_of_a_proxied_path() {
    let nginx = Nginx::start(
        "server { listen 127.0.0.1:PORT2; location / { return 200 $request_uri; } }
         server { listen 127.0.0.1:PORT1; set $app 127.0.0.1:PORT2;
            location /glued/ { proxy_pass http://127.0.0.1:PORT2/v1; }
            location /slash { proxy_pass http://127.0.0.1:PORT2/; }
            location /slash/v1 { proxy_pass http://127.0.0.1:PORT2/v1/; }
            location /dropped/ { proxy_pass http://$app/v1/; }
            location /ignored/ { rewrite ^/ignored/(.*)$ /$1 break; proxy_pass http://127.0.0.1:PORT2/v1/; }
            location /twice/ { proxy_pass http://$app/twice$request_uri; }
            location /again { rewrite ^(.*)$ /again$1 break; proxy_pass http://127.0.0.1:PORT2; }
            location /good/ { proxy_pass http://127.0.0.1:PORT2/v1/; }
            location /plain { proxy_pass http://127.0.0.1:PORT2; }
        }",
    );
    let findings = nginx.findings();
    let mut asked = 0;
    for finding in findings.iter().filter(|finding| finding.rule.contains("-proxy-")) {
        let texts = quoted(&finding.message);
        let (addresses, passed) = match texts.as_slice() {
            [one, other, passed] if finding.message.contains("both") => (vec![*one, *other], *passed),
            [address, passed, ..] => (vec![*address], *passed),
            _ => panic!("{}", finding.message),
        };
        for address in addresses {
            let answer = nginx.get(0, "a.test", address);
            assert_eq!(answer.rsplit("\r\n").next(), Some(passed), "{}", finding.message);
            asked += 1;
        }
    }
    let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    let wanted = [
        "glued-proxy-path",
        "doubled-proxy-slash",
        "doubled-proxy-slash",
        "dropped-proxy-path",
        "dropped-proxy-path",
        "doubled-proxy-path",
        "doubled-proxy-path",
    ];
    assert_eq!((rules, asked), (wanted.to_vec(), 8));
}
