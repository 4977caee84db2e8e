//! `bench route`: how many requests a second one core routes through the library, all of them different.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hint::black_box;

use anyhow::bail;
use evenkeel_model::{Answer, Config, FileKind, Files, Request, Router, Settings, Want, Wants, World, load};
use nix::sys::resource::{UsageWho, getrusage};

const SITES: usize = 1_000;
const REQUESTS: usize = 100_000;
/// What one core should do in a second.
const WANTED: f64 = 500_000.0;
/// How often all requests are routed; the quickest time counts.
const TURNS: usize = 5;

/// What a site does.
const SITE: &str = r"
    location = / { return 301 /home; }
    location /static/ { root /srv/www; }
    location /api/ { proxy_pass http://app/v1/; }
    location / { proxy_pass http://app; }
    location ~ \.php$ { fastcgi_pass 127.0.0.1:9000; }
    location ~* ^/img/.*\.(png|jpg)$ { expires 30d; root /srv/www; }
";

/// Prints the table.
pub(super) fn run() -> anyhow::Result<()> {
    let config = tree()?;
    let router = Router::new(&config).with_files(|_: &[u8]| FileKind::File);
    let requests = requests()?;
    println!("\n| {SITES} sites, {REQUESTS} different requests | a second a core | wanted |");
    println!("|---|---:|---:|");
    let plain = speed(&requests, |request| drop(black_box(router.outcome(request))));
    println!("| where it ends | {plain:.0} | {WANTED:.0} |");
    let told = speed(&requests, |request| drop(black_box(router.route(request))));
    println!("| with every step in words | {told:.0} | |");
    let world = World::default();
    let watched =
        speed(&requests[..REQUESTS / 10], |request| drop(black_box(router.observe(request, &world))));
    println!("| watched: with every question | {watched:.0} | |");
    Ok(())
}

/// How many requests go through in a second of processor time.
fn speed(requests: &[Request], route: impl Fn(&Request)) -> f64 {
    let turn = || {
        let begin = cpu_seconds();
        requests.iter().for_each(&route);
        cpu_seconds() - begin
    };
    // What is made once is made in a turn of its own.
    turn();
    let best = (0..TURNS).map(|_| turn()).fold(f64::INFINITY, f64::min);
    requests.len() as f64 / best.max(f64::EPSILON)
}

fn cpu_seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF);
    usage.map_or(0.0, |usage| {
        let time = usage.user_time();
        time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
    })
}

fn tree() -> anyhow::Result<Config> {
    let mut text =
        String::from("events {} http { upstream app { server 10.0.0.1:8080; server 10.0.0.2:8080; }\n");
    for site in 0..SITES {
        writeln!(text, "server {{ listen 80; server_name site{site}.test www.site{site}.test; {SITE} }}")?;
    }
    text.push('}');
    let files = HashMap::from([(b"/etc/nginx/nginx.conf".to_vec(), text)]);
    let settings = Settings::new(*b"/etc/nginx/nginx.conf");
    let mut known = Files::new();
    loop {
        let wants = match load(&settings, &mut known) {
            Ok(config) => return Ok(config),
            Err(Wants(wants)) => wants,
        };
        if wants.is_empty() {
            bail!("load a tree that wants nothing and is not there");
        }
        for want in wants {
            let answer = match &want {
                Want::Bytes(path) => files.get(path).map(|text| Answer::Bytes(text.as_bytes().into())),
                Want::Directory(_) | Want::Presence(_) => None,
            };
            known.supply(want, answer.unwrap_or(Answer::Absent));
        }
    }
}

fn requests() -> anyhow::Result<Vec<Request>> {
    let path = |at: usize| match at % 5 {
        0 => format!("/api/orders/{at}?page={at}"),
        1 => format!("/static/app-{at}.js"),
        2 => format!("/index-{at}.php"),
        3 => format!("/img/a{at}.png"),
        _ => format!("/products/{at}/reviews"),
    };
    let requests = (0..REQUESTS)
        .map(|at| Request::parse(&format!("GET http://site{}.test{}", at * 7 % SITES, path(at))));
    Ok(requests.collect::<Result<_, _>>()?)
}
