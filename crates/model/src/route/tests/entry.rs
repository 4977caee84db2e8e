//! Sockets, hosts, names.

use super::*;

#[test]
fn exact_address_hides_what_is_declared_on_all() {
    let config = config(
        "server { listen 80; server_name a; return 200 all; }\n\
         server { listen 127.0.0.1:80; server_name b; return 200 one; }",
    );
    let mut asked = request("GET http://a/");
    asked.listen = Some(LocalAddress::Inet("127.0.0.1:80".parse().unwrap()));
    assert_eq!(end(&config, &asked), "3 return 200 one");
    asked.listen = Some(LocalAddress::Inet("127.0.0.2:80".parse().unwrap()));
    assert_eq!(end(&config, &asked), "2 return 200 all");
    asked.listen = Some(LocalAddress::Inet("127.0.0.2:81".parse().unwrap()));
    assert_eq!(end(&config, &asked), "0 close: nothing listens on 127.0.0.2:81");
}

#[test]
fn names_are_tried_in_the_order_of_nginx() {
    check(
        "server { listen 80 default_server; return 200; }\n\
         server { listen 80; server_name *.a.test; return 200; }\n\
         server { listen 80; server_name www.a.test; return 200; }\n\
         server { listen 80; server_name .b.test; return 200; }\n\
         server { listen 80; server_name www.*; return 200; }\n\
         server { listen 80; server_name ~^(?<sub>.+)\\.c\\.test$; return 200 $sub; }\n\
         server { listen 80; server_name *.y.a.test; return 200; }",
        &[
            ("GET http://www.a.test/", "4 return 200"),
            ("GET http://x.a.test/", "3 return 200"),
            ("GET http://x.y.a.test/", "8 return 200"),
            ("GET http://a.test/", "2 return 200"),
            ("GET http://b.test/", "5 return 200"),
            ("GET http://x.b.test/", "5 return 200"),
            ("GET http://www.z/", "6 return 200"),
            ("GET http://X.C.test./", "7 return 200 x"),
            ("GET http://nobody/", "2 return 200"),
        ],
    );
}

#[test]
fn no_host_is_the_name_of_a_server_without_names() {
    let config =
        config("server { listen 80; server_name a; return 200; }\nserver { listen 80; return 201 none; }");
    let mut asked = request("GET http://a/");
    asked.headers.clear();
    assert_eq!(end(&config, &asked), "3 error 400", "HTTP/1.1 wants a Host");
    asked.version = HttpVersion::V1_0;
    assert_eq!(end(&config, &asked), "3 return 201 none");
    asked.headers = vec![(b"Host".to_vec(), b"a".to_vec()); 2];
    assert_eq!(end(&config, &asked), "2 error 400", "one Host is enough");
}

#[test]
fn absolute_target_beats_the_host_header() {
    let config = config(
        "server { listen 80; server_name a; return 200; }\nserver { listen 80; server_name b; return 200 $host$uri; }",
    );
    let mut asked = request("GET http://a/");
    asked.target = b"ftp://B:1?x".to_vec();
    assert_eq!(end(&config, &asked), "3 return 200 b/");
}

#[test]
fn tls_and_plain_meet_on_the_wrong_port() {
    let config = config(
        "server { listen 443 ssl; server_name a; error_page 497 =301 https://$host$request_uri; }\nserver { listen 80; }",
    );
    let mut asked = request("GET http://a:443/x");
    assert_eq!(end(&config, &asked), "2 301 https://a/x");
    asked = request("GET https://a:80/x");
    assert_eq!(end(&config, &asked), "0 close: a TLS handshake on a port without TLS");
}

#[test]
fn handshake_can_be_rejected_and_a_host_misdirected() {
    let http = "server { listen 443 ssl default_server; ssl_reject_handshake on; }\n\
        server { listen 443 ssl; server_name a; return 200; }\n\
        server { listen 443 ssl; server_name b; ssl_verify_client optional; return 200; }";
    check(
        http,
        &[("GET https://a/", "3 return 200"), ("GET https://nobody/", "2 close: ssl_reject_handshake")],
    );
    let config = config(http);
    let mut asked = request("GET https://a/");
    asked.headers = vec![(b"Host".to_vec(), b"b".to_vec())];
    assert_eq!(end(&config, &asked), "3 error 421");
}

#[test]
fn merge_slashes_is_that_of_the_default_server() {
    check(
        "server { listen 80; server_name a; return 200 $uri; }\n\
         server { listen 80; server_name b; merge_slashes off; return 200 $uri; }",
        &[("GET http://b//x", "3 return 200 /x")],
    );
}
