//! The headers that the configuration adds.

use crate::check;

#[test]
fn header_of_an_inner_level_drops_all_of_the_outer_ones() {
    check(
        r#"add_header X-T-Outer o; add_header X-T-Same outer;
        server { @L@ root www;
            location / { }
            location /a.html { add_header X-T-Inner i; }
            location /d/ { add_header X-T-Same inner; location /d/f.html { } }
        }"#,
        &[
            ("GET /b.php", "200 www/b.php [X-T-Outer: o; X-T-Same: outer]"),
            ("GET /a.html", "200 www/a.html [X-T-Inner: i]"),
            ("GET /d/f.html", "200 www/d/f.html [X-T-Same: inner]"),
        ],
    );
}

#[test]
fn header_is_added_to_good_answers_only_unless_it_is_always() {
    check(
        r#"server { @L@ add_header X-T-Some s; add_header X-T-All a always;
            location /200 { return 200 x; } location /201 { return 201 x; } location /204 { return 204; }
            location /301 { return 301 /x; } location /307 { return 307 /x; } location /308 { return 308 /x; }
            location /304 { return 304; }
            location /400 { return 400; } location /404 { return 404; } location /418 { return 418 x; } location /500 { return 500; }
            location /202 { return 202 x; }
            location /page { error_page 404 =200 /200; return 404; }
        }"#,
        &[
            ("GET /200", "200 x [X-T-Some: s; X-T-All: a]"),
            ("GET /201", "201 x [X-T-Some: s; X-T-All: a]"),
            ("GET /204", "204 [X-T-Some: s; X-T-All: a]"),
            ("GET /301", "301 http://a.test:@P@/x [X-T-Some: s; X-T-All: a]"),
            ("GET /307", "307 http://a.test:@P@/x [X-T-Some: s; X-T-All: a]"),
            ("GET /308", "308 http://a.test:@P@/x [X-T-Some: s; X-T-All: a]"),
            ("GET /304", "304 [X-T-Some: s; X-T-All: a]"),
            ("GET /400", "400 [X-T-All: a]"),
            ("GET /404", "404 [X-T-All: a]"),
            ("GET /418", "418 x [X-T-All: a]"),
            ("GET /500", "500 [X-T-All: a]"),
            ("GET /202", "202 x [X-T-All: a]"),
            ("GET /page", "200 x [X-T-Some: s; X-T-All: a]"),
            ("GET /..", "400 [X-T-All: a]"),
        ],
    );
}

#[test]
fn empty_value_is_not_sent() {
    check(
        r#"server { @L@ add_header X-T-Empty ""; add_header X-T-Arg $arg_x; add_header X-T-Two "$uri $arg_y"; return 200 x; }"#,
        &[("GET /u", "200 x [X-T-Two: /u ]"), ("GET /u?x=1&y=2", "200 x [X-T-Arg: 1; X-T-Two: /u 2]")],
    );
}

#[test]
fn condition_that_holds_brings_its_own_headers() {
    check(
        r#"server { @L@ root www; add_header X-T-Outer o;
            location / { if ($arg_x) { add_header X-T-If i; } if ($arg_y) { set $z 1; } }
        }"#,
        &[
            ("GET /a.html", "200 www/a.html [X-T-Outer: o]"),
            ("GET /a.html?x=1", "200 www/a.html [X-T-If: i]"),
            ("GET /a.html?x=1&y=1", "200 www/a.html [X-T-Outer: o]"),
        ],
    );
}

#[test]
fn headers_are_those_of_the_location_that_answers_in_the_end() {
    check(
        r#"server { @L@ add_header X-T-S s;
            location /a { add_header X-T-A a; error_page 404 =200 /b; return 404; }
            location /b { add_header X-T-B b; return 200 b; }
            location /c { add_header X-T-C c; auth_request /b; try_files /none =204; }
            location /p { add_header X-T-P p; proxy_pass http://up; }
        }"#,
        &[
            ("GET /a", "200 b [X-T-B: b]"),
            ("GET /p", "upstream /p [X-T-P: p]"),
            ("{status 404} GET /p", "upstream /p =404"),
        ],
    );
}

#[test]
fn expires_gives_two_headers() {
    check(
        r#"
        map $arg_e $e { default off; 1 5m; 2 epoch; 3 max; 4 bad; }
        server { @L@
            location /h { expires 1h; return 200 x; }
            location /z { expires 0; return 200 x; }
            location /m { expires -1; return 200 x; }
            location /e { expires epoch; return 200 x; }
            location /x { expires max; return 200 x; }
            location /o { expires off; return 200 x; }
            location /v { expires $e; return 200 x; }
            location /n { expires modified 1h; return 200 x; }
            location /f { expires 1h; return 404; }
            location /c { expires 1h; add_header Cache-Control public; return 200 x; }
        }"#,
        &[
            ("GET /h", "200 x [Expires: ?; Cache-Control: max-age=3600]"),
            ("GET /z", "200 x [Expires: ?; Cache-Control: max-age=0]"),
            ("GET /m", "200 x [Expires: ?; Cache-Control: no-cache]"),
            ("GET /e", "200 x [Expires: Thu, 01 Jan 1970 00:00:01 GMT; Cache-Control: no-cache]"),
            ("GET /x", "200 x [Expires: Thu, 31 Dec 2037 23:55:55 GMT; Cache-Control: max-age=315360000]"),
            ("GET /o", "200 x"),
            ("GET /v", "200 x"),
            ("GET /v?e=1", "200 x [Expires: ?; Cache-Control: max-age=300]"),
            ("GET /v?e=2", "200 x [Expires: Thu, 01 Jan 1970 00:00:01 GMT; Cache-Control: no-cache]"),
            ("GET /v?e=4", "200 x"),
            ("GET /f", "404"),
            ("GET /c", "200 x [Expires: ?; Cache-Control: max-age=3600; Cache-Control: public]"),
        ],
    );
}

#[test]
fn newer_releases_can_merge_headers() {
    crate::play::check_new(
        r#"add_header X-T-H h;
        server { @L@ add_header_inherit merge; add_header X-T-S s;
            location /m { add_header X-T-L l; return 200 x; }
            location /o { add_header_inherit off; return 200 x; }
            location /n { add_header_inherit on; add_header X-T-L l; return 200 x; }
            location / { return 200 x; }
        }"#,
        &[
            ("GET /", "200 x [X-T-S: s; X-T-H: h]"),
            ("GET /m", "200 x [X-T-L: l; X-T-S: s; X-T-H: h]"),
            ("GET /o", "200 x"),
            ("GET /n", "200 x [X-T-L: l]"),
        ],
    );
}

#[test]
fn line_feed_in_a_header_begins_a_line_of_its_own() {
    check(
        r#"server { @L@ add_header X-T-U $uri; return 200 x; }"#,
        &[("GET /a%0aX-T-V:%20b", "200 x [X-T-U: /a; X-T-V: b]")],
    );
}
