//! Trees in memory: what is asked for, in which order files are read, what the typed views say.

use std::collections::BTreeMap;
use std::sync::Arc;

use evenkeel_model::{
    Answer, Catalog, Config, Context, Files, ListenAddress, LocationKind, LogTarget, RuntimeUse, Settings,
    Want, Wants, Workers, load, validate,
};

/// The files of a host, by their absolute paths; what is not there is absent.
fn tree(files: &[(&str, &str)]) -> Config {
    let known: BTreeMap<Vec<u8>, &str> =
        files.iter().map(|(path, text)| (path.as_bytes().to_vec(), *text)).collect();
    with_answers(|want| match want {
        Want::Bytes(path) => known.get(path).map(|text| Answer::Bytes(text.as_bytes().into())),
        Want::Directory(directory) => {
            let mut inside = directory.clone();
            inside.push(b'/');
            let names = known.keys().filter_map(|path| path.strip_prefix(&inside[..]));
            let mut names: Vec<Vec<u8>> =
                names.map(|rest| rest.split(|&byte| byte == b'/').next().unwrap_or(rest).to_vec()).collect();
            names.dedup();
            (!names.is_empty()).then_some(Answer::Directory(names))
        }
        Want::Presence(path) => known.contains_key(path).then_some(Answer::Present),
    })
}

fn with_answers(answer: impl Fn(&Want) -> Option<Answer>) -> Config {
    let settings = Settings::new(*b"/etc/nginx/nginx.conf");
    let mut files = Files::new();
    loop {
        match load(&settings, &mut files) {
            Ok(config) => return config,
            Err(Wants(wants)) => wants.into_iter().for_each(|want| {
                let answer = answer(&want).unwrap_or(Answer::Absent);
                files.supply(want, answer);
            }),
        }
    }
}

fn one(text: &str) -> Config {
    tree(&[("/etc/nginx/nginx.conf", text)])
}

/// `file:line code` of every problem.
fn problems(config: &Config) -> Vec<String> {
    let problems = validate(config, &Catalog::for_version(None)).into_iter();
    problems
        .map(|problem| format!("{}:{} {}", config.file(problem.file).display, problem.line, problem.code))
        .collect()
}

/// The names of all directives in the order in which nginx reads them.
fn names(config: &Config) -> Vec<&str> {
    config.nodes().map(|node| node.name()).collect()
}

#[test]
fn includes_are_spliced_in_the_order_of_their_names() {
    let config = tree(&[
        ("/etc/nginx/nginx.conf", "include conf.d/*.conf;\npid a;"),
        ("/etc/nginx/conf.d/b.conf", "user b;"),
        ("/etc/nginx/conf.d/B.conf", "daemon on;"),
        ("/etc/nginx/conf.d/.hidden.conf", "env X;"),
        ("/etc/nginx/conf.d/a.conf.bak", "env Y;"),
    ]);
    assert_eq!(names(&config), ["include", "daemon", "user", "pid"]);
    let displays: Vec<&str> = config.files().iter().map(|file| file.display.as_str()).collect();
    assert_eq!(displays, ["nginx.conf", "conf.d/B.conf", "conf.d/b.conf"]);
    let user = config.root().find("user").next().unwrap();
    assert_eq!(user.parent(), Some(config.root()), "what is included stands in the block of the include");
    assert_eq!(config.included_by(user.id()).unwrap().pattern, b"/etc/nginx/conf.d/*.conf");
    assert!(config.included_by(config.root().find("pid").next().unwrap().id()).is_none());
}

#[test]
fn includes_are_relative_to_the_main_file_even_from_other_directories() {
    let config = tree(&[
        ("/etc/nginx/nginx.conf", "include sub/a.conf;"),
        ("/etc/nginx/sub/a.conf", "include b.conf; include /opt/c.conf;"),
        ("/etc/nginx/b.conf", "pid b;"),
        ("/etc/nginx/sub/b.conf", "pid wrong;"),
        ("/opt/c.conf", "user c;"),
    ]);
    assert_eq!(config.root().find("pid").next().unwrap().arg(0), Some(&b"b"[..]));
    assert_eq!(config.files().last().unwrap().display, "/opt/c.conf");
}

#[test]
fn file_included_twice_is_parsed_once_and_read_twice() {
    let config = tree(&[
        (
            "/etc/nginx/nginx.conf",
            "events { } http { server { server_name a; include s; } server { server_name b; include s; } }",
        ),
        ("/etc/nginx/s", "root /x;\nlisten 80 bogus;"),
    ]);
    assert_eq!(config.files().len(), 2);
    let roots: Vec<_> = config.nodes().filter(|node| node.is("root")).collect();
    assert_eq!(roots.len(), 2);
    assert!(Arc::ptr_eq(&roots[0].source().tree, &roots[1].source().tree));
    assert_ne!(roots[0].parent(), roots[1].parent());
    assert_eq!(problems(&config), ["s:2 invalid-listen"], "said once");
}

#[test]
fn missing_file_is_fatal_and_an_empty_pattern_is_not() {
    let config = one("include gone/*.conf;\ninclude gone.conf;\nevents { }");
    assert_eq!(problems(&config), ["nginx.conf:2 missing-file"]);
    assert!(config.is_complete());
}

#[test]
fn include_cycle_is_found_where_it_closes() {
    let config = tree(&[
        ("/etc/nginx/nginx.conf", "include a;\nevents { }"),
        ("/etc/nginx/a", "user x;\ninclude b;"),
        ("/etc/nginx/b", "\n\ninclude ./a;"),
    ]);
    assert_eq!(problems(&config), ["b:3 include-cycle"]);
    assert_eq!(names(&config), ["include", "user", "include", "include", "events"]);
}

#[test]
fn raw_blocks_include_where_nginx_does() {
    let config = tree(&[
        (
            "/etc/nginx/nginx.conf",
            "events { } http { types { include t; } map $host $a { include m; } geo $b { include g; }\n\
             split_clients $host $c { include s; } }",
        ),
        ("/etc/nginx/t", "text/html html;"),
        ("/etc/nginx/m", "x y;"),
        ("/etc/nginx/g", "10.0.0.0/8 z;"),
        ("/etc/nginx/s", "* all;"),
    ]);
    assert_eq!(config.files().len(), 4, "not the one of split_clients");
    assert_eq!(problems(&config), ["nginx.conf:2 invalid-value"]);
    let html = config.nodes().find(|node| node.name() == "text/html").unwrap();
    assert_eq!(html.context(), Context::Types);
}

#[test]
fn included_file_must_be_whole() {
    let config = tree(&[
        ("/etc/nginx/nginx.conf", "include a;\nevents { }"),
        ("/etc/nginx/a", "http {\nserver { }\n"),
    ]);
    let found = problems(&config);
    assert!(found.contains(&String::from("a:3 syntax-error")), "{found:?}");
}

#[test]
fn unknown_place_is_a_hole_and_no_error() {
    let config = with_answers(|want| {
        match want {
        Want::Bytes(path) if path.ends_with(b"/nginx.conf") => Some(Answer::Bytes(
            b"include /elsewhere/*.conf;\nevents { }\nhttp { server { ssl_certificate /k.pem; ssl_certificate_key k;\n\
              access_log x wide; brotli on; limit_req zone=z; return 200 $unknown; } }"
                .as_slice()
                .into(),
        )),
        _ => Some(Answer::Unknown),
    }
    });
    assert!(!config.is_complete());
    assert_eq!(problems(&config), [""; 0]);
}

#[test]
fn file_where_a_directory_should_be_matches_nothing() {
    let config = with_answers(|want| match want {
        Want::Bytes(path) if path.ends_with(b"/nginx.conf") => {
            Some(Answer::Bytes(b"include conf.d/*;\nevents { }\ninclude sub;".as_slice().into()))
        }
        Want::Bytes(path) if path.ends_with(b"/sub") => Some(Answer::Directory(Vec::new())),
        _ => Some(Answer::Present),
    });
    assert_eq!(problems(&config), ["nginx.conf:3 include-of-directory"]);
}

#[test]
fn main_file_that_is_not_there_is_a_problem() {
    let config = with_answers(|_| None);
    assert_eq!(problems(&config), ["nginx.conf:1 missing-file"]);
}

#[test]
fn unknown_module_silences_what_it_may_define() {
    let config = one("load_module /m/ngx_http_brotli_filter_module.so;\nevents { }\n\
         http { brotli on; server { more_set_headers x; return 200 $brotli_thing; gzip bogus; } }");
    assert_eq!(problems(&config), ["nginx.conf:1 missing-file", "nginx.conf:3 invalid-value"]);
    let config =
        one("load_module /m/ngx_http_brotli_filter_module.so;\nevents { }\nhttp { server { listn 80; } }");
    assert_eq!(problems(&config), ["nginx.conf:1 missing-file"]);
    let config = one("events { }\nhttp { server { listn 80; } }");
    assert_eq!(problems(&config), ["nginx.conf:2 unknown-directive"]);
}

#[test]
fn all_errors_are_found_each_at_its_place() {
    let config = one(
        "worker_processes two;\nevents { }\nhttp {\n  gzip maybe;\n  server {\n    root;\n    listen 0;\n    rooot /x;\n    \
         location / { proxy_pass x; }\n    location / { }\n  }\n}\n",
    );
    assert_eq!(
        problems(&config),
        [
            "nginx.conf:1 invalid-value",
            "nginx.conf:4 invalid-value",
            "nginx.conf:6 wrong-arguments",
            "nginx.conf:7 invalid-listen",
            "nginx.conf:8 unknown-directive",
            "nginx.conf:9 invalid-url",
            "nginx.conf:10 duplicate-location",
        ]
    );
    let found = validate(&config, &Catalog::for_version(None));
    assert_eq!(
        (found[1].column, &found[1].message[..]),
        (8, "invalid value \"maybe\" in \"gzip\" directive, it must be \"on\" or \"off\"")
    );
    assert!(found[4].message.contains("did you mean \"root\"?"));
    assert_eq!(found[6].related.len(), 1);
}

#[test]
fn servers_have_listens_names_and_locations() {
    let config = one(
        "events { } http { server { listen 127.0.0.1:81 ssl default_server; listen [::]:82; server_name A.test *.b .c ~^d$;\n\
         location = /x { } location ^~ /y { location /y/z { } } location ~* \\.php$ { } location @n { } }\nserver { } }",
    );
    let [first, second] = config.servers() else { panic!("two servers") };
    let addresses: Vec<String> = first.listens.iter().map(|listen| listen.address.to_string()).collect();
    assert_eq!(addresses, ["127.0.0.1:81", "[::]:82"]);
    assert!(first.listens[0].options.ssl && first.listens[0].options.default_server);
    assert_eq!(first.names[0].text, b"a.test");
    let kinds: Vec<LocationKind> = first.locations.iter().map(|location| location.kind).collect();
    assert_eq!(
        kinds,
        [
            LocationKind::Exact,
            LocationKind::PrefixNoRegex,
            LocationKind::Regex { caseless: true },
            LocationKind::Named
        ]
    );
    assert_eq!(first.locations[1].children[0].pattern, b"/y/z");
    assert_eq!(second.listens[0].address.to_string(), "0.0.0.0:80");
    assert_eq!(second.listens[0].node, None);
}

#[test]
fn release_learns_what_to_expect() {
    let config = one(
        "worker_processes 3;\nerror_log /var/log/n/e.log notice;\nerror_log stderr;\npid run/n.pid;\nuser www grp;\nworking_directory /w;\n\
         events { }\nhttp { access_log /l/a.log; proxy_cache_path /cache keys_zone=k:1m; client_body_temp_path tmp; server { listen 8080; \
         location / { access_log off; proxy_pass https://be.test:8443/x; } } }\nstream { server { listen 9000 udp; proxy_pass u; } upstream u { server h:1; } }",
    );
    assert_eq!(config.worker_processes(), Workers::Fixed(3));
    let logs = config.error_logs();
    assert_eq!(logs[0].target, LogTarget::File(b"/var/log/n/e.log".to_vec()));
    assert!(logs[0].shows("notice") && !logs[1].shows("notice") && logs[1].shows("emerg"));
    assert_eq!(config.user(), Some((&b"www"[..], Some(&b"grp"[..]))));
    assert_eq!(config.working_directory(), Some(&b"/w"[..]));
    let listens: Vec<String> = config.listens().iter().map(ListenAddress::to_string).collect();
    assert_eq!(listens, ["0.0.0.0:8080", "0.0.0.0:9000"]);
    let paths = config.runtime_paths();
    let has =
        |path: &str, what| paths.iter().any(|found| found.path == path.as_bytes() && found.what == what);
    assert!(has("/usr/share/nginx/run/n.pid", RuntimeUse::Pid));
    assert!(has("/var/log/n/e.log", RuntimeUse::Log) && has("/l/a.log", RuntimeUse::Log));
    assert!(has("/cache", RuntimeUse::Cache) && has("/usr/share/nginx/tmp", RuntimeUse::Temp));
    assert!(has("/var/lib/nginx/proxy", RuntimeUse::Temp), "compiled in");
    assert!(!has("/usr/share/nginx/off", RuntimeUse::Log));
    let passes = config.passes();
    assert_eq!(
        (passes[0].scheme.as_deref(), &passes[0].host[..], passes[0].port),
        (Some("https"), &b"be.test"[..], Some(8443))
    );
    assert_eq!(passes[0].uri, b"/x");
    assert_eq!(config.upstreams()[0].servers[0].address, b"h:1");
}

#[test]
fn array_directives_are_inherited_as_a_whole() {
    let config =
        one("events { } http { add_header A 1; server { location / { add_header B 2; } location /c { } } }");
    let [server] = config.servers() else { panic!("one server") };
    let headers = |node| -> Vec<&[u8]> {
        config.effective(node, "add_header").into_iter().filter_map(|node| config.node(node).arg(0)).collect()
    };
    assert_eq!(headers(server.locations[0].node), [b"B"]);
    assert_eq!(headers(server.locations[1].node), [b"A"]);
}

#[test]
fn deep_nesting_and_many_includes_end() {
    let deep = "location / { ".repeat(5_000);
    let config = one(&format!("events {{ }} http {{ server {{ {deep}"));
    assert!(problems(&config).iter().any(|problem| problem.ends_with("nested-too-deeply")));
    let mut files = vec![(String::from("/etc/nginx/nginx.conf"), String::from("include 0;"))];
    files.extend((0..300).map(|n| (format!("/etc/nginx/{n}"), format!("include {};", n + 1))));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    assert!(problems(&tree(&files)).iter().any(|problem| problem.ends_with("include-too-deep")));
}

mod any_text {
    use proptest::prelude::*;

    use super::{one, problems};

    /// Directives, values and punctuation that nginx gives a meaning to.
    const PIECES: &[&str] = &[
        "events",
        "http",
        "server",
        "location",
        "upstream",
        "stream",
        "map",
        "geo",
        "types",
        "if",
        "split_clients",
        "charset_map",
        "limit_except",
        "listen",
        "server_name",
        "proxy_pass",
        "root",
        "alias",
        "return",
        "rewrite",
        "set",
        "try_files",
        "error_page",
        "access_log",
        "log_format",
        "expires",
        "include",
        "add_header",
        "limit_req",
        "limit_req_zone",
        "proxy_cache_path",
        "proxy_buffers",
        "proxy_redirect",
        "ssl_certificate",
        "resolver",
        "valid_referers",
        "load_module",
        "worker_cpu_affinity",
        "thread_pool",
        "hash",
        "zone",
        "allow",
        "keepalive",
        "default",
        "~",
        "~*",
        "=",
        "^~",
        "@n",
        "(",
        ")",
        "($host",
        "$",
        "${",
        "$a",
        "/",
        "80",
        "0",
        "[::",
        "unix:",
        "off",
        "on",
        "=404",
        "shared:",
        "zone=",
        "\"\"",
        "'x",
        "\\",
        "#",
        "*",
        ".",
        "..",
        "{",
        "{",
        "{",
        "}",
        "}",
        ";",
        ";",
        ";",
        "\n",
        "{}",
        "1-",
        "-",
        "%",
        "*%",
        "charset",
        "utf-8",
        "syslog:",
        "{ server {",
        "; }",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn is_judged_without_a_panic(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
            let text = pieces.join(" ");
            problems(&one(&text));
            problems(&one(&format!("events {{ }} http {{ {text} }}")));
            problems(&one(&format!("events {{ }} http {{ server {{ location / {{ {text} }} }} }}")));
        }

        #[test]
        fn bytes_are_judged_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            problems(&one(&String::from_utf8_lossy(&bytes)));
        }
    }
}
