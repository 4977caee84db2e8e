//! From the connection to the server.

use crate::{check, check_each};

#[test]
fn exact_address_hides_all_names_of_the_wildcard() {
    check(
        r#"
        server { listen *:@P@; server_name b.test; return 200 wild-b; }
        server { listen *:@P@; server_name a.test; return 200 wild-a; }
        server { listen 127.0.0.1:@P@; server_name c.test; return 200 spec; }
        "#,
        &[
            ("GET / | Host: b.test", "200 spec"),
            ("{at 127.0.0.2} GET / | Host: b.test", "200 wild-b"),
            ("{at 127.0.0.2} GET / | Host: c.test", "200 wild-b"),
            ("{at 127.0.0.2} GET /", "200 wild-a"),
        ],
    );
}

#[test]
fn default_server_is_the_first_of_the_address_or_the_marked_one() {
    check(
        r#"
        server { listen 127.0.0.1:@P@; listen 127.0.0.1:@Q@; server_name a.test; return 200 first; }
        server { listen 127.0.0.1:@P@; listen 127.0.0.1:@Q@ default_server; server_name b.test; return 200 second; }
        "#,
        &[
            ("GET / | Host: other", "200 first"),
            ("{Q} GET / | Host: other", "200 second"),
            ("{Q} GET /", "200 first"),
        ],
    );
}

#[test]
fn names_are_looked_up_by_address_and_port() {
    check(
        r#"
        server { listen 127.0.0.1:@P@; server_name a.test; return 200 p-a; }
        server { listen 127.0.0.1:@P@; server_name x.test; return 200 p-x; }
        server { listen 127.0.0.1:@Q@; server_name y.test; return 200 q-y; }
        server { listen 127.0.0.1:@Q@; server_name z.test; return 200 q-z; }
        "#,
        &[
            ("{Q} GET / | Host: x.test", "200 q-y"),
            ("{Q} GET / | Host: z.test", "200 q-z"),
            ("GET /", "200 p-a"),
        ],
    );
}

#[test]
fn single_server_of_a_socket_takes_every_name() {
    check(
        "server { @L@ server_name only.test; return 200 $server_name; }",
        &[("GET / | Host: other.test", "200 only.test"), ("{1.0} {no host} GET /", "200 only.test")],
    );
}

#[test]
fn options_of_a_listen_hold_for_every_server_of_the_socket() {
    check(
        r#"
        server { listen 127.0.0.1:@P@; server_name a.test; @TLS@ return 200 "a $scheme"; }
        server { listen 127.0.0.1:@P@ ssl; server_name b.test; @TLS@ return 200 "b $scheme"; }
        "#,
        &[("{tls a.test} GET /", "200 a https"), ("GET /", "400")],
    );
}

#[test]
fn host_of_the_request_line_wins_over_the_header_whatever_its_scheme() {
    check(
        r#"
        server { @L@ server_name a.test; return 200 "a $host $http_host"; }
        server { @L@ server_name b.test; return 200 "b $host $http_host"; }
        "#,
        &[
            ("GET http://b.test/x", "200 b b.test a.test"),
            ("GET ftp://B.test:21/x", "200 b b.test a.test"),
            ("GET http://a.test/x | Host: b.test", "200 a a.test b.test"),
        ],
    );
}

#[test]
fn host_loses_its_case_its_port_and_one_last_dot() {
    check(
        r#"
        server { @L@ server_name other; return 200 "other $host"; }
        server { @L@ server_name a.test; return 200 "a $host"; }
        "#,
        &[
            ("GET / | Host: A.TEST", "200 a a.test"),
            ("GET / | Host: a.test:8080", "200 a a.test"),
            ("GET / | Host: a.test.", "200 a a.test"),
            ("GET / | Host: a.test.:80", "200 a a.test"),
            ("GET / | Host: a.test..", "400"),
        ],
    );
}

#[test]
fn host_that_is_empty_or_missing_or_there_twice_is_refused() {
    check(
        r#"server { @L@ server_name a.test; return 200 a; } server { @L@ server_name ""; return 200 "none[$host]"; }"#,
        &[
            ("GET / | Host: ", "400"),
            ("GET / | Host: a.test | Host: a.test", "400"),
            ("{no host} GET /", "400"),
            ("{1.0} {no host} GET /", "200 none[]"),
            ("{0.9} GET /", "none[]"),
        ],
    );
}

#[test]
fn newer_releases_refuse_hosts_that_older_ones_take() {
    check_each(
        "server { @L@ return 200 $host; } server { @L@ server_name b.test; }",
        &[
            ("GET / | Host: a:bar", "200 a", "400"),
            ("GET / | Host: a.:1.2", "200 a.", "400"),
            ("GET / | Host: 1.2.3.4:98777", "200 1.2.3.4", "400"),
            ("GET / | Host: x[::1]", "200 x[", "400"),
            ("GET / | Host: [::1", "200 [::1", "400"),
        ],
    );
}

#[test]
fn exact_name_beats_the_longest_leading_star_and_that_the_trailing_star_and_that_regexes() {
    check(
        r#"
        server { @L@ server_name zero; return 200 default; }
        server { @L@ server_name ~test$; return 200 regex1; }
        server { @L@ server_name ~^www\.; return 200 regex2; }
        server { @L@ server_name www.a.*; return 200 tail; }
        server { @L@ server_name *.test; return 200 short; }
        server { @L@ server_name *.a.test; return 200 long; }
        server { @L@ server_name www.a.test; return 200 exact; }
        "#,
        &[
            ("GET / | Host: www.a.test", "200 exact"),
            ("GET / | Host: x.a.test", "200 long"),
            ("GET / | Host: x.y.a.test", "200 long"),
            ("GET / | Host: a.test", "200 short"),
            ("GET / | Host: www.a.com", "200 tail"),
            ("GET / | Host: test", "200 regex1"),
            ("GET / | Host: www.b", "200 regex2"),
            ("GET / | Host: b", "200 default"),
        ],
    );
}

#[test]
fn star_does_not_take_the_bare_name_and_a_leading_dot_does() {
    check(
        r#"
        server { @L@ server_name zero; return 200 default; }
        server { @L@ server_name *.example.com; return 200 star; }
        server { @L@ server_name .example.org; return 200 dot; }
        "#,
        &[
            ("GET / | Host: example.com", "200 default"),
            ("GET / | Host: x.y.example.com", "200 star"),
            ("GET / | Host: example.org", "200 dot"),
            ("GET / | Host: x.example.org", "200 dot"),
        ],
    );
}

#[test]
fn underscore_is_a_name_like_any_other() {
    check(
        r#"
        server { @L@ server_name a.test; return 200 a; }
        server { @L@ server_name _; return 200 underscore; }
        "#,
        &[("GET / | Host: nobody.test", "200 a"), ("GET / | Host: _", "200 underscore")],
    );
}

#[test]
fn first_of_two_equal_names_wins() {
    check(
        r#"
        server { @L@ server_name zero; return 200 default; }
        server { @L@ server_name a.test; return 200 first; }
        server { @L@ server_name a.test; return 200 second; }
        "#,
        &[("GET /", "200 first")],
    );
}

#[test]
fn regex_name_ignores_case_only_where_it_has_a_capital() {
    check(
        r#"
        server { @L@ server_name zero; return 200 default; }
        server { @L@ server_name ~^A\.test$; return 200 capital; }
        server { @L@ server_name ~^b\x2eTEST$; return 200 other; }
        "#,
        &[("GET / | Host: a.test", "200 capital"), ("GET / | Host: A.TEST", "200 capital")],
    );
}

#[test]
fn host_chooses_the_server_again_after_the_handshake() {
    check(
        r#"
        server { listen 127.0.0.1:@P@ ssl; server_name zero; @TLS@ return 200 default; }
        server { listen 127.0.0.1:@P@ ssl; server_name a.test; @TLS@ return 200 a; }
        server { listen 127.0.0.1:@P@ ssl; server_name b.test; @TLS@ return 200 b; }
        "#,
        &[
            ("{tls a.test} GET / | Host: b.test", "200 b"),
            ("{tls a.test} GET / | Host: nobody", "200 default"),
            ("{tls nobody.test} GET /", "200 a"),
            ("{tls} GET / | Host: b.test", "200 b"),
        ],
    );
}

#[test]
fn server_that_wants_a_certificate_is_not_reached_by_a_handshake_for_another() {
    check(
        r#"
        server { listen 127.0.0.1:@P@ ssl; server_name a.test; @TLS@ return 200 a; }
        server { listen 127.0.0.1:@P@ ssl; server_name b.test; @TLS@ ssl_verify_client optional;
                 ssl_client_certificate cert.pem; return 200 b; }
        "#,
        &[
            ("{tls a.test} GET / | Host: b.test", "421"),
            ("{tls b.test} GET / | Host: b.test", "200 b"),
            ("{tls b.test} GET / | Host: a.test", "200 a"),
        ],
    );
}

#[test]
fn client_without_a_certificate_is_refused_once_the_host_is_known() {
    check(
        r#"
        server { listen 127.0.0.1:@P@ ssl; server_name b.test; @TLS@ ssl_verify_client on;
                 ssl_client_certificate cert.pem; location / { return 200 b; } }
        server { listen 127.0.0.1:@Q@ ssl; server_name b.test; @TLS@ ssl_verify_client on;
                 ssl_client_certificate cert.pem; location / { return 200 b; }
                 error_page 496 =200 /none; location = /none { return 200 none; } }
        "#,
        &[
            ("{tls b.test} GET / | Host: b.test", "400"),
            ("{Q} {tls b.test} GET / | Host: b.test", "200 none"),
        ],
    );
}

#[test]
fn optional_certificate_is_told_by_a_variable() {
    check(
        r#"
        server { listen 127.0.0.1:@P@ ssl; server_name b.test; @TLS@ ssl_verify_client optional;
                 ssl_client_certificate cert.pem; if ($ssl_client_verify != SUCCESS) { return 403; } return 200 b; }
        server { listen 127.0.0.1:@Q@ ssl; server_name b.test; @TLS@ return 200 $ssl_client_verify; }
        "#,
        &[
            ("{tls b.test} GET / | Host: b.test", "403"),
            ("{Q} {tls b.test} GET / | Host: b.test", "200 NONE"),
        ],
    );
}

#[test]
fn rejected_handshake_ends_the_connection() {
    check(
        r#"
        server { listen 127.0.0.1:@P@ ssl default_server; ssl_reject_handshake on; }
        server { listen 127.0.0.1:@P@ ssl; server_name a.test; @TLS@ return 200 a; }
        "#,
        &[
            ("{tls nobody.test} GET /", "closed"),
            ("{tls} GET /", "closed"),
            ("{tls a.test} GET /", "200 a"),
            ("{tls a.test} GET / | Host: nobody", "200 html/index.html"),
        ],
    );
}

#[test]
fn what_is_read_before_the_host_is_that_of_the_default_server() {
    check(
        r#"
        server { @L@ server_name zero; return 200 "zero $uri"; }
        server { @L@ server_name a.test; merge_slashes off; underscores_in_headers on; return 200 "a $uri $http_x_y"; }
        server { listen 127.0.0.1:@Q@ ssl; server_name zero; @TLS@ return 200 "zero $uri"; }
        server { listen 127.0.0.1:@Q@ ssl; server_name a.test; @TLS@ merge_slashes off; return 200 "a $uri"; }
        "#,
        &[
            ("GET //x//y", "200 a /x/y"),
            ("GET /x | Host: a.test | X_Y: 1", "200 a /x 1"),
            ("GET /x | X_Y: 1 | Host: a.test", "200 a /x"),
            ("{Q} {tls a.test} GET //x//y", "200 a //x//y"),
            ("{Q} {tls a.test} GET //x//y | Host: zero", "200 zero //x//y"),
        ],
    );
}

#[test]
fn proxy_protocol_is_wanted_of_every_connection_to_the_socket() {
    check(
        r#"
        server { listen 127.0.0.1:@P@ proxy_protocol; server_name a.test; return 200 "a $proxy_protocol_addr"; }
        server { listen 127.0.0.1:@P@; server_name b.test; return 200 "b $proxy_protocol_addr"; }
        server { listen 127.0.0.1:@Q@; server_name b.test; return 200 "q $proxy_protocol_addr"; }
        "#,
        &[
            ("{proxy 10.0.0.1} GET / | Host: b.test", "200 b 10.0.0.1"),
            ("{proxy 10.0.0.2} GET /", "200 a 10.0.0.2"),
            ("{Q} GET /", "200 q"),
        ],
    );
}

#[test]
fn connect_is_read_otherwise_by_newer_releases() {
    check_each(
        "server { @L@ return 200 x; }",
        &[("CONNECT /x", "405", "400"), ("CONNECT http://a.test/", "405", "400"), ("TRACE /", "405", "405")],
    );
    check_each(
        r#"
        server { @L@ server_name zero; error_page 400 /bad; location /bad { return 200 bad; } }
        server { @L@ server_name b.test; error_page 405 /no; location /no { return 200 "b $host $request_uri"; } }
        "#,
        &[
            ("CONNECT b.test:443", "400 bad", "405 b b.test /"),
            ("CONNECT B.test:0 | Host: zero", "400 bad", "405 b b.test /"),
            ("CONNECT b.test", "400 bad", "400 bad"),
            ("CONNECT b.test:65536", "400 bad", "400 bad"),
            ("CONNECT b_b:1", "400 bad", "400 bad"),
            ("{no host} CONNECT b.test:443", "400 bad", "400"),
        ],
    );
}

#[test]
fn socket_of_http_2_without_tls_takes_the_old_protocol_in_newer_releases_only() {
    check_each(
        "server { listen 127.0.0.1:@P@ http2; return 200 $server_protocol; }",
        &[("GET /", "closed", "200 HTTP/1.1")],
    );
}

#[test]
fn variables_of_tls_are_empty_without_it() {
    check(r#"server { @L@ return 200 "[$ssl_protocol$ssl_client_verify$https]"; }"#, &[("GET /", "200 []")]);
}

#[test]
fn authority_of_http_2_is_held_against_the_same_rules_as_a_host() {
    check_each(
        r#"
        server { listen 127.0.0.1:@P@ http2; server_name zero; return 200 "zero $host $server_protocol"; }
        server { listen 127.0.0.1:@P@; server_name a.test; return 200 "a $host $http_host $uri $request_uri"; }
        "#,
        &[
            ("{h2} GET /x?y", "200 a a.test a.test /x /x?y", "200 a a.test a.test /x /x?y"),
            (
                "{h2} GET /x | Host: A.test.:80",
                "200 a a.test A.test.:80 /x /x",
                "200 a a.test A.test.:80 /x /x",
            ),
            (
                "{h2} GET //x/../y%20",
                "200 a a.test a.test /y  //x/../y%20",
                "200 a a.test a.test /y  //x/../y%20",
            ),
            ("{h2} GET /x | Host: other", "200 zero other HTTP/2.0", "200 zero other HTTP/2.0"),
            ("{h2} GET /x | Host: a:bar", "200 zero a HTTP/2.0", "400"),
            ("{h2} GET /x | Host: a..b", "400", "400"),
            ("{h2} GET /x | Host: ", "400", "400"),
            ("{h2} {no host} GET /x", "400", "400"),
            ("{h2} GET http://a.test/x", "400", "400"),
            ("{h2} GET x", "400", "400"),
            ("{h2} GET /#x", "200 a a.test a.test / /#x", "200 a a.test a.test / /#x"),
        ],
    );
    check("server { @L@ return 200 x; }", &[("{h2} GET /", "400")]);
}
