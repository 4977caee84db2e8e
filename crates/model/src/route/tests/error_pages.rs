//! Access, and the pages of errors.

use super::*;

#[test]
fn pages_take_the_place_of_errors() {
    check(
        "server { listen 80; root /www; error_page 404 /404.html; error_page 403 = @no; error_page 410 =200 /gone.html;\n\
         location /a { return 403; }\n\
         location /b { return 410; }\n\
         location /c { error_page 418 https://x/; return 418; }\n\
         location /d { error_page 418 =307 https://x/; return 418; }\n\
         location /e { return 404 text; }\n\
         location @no { return 200 $request_method$uri; } }",
        &[
            ("GET http://h/none", "2 file /www/404.html"),
            ("POST http://h/a", "8 return 200 POST/a"),
            ("GET http://h/b", "2 file /www/gone.html"),
            ("GET http://h/c", "5 302 https://x/"),
            ("GET http://h/d", "6 307 https://x/"),
            ("GET http://h/e", "7 return 404 text"),
        ],
    );
    let config = config(
        "server { root /www; error_page 404 /404.html; error_page 410 =200 /gone.html; location /b { return 410; } }",
    );
    assert_eq!(route(&config, &request("GET http://h/none")).status, Some(404));
    assert_eq!(route(&config, &request("GET http://h/b")).status, Some(200));
}

#[test]
fn second_error_is_bare_unless_pages_are_recursive() {
    let http = |more: &str| {
        format!(
            "server {{ listen 80; {more} error_page 403 /a; error_page 404 /b;\n\
         location /a {{ return 404; }}\nlocation /b {{ return 200 b; }}\nlocation /x {{ return 403; }} }}"
        )
    };
    check(&http(""), &[("GET http://h/x", "3 return 404")]);
    check(&http("recursive_error_pages on;"), &[("GET http://h/x", "4 return 404 b")]);
}

#[test]
fn rules_are_asked_in_their_order() {
    let config = config(
        "server { location / { allow 10.0.0.0/8; deny all; return 200; }\n\
         location /f { allow 10.0.0.0/8; deny all; } }",
    );
    let mut asked = request("GET http://h/f");
    assert_eq!(end(&config, &asked), "3 error 403 ? client-address");
    asked.client = Some("10.1.1.1".parse().unwrap());
    assert_eq!(end(&config, &asked), "3 error 404");
    asked.client = Some("192.0.2.1".parse().unwrap());
    assert_eq!(end(&config, &asked), "3 error 403");
    asked.target = b"/".to_vec();
    assert_eq!(end(&config, &asked), "2 return 200", "return comes before access");
}

#[test]
fn satisfy_any_asks_for_a_password_rather_than_denying() {
    check(
        "server { listen 80; auth_basic x; auth_basic_user_file y; satisfy any; deny all; }",
        &[("GET http://h/", "2 error 401")],
    );
}

#[test]
fn body_may_be_too_large() {
    let config = config(
        "server { client_max_body_size 1k; error_page 413 /big; location / { proxy_pass http://a; } location /big { return 200 big; } }",
    );
    let mut asked = request("POST http://h/");
    asked.headers.push((b"Content-Length".to_vec(), b"1025".to_vec()));
    assert_eq!(end(&config, &asked), "2 return 413 big");
    asked.headers[1].1 = b"1024".to_vec();
    assert_eq!(end(&config, &asked), "2 pass http://a/");
}
