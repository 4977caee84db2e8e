//! What an upstream is asked for.

use crate::{check, check_each, check_refused};

#[test]
fn pass_without_a_uri_sends_what_the_client_sent() {
    check(
        r#"server { @L@
            location / { proxy_pass http://up; }
            location /r { rewrite ^/r(.*)$ /s$1 break; proxy_pass http://up; }
        }"#,
        &[
            ("GET //a/./b%20c?x=%20", "upstream //a/./b%20c?x=%20"),
            ("GET /a/../b", "upstream /a/../b"),
            ("GET http://a.test/x", "upstream /x"),
            ("GET /r%20x//y?q", "upstream /s%20x/y?q"),
        ],
    );
}

#[test]
fn pass_with_a_uri_puts_it_in_place_of_the_text_of_the_location() {
    check(
        r#"server { @L@
            location /c { proxy_pass http://up/z; }
            location /d/ { proxy_pass http://up/; }
            location /e { proxy_pass http://up/z?w=1; }
            location = /f { proxy_pass http://up/g; }
            location / { proxy_pass http://up/; }
        }"#,
        &[
            ("GET /cx", "upstream /zx"),
            ("GET /c/x", "upstream /z/x"),
            ("GET //x/../y", "upstream /y"),
            ("GET /d/x%20y", "upstream /x%20y"),
            ("GET /ex?q", "upstream /z?w=1x?q"),
            ("GET /f?q", "upstream /g?q"),
        ],
    );
}

#[test]
fn pass_with_variables_drops_uri_and_arguments_as_soon_as_it_has_a_uri_part() {
    check(
        r#"server { @L@
            set $up up;
            location /a { proxy_pass http://$up; }
            location /b { proxy_pass http://$up/fixed; }
            location /c { proxy_pass http://$up$uri; }
            location /d { proxy_pass http://$up$request_uri; }
            location /e { proxy_pass http://$up?x=1; }
        }"#,
        &[
            ("GET /a//x?q", "upstream /a//x?q"),
            ("GET /b/x?q", "upstream /fixed"),
            ("GET /c/x?q", "upstream /c/x"),
            ("GET /d//x?q", "upstream /d//x?q"),
            ("GET /e/x?q", "upstream /?x=1"),
        ],
    );
}

#[test]
fn decoded_uri_in_a_pass_breaks_the_request_line() {
    check(
        "server { @L@ set $up up; location / { proxy_pass http://$up$uri; } }",
        &[("GET /a%20b", "upstream /a b")],
    );
}

#[test]
fn pass_with_a_uri_is_refused_where_nothing_can_be_replaced() {
    for place in [
        "location ~ /a { % }",
        "location @a { % }",
        "location / { if ($arg_x) { % } }",
        "location / { limit_except GET { % } }",
    ] {
        let place = place.replace('%', "proxy_pass http://up/x;");
        check_refused(&format!("server {{ @L@ {place} }}"), "cannot have URI part");
    }
}

#[test]
fn condition_passes_on_where_its_location_does() {
    check(
        r#"server { @L@ location /a/ { proxy_pass http://up/z/; if ($arg_x) { set $y 1; } } }"#,
        &[("GET /a/b", "upstream /z/b"), ("GET /a/b?x=1", "upstream /z/b?x=1")],
    );
}

#[test]
fn upstream_is_told_its_own_name_as_the_host_unless_the_level_says_otherwise() {
    check_each(
        r#"
        proxy_set_header Host outer;
        server { @L@
            location /in { proxy_pass http://up; }
            location /own { proxy_set_header X-Other 1; proxy_pass http://up; }
            location /ws { proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
                           proxy_set_header Connection upgrade; proxy_set_header Host $host; proxy_pass http://up; }
            location /port { proxy_set_header X-Other 1; proxy_pass http://127.0.0.1:@U@; }
            location /empty { proxy_set_header Host ""; proxy_pass http://up; }
        }
        "#,
        &[
            ("{sent} GET /in", "upstream /in host=outer connection=close", "upstream /in host=outer"),
            ("{sent} GET /own", "upstream /own host=up connection=close", "upstream /own host=up"),
            (
                "{sent} GET /ws | Upgrade: websocket",
                "upstream /ws host=a.test connection=upgrade upgrade=websocket",
                "upstream /ws host=a.test connection=upgrade upgrade=websocket",
            ),
            (
                "{sent} GET /ws",
                "upstream /ws host=a.test connection=upgrade",
                "upstream /ws host=a.test connection=upgrade",
            ),
            (
                "{sent} GET /port",
                "upstream /port host=127.0.0.1:@U@ connection=close",
                "upstream /port host=127.0.0.1:@U@",
            ),
        ],
    );
}
