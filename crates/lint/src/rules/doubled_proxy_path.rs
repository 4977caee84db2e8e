//! `location /api/ { proxy_pass http://$app/api$request_uri; }`

use evenkeel_model::Node;

use super::proxied::{Forwarded, Proxied};
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a `proxy_pass` that passes the path of its location twice: `/api/users` as `/api/api/users`.
    ///
    /// ## Why is this bad?
    /// A `rewrite` or a variable that puts a path before the address puts it there once more where the address has it
    /// already, and the application, which knows no such path, answers 404.
    ///
    /// The address that is shown was walked through the whole configuration. A path that is doubled in the text of the
    /// `proxy_pass` itself is taken to be meant so.
    ///
    /// ## Example
    /// ```nginx
    /// location /api/ { proxy_pass http://$app/api$request_uri; }    # /api/users is passed as /api/api/users
    /// location /api/ { proxy_pass http://$app$request_uri; }        # and now as it came
    /// ```
    ///
    /// Source: <https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass>;
    /// `ngx_http_proxy_create_request`, src/http/modules/ngx_http_proxy_module.c
    "doubled-proxy-path", Warning, since "0.1", routes check
}

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let router = &routes.router;
    for found in routes.proxied().filter(may_double) {
        let slash = if found.prefix.ends_with(b"/") { "" } else { "/" };
        let forwarded = found.forward_one_of(router, &[&format!("{slash}users"), &format!("{slash}x")]);
        let Some(Forwarded { asked, passed }) = forwarded else { continue };
        let prefix = found.shown_prefix();
        let path = prefix.trim_end_matches('/');
        if !passed.starts_with(&format!("{path}{path}/")) {
            continue;
        }
        let draft = findings.at_arg(found.pass, 0, format!("`{asked}` is passed as `{passed}`"));
        draft.related(found.location, format!("`{path}` is part of the address already"));
        if let Some(rewrite) = found.rewrites().next() {
            draft.related(rewrite, "puts it there once more");
        }
        draft.help(format!("leave `{path}` out, or take it off the address first"));
    }
}

/// Only a rewrite or a variable puts together what nobody sees in one place.
fn may_double(found: &Proxied<'_>) -> bool {
    let path = found.prefix.strip_suffix(b"/").unwrap_or(found.prefix);
    let says_so = |node: Node<'_>| {
        let holds = |arg: &[u8]| path.len() > 1 && arg.windows(path.len()).any(|window| window == path);
        node.args().any(holds)
    };
    path.len() > 1 && ((found.variables && says_so(found.pass)) || found.rewrites().any(says_so))
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn paths_that_are_passed_twice_are_found() {
        check_rule(
            &super::RULE,
            r"
resolver 127.0.0.1;
server {
    location /api/ { proxy_pass http://$host/api$request_uri; }
                              # ^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `/api/users` is passed as `/api/api/users`
    location /shop { rewrite ^(.*)$ /shop$1 break; proxy_pass http://127.0.0.1:81; }
                                                            # ^^^^^^^^^^^^^^^^^^^ `/shop/users` is passed as `/shop/shop/users`
}
",
        );
    }

    #[test]
    fn paths_that_are_passed_once_are_silent() {
        check_rule(
            &super::RULE,
            r"
resolver 127.0.0.1;
server {
    location /api/ { proxy_pass http://$host$request_uri; }
    location / { rewrite ^(.*)$ /api$1 break; proxy_pass http://127.0.0.1:81; }
    location /shop { rewrite ^/shop(.*)$ /shop/v1$1 break; proxy_pass http://127.0.0.1:81; }
    location /a/ { proxy_pass http://127.0.0.1:81/a/a/; }
    location /b/ { rewrite ^/b/(.*)$ /c/$1 last; proxy_pass http://127.0.0.1:81; }
    location /c/ { proxy_pass http://$host/c/; }
}
",
        );
    }
}
