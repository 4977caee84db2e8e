//! How fast text becomes a tree: `cargo run --release -p evenkeel-syntax --example speed`.
//!
//! On two cores that others use as well: 320 to 400 MB/s for one large file, 460 to 500 for many small ones. Compare two
//! versions only in turns on the same machine at the same time: load alone has made 160 of 400.
#![expect(clippy::disallowed_methods, reason = "an example has a clock")]

use std::hint::black_box;
use std::time::Instant;

use evenkeel_syntax::Tree;
use evenkeel_syntax::secret;

const SITE: &str = r#"# a site like many
upstream app {
    server 10.0.0.1:8080 max_fails=3 fail_timeout=10s;
    server 10.0.0.2:8080 max_fails=3 fail_timeout=10s;
}
server {
    listen 80;
    server_name site.example.com www.site.example.com;
    access_log /var/log/nginx/site.access.log;
    location / { include snippets/proxy.conf; proxy_pass http://app; }
    location /static/ {
        alias /srv/www/site/static/;
        add_header Cache-Control "public, max-age=2592000";
    }
    location ~* \.(?:css|js|png)$ { root /srv/www/site; try_files $uri @app; }
    location = /healthz { return 200 "ok"; }
}
"#;

/// How often each is measured; the best counts.
const ROUNDS: usize = 7;

fn main() {
    let large = SITE.repeat(12_000_000 / SITE.len());
    measure("parse one large file", large.len(), || {
        black_box(Tree::parse(large.clone().into_bytes()));
    });
    measure("parse many small files", SITE.len() * 10_000, || {
        (0..10_000).for_each(|_| drop(black_box(Tree::parse(SITE.into()))));
    });
    measure("look for secrets", large.len(), || {
        black_box(secret::find(large.as_bytes()));
    });
}

fn measure(what: &str, bytes: usize, mut work: impl FnMut()) {
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    });
    let best = times.fold(f64::MAX, f64::min);
    println!("{what:24} {:6.0} MB/s", bytes as f64 / best / 1e6);
}
