//! Who may: addresses, passwords, subrequests; and where a request comes from.

use crate::check;

/// `u:p`
const GOOD: &str = "Authorization: Basic dTpw";

fn check_with(http: &str, asks: &[(&str, &str)]) {
    let asks: Vec<(String, &str)> =
        asks.iter().map(|(asked, expected)| (asked.replace("GOOD", GOOD), *expected)).collect();
    let asks: Vec<(&str, &str)> = asks.iter().map(|(asked, expected)| (asked.as_str(), *expected)).collect();
    check(http, &asks);
}

#[test]
fn first_rule_that_takes_the_client_decides() {
    check(
        r#"server { @L@ root www;
            location / { deny 127.0.0.9; allow 127.0.0.8/30; deny 127.0.0.0/8; }
            location /open { allow 127.0.0.1; try_files /a.html =404; }
            location /inner { deny all; location /inner/a { try_files /a.html =404; } location /inner/b { allow all; try_files /a.html =404; } }
        }"#,
        &[
            ("{from 127.0.0.9} GET /a.html", "403"),
            ("{from 127.0.0.10} GET /a.html", "200 www/a.html"),
            ("{from 127.0.0.1} GET /a.html", "403"),
            ("{from 127.0.0.7} GET /open", "200 www/a.html"),
            ("GET /inner/a", "403"),
            ("GET /inner/b", "200 www/a.html"),
        ],
    );
}

#[test]
fn client_of_a_socket_for_both_families_is_asked_of_the_rules_for_its_own_unless_there_are_none() {
    check(
        r#"server { listen [::]:@P@ ipv6only=off; root www;
            location / { deny ::/0; }
            location /a { deny ::/0; allow 10.0.0.0/8; try_files /a.html =404; }
            location /b { allow 127.0.0.1; deny all; try_files /a.html =404; }
            location /c { return 200 "$remote_addr $server_addr"; }
        }"#,
        &[
            ("GET /d/f.html", "403"),
            ("GET /a", "200 www/a.html"),
            ("GET /b", "200 www/a.html"),
            ("GET /c", "200 ::ffff:127.0.0.1 ::ffff:127.0.0.1"),
        ],
    );
}

#[test]
fn connection_over_a_unix_socket_is_of_no_network_but_of_all() {
    check(
        r#"server { listen unix:@DIR@/s; root www;
            location /a { deny 0.0.0.0/0; deny ::/0; try_files /a.html =404; }
            location /b { deny all; }
            location /c { allow unix:; deny all; try_files /a.html =404; }
            location /d { return 200 "$remote_addr"; }
        }"#,
        &[
            ("{unix} GET /a", "200 www/a.html"),
            ("{unix} GET /b", "403"),
            ("{unix} GET /c", "200 www/a.html"),
            ("{unix} GET /d", "200 unix:"),
        ],
    );
}

#[test]
fn password_is_wanted_before_any_subrequest_and_after_the_rules() {
    check_with(
        r#"server { @L@ root www; auth_basic "who"; auth_basic_user_file users;
            location /a { try_files /a.html =404; }
            location /b { deny all; }
            location /c { auth_request /no; }
            location /no { auth_basic off; return 403; }
            location /off { auth_basic off; try_files /a.html =404; }
            location /var { auth_basic $arg_realm; try_files /a.html =404; }
            location /nofile { auth_basic_user_file none; try_files /a.html =404; }
        }"#,
        &[
            ("GET /a", "401"),
            ("GET /a | GOOD", "200 www/a.html"),
            ("{wrong password} GET /a | Authorization: Basic dTpx", "401"),
            ("GET /a | Authorization: Basic", "401"),
            ("GET /a | Authorization: Basic dXA=", "401"),
            ("GET /a | Authorization: Basic OnA=", "401"),
            ("GET /a | Authorization: bASIC  dTpw", "200 www/a.html"),
            ("GET /a | Authorization: Bearer dTpw", "401"),
            ("GET /b", "403"),
            ("GET /c", "401"),
            ("GET /c | GOOD", "403"),
            ("GET /off", "200 www/a.html"),
            ("GET /var?realm=off", "200 www/a.html"),
            ("GET /var?realm=on", "401"),
            ("GET /var", "401"),
            ("GET /nofile", "401"),
            ("GET /nofile | GOOD", "403"),
        ],
    );
}

#[test]
fn password_without_a_file_of_users_guards_nothing() {
    check("server { @L@ root www; location / { auth_basic who; } }", &[("GET /a.html", "200 www/a.html")]);
}

#[test]
fn any_guard_is_enough_and_a_missing_password_is_told_before_a_refused_address() {
    check_with(
        r#"server { @L@ root www; satisfy any; auth_basic who; auth_basic_user_file users;
            location /deny { deny all; try_files /a.html =404; }
            location /allow { allow 127.0.0.1; deny all; try_files /a.html =404; }
            location /sub { deny all; auth_request /ok; try_files /a.html =404; }
            location /bad { deny all; auth_request /teapot; try_files /a.html =404; }
            location /no { auth_basic off; deny all; auth_request /refuse; }
            location /ok { return 204; }
            location /teapot { return 418; }
            location /refuse { return 403; }
        }"#,
        &[
            ("GET /deny", "401"),
            ("GET /deny | GOOD", "200 www/a.html"),
            ("GET /allow", "200 www/a.html"),
            ("{from 127.0.0.2} GET /allow", "401"),
            ("GET /sub", "200 www/a.html"),
            ("GET /bad", "500"),
            ("GET /bad | GOOD", "200 www/a.html"),
            ("GET /no", "403"),
        ],
    );
}

#[test]
fn subrequest_lets_pass_what_is_two_hundred_and_refuses_with_two_statuses_only() {
    check(
        r#"server { @L@ root www;
            location / { auth_request /auth; try_files /a.html =404; }
            location = /auth { internal;
                if ($arg_s = 200) { return 200; }
                if ($http_s = 204) { return 204; }
                if ($http_s = 401) { return 401; }
                if ($http_s = 403) { return 403; }
                if ($http_s = 404) { return 404; }
                if ($http_s = 302) { return 302 /x; }
                if ($http_s = file) { rewrite ^ /b.php break; }
                if ($http_s = up) { proxy_pass http://up; }
                if ($http_s = close) { return 444; }
                return 500;
            }
        }"#,
        &[
            ("GET /?s=200", "500"),
            ("GET / | S: 204", "200 www/a.html"),
            ("GET / | S: 401", "401"),
            ("GET / | S: 403", "403"),
            ("GET / | S: 404", "500"),
            ("GET / | S: 302", "500"),
            ("GET / | S: close", "closed"),
        ],
    );
}

#[test]
fn subrequest_that_is_passed_on_has_the_status_of_the_upstream() {
    check(
        r#"server { @L@ root www;
            location / { auth_request /auth; try_files /a.html =404; }
            location = /auth { internal; proxy_pass http://up; proxy_pass_request_body off; }
        }"#,
        &[
            ("GET /", "200 www/a.html"),
            ("{status 401} GET /", "401"),
            ("{status 403} GET /", "403"),
            ("{status 302} GET /", "500"),
            ("{status 500} GET /", "500"),
        ],
    );
}

#[test]
fn subrequest_shares_the_variables_and_has_a_method_and_arguments_of_its_own() {
    check(
        r#"server { @L@
            set $a server;
            location / { auth_request /auth?x=1; auth_request_set $b "$uri|$request_method|$args"; error_page 404 /page; try_files /none =404; }
            location /auth { set $a "sub $request_method $args"; return 204; }
            location /page { return 200 "$a / $b"; }
        }"#,
        &[("POST /x?q=2 | Content-Length: 0", "404 server / /auth?x=1|POST|")],
    );
}

#[test]
fn large_body_is_refused_in_the_subrequest_too() {
    check(
        r#"server { @L@ root www;
            location / { client_max_body_size 10; auth_request /auth; proxy_pass http://up; }
            location = /auth { client_max_body_size 2; return 204; }
        }"#,
        &[
            ("POST /x | Content-Length: 2 || ab", "upstream /x"),
            ("POST /x | Content-Length: 3 || abc", "500"),
            ("POST /x | Content-Length: 11 || 12345678901", "413"),
        ],
    );
}

#[test]
fn subrequest_may_end_in_a_page_of_its_own() {
    check(
        r#"server { @L@ root www; error_page 404 =200 /page;
            location / { auth_request /auth; try_files /a.html =404; }
            location = /auth { return 404; }
            location = /page { return 204; }
            location = /file { auth_request /www; try_files /a.html =404; }
            location = /www { try_files /b.php =403; }
            location = /nofile { auth_request /missing; try_files /a.html =404; }
            location = /missing { try_files /none =403; }
        }"#,
        &[("GET /", "200 www/a.html"), ("GET /file", "200 www/a.html"), ("GET /nofile", "403")],
    );
}

#[test]
fn trusted_proxy_says_where_a_request_comes_from() {
    check(
        r#"server { @L@ set_real_ip_from 127.0.0.1; return 200 "$remote_addr $realip_remote_addr"; }
           server { listen 127.0.0.1:@Q@; set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8;
                    real_ip_header X-Forwarded-For; return 200 "$remote_addr $proxy_add_x_forwarded_for"; }
           server { listen 127.0.0.1:@R@; set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8;
                    real_ip_header X-Forwarded-For; real_ip_recursive on; return 200 "$remote_addr"; }"#,
        &[
            ("GET / | X-Real-IP: 10.1.1.1", "200 10.1.1.1 127.0.0.1"),
            ("{from 127.0.0.2} GET / | X-Real-IP: 10.1.1.1", "200 127.0.0.2 127.0.0.2"),
            ("GET / | X-Real-IP: 10.1.1.1:99", "200 10.1.1.1 127.0.0.1"),
            ("GET / | X-Real-IP: x", "200 127.0.0.1 127.0.0.1"),
            ("GET / | X-Real-IP: ::1", "200 ::1 127.0.0.1"),
            ("{Q} GET / | X-Forwarded-For: 1.1.1.1, 10.0.0.2", "200 10.0.0.2 1.1.1.1, 10.0.0.2, 10.0.0.2"),
            ("{R} GET / | X-Forwarded-For: 1.1.1.1, 10.0.0.2", "200 1.1.1.1"),
            ("{R} GET / | X-Forwarded-For: 9.9.9.9, 1.1.1.1, 10.0.0.2", "200 1.1.1.1"),
            ("{R} GET / | X-Forwarded-For: 10.0.0.3, 10.0.0.2", "200 10.0.0.3"),
            ("{R} GET / | X-Forwarded-For: x, 10.0.0.2", "200 10.0.0.2"),
            ("{R} GET / | X-Forwarded-For: 1.1.1.1 | X-Forwarded-For: 10.0.0.2", "200 1.1.1.1"),
            (
                "{Q} GET / | X-Forwarded-For: 1.1.1.1 | X-Forwarded-For: 10.0.0.2",
                "200 10.0.0.2 1.1.1.1, 10.0.0.2, 10.0.0.2",
            ),
        ],
    );
}

#[test]
fn list_of_proxies_is_read_only_where_its_header_is_spelled_as_nginx_spells_it() {
    check(
        r#"server { @L@ set_real_ip_from 127.0.0.1; real_ip_header x-forwarded-for; return 200 "$remote_addr"; }
           server { listen 127.0.0.1:@Q@; set_real_ip_from 127.0.0.1; real_ip_header CF-Connecting-IP; return 200 "$remote_addr"; }"#,
        &[
            ("GET / | X-Forwarded-For: 1.1.1.1 | X-Forwarded-For: 2.2.2.2", "200 1.1.1.1"),
            ("{Q} GET / | cf-connecting-ip: 1.1.1.1", "200 1.1.1.1"),
            ("{Q} GET / | X-Real-IP: 1.1.1.1", "200 127.0.0.1"),
        ],
    );
}

#[test]
fn address_of_a_location_comes_too_late_for_its_rewrites_and_in_time_for_its_rules() {
    check(
        r#"server { @L@ root www;
            location /a { set_real_ip_from 127.0.0.1; allow 10.0.0.1; deny all; error_page 404 = @show; try_files /none =404; }
            location /b { set_real_ip_from 127.0.0.1; set $early $remote_addr; allow 10.0.0.1; deny all; error_page 404 = @show; try_files /none =404; }
            location /c { set_real_ip_from 127.0.0.1; return 200 $remote_addr; }
            location @show { return 200 "$early $remote_addr"; }
        }"#,
        &[
            ("GET /a | X-Real-IP: 10.0.0.1", "200  10.0.0.1"),
            ("GET /a | X-Real-IP: 10.0.0.2", "403"),
            ("GET /a", "403"),
            ("GET /b | X-Real-IP: 10.0.0.1", "200 127.0.0.1 127.0.0.1"),
            ("GET /c | X-Real-IP: 10.0.0.1", "200 127.0.0.1"),
        ],
    );
}

#[test]
fn proxy_protocol_names_the_client_where_it_is_trusted() {
    check(
        r#"server { listen 127.0.0.1:@P@ proxy_protocol; set_real_ip_from 127.0.0.1; real_ip_header proxy_protocol;
                    allow 10.0.0.0/8; deny all; root www; location /show { return 200 "$remote_addr"; } }"#,
        &[
            ("{proxy 10.0.0.1} GET /show", "200 10.0.0.1"),
            ("{proxy 10.0.0.1} GET /a.html", "200 www/a.html"),
            ("{proxy 11.0.0.1} GET /a.html", "403"),
        ],
    );
}

#[test]
fn longest_network_of_a_geo_wins_and_what_is_no_address_counts_as_all_ones() {
    check(
        r#"
        geo $g { default d; 127.0.0.0/8 net; 127.0.0.1 host; 127.0.0.4/30 four; delete 127.0.0.4/30; 2001:db8::/32 six; }
        geo $arg_a $a { 10.0.0.0/8 ten; 10.1.0.0/16 eleven; 255.0.0.0/8 ones; ::/0 six; }
        geo $none { 10.0.0.0/8 ten; }
        server { @L@ return 200 "$g [$a] [$none]"; }
        "#,
        &[
            ("GET /?a=10.1.2.3", "200 host [eleven] []"),
            ("{from 127.0.0.5} GET /?a=10.2.2.3", "200 net [ten] []"),
            ("GET /?a=::2", "200 host [six] []"),
            ("GET /?a=::ffff:10.1.1.1", "200 host [eleven] []"),
            ("GET /?a=x", "200 host [ones] []"),
            ("GET /?a=11.0.0.1", "200 host [] []"),
        ],
    );
}

#[test]
fn ranges_of_a_geo_are_laid_over_one_another_and_proxies_speak_for_their_clients() {
    check(
        r#"
        geo $arg_a $r { ranges; default d; 10.0.0.0-10.2.255.255 wide; 10.0.0.10-10.0.0.20 inner; 10.1.0.0-10.1.255.255 block;
                        10.0.0.15-10.0.0.15 one; delete 10.0.0.15-10.0.0.15; }
        geo $p { default d; proxy 127.0.0.1; 10.0.0.0/8 ten; 127.0.0.0/8 local; }
        geo $q { default d; proxy 127.0.0.1; proxy 10.0.0.0/8; proxy_recursive; 10.0.0.0/8 ten; 11.0.0.0/8 eleven; }
        server { @L@ return 200 "$r $p $q"; }
        "#,
        &[
            ("GET /?a=10.0.0.9", "200 wide local d"),
            ("GET /?a=10.0.0.14", "200 inner local d"),
            ("GET /?a=10.0.0.15", "200 d local d"),
            ("GET /?a=10.1.2.3", "200 block local d"),
            ("GET /?a=10.2.2.3", "200 wide local d"),
            ("GET /?a=11.0.0.1", "200 d local d"),
            ("GET /?a=x | X-Forwarded-For: 11.0.0.1, 10.0.0.1", "200 d ten eleven"),
            ("{from 127.0.0.2} GET / | X-Forwarded-For: 10.0.0.1", "200 d local d"),
        ],
    );
}

#[test]
fn share_of_a_client_is_the_same_for_the_same_key() {
    let asks: Vec<String> =
        (0..40).map(|at| format!("GET /?k={}", "k".repeat(at % 9) + &at.to_string())).collect();
    let http = r#"
        split_clients "$arg_k" $half { 50% a; 25.5% b; 0.5% c; * d; }
        split_clients "${arg_k}x" $some { 10% a; 30% b; }
        server { @L@ return 200 "$half [$some]"; }
    "#;
    crate::play::agree(http, &asks);
}

#[test]
fn limit_is_no_answer_until_it_is_exceeded() {
    check(
        r#"
        limit_req_zone $binary_remote_addr zone=one:1m rate=1000r/s;
        limit_conn_zone $server_name zone=two:1m;
        server { @L@ root www; limit_req zone=one burst=50 nodelay; limit_conn two 100; }
        "#,
        &[("GET /a.html", "200 www/a.html"), ("GET /none", "404")],
    );
}
