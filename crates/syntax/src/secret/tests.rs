use super::*;

/// Each line holds one secret, which ends up in `‹…›`.
const PLANTED: &[&str] = &[
    // Headers that nginx sets.
    "proxy_set_header Authorization \"‹Bearer hunter2›\";",
    "proxy_set_header Authorization \"‹Basic dXNlcjpwYXNz›\";",
    "    proxy_set_header\tX-Api-Key ‹planted-key-1›;",
    "proxy_set_header X-Api-Key '‹with space›';",
    "proxy_set_header x-auth-token ‹abc›;",
    "proxy_set_header Cookie \"‹session=abc; b=c›\";",
    "add_header Set-Cookie \"‹sid=12345; Path=/›\" always;",
    "add_header X-Internal-Secret ‹plain›;",
    "fastcgi_param DB_PASSWORD ‹hunter2›;",
    "uwsgi_param API_TOKEN \"‹hunter2›\";",
    "scgi_param APP_SECRET ‹a›;",
    "grpc_set_header authorization ‹abc›;",
    "set $api_token ‹abcdef›;",
    "set $api_token \"‹$uri-abcdef›\";",
    "proxy_set_header X-Api-Key\n    ‹on-the-next-line›;",
    "+    proxy_set_header X-Api-Key ‹in-a-diff›;",
    "-proxy_set_header X-Api-Key ‹in-a-diff›;",
    "more_set_headers 'X-Api-Key: ‹abc›';",
    "secure_link_secret ‹word›;",
    "secure_link_md5 \"‹$secure_link_expires$uri hunter2›\";",
    "auth_ldap_binddn_passwd \"‹hunter2›\";",
    "env DB_PASSWORD=‹hunter2›;",
    // Variables that are compared, and maps.
    "if ($http_x_api_key != \"‹planted›\") { return 403; }",
    "if ($arg_token = ‹planted›) { return 403; }",
    "map $http_x_api_key $ok { default 0; \"‹planted›\" 1; }",
    "map $uri $upstream_token { default \"‹planted›\"; }",
    "map $http_authorization $user {\n    default \"\";\n    \"‹Bearer planted›\" bob;\n}",
    // Lua.
    "ngx.req.set_header(\"Authorization\", \"‹Bearer planted›\")",
    "local password = \"‹planted›\"",
    "local api_key = '‹planted›'",
    // Lines of logs, commands and messages.
    "Authorization: ‹Bearer planted›",
    "curl -H 'Authorization: ‹Bearer planted1›' http://a.test/",
    "curl -H \"X-Api-Key: ‹planted›\" http://a.test/",
    "Cookie: ‹a=b; c=d›",
    "{\"authorization\":\"‹Basic planted›\",\"x\":1}",
    "{\"password\": \"‹planted›\"}",
    "password: ‹planted› is wrong",
    "the header was Bearer ‹aB3.x-y_z› in the request",
    "\"GET /cart?token=‹planted›&x=1 HTTP/1.1\" 200",
    "\"GET /cart?x=1&key=‹planted› HTTP/1.1\" 200",
    "upstream: \"http://127.0.0.1:80/?password=‹planted›\", host: \"a.test\"",
    "proxy_pass http://app/?api_key=‹planted›;",
    "key=‹abc12345›",
    "--password=‹planted›",
    "return 302 https://a.test/?access_token=‹planted›#top;",
    // URLs with a password.
    "proxy_pass http://‹user:planted›@10.0.0.1/;",
    "fetch https://‹user:pl:anted›@a.test failed",
    "postgres://‹app:planted›@db/app",
    "invalid port in upstream \"‹user:planted›@10.0.0.1:port\"",
    // Shapes.
    "env AWS_ACCESS_KEY_ID=‹AKIAIOSFODNN7EXAMPLE›;",
    "see ‹AKIAIOSFODNN7EXAMPLE›.",
    "push with ‹ghp_0123456789abcdefghijABCDEFGHIJ012345›",
    "push with ‹github_pat_11ABCDEFG0abcdefghij_0123456789›",
    "hook ‹xoxb-1234567890-abcdefghij›",
    "return 200 \"‹eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl›\";",
    "bob:‹$apr1$salt1234$abcdefghijklmnopqrstu.›",
    "bob:‹$2y$10$abcdefghijklmnopqrstuuVWXYZ0123456789abcdefghijklmnop›",
    "return 200 \"‹q7Zr2VtX9wLk4PnB8sDf3GhJ›\";",
    "return 200 \"‹wJalrXUtnFEMI/K7MDENG/bPxRfiCYzQ4v9T2k8Lm1›\";",
    "return 200 \"‹dGhpc0lzQTNzZWNyZXRLZXk5OTkx4Q==›\";",
    "return 200 ‹d41d8cd98f00b204e9800998ecf8427e›;",
    "return 200 ‹9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08›;",
];

const INNOCENT: &[&str] = &[
    "proxy_set_header Authorization $http_authorization;",
    "proxy_set_header Authorization \"Bearer $token\";",
    "proxy_set_header Authorization \"\";",
    "proxy_set_header Cookie $http_cookie;",
    "proxy_set_header X-Csrf-Token ${cookie_csrf};",
    "proxy_set_header Host $host;",
    "proxy_set_header X-Real-IP $remote_addr;",
    "proxy_pass_header Set-Cookie;",
    "proxy_hide_header X-Api-Key;",
    "proxy_cookie_path / /app/;",
    "add_header X-Frame-Options DENY always;",
    "add_header Access-Control-Allow-Headers \"Authorization, X-Api-Key, Content-Type\";",
    "add_header Content-Security-Policy \"script-src 'sha256-B2yPHKaXnvFWtRChIbabYmUBFZdVfKKXHbWtWidDVF8='\";",
    "server_tokens off;",
    "ssl_certificate_key /etc/ssl/private/a.test.key;",
    "ssl_password_file /etc/nginx/passwords;",
    "auth_basic \"Basic authentication\";",
    "auth_basic_user_file /etc/nginx/htpasswd;",
    "auth_request_set $token $upstream_http_x_token;",
    "set $token $arg_token;",
    "proxy_cache_key \"$scheme$host$request_uri\";",
    "proxy_cache_path /var/cache/nginx levels=1:2 keys_zone=static:10m max_size=1g;",
    "limit_req_zone $http_authorization zone=perkey:10m rate=5r/s;",
    "map $http_authorization $limit { default 1; \"\" 0; }",
    "map $cookie_token $seen { default 0; }",
    "rewrite ^/(.*)/(.*)$ /$2/$1$is_args$args break;",
    "return 301 https://$host$request_uri;",
    "proxy_pass http://app/?token=$arg_token&x=1;",
    "proxy_pass http://$user:$pass@10.0.0.1/;",
    "ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305;",
    "location ~ ^/(?<year>[0-9]{4})/[A-Za-z0-9_-]{20,}$ { }",
    "secure_link $arg_md5,$arg_expires;",
    "user www-data;",
    "include /etc/nginx/sites-enabled/*.conf;",
    "git@github.com:evenkeel/evenkeel.git",
    "host not found in upstream \"a.test:8080\" in /etc/nginx/a@b.conf:1",
    "ssh://git@a.test/x",
    "bundle 3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b is live",
    "bundle 3a7bd3e2360a is live",
    "/var/lib/evenkeel/bundles/3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b/nginx.conf",
    "/srv/www/q7Zr2VtX9wLk4PnB8sDf3GhJ/index.html",
    "bundles/3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b",
    "id 550e8400-e29b-41d4-a716-446655440000",
    "signed by SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",
    "unknown directive \"secret_token\" in /etc/nginx/nginx.conf:12",
    "invalid value \"yes\" in \"sendfile\" directive, it must be \"on\" or \"off\"",
    "unexpected \"}\" in /etc/nginx/conf.d/my-Upstream-Name-01-Prod-02-X9.conf:3",
    "bearer token of the request",
    "the token is not here; the password is wrong",
    "2026/11/21 10:13:13 [notice] 1234#1234: signal process started",
    "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
    "log_format main '$remote_addr - $remote_user [$time_local] \"$request\"';",
    "-----BEGIN CERTIFICATE-----\nshort\n-----END CERTIFICATE-----",
    "access_token_ttl = 60",
];

fn planted(line: &str) -> (String, String) {
    let text = line.replace(['‹', '›'], "");
    let mut expected = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('‹') {
        let (_, behind) = after.split_once('›').unwrap();
        expected = expected + before + REDACTED;
        rest = behind;
    }
    (text, expected + rest)
}

#[test]
fn planted_secrets_are_taken_out_and_nothing_else() {
    let wrong: Vec<String> = PLANTED
        .iter()
        .map(|line| planted(line))
        .filter(|(text, expected)| redact_str(text) != expected.as_str())
        .map(|(text, expected)| format!("{text}\n  wanted {expected}\n  got    {}", redact_str(&text)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn innocent_text_stays_as_it_is() {
    let wrong: Vec<String> = INNOCENT
        .iter()
        .filter(|text| redact_str(text) != **text)
        .map(|text| format!("{text}\n  got {}", redact_str(text)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn what_was_redacted_once_stays() {
    for line in PLANTED {
        let once = redact_str(&planted(line).0).into_owned();
        assert_eq!(redact_str(&once), once);
    }
}

#[test]
fn private_keys_go_whole_even_when_they_do_not_end() {
    for kind in ["", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH "] {
        let key = format!(
            "a\n-----BEGIN {kind}PRIVATE KEY-----\n+MIIE\n+abc\n-----END {kind}PRIVATE KEY-----\nb\n"
        );
        assert_eq!(redact_str(&key), "a\n[redacted]\nb\n");
        let cut = format!("a\n-----BEGIN {kind}PRIVATE KEY-----\nMIIE\n");
        assert_eq!(redact_str(&cut), "a\n[redacted]");
    }
}

#[test]
fn a_whole_file_keeps_what_is_no_secret() {
    let (secrets, innocent) = (PLANTED.iter().map(|line| planted(line)), INNOCENT.iter());
    let (text, expected): (Vec<String>, Vec<String>) = secrets
        .zip(innocent)
        .map(|((text, expected), line)| (format!("{line}\n{text}"), format!("{line}\n{expected}")))
        .unzip();
    assert_eq!(redact_str(&text.join("\n\n")), expected.join("\n\n"));
}
