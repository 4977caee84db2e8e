//! `location /api { proxy_pass http://app/; }`

use super::proxied::{Forwarded, Proxied};
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a `proxy_pass` that makes two slashes of one, because its path ends with a slash and the location does not.
    ///
    /// ## Why is this bad?
    /// nginx takes the text of the location off the address and puts the path of `proxy_pass` in its place. With
    /// `location /api` the rest begins with a slash: `/api/users` becomes `//users`. Many applications answer that with
    /// 404 or a redirect, some read `users` as the name of a host. And `/apidocs`, which begins so too, becomes `/docs`.
    ///
    /// ## Example
    /// ```nginx
    /// location /api { proxy_pass http://app/; }      # /api/users is passed as //users
    /// location /api/ { proxy_pass http://app/; }     # and now as /users; /api is redirected to /api/
    /// ```
    ///
    /// Source: <https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass>;
    /// `ngx_http_proxy_create_request`, src/http/modules/ngx_http_proxy_module.c
    "doubled-proxy-slash", Note, since "0.1", routes check
}

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let router = &routes.router;
    for found in routes.proxied().filter(looks_doubled) {
        let forwarded = found.forward_one_of(router, &["/users", "/x"]);
        let Some(Forwarded { asked, passed }) = forwarded else { continue };
        if !passed.contains("//") {
            continue;
        }
        let prefix = found.shown_prefix();
        findings
            .at_arg(found.pass, 0, format!("`{asked}` is passed as `{passed}`"))
            .related(found.location, "does not end with a slash")
            .help(format!("end the location with a slash too: `location {prefix}/`"));
    }
}

fn looks_doubled(found: &Proxied<'_>) -> bool {
    !found.variables
        && !found.prefix.ends_with(b"/")
        && found.uri.ends_with(b"/")
        && !found.uri.contains(&b'?')
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn slashes_that_are_doubled_are_found() {
        check_rule(
            &super::RULE,
            r"
server {
    location /api { proxy_pass http://127.0.0.1:81/; }
                             # ^^^^^^^^^^^^^^^^^^^^ `/api/users` is passed as `//users`
    location ^~ /shop { proxy_pass http://127.0.0.1:81/v1/; }
                                 # ^^^^^^^^^^^^^^^^^^^^^^^ `/shop/users` is passed as `/v1//users`
}
",
        );
    }

    #[test]
    fn slashes_that_are_not_doubled_are_silent() {
        check_rule(
            &super::RULE,
            r"
server {
    location / { proxy_pass http://127.0.0.1:81/; }
    location /api/ { proxy_pass http://127.0.0.1:81/; }
    location = /b { proxy_pass http://127.0.0.1:81/; }
    location /c { proxy_pass http://127.0.0.1:81/c; }
    location /d { proxy_pass http://127.0.0.1:81/; }
    location /d/ { proxy_pass http://127.0.0.1:81/d/; }
    location /e { rewrite ^/e(.*) $1 break; proxy_pass http://127.0.0.1:81/; }
}
",
        );
    }
}
