//! How a log is read: its format, and what is taken for true where it says nothing.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use evenkeel_model::{
    Assumed, Config, Escape, LogFormat, NameKind, NodeId, Request, Server, ServerKind, Spans, fitting,
    logged_to, named_formats,
};

/// How the lines of one log are read.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) format: LogFormat,
    /// Where the format is from, for people: `as OLD says`.
    pub(super) found: String,
    pub(super) assumed: Assumed,
    /// What is assumed, for people.
    pub(super) assumes: Vec<String>,
}

/// What the command line says of logs.
pub(super) struct Told {
    format: Option<LogFormat>,
    site: Option<Site>,
}

/// What a log is about.
struct Site {
    host: Vec<u8>,
    port: Option<u16>,
    tls: Option<bool>,
}

impl Told {
    pub(super) fn new(
        format: Option<&str>,
        site: Option<&str>,
        old: &Config,
        new: &Config,
    ) -> anyhow::Result<Told> {
        let format = format.map(|text| self::format(text, old, new)).transpose()?;
        let site = site.map(|text| self::site(text).with_context(|| format!("read --log-host {text:?}")));
        Ok(Told { format, site: site.transpose()? })
    }

    /// How to read a log that begins with these lines.
    pub(super) fn reading(
        &self,
        path: Option<&Path>,
        lines: &[&[u8]],
        old: &Config,
        new: &Config,
    ) -> Reading {
        use std::os::unix::ffi::OsStrExt as _;
        let to = path.map(|path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
            logged_to(old, path.as_os_str().as_bytes())
        });
        let to = to.unwrap_or_default();
        let (format, found) = self.chosen(to.format.as_deref(), lines, old, new);
        let mut reading = Reading { format, found, assumed: Assumed::default(), assumes: Vec::new() };
        reading.assumed.tls_ports = tls_ports(old);
        self.assume(&mut reading, &to.servers, old);
        reading
    }

    fn chosen(&self, said: Option<&str>, lines: &[&[u8]], old: &Config, new: &Config) -> (LogFormat, String) {
        if let Some(format) = &self.format {
            return (format.clone(), "as --log-format says".to_owned());
        }
        let mut named = named_formats(old);
        named.extend(named_formats(new));
        let said = said.and_then(|name| {
            let combined = (name == "combined").then(LogFormat::combined);
            named.iter().find(|format| format.name == name).cloned().or(combined)
        });
        if let Some(format) = said.clone().filter(|format| fits(format, lines)) {
            return (format, "as the tree says".to_owned());
        }
        match fitting(&named, lines) {
            Some(format) => (format, "as its lines look".to_owned()),
            None => (said.unwrap_or_else(LogFormat::combined), "nothing else fits better".to_owned()),
        }
    }

    fn assume(&self, reading: &mut Reading, servers: &[NodeId], old: &Config) {
        let assumed = &mut reading.assumed;
        if let Some(Site { host, port, tls }) = &self.site {
            (assumed.host, assumed.port, assumed.tls) = (Some(host.clone()), *port, *tls);
            return;
        }
        let http = |server: &&Server| server.kind == ServerKind::Http;
        let all = || old.servers().iter().filter(http);
        let mut writing: Vec<&Server> = all().filter(|server| servers.contains(&server.node)).collect();
        if writing.is_empty() {
            writing = all().collect();
        }
        if reading.format.tells_host() {
            return;
        }
        let named = writing.iter().find_map(|server| {
            let exact = |kind| matches!(kind, NameKind::Exact | NameKind::Dot);
            let name = server.names.iter().find(|name| exact(name.kind) && name.text.contains(&b'.'));
            let name = name?.text.strip_prefix(b".").map_or(name?.text.clone(), <[u8]>::to_vec);
            Some((name, *server))
        });
        if let Some((name, server)) = named {
            let node = old.node(server.node);
            let text = String::from_utf8_lossy(&name);
            let others = match writing.len() {
                1 => String::new(),
                many => format!(", though {many} servers may write into it"),
            };
            let place = format!("{}:{}", node.source().display, node.line());
            reading
                .assumes
                .push(format!("every request is one to {text} ({place}){others}; --log-host says it"));
            assumed.host = Some(name);
        }
    }
}

/// Reads `shop.example.com`, `shop.example.com:8080` or `https://shop.example.com`.
fn site(text: &str) -> anyhow::Result<Site> {
    let tls = text.split_once("://").map(|(scheme, _)| scheme.eq_ignore_ascii_case("https"));
    let url = if tls.is_some() { text.to_owned() } else { format!("http://{text}") };
    let request = Request::parse(&url)?;
    let host = String::from_utf8_lossy(request.header("host").unwrap_or_default()).into_owned();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port.parse().ok()),
        _ => (&host[..], None),
    };
    Ok(Site { host: name.as_bytes().to_vec(), port, tls })
}

/// A format by its name or its text.
fn format(text: &str, old: &Config, new: &Config) -> anyhow::Result<LogFormat> {
    if text.contains('$') {
        let (escape, text) = match text.strip_prefix("escape=").and_then(|rest| rest.split_once(' ')) {
            Some(("json", rest)) => (Escape::Json, rest),
            Some(("none", rest)) => (Escape::None, rest),
            Some(("default", rest)) => (Escape::Default, rest),
            Some((other, _)) => bail!("read --log-format: escape={other} is none of default, json and none"),
            None if text.trim_start().starts_with('{') => (Escape::Json, text),
            None => (Escape::Default, text),
        };
        return LogFormat::new("", escape, text.as_bytes()).map_err(|error| anyhow!(error));
    }
    let mut named = named_formats(old);
    named.extend(named_formats(new));
    if let Some(format) = named.iter().find(|format| format.name == text) {
        return Ok(format.clone());
    }
    if let Some(format) = LogFormat::well_known(text) {
        return Ok(format);
    }
    let names: Vec<&str> =
        named.iter().map(|format| &format.name[..]).chain(["combined", "main", "common"]).collect();
    bail!(
        "find a log format called {text:?} that tells of requests; there are {}. The text of one has a $ in it",
        names.join(", ")
    )
}

fn fits(format: &LogFormat, lines: &[&[u8]]) -> bool {
    let mut spans = Spans::default();
    let good = lines.iter().filter(|line| format.split(line, &mut spans).is_ok()).count();
    good * 2 >= lines.len()
}

/// The ports on which only TLS is spoken.
fn tls_ports(config: &Config) -> Vec<u16> {
    use evenkeel_model::ListenAddress;
    let mut ports: HashMap<u16, bool> = HashMap::new();
    let servers = config.servers().iter().filter(|server| server.kind == ServerKind::Http);
    for listen in servers.flat_map(|server| &server.listens) {
        let (first, last) = match &listen.address {
            ListenAddress::Inet { port, last, .. } => (*port, *last),
            ListenAddress::Name { port, .. } => (*port, *port),
            ListenAddress::Unix(_) => continue,
        };
        for port in first..=last {
            *ports.entry(port).or_insert(true) &= listen.options.ssl;
        }
    }
    let mut ports: Vec<u16> = ports.into_iter().filter(|(_, tls)| *tls).map(|(port, _)| port).collect();
    ports.sort_unstable();
    ports
}
