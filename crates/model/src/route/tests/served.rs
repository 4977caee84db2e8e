//! Locations, files, passes.

use super::*;

#[test]
fn locations_nest_and_compete_as_in_nginx() {
    check(
        "server { listen 80;\n\
         location / { return 200; }\n\
         location ^~ /a { return 200; }\n\
         location /a/b { return 200; }\n\
         location ~ \\.php$ { return 200;\n\
           location /x.php { return 200; }\n\
           location ~ ^/in { return 200; } }\n\
         location /n/ { location ~ z { return 200; }\n\
           location ^~ /n/q { return 200; } }\n\
         location = /a/x.php { return 200; }\n\
         }",
        &[
            ("GET http://h/", "3 return 200"),
            ("GET http://h/a.php", "4 return 200"),
            ("GET http://h/a/b.php", "6 return 200"),
            ("GET http://h/x.php", "6 return 200"),
            ("GET http://h/in.php", "8 return 200"),
            ("GET http://h/n/z.php", "9 return 200"),
            ("GET http://h/n/q.php", "6 return 200"),
            ("GET http://h/a/x.php", "11 return 200"),
            ("GET http://h/%61%2Fb", "5 return 200"),
        ],
    );
}

#[test]
fn missing_slash_of_a_passing_location_is_a_redirect() {
    check(
        "server { listen 8080;\n\
         location / { return 200; }\n\
         location \"/x y/\" { proxy_pass http://app; }\n\
         location /z/ { proxy_pass http://app; }\n\
         location = /z { return 200; }\n\
         location ~ . { return 200; } }",
        &[
            ("GET http://h:8080/x%20y?q", "4 301 http://h:8080/x%20y/?q"),
            ("GET http://h:8080/z", "6 return 200"),
        ],
    );
}

#[test]
fn redirect_becomes_absolute_as_the_settings_say() {
    check(
        "server { listen 8080; server_name first other; return 301 /x;\n }\n\
         server { listen 8081; port_in_redirect off; return 302 /x; }\n\
         server { listen 8082; absolute_redirect off; return 307 /x; }\n\
         server { listen 8083; server_name first; server_name_in_redirect on; return 308 /x; }",
        &[
            ("GET http://other:8080/", "2 301 http://other:8080/x"),
            ("GET http://h:8081/", "4 302 http://h/x"),
            ("GET http://h:8082/", "5 307 /x"),
            ("GET http://h:8083/", "6 308 http://first:8083/x"),
        ],
    );
}

#[test]
fn pass_replaces_the_text_of_its_location() {
    check(
        "upstream app { server 10.0.0.1; }\nserver { listen 80;\n\
         location /raw { proxy_pass http://app; }\n\
         location /uri { proxy_pass http://app/z; }\n\
         location /var { proxy_pass http://app$uri$is_args$args; }\n\
         location ~ ^/re/(.*) { proxy_pass http://10.0.0.2:81/$1; }\n\
         location /f { fastcgi_pass unix:/run/php.sock; } }",
        &[
            ("GET http://h/raw//x/../%79?a", "4 pass http://app/raw//x/../%79?a"),
            ("GET http://h/urix?a", "5 pass http://app/zx?a"),
            ("GET http://h/uri/%20", "5 pass http://app/z/%20"),
            ("GET http://h/var/a?b=c", "6 pass http://app/var/a?b=c"),
            ("GET http://h/re/x", "7 pass http://10.0.0.2:81/x"),
            ("GET http://h/f/x?y", "8 pass fastcgi://unix:/run/php.sock/f/x?y"),
        ],
    );
    let config = config(
        "upstream app { server a down; server c backup; server b:81; }\nserver { location / { proxy_pass http://APP; } }",
    );
    let Outcome::Pass { upstream, servers, .. } = route(&config, &request("GET http://h/")).outcome else {
        panic!()
    };
    assert_eq!(upstream.as_deref(), Some("APP"));
    assert_eq!(servers, ["b:81", "c:80"], "without what is down, the backup last");
}

#[test]
fn files_are_found_by_root_alias_and_index() {
    check(
        "root /www; server { listen 80;\n\
         location /img { alias /d/; }\n\
         location ~ ^/r/(.*)$ { alias /www/d/$1; }\n\
         location ~ \\.php$ { fastcgi_pass php:9000; }\n\
         location /p/ { root /www/d; index none x.php; } }",
        &[
            ("GET http://h/a.html", "2 file /www/a.html"),
            ("GET http://h/a.txt", "2 error 404"),
            ("POST http://h/a.html", "2 error 405"),
            ("DELETE http://h/", "2 error 405"),
            ("GET http://h/", "2 file /www/index.html"),
            ("GET http://h/d?x", "2 301 http://h/d/?x"),
            ("GET http://h/img../f.html", "3 file /d/../f.html"),
            ("GET http://h/r/b.html", "4 file /www/d/b.html"),
            ("GET http://h/p/", "6 error 404"),
        ],
    );
}

#[test]
fn limit_except_leaves_out_the_return_of_its_location() {
    check(
        "server { listen 80; location / { limit_except GET { deny all; } return 200; }\n\
         location /p { limit_except GET { allow all; } proxy_pass http://a; } }",
        &[
            ("GET http://h/", "2 return 200"),
            ("HEAD http://h/", "2 return 200"),
            ("POST http://h/", "2 error 403"),
            ("POST http://h/p", "3 pass http://a/p"),
        ],
    );
}

#[test]
fn try_files_takes_the_first_that_is_there() {
    check(
        "server { listen 80; root /www;\n\
         location / { try_files $uri $uri/ /index.php?q=$uri&$args; }\n\
         location ~ \\.php$ { try_files $uri =404; fastcgi_pass php:9000; }\n\
         location /n { try_files /none @app; }\n\
         location @app { proxy_pass http://app; } }",
        &[
            ("GET http://h/a.html", "3 file /www/a.html"),
            ("GET http://h/a%20b?c", "4 pass fastcgi://php:9000/index.php?q=/a b&c"),
            ("GET http://h/d", "3 301 http://h/d/"),
            ("GET http://h/n%2Fx?y", "6 pass http://app/n%2Fx?y"),
        ],
    );
}

#[test]
fn rewrites_run_in_their_order() {
    check(
        "server { listen 80; set $a 1;\n\
         rewrite ^/old/(.*)$ /new/$1;\n\
         location /new/ { rewrite ^/new/(\\w+)$ /deep/$1?x=$a last; return 200 new; }\n\
         location /deep/ { internal; return 200 $uri?$args; }\n\
         location /out { rewrite ^ https://$host$uri? permanent; }\n\
         location /if { if ($arg_x = 1) { return 200 one; } if ($arg_x ~* ^(a+)$) { return 200 $1; } return 200 none; }\n\
         location /loop { rewrite ^ /loop last; } }",
        &[
            ("GET http://h/old/b?c=d", "5 return 200 /deep/b?x=1&c=d"),
            ("GET http://h/new/b/", "4 return 200 new"),
            ("GET http://h/deep/b", "5 error 404"),
            ("GET http://h/out?q", "6 301 https://h/out"),
            ("GET http://h/if?x=1", "7 return 200 one"),
            ("GET http://h/if?x=aA", "7 return 200 aA"),
            ("GET http://h/if", "7 return 200 none"),
            ("GET http://h/loop", "8 error 500"),
        ],
    );
}
