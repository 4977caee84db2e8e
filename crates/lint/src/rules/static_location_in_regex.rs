//! `location ~ ^/a { location /a/b { } }`

use evenkeel_model::{Config, Location, LocationKind};

use crate::check::Findings;

rule! {
    /// Finds a prefix or exact `location` inside one with a regular expression: no request ever gets there.
    ///
    /// ## Why is this bad?
    /// nginx accepts it, and then never looks at it. When it sorts the locations of a server, it takes those with a
    /// regular expression off the list before it builds the search trees for prefixes and exact matches, and builds them
    /// only for what is left on the list. A location with a regular expression therefore has no tree inside, and every
    /// request that it takes is answered by itself (or by a regular expression inside it), however well the inner
    /// prefix fits. An `auth_basic`, a `deny` or another `proxy_pass` in there has no effect.
    ///
    /// ## Example
    /// ```nginx
    /// location ~ /api {
    ///     proxy_pass http://app;
    ///     location /api/admin { deny all; }      # never asked: /api/admin goes to the app
    /// }
    ///
    /// location ~ /api {
    ///     proxy_pass http://app;
    ///     location ~ ^/api/admin { deny all; }   # this one works
    /// }
    /// ```
    ///
    /// Source: `ngx_http_init_locations` and `ngx_http_init_static_location_trees`, src/http/ngx_http.c
    "static-location-in-regex", Warning, since "0.1", check
}

fn check(config: &Config, findings: &mut Findings<'_>) {
    for server in config.servers() {
        for location in &server.locations {
            look(config, location, findings);
        }
    }
}

fn look(config: &Config, outer: &Location, findings: &mut Findings<'_>) {
    let is_regex = matches!(outer.kind, LocationKind::Regex { .. });
    for inner in &outer.children {
        let is_static =
            matches!(inner.kind, LocationKind::Prefix | LocationKind::PrefixNoRegex | LocationKind::Exact);
        // Any other text is refused by nginx itself (`misplaced-location`).
        if is_regex && is_static && inner.pattern.starts_with(&outer.pattern) {
            let pattern = String::from_utf8_lossy(&inner.pattern);
            let last = config.node(inner.node).args().len().saturating_sub(1);
            findings
                .at_arg(
                    config.node(inner.node),
                    last,
                    format!("no request ever gets to the location `{pattern}`"),
                )
                .related(config.node(outer.node), "a regular expression holds no prefix or exact location")
                .help("make it a regular expression too, or take it out of this location");
        } else {
            look(config, inner, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn static_locations_inside_a_regex_are_found() {
        check_rule(
            &super::RULE,
            r"
server {
    location ~ /a {
        location /a/b { return 204; }
               # ^^^^ no request ever gets to the location `/a/b`
        location = /a/c { return 204; }
                 # ^^^^ no request ever gets to the location `/a/c`
        location ^~ /a/d {
                  # ^^^^ no request ever gets to
            location /a/d/e { return 204; }
        }
    }
    location /x {
        location ~ /x/y {
            location /x/y/z { return 204; }
                   # ^^^^^^ no request ever gets to
        }
    }
}
",
        );
    }

    #[test]
    fn locations_that_are_asked_are_silent() {
        check_rule(
            &super::RULE,
            r"
server {
    location /a { location /a/b { return 204; } location ~ c { return 204; } }
    location ~ /d { location ~ /d/e { return 204; } location /elsewhere { return 204; } }
    location ^~ /f { location = /f/g { return 204; } }
}
",
        );
    }
}
