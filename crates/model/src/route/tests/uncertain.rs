//! What nobody knows is said, and never guessed.

use super::*;

#[test]
fn unknown_files_are_candidates() {
    check(
        "root /unknown; server { listen 80;\n\
         location / { try_files $uri $uri/ =404; }\n\
         location /spa/ { try_files $uri /spa/index.html; }\n\
         location ~ \\.php$ { try_files $uri =404; fastcgi_pass php:9000; } }",
        &[
            ("GET http://h/x", "3 files /unknown/x /unknown/x/ ? file-exists:/unknown/x"),
            (
                "GET http://h/spa/x.css",
                "4 files /unknown/spa/x.css /unknown/spa/index.html \
                 ? file-exists:/unknown/spa/index.html file-exists:/unknown/spa/x.css",
            ),
            ("GET http://h/x.php", "5 pass fastcgi://php:9000/x.php ? file-exists:/unknown/x.php"),
        ],
    );
}

#[test]
fn what_is_not_modelled_is_named_where_it_lies_on_the_way() {
    check(
        "server { listen 80; limit_req zone=z;\n\
         location /r { return 200; }\n\
         location /l { access_by_lua_block { ngx.exit(403) } proxy_pass http://a; }\n\
         location /u { proxy_pass http://$upstream_addr; }\n\
         location /j { limit_req_status 429; js_content main.hello; } }",
        &[
            ("GET http://h/r", "3 return 200"),
            ("GET http://h/l", "4 pass http://a/l ? module:lua"),
            ("GET http://h/u", "5 pass http://$upstream_addr/u ? upstream-response"),
            ("GET http://h/j", "6 return 200 ? module:njs"),
        ],
    );
}

#[test]
fn regex_that_takes_too_long_is_named() {
    let mut asked = request("GET http://h/");
    asked.target = [&b"/"[..], &[b'a'; 40], b"bd"].concat();
    let config = config("server { location ~ ^/(a|aa|a)+[bc]$ { return 200; } }");
    assert!(end(&config, &asked).ends_with("? module:regex"));
}

#[test]
fn conditions_of_the_client_are_named() {
    let config = config("root /www; server { location /r { return 204; } }");
    let mut asked = request("GET http://h/a.html");
    asked.headers.push((b"If-None-Match".to_vec(), b"x".to_vec()));
    assert_eq!(end(&config, &asked), "2 file /www/a.html ? module:conditional");
    asked.target = b"/r".to_vec();
    assert_eq!(end(&config, &asked), "2 return 204");
}
