//! What nginx's own words mean, where they point, and what to do about them.
//!
//! What the C library says of an error differs between libraries (`Address already in use`, `Address in use`); its number,
//! which nginx writes before it, does not.

use std::net::SocketAddr;

use evenkeel_model::{Config, FileId};

use crate::finding::{Finding, Severity};

/// What nginx said when it did not take a configuration, as one finding. `said`: its messages, the first the cause.
pub(crate) fn refused(rule: &'static str, said: &[String], config: &Config) -> Finding {
    let cause = cause(said);
    let (message, place) = split_place(cause, config);
    let place = place.or_else(|| place_of(&message, config));
    let finding = Finding::new(rule, Severity::Error, message.clone()).at(place);
    match help(&message) {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// The message that explains the others.
fn cause(said: &[String]) -> &str {
    let vague = |text: &&String| text.contains("still could not bind()") || text.ends_with("test failed");
    said.iter().find(|text| !vague(text)).or(said.first()).map_or("nginx gave no reason", String::as_str)
}

/// The address in `bind() to 0.0.0.0:80 failed (98: Address already in use)`.
pub(crate) fn taken_address(message: &str) -> Option<SocketAddr> {
    let (address, rest) = message.split_once("bind() to ")?.1.split_once(" failed (")?;
    rest.starts_with("98").then(|| address.parse().ok())?
}

/// Points at the line of a configuration that a message of nginx is about, when nginx names none itself: the `listen` of an
/// address that it could not bind, the directive with the path that it could not open, the zone that was another one before.
#[must_use]
pub fn line_of(message: &str, config: &Config) -> Option<(String, u32)> {
    place_of(message, config)
}

/// What to do about what nginx said, where the cause is known.
#[must_use]
pub fn way_out(message: &str) -> Option<&'static str> {
    help(message)
}

/// Takes ` in /etc/nginx/conf.d/a.conf:12` off the end of a message.
fn split_place(said: &str, config: &Config) -> (String, Option<(String, u32)>) {
    let split = said.rsplit_once(" in ").and_then(|(message, place)| {
        let (path, line) = place.rsplit_once(':')?;
        Some((message, display(path, config)?, line.parse().ok()?))
    });
    match split {
        Some((message, file, line)) => (message.to_owned(), Some((file, line))),
        None => (said.to_owned(), None),
    }
}

fn display(path: &str, config: &Config) -> Option<String> {
    let file: FileId = config.file_at(path.as_bytes())?;
    Some(config.file(file).display.clone())
}

/// Finds the directive that a message without a place is about.
fn place_of(message: &str, config: &Config) -> Option<(String, u32)> {
    let (names, value): (&[&str], Option<&str>) = if message.starts_with("bind() to ") {
        return listen_of(message, config);
    } else if ZONE_CHANGED.iter().any(|words| message.contains(words)) {
        (&ZONES, message.split('"').nth(1))
    } else if message.starts_with("chdir(") {
        (&["working_directory"], None)
    } else if message.starts_with("socket() ") && message.contains("failed (24: ") {
        return socket_of(message, config);
    } else if message.contains("failed (24: ") || message.starts_with("setrlimit(") {
        (&["worker_rlimit_nofile", "worker_connections"], None)
    } else if message.contains(" worker_connections are not enough for ") {
        (&["worker_connections", "events"], None)
    } else if let Some(name) = message.strip_prefix("no resolver defined to resolve ") {
        return passed_to(name, config);
    } else if message.starts_with("getpwnam(") || message.starts_with("getgrnam(") {
        (&["user"], None)
    } else {
        // Quoted, or bare as musl's `dlopen()` has it.
        let mut quoted = message.split('"').skip(1).step_by(2);
        return named_path(quoted.find(|text| text.starts_with('/'))?, config);
    };
    let mut nodes = names.iter().flat_map(|name| config.named(name));
    let fits = |node: &evenkeel_model::Node<'_>| {
        value.is_none_or(|zone| node.args().any(|arg| has_zone(&String::from_utf8_lossy(arg), zone)))
    };
    let node = nodes.find(fits)?;
    Some((node.source().display.clone(), node.line()))
}

/// The directives that make a shared zone with a key or a path.
const ZONES: [&str; 6] = [
    "limit_req_zone",
    "limit_conn_zone",
    "proxy_cache_path",
    "fastcgi_cache_path",
    "uwsgi_cache_path",
    "scgi_cache_path",
];

/// What nginx says of a shared zone that is another one than before.
const ZONE_CHANGED: [&str; 2] = [" while previously it used ", " had previously different levels"];

/// Whether `zone=one:10m` or `keys_zone=one:10m` names a zone.
fn has_zone(argument: &str, zone: &str) -> bool {
    let value = argument.strip_prefix("zone=").or_else(|| argument.strip_prefix("keys_zone="));
    value.is_some_and(|value| value.split(':').next() == Some(zone))
}

fn listen_of(message: &str, config: &Config) -> Option<(String, u32)> {
    at_listen(message.strip_prefix("bind() to ")?.split_once(" failed (")?.0, config)
}

/// The `listen` of `socket() 127.0.0.1:80 failed (24: …)`.
fn socket_of(message: &str, config: &Config) -> Option<(String, u32)> {
    at_listen(message.strip_prefix("socket() ")?.split_once(" failed (")?.0, config)
}

fn at_listen(address: &str, config: &Config) -> Option<(String, u32)> {
    let listens = config.servers().iter().flat_map(|server| &server.listens);
    let node =
        listens.filter(|listen| listen.address.to_string() == address).find_map(|listen| listen.node)?;
    let node = config.node(node);
    Some((node.source().display.clone(), node.line()))
}

/// The directive that passes requests on to a name that only variables make.
fn passed_to(name: &str, config: &Config) -> Option<(String, u32)> {
    const PASSES: [&str; 5] = ["proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass"];
    let has_name =
        |node: &evenkeel_model::Node<'_>| node.args().any(|arg| String::from_utf8_lossy(arg).contains(name));
    let by_variable = |node: &evenkeel_model::Node<'_>| node.arg(0).is_some_and(|arg| arg.contains(&b'$'));
    let set = || config.named("set").find(has_name);
    let passes = || PASSES.iter().flat_map(|pass| config.named(pass)).filter(by_variable);
    let alone = || passes().next().filter(|_| passes().count() == 1);
    let node = passes().find(has_name).or_else(alone).or_else(set)?;
    Some((node.source().display.clone(), node.line()))
}

/// The directive with this path, or with one that variables make it of.
fn named_path(path: &str, config: &Config) -> Option<(String, u32)> {
    let path = path.as_bytes();
    let settings = config.settings();
    let is =
        |arg: &[u8]| arg == path || settings.in_prefix(arg) == path || settings.in_conf_prefix(arg) == path;
    let may_be = |arg: &[u8]| {
        let Some(first) = arg.iter().position(|byte| *byte == b'$') else { return false };
        let last = arg.iter().rposition(|byte| *byte == b'$').unwrap_or(first);
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'{' | b'$');
        let behind = arg[last..].iter().position(|byte| !is_name(byte)).map_or(arg.len(), |at| last + at);
        let end = arg[behind..].strip_prefix(b"}").unwrap_or(&arg[behind..]);
        let start = settings.in_conf_prefix(&arg[..first]);
        first > 1 && path.len() >= start.len() + end.len() && path.starts_with(&start) && path.ends_with(end)
    };
    let nodes = || config.nodes().filter(|node| !node.context().is_raw());
    let exact = nodes().find(|node| node.args().any(is));
    let node = exact.or_else(|| nodes().find(|node| node.args().any(may_be)))?;
    Some((node.source().display.clone(), node.line()))
}

/// The way out, for the messages whose cause is known.
fn help(message: &str) -> Option<&'static str> {
    let helps: [(&str, &str); 17] = [
        (
            "failed (98: ",
            "the address is taken: by another process, or by the running nginx itself, which cannot go from an address to \
             the wildcard of the same port (or back) in a reload. Free it, or keep the old `listen` until nginx is restarted",
        ),
        (
            "failed (99: ",
            "this host does not have the address; bring it up first, or listen on one that it has",
        ),
        (
            "while previously it used",
            "a running nginx keeps a shared zone under its name; give the changed zone a new name, here and where it is used",
        ),
        (
            "had previously different levels",
            "a running nginx keeps a cache under the name of its zone; give the changed cache a new name and a new path",
        ),
        (
            "chdir(",
            "workers die when they cannot enter `working_directory`; create it first, or leave the directive out",
        ),
        (
            "failed (24: ",
            "raise `worker_rlimit_nofile` above what `worker_connections` and the listening sockets need, and the limit of \
             the service (`LimitNOFILE`)",
        ),
        (
            "host not found in upstream",
            "nginx resolves the name when it loads; make it resolvable here, or use an address",
        ),
        (
            "no resolver defined to resolve",
            "a name that only variables make is resolved at each request; say `resolver`, or name the host in an `upstream`",
        ),
        ("host not found in", "make the name resolvable on this host, or use an address"),
        (
            "unknown directive",
            "this nginx does not know it: is a module missing, or the version another one?",
        ),
        ("dlopen()", "install the module's package, of the same nginx version"),
        (
            "is not binary compatible",
            "the module was built for another nginx; install the one of this version",
        ),
        ("getpwnam(", "create the account on this host, or name one that exists"),
        ("getgrnam(", "create the group on this host, or name one that exists"),
        (
            "cannot load certificate",
            "put the certificate and its key in place first; they must belong together",
        ),
        ("(2: No such file or directory)", "create it on this host first, or correct the path"),
        (
            "(13: Permission denied)",
            "nginx must be able to open it: look at its owner and mode, and at those of its directories",
        ),
    ];
    helps.iter().find(|(words, _)| message.contains(words)).map(|(_, help)| *help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    fn finding(said: &[&str], text: &str) -> Finding {
        let said: Vec<String> = said.iter().map(|&text| text.to_owned()).collect();
        refused("transition-refused", &said, &config(text))
    }

    #[test]
    fn taken_port_points_at_its_listen() {
        let said = ["bind() to 0.0.0.0:81 failed (98: Address already in use)", "still could not bind()"];
        let found = finding(&said, "events {}\nhttp {\n server {\n  listen 81;\n }\n}\n");
        assert_eq!((found.file.as_deref(), found.line), (Some("nginx.conf"), Some(4)));
        assert!(found.message.starts_with("bind() to 0.0.0.0:81 failed"), "{}", found.message);
        assert!(found.help.unwrap().contains("another process"));
        assert_eq!(taken_address(said[0]).unwrap().to_string(), "0.0.0.0:81");
        assert_eq!(taken_address("bind() to 1.2.3.4:81 failed (99: Cannot assign requested address)"), None);
    }

    #[test]
    fn changed_zone_points_at_its_directive() {
        let text = "events {}\nhttp {\n limit_req_zone $host zone=a:1m rate=1r/s;\n \
                    limit_req_zone $uri zone=one:1m rate=1r/s;\n}\n";
        let said = "limit_req \"one\" uses the \"$uri\" key while previously it used the \"$host\" key";
        let found = finding(&[said], text);
        assert_eq!(found.line, Some(4));
        assert!(found.help.unwrap().contains("new name"));
        let text = "events {}\nhttp {\n proxy_cache_path /run/c2 keys_zone=one:1m;\n}\n";
        let said = "cache \"one\" uses the \"/run/c2\" cache path while previously it used the \"/run/c\" cache path";
        assert_eq!(finding(&[said], text).line, Some(3));
        let found = finding(&["cache \"one\" had previously different levels"], text);
        assert_eq!(found.line, Some(3));
        assert!(found.help.unwrap().contains("a new path"));
    }

    #[test]
    fn place_that_nginx_names_is_taken_from_its_message() {
        let found = finding(&["unknown directive \"x\" in /etc/nginx/nginx.conf:2"], "events {}\nx;\n");
        assert_eq!(found.message, "unknown directive \"x\"");
        assert_eq!((found.file.as_deref(), found.line), (Some("nginx.conf"), Some(2)));
    }

    #[test]
    fn path_that_is_missing_points_at_the_directive_that_names_it() {
        let text = "events {}\nhttp {\n access_log /data/x/a.log;\n}\n";
        let said = "open() \"/data/x/a.log\" failed (2: No such file or directory)";
        assert_eq!(finding(&[said], text).line, Some(3));
        let text = "working_directory /nowhere;\nevents {}\n";
        let said = "chdir(\"/nowhere\") failed (2: No such file or directory)";
        let found = finding(&[said], text);
        assert_eq!(found.line, Some(1));
        assert!(found.help.unwrap().contains("working_directory"));
    }
}
