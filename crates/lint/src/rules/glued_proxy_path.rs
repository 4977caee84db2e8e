//! `location /api/ { proxy_pass http://app/v1; }`

use super::proxied::{Forwarded, Proxied};
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a `proxy_pass` whose path runs together with what follows the location's text.
    ///
    /// ## Why is this bad?
    /// nginx takes the text of the location off the address and puts the path of `proxy_pass` in its place, letter by
    /// letter: it knows nothing of directories. When the location ends with a slash and the path does not, the slash is
    /// lost, and `/api/users` becomes `/v1users`.
    ///
    /// The address that is shown was walked through the whole configuration. A path that ends with another sign than a
    /// letter or a digit (`/img-`, `/get?key=`) is taken to be meant so.
    ///
    /// ## Example
    /// ```nginx
    /// location /api/ { proxy_pass http://app/v1; }      # /api/users is passed as /v1users
    /// location /api/ { proxy_pass http://app/v1/; }     # and now as /v1/users
    /// ```
    ///
    /// Source: <https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass>;
    /// `ngx_http_proxy_create_request`, src/http/modules/ngx_http_proxy_module.c
    "glued-proxy-path", Warning, since "0.1", routes check
}

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let router = &routes.router;
    for found in routes.proxied().filter(looks_glued) {
        let forwarded = found.forward_one_of(router, &["users", "x", "x/y"]);
        let Some(Forwarded { asked, passed }) = forwarded else { continue };
        let uri = String::from_utf8_lossy(found.uri).into_owned();
        let rest = asked.trim_start_matches(&found.shown_prefix()).to_owned();
        if passed != format!("{uri}{rest}") {
            continue;
        }
        let url = found.pass.arg_str(0).unwrap_or_default().to_owned();
        findings
            .at_arg(found.pass, 0, format!("`{asked}` is passed as `{passed}`"))
            .related(found.location, format!("`{uri}` comes into the place of `{}`", found.shown_prefix()))
            .help(format!("end it with a slash too: `{url}/`"));
    }
}

fn looks_glued(found: &Proxied<'_>) -> bool {
    let ends_a_word = found.uri.last().is_some_and(u8::is_ascii_alphanumeric);
    !found.variables && found.prefix.ends_with(b"/") && ends_a_word && !found.uri.contains(&b'?')
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn paths_that_run_together_are_found() {
        check_rule(
            &super::RULE,
            r"
server {
    location /api/ { proxy_pass http://127.0.0.1:81/v1; }
                              # ^^^^^^^^^^^^^^^^^^^^^^ `/api/users` is passed as `/v1users`
    location / {
        location /shop/ { proxy_pass http://unix:/run/app.sock:/shop; }
                                   # ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ `/shop/users` is passed as `/shopusers`
    }
    location ^~ /a/ { auth_basic x; allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1:81/b; }
                                                                         # ^^^^^^^^^^^^^^^^^^^^^ `/a/users` is passed as `/busers`
}
",
        );
    }

    #[test]
    fn paths_that_fit_or_are_meant_so_are_silent() {
        check_rule(
            &super::RULE,
            r"
server {
    location /api/ { proxy_pass http://127.0.0.1:81/v1/; }
    location /b/ { proxy_pass http://127.0.0.1:81; }
    location /c { proxy_pass http://127.0.0.1:81/c; }
    location /img/ { proxy_pass http://127.0.0.1:81/img-; }
    location /get/ { proxy_pass http://127.0.0.1:81/get?key=; }
    location = /e/ { proxy_pass http://127.0.0.1:81/e; }
    location ~ ^/f/ { proxy_pass http://127.0.0.1:81; }
    location /g/ { rewrite ^ /whole break; proxy_pass http://127.0.0.1:81/g; }
    location /h/ { internal; proxy_pass http://127.0.0.1:81/h; }
    location /i/ { return 404; proxy_pass http://127.0.0.1:81/i; }
}
",
        );
    }
}
