//! `location /i { alias /srv/images/; }`

use evenkeel_model::{Config, Context, Node};

use super::prefix_of;
use crate::check::Findings;

rule! {
    /// Finds a `location` without a slash at its end whose `alias` has one.
    ///
    /// ## Why is this bad?
    /// nginx takes the location's length off the URI and puts the rest behind the alias, without a
    /// look at what is between. With `location /img` and `alias /srv/img/`, a request for
    /// `/img../secret` becomes `/srv/img/../secret`: one directory up, for anybody. `/img..` is not
    /// a dot segment, so nginx's own normalization leaves it alone.
    ///
    /// Locations that match exactly (`=`) or by a regular expression, and locations that no client
    /// reaches (`internal`) or that answer by other means (`return`, `proxy_pass`, `grpc_pass`) are
    /// not reported.
    ///
    /// ## Example
    /// ```nginx
    /// location /img { alias /srv/img/; }     # GET /img../secret reads /srv/secret
    /// location /img/ { alias /srv/img/; }    # this is what was meant
    /// ```
    ///
    /// Source: `ngx_http_map_uri_to_path`, src/http/ngx_http_core_module.c;
    /// <https://nginx.org/en/docs/http/ngx_http_core_module.html#alias>
    "alias-traversal", Warning, since "0.1", check
}

fn check(config: &Config, findings: &mut Findings<'_>) {
    let aliases = config.nodes().filter(|node| node.context() == Context::Location && node.name() == "alias");
    for alias in aliases {
        let Some(location) = alias.parent() else { continue };
        let Some(prefix) = prefix_of(location) else { continue };
        let ends_with_slash = alias.arg(0).is_some_and(|path| path.ends_with(b"/"));
        if !ends_with_slash || prefix.ends_with(b"/") || is_out_of_reach(location) {
            continue;
        }
        let prefix = String::from_utf8_lossy(prefix);
        findings
            .at(alias, format!("`{prefix}../` reaches files outside of this alias"))
            .related(location, "does not end with a slash")
            .help(format!("end the location with a slash too: `location {prefix}/`"));
    }
}

/// Whether no client's request is mapped to a file here.
fn is_out_of_reach(location: Node<'_>) -> bool {
    location.children().any(|node| matches!(node.name(), "internal" | "return" | "proxy_pass" | "grpc_pass"))
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn alias_with_a_slash_that_its_location_lacks_is_found() {
        check_rule(
            &super::RULE,
            r"
server {
    location /img {
        alias /srv/img/;
      # ^^^^^ `/img../` reaches files outside of this alias
    }
    location ^~ /static {
        alias $document_root/static/;
      # ^^^^^ `/static../` reaches files outside
    }
    location /a/ {
        location /a/b {
            alias /srv/b/;
          # ^^^^^ `/a/b../` reaches
        }
    }
}
",
        );
    }

    #[test]
    fn locations_that_cannot_climb_are_silent() {
        check_rule(
            &super::RULE,
            r"
server {
    location /img/ { alias /srv/img/; }
    location /one { alias /srv/one; }
    location = /exact { alias /srv/exact/; }
    location =/glued { alias /srv/exact/; }
    location ~ ^/re/(.*)$ { alias /srv/re/$1/; }
    location /root { root /srv/img/; }
    location /variable { alias $where; }
    location /inside { internal; alias /srv/inside/; }
    location /else { alias /srv/img/; proxy_pass http://127.0.0.1; }
}
",
        );
    }
}
