//! What users see when something fails.

use evenkeel_model::{Config, Node};

use crate::check::Findings;
use crate::rules::{Holes, enumerate};

rule! {
    /// Finds a server that passes requests on or serves files, without error pages of its own for what can go wrong there.
    ///
    /// ## Why is this bad?
    /// On the day something fails, nginx's built-in page is all that users see: no word of what
    /// happened, no way back, and proof for everybody of what runs there. An application that is
    /// down is a 502, a slow one a 504, a missing file a 404.
    ///
    /// The rule asks only for what nginx itself answers: 404 where files are served (or where
    /// `proxy_intercept_errors` and its kin take the application's), 502 and 504 where requests are
    /// passed on, any 5xx where files are served. Pages of the `http` block count as long as no
    /// `error_page` of the server takes their place; a page anywhere in the server counts for all
    /// of it. A server that only redirects is not asked, nor are challenges under `/.well-known/`.
    ///
    /// It is a note, said once for each server: nginx works without, and a tree that has never had
    /// error pages should learn of it without its other findings drowning.
    ///
    /// ## Example
    /// ```nginx
    /// server {
    ///     error_page 404 /404.html;
    ///     error_page 500 502 503 504 /50x.html;
    ///     location = /50x.html { root /usr/share/nginx/html; internal; }
    ///     location / { proxy_pass http://app; }
    /// }
    /// ```
    ///
    /// Source: `ngx_http_special_response_handler`, src/http/ngx_http_special_response.c;
    /// <https://nginx.org/en/docs/http/ngx_http_core_module.html#error_page>
    "missing-error-page", Note, since "0.1", check
}

fn check(config: &Config, findings: &mut Findings<'_>) {
    let holes = Holes::of(config);
    for http in config.root().find("http").filter(|http| !holes.is_in(*http)) {
        let outer = Pages::of(http);
        let has_root = http.find("root").next().is_some();
        for server in http.find("server").filter(|server| !holes.is_in(*server)) {
            let needs = Needs::of(server, has_root);
            let own = Pages::of(server);
            let mut pages = if own.any { own } else { outer };
            server.descendants().filter(|node| node.name() == "error_page").for_each(|page| pages.add(page));
            let missing = needs.without(pages);
            if missing.is_empty() {
                continue;
            }
            let draft = findings.at(
                server,
                format!(
                    "this server has no error page of its own for {}",
                    enumerate(&missing, missing.len())
                ),
            );
            draft.help(
                "users see nginx's built-in page; `error_page 500 502 503 504 /50x.html;` names another",
            );
            if own.any && outer.any {
                draft.help("an `error_page` of the server takes the place of all those of the `http` block");
            }
        }
    }
}

/// The statuses that have a page.
#[derive(Debug, Clone, Copy, Default)]
struct Pages {
    any: bool,
    not_found: bool,
    bad_gateway: bool,
    gateway_timeout: bool,
    any_5xx: bool,
}

impl Pages {
    /// Those that stand directly in a block.
    fn of(block: Node<'_>) -> Self {
        let mut pages = Self::default();
        block.find("error_page").for_each(|page| pages.add(page));
        pages
    }

    fn add(&mut self, page: Node<'_>) {
        self.any = true;
        for code in page.args() {
            match code {
                b"404" => self.not_found = true,
                b"502" => self.bad_gateway = true,
                b"504" => self.gateway_timeout = true,
                _ => {}
            }
            self.any_5xx |= code.len() == 3 && code.starts_with(b"5") && code.iter().all(u8::is_ascii_digit);
        }
    }
}

/// What a server does that can fail.
#[derive(Debug, Clone, Copy, Default)]
struct Needs {
    passes: bool,
    serves_files: bool,
    intercepts: bool,
}

impl Needs {
    /// `has_root` says whether the `http` block has a root that the server inherits.
    fn of(server: Node<'_>, has_root: bool) -> Self {
        let mut needs = Self::default();
        let mut catch_all = None;
        for node in server.descendants() {
            match node.name() {
                name if name.ends_with("_pass") && node.context().is_http() => needs.passes = true,
                name if name.ends_with("_intercept_errors") => {
                    needs.intercepts |= node.arg(0).is_some_and(|flag| flag.eq_ignore_ascii_case(b"on"));
                }
                "location" => {
                    needs.serves_files |= serves_files_of_its_own(node);
                    if node.arg(0) == Some(b"/") {
                        catch_all = Some(node);
                    }
                }
                _ => {}
            }
        }
        // Requests that no location answers by other means are files under the root of the server.
        let has_root = has_root || server.find("root").next().is_some();
        let falls_to_files = catch_all.is_none_or(|location| ends_in_files(location));
        needs.serves_files |= has_root && falls_to_files && !answers_otherwise(server);
        needs
    }

    fn without(self, pages: Pages) -> Vec<String> {
        let mut missing = Vec::new();
        if (self.serves_files || (self.passes && self.intercepts)) && !pages.not_found {
            missing.push("404".to_owned());
        }
        let (no_502, no_504) = (self.passes && !pages.bad_gateway, self.passes && !pages.gateway_timeout);
        if !pages.any_5xx && (self.passes || self.serves_files) {
            missing.push("5xx".to_owned());
        } else {
            missing.extend(no_502.then(|| "502".to_owned()));
            missing.extend(no_504.then(|| "504".to_owned()));
        }
        missing
    }
}

/// Whether files are looked for here; one file by its full name (`= /favicon.ico`) is not a search.
fn serves_files_of_its_own(location: Node<'_>) -> bool {
    let is_one_file = location.arg(0).is_some_and(|arg| arg.starts_with(b"="));
    let is_challenge = location.args().any(|arg| arg.windows(13).any(|window| window == b"/.well-known/"));
    let says_where = location.children().any(|node| matches!(node.name(), "root" | "alias" | "try_files"));
    let is_hidden = location.find("internal").next().is_some();
    says_where && !is_one_file && !is_challenge && !is_hidden && ends_in_files(location)
}

/// Whether a request can end here with a file that is not found.
fn ends_in_files(location: Node<'_>) -> bool {
    let last = location.find("try_files").next().and_then(|try_files| try_files.args().next_back());
    !answers_otherwise(location) && last.is_none_or(|last| last == b"=404")
}

/// Whether what stands directly in a block answers without looking for a file.
fn answers_otherwise(block: Node<'_>) -> bool {
    block.children().any(|node| {
        let name = node.name();
        name.ends_with("_pass")
            || name.starts_with("content_by_lua")
            || matches!(name, "return" | "stub_status" | "empty_gif" | "js_content" | "perl")
    })
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn a_server_without_pages_is_told_once() {
        check_rule(
            &super::RULE,
            r"
    server {
  # ^^^^^^ no error page of its own for 404 and 5xx
        root /var/www/html;
        location / { try_files $uri $uri/ =404; }
        location /api/ { proxy_pass http://127.0.0.1:9001; }
        location ~ \.php$ { fastcgi_pass unix:/run/php.sock; }
    }
",
        );
    }

    #[test]
    fn only_what_nginx_answers_there_is_asked_for() {
        check_rule(
            &super::RULE,
            r"
    server {
  # ^^^^^^ no error page of its own for 5xx
        location / { proxy_pass http://127.0.0.1:9001; }
    }
    server {
  # ^^^^^^ no error page of its own for 404
        error_page 500 502 504 /50x.html;
        proxy_intercept_errors on;
        location / { proxy_pass http://127.0.0.1:9001; }
    }
    server {
  # ^^^^^^ no error page of its own for 504
        error_page 502 = @sorry;
        location / { grpc_pass 127.0.0.1:9001; }
        location @sorry { return 200 sorry; }
    }
    server {
  # ^^^^^^ no error page of its own for 404
        error_page 503 /busy.html;
        location /files/ { alias /srv/files/; }
    }
",
        );
    }

    #[test]
    fn pages_of_a_server_take_the_place_of_those_of_http() {
        check_rule(
            &super::RULE,
            r"
error_page 404 /404.html;
error_page 500 502 503 504 /50x.html;
server {
    root /srv;
}
    server {
  # ^^^^^^ no error page of its own for 5xx
        root /srv;
        error_page 404 /own.html;
    }
",
        );
    }

    #[test]
    fn servers_with_pages_or_without_anything_to_fail_are_silent() {
        check_rule(
            &super::RULE,
            r"
server {
    root /srv;
    error_page 404 /404.html;
    location / { proxy_pass http://127.0.0.1:9001; error_page 502 504 =200 @sorry; }
    location @sorry { return 200 sorry; }
}
server { return 301 https://$host$request_uri; }
server {
    location / { return 301 https://$host$request_uri; }
    location /.well-known/acme-challenge/ { root /var/lib/acme; }
}
server {
    location / { return 404; }
}
",
        );
    }

    #[test]
    fn pages_that_may_stand_in_a_file_that_is_not_here_are_not_missed() {
        check_rule(
            &super::RULE,
            r"
server {
    include /elsewhere/errors.conf;
    location / { proxy_pass http://127.0.0.1:9001; }
}
",
        );
    }

    #[test]
    fn a_single_page_application_has_no_404_to_show() {
        check_rule(
            &super::RULE,
            r"
server {
    root /srv/app;
    error_page 500 /50x.html;
    location / { try_files $uri /index.html; }
}
",
        );
    }
}
