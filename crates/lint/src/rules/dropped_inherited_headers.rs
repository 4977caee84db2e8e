//! Lists that nginx inherits only whole: `add_header`, `proxy_set_header`, `fastcgi_param` and their kin.

use std::rc::Rc;

use evenkeel_model::{Config, Context, Node};

use crate::check::Findings;
use crate::rules::{Holes, enumerate};

rule! {
    /// Finds an `add_header` (or `proxy_set_header`, `fastcgi_param` …) that silently drops those of an outer block.
    ///
    /// ## Why is this bad?
    /// nginx inherits these lists whole or not at all: a block that has one such directive of its
    /// own has none of the outer ones. One cache header in a `location` removes the security
    /// headers of its `server`; one `proxy_set_header` removes `Host` and `X-Forwarded-For`; one
    /// `fastcgi_param` leaves PHP without its script.
    ///
    /// The rule looks at `add_header`, `add_trailer`, `proxy_set_header`, `grpc_set_header`,
    /// `fastcgi_param`, `uwsgi_param` and `scgi_param`, where they are set and where they take
    /// effect, with includes in their place: what an included snippet repeats is not dropped, and
    /// neither is a header that is set to the empty string, nor a request header in a block where
    /// nothing is passed on. It names what is lost.
    ///
    /// ## Example
    /// ```nginx
    /// add_header X-Frame-Options DENY;
    /// location /img/ { add_header Cache-Control public; }   # no X-Frame-Options here
    /// ```
    /// Repeat the outer ones, keep them in a snippet that both blocks include, or
    /// (nginx >= 1.29.3, `add_header` and `add_trailer` only) say `add_header_inherit merge;`.
    ///
    /// Source: `ngx_http_headers_merge_conf`, src/http/modules/ngx_http_headers_filter_module.c;
    /// `ngx_http_proxy_init_headers`, src/http/modules/ngx_http_proxy_module.c;
    /// <https://nginx.org/en/docs/http/ngx_http_headers_module.html#add_header>
    "dropped-inherited-headers", Warning, since "0.1", check
}

/// How many lost names a message spells out.
const NAMES_MAX: usize = 6;

const FAMILIES: usize = 7;

/// A directive whose list is inherited whole.
struct Family {
    directive: &'static str,
    /// What makes the list take effect; `None` where every answer does.
    pass: Option<&'static str>,
    /// What changes the inheritance.
    inherit: Option<&'static str>,
    /// Names are those of HTTP headers, and do not differ by case.
    header: bool,
}

const fn family(directive: &'static str, pass: Option<&'static str>, header: bool) -> Family {
    Family { directive, pass, inherit: None, header }
}

static FAMILY: [Family; FAMILIES] = [
    Family { inherit: Some("add_header_inherit"), ..family("add_header", None, true) },
    Family { inherit: Some("add_trailer_inherit"), ..family("add_trailer", None, true) },
    family("proxy_set_header", Some("proxy_pass"), true),
    family("grpc_set_header", Some("grpc_pass"), true),
    family("fastcgi_param", Some("fastcgi_pass"), false),
    family("uwsgi_param", Some("uwsgi_pass"), false),
    family("scgi_param", Some("scgi_pass"), false),
];

/// What holds at a block, by family.
#[derive(Clone, Default)]
struct Lists<'c> {
    list: [Option<Rc<Vec<Node<'c>>>>; FAMILIES],
    mode: [Mode; FAMILIES],
}

/// What `add_header_inherit` says. It is inherited itself, as any value is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    On,
    Off,
    Merge,
}

/// Whether a family takes effect in a block, by family.
type Used = [bool; FAMILIES];

fn check(config: &Config, findings: &mut Findings<'_>) {
    let holes = Holes::of(config);
    for http in config.root().find("http") {
        visit(http, &Lists::default(), &holes, findings);
    }
}

/// Looks at a block and everything inside; returns which of its inherited lists take effect there.
fn visit<'c>(block: Node<'c>, outer: &Lists<'c>, holes: &Holes, findings: &mut Findings<'_>) -> Used {
    let mut own: [Vec<Node<'c>>; FAMILIES] = Default::default();
    let mut inner = Vec::new();
    let mut lists = outer.clone();
    let mut used = FAMILY.each_ref().map(|family| family.pass.is_none());
    for node in block.children() {
        let name = node.name();
        if is_block_of_requests(node, name) {
            inner.push(node);
        } else if let Some(index) = FAMILY.iter().position(|family| family.directive == name) {
            own[index].push(node);
        } else if let Some(index) = FAMILY.iter().position(|family| family.pass == Some(name)) {
            used[index] = true;
        } else if let Some(index) = FAMILY.iter().position(|family| family.inherit == Some(name)) {
            lists.mode[index] = mode(node);
        }
    }
    for (index, own) in own.iter().enumerate() {
        lists.list[index] = effective(lists.list[index].take(), lists.mode[index], own);
    }
    for node in inner {
        let used_inside = visit(node, &lists, holes, findings);
        used.iter_mut().zip(used_inside).for_each(|(used, inside)| *used |= inside);
    }
    for (index, family) in FAMILY.iter().enumerate() {
        let (Some(first), Some(inherited)) = (own[index].first(), &outer.list[index]) else { continue };
        if lists.mode[index] == Mode::On && used[index] && !holes.is_in(block) {
            report(family, *first, &own[index], inherited, findings);
        }
        used[index] = false;
    }
    used
}

fn is_block_of_requests(node: Node<'_>, name: &str) -> bool {
    match name {
        "server" => node.context() == Context::Http,
        "location" => matches!(node.context(), Context::Server | Context::Location),
        "if" | "limit_except" => node.context() == Context::Location,
        _ => false,
    }
}

fn mode(inherit: Node<'_>) -> Mode {
    match inherit.arg_str(0) {
        Some("off") => Mode::Off,
        Some("merge") => Mode::Merge,
        _ => Mode::On,
    }
}

/// Returns the list that a block has: its own, the inherited one, or both.
fn effective<'c>(
    inherited: Option<Rc<Vec<Node<'c>>>>,
    mode: Mode,
    own: &[Node<'c>],
) -> Option<Rc<Vec<Node<'c>>>> {
    match mode {
        Mode::On if own.is_empty() => inherited,
        Mode::Merge if own.is_empty() => inherited,
        Mode::Merge => {
            let inherited = inherited.as_deref().map(Vec::as_slice).unwrap_or_default();
            Some(Rc::new([inherited, own].concat()))
        }
        Mode::Off if own.is_empty() => None,
        Mode::On | Mode::Off => Some(Rc::new(own.to_vec())),
    }
}

fn report(
    family: &Family,
    first: Node<'_>,
    own: &[Node<'_>],
    inherited: &[Node<'_>],
    findings: &mut Findings<'_>,
) {
    let is_repeated = |node: &Node<'_>| own.iter().any(|own| same_name(family, *own, *node));
    let lost = inherited.iter().filter(|node| !is_repeated(node) && does_something(family, **node));
    let mut names: Vec<String> = Vec::new();
    let mut outer = None;
    for node in lost {
        let name = String::from_utf8_lossy(node.arg(0).unwrap_or_default()).into_owned();
        outer.get_or_insert(*node);
        if !names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            names.push(name);
        }
    }
    let Some(outer) = outer else { return };
    let merge = match family.inherit {
        Some(inherit) => format!(", or say `{inherit} merge;` (nginx 1.29.3 and later)"),
        None => String::new(),
    };
    findings
        .at(first, format!("`{}` drops inherited {}", family.directive, enumerate(&names, NAMES_MAX)))
        .related(outer, "inherited only by blocks that have none of their own")
        .help(format!("repeat what is lost in this block{merge}"));
}

fn same_name(family: &Family, a: Node<'_>, b: Node<'_>) -> bool {
    match (a.arg(0), b.arg(0)) {
        (Some(a), Some(b)) if family.header => a.eq_ignore_ascii_case(b),
        (a, b) => a == b,
    }
}

/// Whether its absence changes anything: an empty response header is never sent (two of them take nginx's own away),
/// and `Host $proxy_host` is what nginx sends by itself.
fn does_something(family: &Family, node: Node<'_>) -> bool {
    let is = |name: &str| node.arg(0).is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()));
    let value = node.arg(1).unwrap_or_default();
    match family.directive {
        "add_header" => !value.is_empty() || is("Last-Modified") || is("ETag"),
        "add_trailer" => !value.is_empty(),
        "proxy_set_header" => !(is("Host") && value == b"$proxy_host"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn location_drops_header_of_server() {
        check_rule(
            &super::RULE,
            r"
server {
    add_header X-Frame-Options DENY;
    location /img/ {
        add_header Cache-Control public;
      # ^^^^^^^^^^ `add_header` drops inherited X-Frame-Options
    }
}
",
        );
    }

    #[test]
    fn a_block_far_below_drops_what_came_through_the_blocks_between() {
        check_rule(
            &super::RULE,
            r"
add_header X-Frame-Options DENY;
add_header X-Content-Type-Options nosniff always;
server {
    location /a/ {
        location /a/b/ {
            if ($arg_x) {
                add_header X-Debug 1;
              # ^^^^^^^^^^ drops inherited X-Frame-Options and X-Content-Type-Options
            }
        }
    }
}
",
        );
    }

    #[test]
    fn request_headers_are_dropped_where_something_is_passed_on() {
        check_rule(
            &super::RULE,
            r#"
proxy_set_header Host $host;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
server {
    location /ws/ {
        proxy_set_header Upgrade $http_upgrade;
      # ^^^^^^^^^^^^^^^^ `proxy_set_header` drops inherited Host and X-Forwarded-For
        proxy_pass http://127.0.0.1:9001;
    }
    location /outer/ {
        proxy_set_header host $host;
      # ^^^^^^^^^^^^^^^^ drops inherited X-Forwarded-For
        location /outer/inner/ { proxy_pass http://127.0.0.1:9001; }
    }
}
server {
    fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
    location ~ \.php$ {
        fastcgi_param HTTPS on;
      # ^^^^^^^^^^^^^ `fastcgi_param` drops inherited SCRIPT_FILENAME
        fastcgi_pass unix:/run/php.sock;
    }
}
"#,
        );
    }

    #[test]
    fn a_snippet_that_drops_is_told_once_however_often_it_is_included() {
        check_rule(
            &super::RULE,
            r"
#- nginx.conf
events { }
http {
    add_header X-Frame-Options DENY;
    server { location /a { include cache.conf; } }
    server { location /b { include cache.conf; } }
}
#- cache.conf
  add_header Cache-Control public;
# ^^^^^^^^^^ drops inherited X-Frame-Options
",
        );
    }

    #[test]
    fn what_a_snippet_repeats_is_not_dropped() {
        check_rule(
            &super::RULE,
            r"
#- nginx.conf
events { }
http {
    include security.conf;
    server {
        location /img/ {
            add_header Cache-Control public;
            include security.conf;
        }
    }
}
#- security.conf
add_header X-Frame-Options DENY always;
add_header Content-Security-Policy $policy;
",
        );
    }

    #[test]
    fn merged_and_switched_off_inheritance_drops_nothing_by_accident() {
        check_rule(
            &super::RULE,
            r"
add_header X-Frame-Options DENY;
add_header_inherit merge;
server {
    add_header X-Server a;
    location /a/ { add_header X-Location a; }
    location /b/ { add_header_inherit off; add_header X-Location b; }
    location /c/ {
        add_header_inherit on;
        add_header X-Location c;
      # ^^^^^^^^^^ drops inherited X-Frame-Options and X-Server
    }
}
",
        );
    }

    #[test]
    fn what_a_file_that_is_not_here_may_repeat_is_silent() {
        check_rule(
            &super::RULE,
            r"
add_header X-Frame-Options DENY;
server { add_header X-Server a; include /elsewhere/security.conf; }
",
        );
    }

    #[test]
    fn what_is_repeated_empty_default_or_without_effect_is_silent() {
        check_rule(
            &super::RULE,
            r#"
server {
    add_header X-Frame-Options DENY always;
    add_header X-Powered-By "";
    location /case/ { add_header x-frame-options $frame_options; }
}
server {
    proxy_set_header Host $proxy_host;
    location / { proxy_set_header X-Real-IP $remote_addr; proxy_pass http://127.0.0.1:9001; }
}
server {
    proxy_set_header Host $host;
    location /files/ { proxy_set_header X-Unused 1; root /srv; }
    location /nested/ {
        proxy_set_header X-Unused 1;
        location /nested/a/ {
            proxy_set_header Host $host;
            proxy_set_header X-Unused 1;
            proxy_pass http://127.0.0.1:9001;
        }
    }
}
map $uri $x { add_header a; }
"#,
        );
    }
}
