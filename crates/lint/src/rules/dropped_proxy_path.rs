//! `location /api/ { proxy_pass http://$app/v1/; }`

use evenkeel_model::{Node, Router};

use super::proxied::Proxied;
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a `proxy_pass` that loses a path: that of the address, because it has variables, or its own, because of a `rewrite`.
    ///
    /// ## Why is this bad?
    /// Two exceptions of nginx take away what everybody expects of `proxy_pass http://app/v1/`:
    ///
    /// * with a variable in it, the path is passed as it stands, and whatever the client asked for is dropped: every
    ///   address below the location becomes the same one, without its arguments;
    /// * after a `rewrite … break` in the location, the path of `proxy_pass` is ignored.
    ///
    /// The addresses that are shown were walked through the whole configuration. Reported are paths that end with a slash
    /// (a single file may be meant), and of the ignored ones those that say more than `/`.
    ///
    /// ## Example
    /// ```nginx
    /// location /api/ { proxy_pass http://$app/v1/; }                   # /api/users is passed as /v1/
    /// location /api/ { rewrite ^/api/(.*)$ /v1/$1 break; proxy_pass http://$app; }
    ///
    /// location /img/ { rewrite \.jpeg$ /img/old.jpg break; proxy_pass http://app/media/; }   # passed as /img/old.jpg
    /// ```
    ///
    /// Source: <https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass>;
    /// `ngx_http_proxy_create_request`, src/http/modules/ngx_http_proxy_module.c
    "dropped-proxy-path", Warning, since "0.1", routes check
}

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let router = &routes.router;
    for found in routes.proxied() {
        if found.variables && found.prefix.ends_with(b"/") && !has_codes(&found) {
            of_the_address(router, &found, findings);
        } else if !found.variables && found.uri.len() > 1 && found.uri.ends_with(b"/") {
            of_its_own(router, &found, findings);
        }
    }
}

/// Every address becomes the same one.
fn of_the_address(router: &Router<'_>, found: &Proxied<'_>, findings: &mut Findings<'_>) {
    let Some(one) = found.forward_one_of(router, &["users", "x"]) else { return };
    let Some(other) = found.forward_one_of(router, &["orders", "y"]) else { return };
    if one.passed != other.passed || !one.passed.ends_with('/') {
        return;
    }
    findings
        .at_arg(found.pass, 0, format!("`{}` and `{}` are both passed as `{}`", one.asked, other.asked, one.passed))
        .related(found.location, "what follows this text is dropped")
        .help("with a variable the path is passed as it stands: leave the path out, or change the address by `rewrite … break`");
}

/// A rewrite makes nginx ignore the path of the pass.
fn of_its_own(router: &Router<'_>, found: &Proxied<'_>, findings: &mut Findings<'_>) {
    for rewrite in found.rewrites().filter(|rewrite| rewrite.arg(2) == Some(b"break")) {
        let slash = if found.prefix.ends_with(b"/") { "" } else { "/" };
        let Some(forwarded) = found.forward(router, &format!("{slash}users")) else { continue };
        let uri = String::from_utf8_lossy(found.uri).into_owned();
        if forwarded.passed.starts_with(&uri) {
            continue;
        }
        findings
            .at_arg(
                found.pass,
                0,
                format!(
                    "`{}` is passed as `{}`: the path `{uri}` is ignored",
                    forwarded.asked, forwarded.passed
                ),
            )
            .related(rewrite, "after this the address is passed as it then is")
            .help(format!("put `{uri}` into the rewrite, or leave the rewrite out"));
        return;
    }
}

/// Whether something in the location may look at the address and put it into a variable.
fn has_codes(found: &Proxied<'_>) -> bool {
    let is_code = |node: Node<'_>| matches!(node.name(), "rewrite" | "if") || node.name().contains("lua");
    found.location.children().any(is_code)
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn addresses_that_are_dropped_are_found() {
        check_rule(
            &super::RULE,
            r"
resolver 127.0.0.1;
server {
    set $app http://127.0.0.1:81/v2/;
    location /api/ { proxy_pass http://$host/v1/; }
                              # ^^^^^^^^^^^^^^^^ `/api/users` and `/api/orders` are both passed as `/v1/`
    location /b/ { proxy_pass $app; }
                            # ^^^^ both passed as `/v2/`
}
",
        );
    }

    #[test]
    fn paths_that_a_rewrite_makes_void_are_found() {
        check_rule(
            &super::RULE,
            r"
server {
    location /api/ { rewrite ^/api/(.*)$ /$1 break; proxy_pass http://127.0.0.1:81/v1/; }
                                                             # ^^^^^^^^^^^^^^^^^^^^^^^ `/api/users` is passed as `/users`: the path `/v1/` is ignored
}
",
        );
    }

    #[test]
    fn paths_that_arrive_are_silent() {
        check_rule(
            &super::RULE,
            r"
resolver 127.0.0.1;
map $uri $rest { ~^/m/(.*)$ $1; }
server {
    location /api/ { proxy_pass http://$host/v1/$request_uri; }
    location /b/ { proxy_pass http://$host; }
    location /c/ { proxy_pass http://127.0.0.1:81/v1/; }
    location /d/ { proxy_pass http://$host/index.php; }
    location = /e/ { proxy_pass http://$host/v1/; }
    location /m/ { proxy_pass http://$host/v1/$rest; }
    location /f/ { rewrite ^/f/(.*)$ /$1 break; proxy_pass http://127.0.0.1:81/; }
    location /g/ { rewrite ^/g/(.*)$ /v1/$1 break; proxy_pass http://127.0.0.1:81/v1/; }
    location /h/ { rewrite ^/h/old$ /x break; proxy_pass http://127.0.0.1:81/v1/; }
    location /i/ { internal; proxy_pass http://$host/v1/; }
}
",
        );
    }
}
