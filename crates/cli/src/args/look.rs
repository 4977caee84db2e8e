//! The commands that look at a tree and change no host.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel check /etc/nginx\n  evenkeel check ./nginx --against /etc/nginx   # \
only what is new or worse than live\n  evenkeel check ./nginx --format json\n  evenkeel check /etc/nginx --as \
/etc/nginx/conf.d/a.conf < a.conf   # one fragment, in its place"
)]
pub(crate) struct Check {
    /// A directory with nginx.conf, or the main file itself
    pub(crate) tree: PathBuf,
    /// Where the tree will live: absolute includes of this directory are read inside TREE
    #[arg(long, value_name = "DIR")]
    pub(crate) prefix: Option<PathBuf>,
    /// The tree that is live: only what is new or worse counts, and rules that compare have something to compare
    #[arg(long, value_name = "DIR")]
    pub(crate) against: Option<PathBuf>,
    /// Findings that were there before, as `--write-baseline` wrote them
    #[arg(long, value_name = "FILE", conflicts_with = "against")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write today's findings as a baseline, and exit 0
    #[arg(long, value_name = "FILE")]
    pub(crate) write_baseline: Option<PathBuf>,
    /// Take standard input for the file PATH of the tree
    #[arg(long = "as", value_name = "PATH")]
    pub(crate) fragment: Option<PathBuf>,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// The lowest severity that makes the exit status 1
    #[arg(long, value_enum, default_value_t = Level::Warning, value_name = "SEVERITY")]
    pub(crate) fail_on: Level,
    /// The nginx version to check for, such as 1.22.1 [default: that of the nginx binary, else the newest known]
    #[arg(long, value_name = "VERSION")]
    pub(crate) nginx_version: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// Advice.
    Note,
    /// Probably not what was meant.
    Warning,
    /// nginx would refuse it, or requests fail.
    Error,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  evenkeel rules dropped-inherited-headers")]
pub(crate) struct Rules {
    /// The rule to explain
    pub(crate) rule: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel route ./nginx 'GET https://shop.example.com/cart?x=1'\n  evenkeel route ./nginx \
--batch < requests.txt   # one a line, as text or JSON; one JSON document a line comes back\n  evenkeel route ./nginx 'GET \
http://shop.example.com/' --assume upstream-response=502 --docroot ./image   # what nobody else tells\n\nA line of --batch \
is METHOD URL, or a document:\n  {\"method\":\"GET\",\"target\":\"/a%20b?x=1\",\"version\":\"1.1\",\"headers\":[[\"Host\",\"a.test\"]],\n   \
\"listen\":\"127.0.0.1:8080\",\"tls\":false,\"sni\":null,\"client\":\"198.51.100.7\"}\nMethod and target are needed, the rest may \
be left out. Bytes that are no UTF-8\nstand as an array of numbers: \"target\":[47,255]. In an answer they come back as \
\"…_bytes\" beside the text.\n\nServers of stream are asked by a connection: tcp:// (without TLS), tls:// (the client \
begins with a\nhandshake) or udp://, and an address or, for tls://, a name:\n  evenkeel route ./nginx \
'tls://shop.example.com:443' --alpn h2\n  evenkeel route ./nginx 'tls://127.0.0.1:443' --sni shop.example.com --client \
198.51.100.7\n  evenkeel route ./nginx 'udp://*:53'\nThe document of such a line of --batch has \"stream\" for a method:\n  \
{\"stream\":\"tls\",\"listen\":\"127.0.0.1:443\",\"sni\":\"shop.example.com\",\"alpn\":[\"h2\"],\n   \
\"tls_version\":\"TLSv1.3\",\"proxy_protocol\":\"198.51.100.7:4711\",\"client\":\"10.0.0.2\"}"
)]
pub(crate) struct Route {
    /// A directory with nginx.conf, or the main file itself
    pub(crate) tree: PathBuf,
    /// The request, as METHOD URL; or a connection to a server of stream, as tls://NAME:PORT
    #[arg(required_unless_present = "batch")]
    pub(crate) request: Option<String>,
    /// Where the tree will live: absolute includes of this directory are read inside TREE
    #[arg(long, value_name = "DIR")]
    pub(crate) prefix: Option<PathBuf>,
    /// A request header
    #[arg(short = 'H', long = "header", value_name = "'NAME: VALUE'", conflicts_with = "batch")]
    pub(crate) header: Vec<String>,
    /// The address of the client
    #[arg(long, value_name = "IP", conflicts_with = "batch")]
    pub(crate) client: Option<std::net::IpAddr>,
    /// The local address that the connection reaches, for example 127.0.0.1:8080 or unix:/run/nginx.sock
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "batch")]
    pub(crate) listen: Option<String>,
    /// The name that the TLS handshake asks for, where it is another than that of the URL
    #[arg(long, value_name = "NAME", conflicts_with = "batch")]
    pub(crate) sni: Option<String>,
    /// The protocols that the TLS handshake offers (stream only), for example h2,http/1.1
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with = "batch")]
    pub(crate) alpn: Vec<String>,
    /// The client that a PROXY protocol header names (stream only)
    #[arg(long, value_name = "ADDR:PORT", conflicts_with = "batch")]
    pub(crate) proxy_protocol: Option<std::net::SocketAddr>,
    /// Read requests from standard input, one a line
    #[arg(long, conflicts_with = "request")]
    pub(crate) batch: bool,
    /// Take something as given that no configuration tells: file-exists:/srv/a=yes|no|dir, upstream-response[:NAME]=502|down,
    /// password[:FILE]=yes, limit[:ZONE]=yes, client-address:RANGE=yes, …; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) assume: Vec<String>,
    /// Look for the files that nginx serves under DIR, which stands for the whole file system: /srv/a is DIR/srv/a
    #[arg(long, value_name = "DIR")]
    pub(crate) docroot: Option<PathBuf>,
    /// How many blocks to tell that nearly took the request
    #[arg(long, value_name = "N", default_value_t = 3, conflicts_with = "batch")]
    pub(crate) near: usize,
    /// The nginx version to answer for, such as 1.22.1 [default: that of the nginx binary, else the newest known]
    #[arg(long, value_name = "VERSION")]
    pub(crate) nginx_version: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel test ./nginx\n  evenkeel test ./nginx --rehearse   # the same on a real nginx\n  \
evenkeel test ./nginx --routes ../app/routes.toml --format junit > report.xml\n  evenkeel test ./nginx --generate >> \
./nginx/routes.toml   # a route for every block that has none"
)]
pub(crate) struct Test {
    /// A directory with nginx.conf, or the main file itself
    pub(crate) tree: PathBuf,
    /// The expectations [default: routes.toml beside nginx.conf]; repeatable
    #[arg(long, value_name = "FILE")]
    pub(crate) routes: Vec<PathBuf>,
    /// Where the tree will live: absolute includes of this directory are read inside TREE
    #[arg(long, value_name = "DIR")]
    pub(crate) prefix: Option<PathBuf>,
    /// Ask a real nginx in a sandbox too
    #[arg(long)]
    pub(crate) rehearse: bool,
    /// How to print the results
    #[arg(long, value_enum, default_value_t = TestFormat::Text)]
    pub(crate) format: TestFormat,
    /// Only the routes with one of these tags; invariants have none and are left out
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// List every server, location and line of a map with the number of routes that expect something of it
    #[arg(long)]
    pub(crate) coverage: bool,
    /// Print routes for what none expects anything of yet, ready to be appended to routes.toml; nothing is tested
    #[arg(long, conflicts_with_all = ["rehearse", "format", "coverage", "fail_under"])]
    pub(crate) generate: bool,
    /// Fail when less than this share of servers, locations and lines of maps is expected by a route, in percent
    #[arg(long, value_name = "PERCENT")]
    pub(crate) fail_under: Option<u8>,
    /// The nginx version to answer for, such as 1.22.1 [default: that of the nginx binary, else the newest known]
    #[arg(long, value_name = "VERSION")]
    pub(crate) nginx_version: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TestFormat {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// JUnit's XML.
    Junit,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel rehearse ./nginx --against /etc/nginx\n  evenkeel rehearse ./nginx --nginx \
/usr/sbin/nginx --nginx ./nginx-1.31/sbin/nginx   # the version that runs and the one that comes\n  evenkeel rehearse ./nginx \
--against /etc/nginx --load 200,10   # 200 requests a second for 10 s, of both trees"
)]
pub(crate) struct Rehearse {
    /// The tree: a directory with nginx.conf, or the main file itself
    pub(crate) tree: PathBuf,
    /// The tree that is live: it is started first, and the change is rehearsed as a reload
    #[arg(long, value_name = "DIR")]
    pub(crate) against: Option<PathBuf>,
    /// Where the tree will live: it is mounted there inside the sandbox
    #[arg(long, value_name = "DIR")]
    pub(crate) prefix: Option<PathBuf>,
    /// Do not ask from this machine whether the upstreams accept connections
    #[arg(long)]
    pub(crate) offline: bool,
    /// The tree is not to be trusted (a pull request): it sees no real key or certificate
    #[arg(long)]
    pub(crate) untrusted: bool,
    /// How to build the sandbox [default: the most faithful that is possible]
    #[arg(long, value_name = "MODE", value_parser = ["ident", "subid", "alias", "reduced"])]
    pub(crate) mode: Option<String>,
    /// Play so many requests a second for so many seconds to both trees (1,000 and 60 at most), what routes.toml asks in turn
    #[arg(long, value_name = "RATE,SECONDS", value_parser = evenkeel_rehearsal::load::Load::parse)]
    pub(crate) load: Option<evenkeel_rehearsal::load::Load>,
    /// Go on in spite of this finding (RULE or RULE:FILE)
    #[arg(long, value_name = "FINDING")]
    pub(crate) accept: Vec<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  evenkeel init /etc/nginx\n\nIt writes no `live` route: which of your pages may be asked every few \
seconds, only you know."
)]
pub(crate) struct Init {
    /// The tree [default: the live tree]
    pub(crate) dir: Option<PathBuf>,
    /// Where the tree will live: absolute includes of this directory are read inside DIR
    #[arg(long, value_name = "DIR")]
    pub(crate) prefix: Option<PathBuf>,
    /// Write over files that are there already
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  evenkeel error-pages ./nginx/error-pages --at /etc/nginx/error-pages --site 'Example Shop' --contact \
help@shop.example\n\nThe pages are plain HTML that needs nothing beside it, and are yours to change. They keep the status of the error."
)]
pub(crate) struct ErrorPages {
    /// Where to write them: a directory, made where there is none
    pub(crate) dir: PathBuf,
    /// Where DIR will lie on the host [default: where it is now]
    #[arg(long, value_name = "PATH")]
    pub(crate) at: Option<PathBuf>,
    /// What users call the site
    #[arg(long, value_name = "NAME")]
    pub(crate) site: Option<String>,
    /// Where users can ask: an address of mail, a page elsewhere (https://…), or words
    #[arg(long, value_name = "TEXT")]
    pub(crate) contact: Option<String>,
    /// Write over files that are there already
    #[arg(long)]
    pub(crate) force: bool,
}
