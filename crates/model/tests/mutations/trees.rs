//! Whole trees: a thousand sites, and whatever lies in `/etc/nginx`.

use std::fmt::Write as _;
use std::path::Path;

use evenkeel_model::{Catalog, validate};

use crate::oracle::{self, Verdict};
use crate::support;

fn errors(main: &Path) -> Vec<String> {
    let config = support::load(main, Path::new("/usr/share/nginx"), Some(oracle::build()));
    let problems = validate(&config, &Catalog::for_version(Some(oracle::version()))).into_iter();
    let problems = problems.filter(|problem| problem.code != "duplicate-server-name");
    problems
        .map(|problem| format!("{}:{}: {}", config.file(problem.file).display, problem.line, problem.message))
        .collect()
}

fn site(number: usize) -> String {
    let mut text = format!(
        "upstream b{number} {{ least_conn; server 10.0.{}.{}:8080 max_fails=3 fail_timeout=30s; keepalive 16; }}\n",
        number / 250,
        number % 250
    );
    let _ = write!(
        text,
        "server {{\n    listen 127.0.0.1:18080;\n    server_name s{number}.test www.s{number}.test;\n    root /srv/{number};\n    \
         include snippets/headers.conf;\n    location / {{ try_files $uri $uri/ @app; }}\n    \
         location @app {{ proxy_pass http://b{number}; include snippets/proxy.conf; }}\n    \
         location ^~ /static/ {{ alias /srv/static/{number}/; expires 7d; }}\n    \
         location /api/ {{ proxy_pass http://b{number}/v1/; include snippets/proxy.conf; }}\n    \
         location ~* \\.(?:css|js|png)$ {{ expires 30d; access_log off; }}\n}}\n"
    );
    text
}

#[test]
fn thousand_sites_have_no_error() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for inner in ["sites", "snippets"] {
        std::fs::create_dir(root.join(inner)).unwrap();
    }
    let write = |name: &str, text: &str| std::fs::write(root.join(name), text).unwrap();
    write("snippets/headers.conf", "add_header X-Frame-Options SAMEORIGIN;\nadd_header X-A b always;\n");
    write(
        "snippets/proxy.conf",
        "proxy_set_header Host $host;\nproxy_http_version 1.1;\nproxy_read_timeout 60s;\n",
    );
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temp: String =
        temp.iter().map(|name| format!("{name}_temp_path {}/{name};\n", root.display())).collect();
    write(
        "nginx.conf",
        &format!(
            "pid {0}/nginx.pid;\nevents {{ }}\nhttp {{\n{temp}access_log {0}/a.log;\n\
             server_names_hash_max_size 8192;\ninclude sites/*.conf;\n}}\n",
            root.display()
        ),
    );
    (0..1_000).for_each(|number| write(&format!("sites/{number}.conf"), &site(number)));
    let main = root.join("nginx.conf");
    assert!(matches!(oracle::ask(&main), Verdict::Accepted), "nginx accepts the tree");
    assert_eq!(errors(&main), [""; 0]);
    write("sites/500.conf", &site(500).replace("expires 7d;", "expires 7x;"));
    let found = errors(&main);
    assert!(found.len() == 1 && found[0].starts_with("sites/500.conf:9:"), "{found:?}");
}

#[test]
fn tree_of_the_machine_has_no_error_that_nginx_does_not_see() {
    let main = Path::new("/etc/nginx/nginx.conf");
    let found = errors(main);
    // nginx is asked only when there is something to explain: it would touch files of the machine.
    if !found.is_empty() {
        let elsewhere = tempfile::tempdir().unwrap();
        let verdict = oracle::ask_from(main, elsewhere.path());
        assert!(matches!(verdict, Verdict::Refused { .. }), "{found:?}, but nginx: {verdict:?}");
    }
}
