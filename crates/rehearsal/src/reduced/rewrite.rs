//! A tree as it is, but for where it listens, connects and writes: edits that leave every line where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::PathBuf;

use evenkeel_model::{Config, Context, FileId, Node, NodeId};
use evenkeel_syntax::edit::{Edit, Overlap, apply};

use super::addresses::Addresses;
use super::paths::{Paths, as_path};
use crate::reach::{Target, targets};

/// A tree's files as nginx reads them here, and what else there is to say.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    /// Relative to the copy.
    pub(super) files: Vec<(PathBuf, Vec<u8>)>,
    /// What is written, at the path of the host.
    pub(super) written: BTreeSet<Vec<u8>>,
    /// What is not as on the host, in sentences.
    pub(super) notes: BTreeSet<String>,
}

/// What writes below the root of the documents.
const STORES: [&str; 5] = ["proxy_store", "fastcgi_store", "scgi_store", "uwsgi_store", "dav_methods"];
/// What nginx writes: the first argument is a path.
const WRITTEN: [&str; 16] = [
    "access_log",
    "client_body_temp_path",
    "error_log",
    "fastcgi_cache_path",
    "fastcgi_temp_path",
    "google_perftools_profiles",
    "lock_file",
    "pid",
    "proxy_cache_path",
    "proxy_temp_path",
    "scgi_cache_path",
    "scgi_temp_path",
    "state",
    "uwsgi_cache_path",
    "uwsgi_temp_path",
    "working_directory",
];

/// What is relative to the prefix of the build.
const IN_PREFIX: [&str; 3] = ["alias", "load_module", "root"];

/// Whose arguments are no paths, whatever they look like.
const NO_PATHS: [&str; 13] = [
    "add_header",
    "error_page",
    "if",
    "location",
    "log_format",
    "proxy_redirect",
    "return",
    "rewrite",
    "server_name",
    "set",
    "sub_filter",
    "try_files",
    "upstream",
];

/// Who passes on, and what says from which address.
pub(super) const BINDS: [(&str, &str); 6] = [
    ("fastcgi_pass", "fastcgi_bind"),
    ("grpc_pass", "grpc_bind"),
    ("memcached_pass", "memcached_bind"),
    ("proxy_pass", "proxy_bind"),
    ("scgi_pass", "scgi_bind"),
    ("uwsgi_pass", "uwsgi_bind"),
];

/// From where nginx connects. Of an address on loopback the kernel lets nobody connect to anywhere else, so that what
/// variables decide reaches nobody.
const FROM: &str = "127.0.0.1";

/// Rewrites one tree. `tree`: which one it is, for what it listens on.
pub(super) fn rewrite(
    config: &Config,
    tree: usize,
    paths: &Paths,
    addresses: &mut Addresses,
    is_root: bool,
) -> Result<Rewritten, Overlap> {
    let mut work =
        Work { config, tree, paths, addresses, is_root, edits: BTreeMap::new(), out: Rewritten::default() };
    work.passes();
    work.listens();
    for node in config.nodes().filter(|node| !node.context().is_raw()) {
        work.node(node);
    }
    work.includes();
    work.defaults();
    let Work { edits, mut out, .. } = work;
    for (index, file) in config.files().iter().enumerate() {
        let edits = edits.iter().filter(|((id, ..), _)| id.index() == index);
        let edits =
            edits.map(|((_, start, end), text)| Edit { range: *start..*end, replacement: text.clone() });
        out.files.push((paths.in_copy(as_path(&file.path)), apply(&file.tree, &joined(edits))?));
    }
    Ok(out)
}

/// Devices that anybody may write to; a disk is a device, too.
const HARMLESS: [&[u8]; 4] = [b"/dev/full", b"/dev/null", b"/dev/stderr", b"/dev/stdout"];

/// Makes one of an insertion and of what replaces the bytes after it.
fn joined(edits: impl Iterator<Item = Edit>) -> Vec<Edit> {
    let mut joined: Vec<Edit> = Vec::new();
    for edit in edits {
        match joined.last_mut() {
            Some(last) if last.range.is_empty() && last.range.start == edit.range.start => {
                last.range = edit.range;
                last.replacement.extend(edit.replacement);
            }
            _ => joined.push(edit),
        }
    }
    joined
}

/// The edits of one tree, as they are found.
pub(super) struct Work<'a> {
    pub(super) config: &'a Config,
    pub(super) tree: usize,
    paths: &'a Paths,
    pub(super) addresses: &'a mut Addresses,
    is_root: bool,
    /// By place: what is included twice is edited once.
    edits: BTreeMap<(FileId, usize, usize), Vec<u8>>,
    out: Rewritten,
}

impl Work<'_> {
    fn node(&mut self, node: Node<'_>) {
        let name = node.name();
        if name == "user" && node.context() == Context::Main && !self.is_root {
            self.replace(node, node.span(), b"");
            self.note("`user` is left out: this is not root");
        } else if BINDS.iter().any(|(_, bind)| *bind == name) {
            // What stands at the top of http or stream holds everywhere.
            self.replace(node, node.span(), b"");
            self.note("nginx connects from loopback, whatever `proxy_bind` and its kin say");
        } else if name == "ssl_stapling" {
            // Whom a certificate names is asked for real.
            self.argument(node, 0, b"off");
        } else if WRITTEN.contains(&name) {
            self.written(node);
        } else if name != "include" && !NO_PATHS.contains(&name) {
            self.read(node);
        }
        if name.contains("_by_lua") || name.starts_with("perl") || name.starts_with("js_") {
            self.note(
                "code of the tree runs as this user, with this machine's files and network in its reach",
            );
        }
        if STORES.contains(&name) && node.arg(0) != Some(b"off") {
            self.note("what `proxy_store` and its kin and `dav_methods` write goes where the tree says");
        }
    }

    /// A path that nginx writes to, or what it logs to.
    fn written(&mut self, node: Node<'_>) {
        let Some(value) = node.arg(0) else { return };
        if let Some(parameters) = value.strip_prefix(b"syslog:") {
            self.syslog(node, parameters);
            return;
        }
        if matches!(value, b"off" | b"stderr" | b"on")
            || HARMLESS.contains(&value)
            || [&b"memory:"[..], b"|", b"$"].iter().any(|it| value.starts_with(it))
        {
            return;
        }
        let path = self.config.settings().in_prefix(value);
        let place = self.paths.written(&path);
        self.out.written.insert(path);
        self.argument(node, 0, &place);
    }

    fn syslog(&mut self, node: Node<'_>, parameters: &[u8]) {
        let address = self.targets_of(node.id()).into_iter().next().map(|target| target.address);
        let Some(place) = address.and_then(|address| self.addresses.target(&address, self.tree)) else {
            return;
        };
        let moved = |parameter: &[u8]| match parameter.starts_with(b"server=") {
            true => [b"server=", place.as_bytes()].concat(),
            false => parameter.to_vec(),
        };
        let all: Vec<Vec<u8>> = parameters.split(|&byte| byte == b',').map(moved).collect();
        self.argument(node, 0, &[b"syslog:", &all.join(&b","[..])[..]].concat());
    }

    /// Paths that nginx reads.
    fn read(&mut self, node: Node<'_>) {
        let settings = self.config.settings();
        let conf = self.paths.config_dir.display().to_string();
        for (index, value) in node.args().enumerate() {
            let absolute = match value {
                [b'/', ..] => value.to_vec(),
                [b'$', ..] | [] => continue,
                _ if index == 0 && IN_PREFIX.contains(&node.name()) => settings.in_prefix(value),
                _ => {
                    // `lua_package_path "/etc/nginx/lua/?.lua;;"`, `data:…`, `cert=/etc/nginx/…`
                    let text = String::from_utf8_lossy(value);
                    if text.contains(&format!("{conf}/")) && node.name().contains("path") {
                        let here =
                            text.replace(&format!("{conf}/"), &format!("{}/", self.paths.conf.display()));
                        self.argument(node, index, here.as_bytes());
                    }
                    continue;
                }
            };
            match self.paths.read(&absolute) {
                Some(place) => self.argument(node, index, &place),
                None if absolute != value => self.argument(node, index, &absolute),
                None => {}
            }
        }
    }

    fn includes(&mut self) {
        for include in self.config.includes() {
            // What is no file (`/dev/stdin`) or not there is looked for where it stands, and nginx says so.
            let inside = as_path(&include.pattern).starts_with(&self.paths.config_dir);
            if !inside && !include.glob && include.matched.is_empty() {
                continue;
            }
            let place = self.paths.included(&include.pattern);
            self.argument(self.config.node(include.node), 0, &place);
        }
    }

    fn listens(&mut self) {
        for server in self.config.servers() {
            for listen in &server.listens {
                let Some(place) = self.addresses.listen(&listen.address) else {
                    self.note(&format!(
                        "{} is listened on as it stands: nobody here knows the name",
                        listen.address
                    ));
                    continue;
                };
                let Some(node) = listen.node.map(|node| self.config.node(node)) else {
                    self.begin_block(self.config.node(server.node), &format!(" listen {place};"));
                    continue;
                };
                self.argument(node, 0, place.as_bytes());
                // It is an IPv4 address now.
                let six = node.args().enumerate().filter(|(_, word)| word.starts_with(b"ipv6only="));
                for index in six.map(|(index, _)| index) {
                    let span = node.arg_span(index).expect("it was just seen");
                    self.replace(node, span, b"");
                }
            }
        }
    }

    /// What nginx would write where nothing is said.
    fn defaults(&mut self) {
        let settings = self.config.settings();
        let built = &settings.built;
        let mut top = String::new();
        for (name, path) in [("pid", &built.pid), ("error_log", &built.error_log)] {
            if self.config.root().find(name).next().is_none() && path.as_slice() != b"stderr" {
                top.push_str(&format!("{name} {}; ", self.default(path)));
            }
        }
        self.edits.insert((self.config.root().file(), 0, 0), top.into_bytes());
        if let Some(stream) = self.config.stream() {
            self.begin_block(stream, &format!(" proxy_bind {FROM};"));
        }
        let Some(http) = self.config.http() else { return };
        let mut inside = String::new();
        for (pass, bind) in BINDS {
            if self.config.named(pass).any(|node| node.context().is_http()) {
                inside.push_str(&format!(" {bind} {FROM};"));
            }
        }
        let without = |module: &str| {
            settings
                .configure
                .as_deref()
                .is_some_and(|text| text.contains(&format!("--without-http_{module}_module")))
        };
        let temps = [
            ("client_body_temp_path", &built.client_body_temp, ""),
            ("proxy_temp_path", &built.proxy_temp, "proxy"),
            ("fastcgi_temp_path", &built.fastcgi_temp, "fastcgi"),
            ("uwsgi_temp_path", &built.uwsgi_temp, "uwsgi"),
            ("scgi_temp_path", &built.scgi_temp, "scgi"),
            ("access_log", &built.http_log, ""),
        ];
        for (name, path, module) in temps {
            let said = self.config.named(name).any(|node| node.context() == Context::Http);
            if !said && (module.is_empty() || !without(module)) {
                inside.push_str(&format!(" {name} {};", self.default(path)));
            }
        }
        self.begin_block(http, &inside);
    }

    fn default(&mut self, path: &[u8]) -> String {
        let path = self.config.settings().in_prefix(path);
        let place = String::from_utf8_lossy(&word(&self.paths.written(&path))).into_owned();
        self.out.written.insert(path);
        place
    }

    pub(super) fn targets_of(&self, node: NodeId) -> Vec<Target> {
        targets(self.config).into_iter().filter(|target| target.node == node).collect()
    }

    /// Adds directives before one.
    pub(super) fn before(&mut self, node: Node<'_>, text: &str) {
        let start = node.span().start;
        self.edits.entry((node.file(), start, start)).or_insert_with(|| text.as_bytes().to_vec());
    }

    /// Adds directives at the beginning of a block.
    fn begin_block(&mut self, node: Node<'_>, text: &str) {
        let block = node.directive().and_then(|directive| directive.block());
        let Some(open) = block.map(|block| block.range().start) else { return };
        let at = (node.file(), open + 1, open + 1);
        self.edits.entry(at).or_default().extend_from_slice(text.as_bytes());
    }

    pub(super) fn argument(&mut self, node: Node<'_>, index: usize, value: &[u8]) {
        if let Some(span) = node.arg_span(index) {
            self.replace(node, span, &word(value));
        }
    }

    /// Replaces some bytes; the lines after them stay where they were.
    fn replace(&mut self, node: Node<'_>, span: Range<usize>, text: &[u8]) {
        let gone = &node.source().tree.bytes()[span.clone()];
        let lines = gone.iter().filter(|&&byte| byte == b'\n').count();
        let mut text = text.to_vec();
        text.extend(std::iter::repeat_n(b'\n', lines));
        self.edits.entry((node.file(), span.start, span.end)).or_insert(text);
    }

    pub(super) fn note(&mut self, text: &str) {
        self.out.notes.insert(text.to_owned());
    }
}

/// A value as a word of nginx.
fn word(value: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:*?=$@+,%[]~&".contains(byte);
    if !value.is_empty() && value.iter().all(plain) {
        return value.to_vec();
    }
    let mut word = vec![b'"'];
    for &byte in value {
        if matches!(byte, b'"' | b'\\') {
            word.push(b'\\');
        }
        word.push(byte);
    }
    word.push(b'"');
    word
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::testing::config;

    fn rewritten(text: &str, is_root: bool) -> (String, Rewritten) {
        let paths = Paths {
            config_dir: "/etc/nginx".into(),
            conf: "/p/conf".into(),
            root: "/p/root".into(),
            laid: ["/etc/ssl/a.pem".into()].into(),
        };
        let config = config(text);
        let hosts = vec![("app.test".to_owned(), IpAddr::from([198, 18, 0, 1]))];
        let mut addresses = Addresses::new(hosts, Vec::new(), "/p/s".into(), &[&config]);
        let rewritten = rewrite(&config, 0, &paths, &mut addresses, is_root).unwrap();
        let mut text = String::from_utf8(rewritten.files[0].1.clone()).unwrap();
        // Addresses on loopback are chosen anew in every run.
        for (here, there) in addresses.names() {
            text = text.replace(&here, &format!("<{there}>"));
        }
        (text, rewritten)
    }

    fn lines(text: &str) -> Vec<String> {
        rewritten(text, true).0.lines().map(|line| line.trim().to_owned()).collect()
    }

    const DEFAULTS: &str = "client_body_temp_path /p/b; proxy_temp_path b; fastcgi_temp_path /b; uwsgi_temp_path /b; \
                            scgi_temp_path /b; access_log off;";

    #[test]
    fn listens_and_upstreams_are_moved_and_the_rest_stays() {
        let text = format!(
            "pid /run/x.pid; error_log stderr;\nevents {{}}\nhttp {{ {DEFAULTS}
             upstream app {{ server 10.0.0.5:8080 weight=2; server unix:/run/a.sock; }} # here
             server {{ listen 80 default_server; listen [::]:80 ipv6only=on; server_name a.test;
             location / {{ proxy_pass http://app/x; }}
             location /b {{ proxy_pass https://app.test:9000/y$is_args; }}
             location /c {{ proxy_pass http://unix:/run/b.sock:/z; }}
             location /d {{ proxy_pass http://$host; }}
             location /etc/nginx/ {{ return 200 /etc/nginx/x; }} }} }}"
        );
        let lines = lines(&text);
        assert_eq!(lines[0], "pid /p/root/run/x.pid; error_log stderr;");
        assert_eq!(
            lines[3],
            "upstream app { server <10.0.0.5:8080> weight=2; server unix:</run/a.sock>; } # here"
        );
        assert_eq!(
            lines[4],
            "server { listen <0.0.0.0:80> default_server; listen <[::]:80> ; server_name a.test;"
        );
        assert_eq!(lines[5], "location / { proxy_bind off; proxy_pass http://app/x; }");
        assert_eq!(
            lines[6],
            "location /b { proxy_ssl_name app.test; proxy_pass https://<198.18.0.1:9000>/y$is_args; }"
        );
        assert_eq!(lines[7], "location /c { proxy_bind off; proxy_pass http://unix:</run/b.sock>:/z; }");
        assert_eq!(lines[8], "location /d { proxy_pass http://$host; }");
        assert_eq!(lines[9], "location /etc/nginx/ { return 200 /etc/nginx/x; } } }");
    }

    #[test]
    fn what_nginx_writes_goes_to_a_place_of_its_own() {
        let (text, rewritten) = rewritten("events {}\nhttp { server { error_log logs/a.log; } }", true);
        assert!(
            text.starts_with("pid /p/root/run/nginx.pid; error_log /p/root/var/log/nginx/error.log; events")
        );
        assert!(text.contains("http { client_body_temp_path /p/root/var/lib/nginx/body;"), "{text}");
        assert!(
            text.contains("server { listen <0.0.0.0:80>; error_log /p/root/usr/share/nginx/logs/a.log;"),
            "{text}"
        );
        assert!(!text.contains("_bind"), "nothing is passed on");
        assert!(rewritten.written.contains(&b"/var/log/nginx/access.log"[..]));
        assert!(rewritten.written.contains(&b"/usr/share/nginx/logs/a.log"[..]));
    }

    #[test]
    fn what_nginx_reads_is_read_where_it_lies() {
        let text = format!(
            "pid /x; error_log stderr;\nload_module modules/a.so;\nevents {{}}\nhttp {{ {DEFAULTS}
             ssl_certificate /etc/ssl/a.pem; ssl_certificate_key /etc/ssl/a.key; ssl_dhparam dh.pem;
             root html; auth_basic_user_file /etc/nginx/users;
             lua_package_path \"/etc/nginx/lua/?.lua;;\"; proxy_bind 10.0.0.2 transparent;
             }}"
        );
        let lines = lines(&text);
        assert_eq!(lines[1], "load_module /usr/share/nginx/modules/a.so;");
        assert_eq!(
            lines[4],
            "ssl_certificate /p/root/etc/ssl/a.pem; ssl_certificate_key /etc/ssl/a.key; ssl_dhparam dh.pem;"
        );
        assert_eq!(lines[5], "root /usr/share/nginx/html; auth_basic_user_file /p/conf/users;");
        assert_eq!(lines[6], "lua_package_path \"/p/conf/lua/?.lua;;\";");
    }

    #[test]
    fn user_is_for_root_and_lines_stay_where_they_were() {
        let text = "user\n www-data;\nevents {}";
        assert!(rewritten(text, true).0.contains("user\n www-data;"));
        let (without, rewritten) = rewritten(text, false);
        assert!(!without.contains("www-data"), "{without}");
        assert_eq!(without.lines().count(), 3);
        assert_eq!(rewritten.notes.len(), 1, "{:?}", rewritten.notes);
    }

    #[test]
    fn name_servers_and_log_servers_are_moved() {
        let text = format!(
            "pid /x; error_log syslog:server=10.0.0.9,nohostname;\nevents {{}}\nhttp {{ {DEFAULTS}
             resolver 10.0.0.53 valid=5s [2001:db8::1]:54;\n}}"
        );
        let lines = lines(&text);
        assert_eq!(lines[0], "pid /p/root/x; error_log syslog:server=<10.0.0.9:514>,nohostname;");
        assert_eq!(lines[3], "resolver <10.0.0.53:53> valid=5s <[2001:db8::1]:54>;");
    }
}
