//! `error_page 502 /sorry.html;` where `/sorry.html` is asked of the upstream that failed.

use std::collections::{HashMap, HashSet};

use evenkeel_model::{Config, Context, Location, LocationKind, Node, NodeId, Pass, Server};

use crate::check::Findings;
use crate::rules::{Holes, literal_regex};

rule! {
    /// Finds an error page for a failed upstream that is asked of that same upstream.
    ///
    /// ## Why is this bad?
    /// When nginx reaches no server of an upstream, it answers with 502 and looks for the page that `error_page` names,
    /// as a request of its own. Where that leads to a location that passes to the same upstream (often just
    /// `location /`, because nobody made one for the page), it fails once more; the second failure has no page, and
    /// users see what the page was written to replace.
    ///
    /// Reported only where the way of the page is plain: no `try_files`, `rewrite`, `if`, cache or regular expression
    /// that might take it elsewhere.
    ///
    /// ## Example
    /// ```nginx
    /// error_page 502 504 /50x.html;
    /// location / { proxy_pass http://app; }      # takes /50x.html too
    ///
    /// location = /50x.html { root /usr/share/nginx/html; internal; }   # this is what is missing
    /// ```
    ///
    /// Source: `ngx_http_upstream_finalize_request`, src/http/ngx_http_upstream.c; `ngx_http_special_response_handler`,
    /// src/http/ngx_http_special_response.c;
    /// <https://nginx.org/en/docs/http/ngx_http_core_module.html#recursive_error_pages>
    "error-page-by-failed-upstream", Warning, since "0.1", check
}

fn check(config: &Config, findings: &mut Findings<'_>) {
    if config.named("error_page").next().is_none() {
        return;
    }
    let holes = Holes::of(config);
    let servers: HashMap<NodeId, &Server> =
        config.servers().iter().map(|server| (server.node, server)).collect();
    let mut handlers: HashMap<(NodeId, &[u8]), Option<Node<'_>>> = HashMap::new();
    let passes: HashMap<NodeId, Pass> = config
        .passes()
        .into_iter()
        .filter(|pass| !pass.variables && config.node(pass.node).context() == Context::Location)
        .filter_map(|pass| Some((config.node(pass.node).parent()?.id(), pass)))
        .collect();
    let mut locations: Vec<NodeId> = passes.keys().copied().collect();
    locations.sort_unstable();
    let mut said = HashSet::new();
    for location in locations {
        let failed = &passes[&location];
        let Some(server) = config.node(location).server().and_then(|node| servers.get(&node.id()).copied())
        else {
            continue;
        };
        for page in config.effective(location, "error_page") {
            let node = config.node(page);
            let Some(uri) = page_of_502(node).filter(|_| !said.contains(&(server.node, page))) else {
                continue;
            };
            let handler =
                *handlers.entry((server.node, uri)).or_insert_with(|| handler(config, server, uri, &holes));
            let Some(asked) = handler.and_then(|handler| passes.get(&handler.id())) else { continue };
            if target(asked) != target(failed)
                || (asked.node == failed.node && is_for_pages(config, location))
            {
                continue;
            }
            said.insert((server.node, page));
            let upstream =
                String::from_utf8_lossy(config.node(failed.node).arg(0).unwrap_or_default()).into_owned();
            let uri = String::from_utf8_lossy(uri).into_owned();
            let last = node.args().len() - 1;
            let draft = findings
                .at_arg(node, last, format!("`{uri}` is asked of `{upstream}`, the upstream that failed"))
                .related(config.node(failed.node), "502 comes from here")
                .help(format!(
                    "serve it from files: `location = {uri} {{ root /usr/share/nginx/html; internal; }}`"
                ));
            if asked.node != failed.node {
                draft.related(config.node(asked.node), "and so does the page");
            }
        }
    }
}

/// Whether a location that a page comes from is there for pages, not for everything.
fn is_for_pages(config: &Config, location: NodeId) -> bool {
    !matches!(config.node(location).args().next_back(), Some(b"/" | b""))
}

fn target(pass: &Pass) -> (Vec<u8>, Option<u16>) {
    (pass.host.to_ascii_lowercase(), pass.port)
}

/// The page that an `error_page` names for 502, where it is one of this server.
fn page_of_502(page: Node<'_>) -> Option<&[u8]> {
    let mut args = page.args();
    let uri = args.next_back()?;
    let is_local = matches!(uri.first(), Some(b'/' | b'@')) && !uri.contains(&b'$');
    (is_local && args.any(|code| code == b"502"))
        .then(|| uri.split(|&byte| byte == b'?').next().unwrap_or(uri))
}

/// The location that answers an internal request, where that is plain.
fn handler<'c>(config: &'c Config, server: &Server, uri: &[u8], holes: &Holes) -> Option<Node<'c>> {
    let block = config.node(server.node);
    let is_named = uri.starts_with(b"@");
    if holes.is_in(block) || (!is_named && block.children().any(steers)) {
        return None;
    }
    let location = if is_named { named(server, uri)? } else { chosen(server, uri)? };
    let node = config.node(location.node);
    let caches = config
        .effective_value(node.id(), "proxy_cache")
        .or_else(|| config.effective_value(node.id(), "fastcgi_cache"))
        .is_some_and(|zone| zone != b"off");
    let is_plain = !holes.is_in(node) && !caches && !node.children().any(steers);
    is_plain.then_some(node)
}

/// Whether a directive may take a request elsewhere before it is passed on.
fn steers(node: Node<'_>) -> bool {
    match node.name() {
        "return" | "rewrite" | "try_files" => true,
        "if" => node.descendants().any(|inner| matches!(inner.name(), "rewrite" | "proxy_pass")),
        name => name.contains("_by_lua") || name.starts_with("js_") || name.starts_with("perl"),
    }
}

fn named<'s>(server: &'s Server, name: &[u8]) -> Option<&'s Location> {
    server.locations.iter().find(|location| location.pattern == name)
}

/// The outermost location that nginx chooses for a URI; `None` where it is not plain.
fn chosen<'s>(server: &'s Server, uri: &[u8]) -> Option<&'s Location> {
    let locations = || server.locations.iter();
    let exact = locations().find(|location| location.kind == LocationKind::Exact && location.pattern == uri);
    if exact.is_some() {
        return exact;
    }
    let prefixes = locations().filter(|location| {
        matches!(location.kind, LocationKind::Prefix | LocationKind::PrefixNoRegex)
            && uri.starts_with(&location.pattern)
    });
    let longest = prefixes.max_by_key(|location| location.pattern.len())?;
    let regex_may_take_it = longest.kind == LocationKind::Prefix
        && locations().any(|location| match location.kind {
            LocationKind::Regex { caseless } => {
                literal_regex::matches(&location.pattern, caseless, uri) != Some(false)
            }
            _ => false,
        });
    (longest.children.is_empty() && !regex_may_take_it).then_some(longest)
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn a_page_that_no_location_of_its_own_serves_is_found() {
        check_rule(
            &super::RULE,
            r"
upstream app { server 127.0.0.1:9000; }
error_page 500 502 503 504 /50x.html;
                         # ^^^^^^^^^ `/50x.html` is asked of `http://app`, the upstream that failed
server { location / { proxy_pass http://app; } location ~ \.php$ { return 404; } location ~ /\.ht { deny all; } }
server { location / { proxy_pass http://app; } location ~ /\.(git|svn) { return 404; } }
",
        );
    }

    #[test]
    fn a_page_that_another_location_asks_there_is_found() {
        check_rule(
            &super::RULE,
            r"
server {
    error_page 502 504 = @sorry;
                       # ^^^^^^ `@sorry` is asked of `http://127.0.0.1:9000/app/`
    location / { proxy_pass http://127.0.0.1:9000/app/; }
    location @sorry { proxy_pass http://127.0.0.1:9000; }
}
server {
    location / { uwsgi_pass unix:/run/app.sock; error_page 502 /errors/502.html; }
                                                             # ^^^^^^^^^^^^^^^^ is asked of `unix:/run/app.sock`
    location /errors/ { uwsgi_pass unix:/run/app.sock; }
}
",
        );
    }

    #[test]
    fn pages_that_come_from_elsewhere_are_silent() {
        check_rule(
            &super::RULE,
            r"
error_page 502 504 /50x.html;
server { location / { proxy_pass http://127.0.0.1:9000; } location = /50x.html { root /srv; } }
server { location / { proxy_pass http://127.0.0.1:9000; } location /50x.html { proxy_pass http://127.0.0.1:9001; } }
server { location / { proxy_pass http://127.0.0.1:9000; } location ~ \.html$ { root /srv; } }
server { location / { proxy_pass http://127.0.0.1:9000; } location ~ ^/(?!api) { root /srv; } }
server { location / { try_files $uri @app; } location @app { proxy_pass http://127.0.0.1:9000; } }
server { location / { proxy_pass http://127.0.0.1:9000; proxy_cache c; } }
server { location / { proxy_pass http://127.0.0.1:9000; error_page 503 /busy.html; } }
server { location / { proxy_pass http://127.0.0.1:9000; error_page 502 https://status.example.com/; } }
server { location / { proxy_pass http://127.0.0.1:9000; include /elsewhere/pages.conf; } }
server { include /elsewhere/pages.conf; location / { proxy_pass http://127.0.0.1:9000; } }
server { location / { proxy_pass http://$backend; } }
proxy_cache_path /tmp/c keys_zone=c:1m;
",
        );
    }
}
