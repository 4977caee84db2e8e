//! What rules say of nginx is what a real nginx does.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use evenkeel_lint::{Finding, Input, check};
use evenkeel_model::{Answer, Config, Files, Settings, Want, load};

/// A running nginx with `http` in its http block; `PORT1` to `PORT3` in it are ports of its own, `CERTIFICATE` is a
/// certificate and its key.
struct Nginx {
    directory: tempfile::TempDir,
    ports: [u16; 3],
}

impl Nginx {
    fn start(http: &str) -> Nginx {
        let free: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let ports = [0, 1, 2].map(|at: usize| free[at].local_addr().unwrap().port());
        drop(free);
        let directory = tempfile::tempdir().unwrap();
        let http = http.replace("PORT1", &ports[0].to_string()).replace("PORT2", &ports[1].to_string());
        let http = http.replace("PORT3", &ports[2].to_string());
        let http = http.replace("CERTIFICATE", "ssl_certificate c.pem; ssl_certificate_key k.pem;");
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("    {name}_temp_path tmp/{name};\n"));
        let text = format!(
            "pid nginx.pid;\nerror_log error.log;\nworker_processes 1;\nevents {{ }}\nhttp {{\n    access_log off;\n\
             {}{http}\n}}\n",
            temporary.concat()
        );
        fs::create_dir(directory.path().join("tmp")).unwrap();
        let certified = rcgen::generate_simple_self_signed([String::from("a.test")]).unwrap();
        fs::write(directory.path().join("c.pem"), certified.cert.pem()).unwrap();
        fs::write(directory.path().join("k.pem"), certified.signing_key.serialize_pem()).unwrap();
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

    /// The whole answer to `http://host:port/target`, a URL that a finding shows.
    fn get_url(&self, url: &str) -> String {
        let (authority, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let (host, port) = authority.split_once(':').unwrap();
        let at = self.ports.iter().position(|known| port.parse() == Ok(*known)).unwrap();
        self.get(at, host, &format!("/{target}"))
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

/// The `Location` of an answer.
fn location(answer: &str) -> Option<&str> {
    answer.lines().find_map(|line| line.strip_prefix("Location: "))
}

#[test]
fn redirects_go_where_it_is_said_that_they_go() {
    let nginx = Nginx::start(
        "server { listen 127.0.0.1:PORT1 default_server; server_name _; return 404; }
         server { listen 127.0.0.1:PORT1; server_name a.test; return 301 http://www.a.test:PORT1$request_uri; }
         server { listen 127.0.0.1:PORT1; server_name www.a.test; return 301 http://a.test:PORT1$request_uri; }
         server { listen 127.0.0.1:PORT1; server_name c.test;
            location /deep { rewrite ^(.*)$ $1/more redirect; }
            location /old/ { return 301 /new/; }
            location /new/ { return 301 http://c.test:PORT1/newest; }
            location / { return 200 end; } }
         server { listen 127.0.0.1:PORT1; server_name e.test; return 301 http://e.test:PORT2$request_uri; }
         server { listen 127.0.0.1:PORT2; server_name b.test; return 200 stranger; }
         server { listen 127.0.0.1:PORT2; server_name d.test; return 200 other; }",
    );
    let findings = nginx.findings();
    let mut rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    rules.sort_unstable();
    assert_eq!(rules, ["redirect-chain", "redirect-loop", "redirect-loop", "redirect-to-unserved-host"]);
    for finding in &findings {
        let mut said: Vec<Vec<&str>> =
            finding.related.iter().map(|related| quoted(&related.message)).collect();
        said.push(quoted(&finding.message));
        for said in said {
            if let [from, to] = said[..] {
                assert_eq!(location(&nginx.get_url(from)), Some(to), "{}", finding.message);
            }
        }
        let mut url = quoted(&finding.message)[0].to_owned();
        let mut hops = 0;
        while let Some(to) = location(&nginx.get_url(&url)).filter(|_| hops < 30) {
            (url, hops) = (to.to_owned(), hops + 1);
        }
        match finding.rule.as_str() {
            "redirect-loop" => assert_eq!(hops, 30, "{}", finding.message),
            "redirect-chain" => assert_eq!(hops, 2, "{}", finding.message),
            _ => assert!(nginx.get_url(&url).ends_with("stranger"), "{}", finding.message),
        }
    }
}

#[test]
fn a_redirect_from_tls_leads_into_the_clear() {
    // The server at PORT3 is the client with TLS.
    let nginx = Nginx::start(
        "server { listen 127.0.0.1:PORT3; location / { proxy_pass https://127.0.0.1:PORT2;
            proxy_ssl_server_name on; proxy_ssl_name $host; proxy_set_header Host $host:PORT2; proxy_redirect off; } }
         server { listen 127.0.0.1:PORT2 ssl; CERTIFICATE server_name www.a.test;
            return 301 http://a.test:PORT1$request_uri; }
         server { listen 127.0.0.1:PORT2 ssl; CERTIFICATE server_name a.test; return 200 safe; }
         server { listen 127.0.0.1:PORT1; server_name a.test; return 301 https://a.test:PORT2$request_uri; }",
    );
    let findings = nginx.findings();
    let found = findings.iter().find(|finding| finding.rule == "redirect-to-plain-http").unwrap();
    let clear = quoted(&found.message)[1];
    assert_eq!(location(&nginx.get(2, "www.a.test", "/")), Some(clear));
    let back = quoted(&found.related[0].message)[0];
    assert_eq!(location(&nginx.get_url(clear)), Some(back));
    assert!(nginx.get(2, "a.test", "/").ends_with("safe"));
}

#[test]
fn a_rewrite_that_never_ends_costs_a_500() {
    let nginx = Nginx::start(
        r"server { listen 127.0.0.1:PORT1;
            location / { rewrite ^/(.*)$ /app/$1 last; }
            location ~ ^/a/\d+$ { rewrite ^/a/(\d+)$ /b/$1 last; }
            location /b/ { rewrite ^/b/(\d+)$ /a/$1; }
            location /c/ { rewrite ^/c/(.*)$ /d/$1 last; }
            location /d/ { return 200 end; }
        }",
    );
    let findings = nginx.findings();
    let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, ["rewrite-cycle"; 2]);
    for finding in &findings {
        let answer = nginx.get(0, "a.test", quoted(&finding.message)[0]);
        assert!(answer.starts_with("HTTP/1.1 500"), "{}: {answer}", finding.message);
    }
    let log = fs::read_to_string(nginx.path().join("error.log")).unwrap();
    assert_eq!(log.matches("rewrite or internal redirection cycle").count(), 2, "{log}");
    assert!(nginx.get(0, "a.test", "/c/x").starts_with("HTTP/1.1 200"));
}

#[test]
fn the_order_of_expressions_decides_about_the_address_that_is_shown() {
    let (first, second) =
        (r"location ~ /\.ht { return 200 first; }", r"location ~ \.css$ { return 200 second; }");
    let nginx = Nginx::start(&format!(
        "server {{ listen 127.0.0.1:PORT1; {first} {second} }} server {{ listen 127.0.0.1:PORT2; {second} {first} }}"
    ));
    let findings = nginx.findings();
    assert_eq!(findings.len(), 2);
    for (port, finding) in findings.iter().enumerate() {
        assert_eq!(finding.rule, "order-sensitive-regexes");
        let uri = quoted(&finding.message)[0];
        let by = [nginx.get(port, "a.test", uri), nginx.get(1 - port, "a.test", uri)];
        let words = if port == 0 { ["first", "second"] } else { ["second", "first"] };
        assert!(by[0].ends_with(words[0]) && by[1].ends_with(words[1]), "{by:?}");
    }
}
