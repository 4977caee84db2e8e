//! What configurations are made of.

/// Regexes for locations, each with something that it is about.
pub(crate) const REGEXES: &[(&str, &[&str])] = &[
    (r"\.php$", &["/x.php", "/a/x.php", "/index.php"]),
    (r"\.(png|jpg|gif)$", &["/img/1.png", "/img/b/2.jpg", "/x.PNG", "/a/x.png"]),
    (r"^/a/(.*)$", &["/a/b", "/a/x.php", "/a/"]),
    (r"^/a", &["/a", "/ab", "/a/b.html"]),
    (r"^/(?<rest>.+)\.html$", &["/x.html", "/a/b.html", "/50x.html"]),
    (r"^/([^/]+)/([^/]+)", &["/d/e/f.txt", "/img/b/2.jpg", "/api/v1/x.html"]),
    (r"^/img/([0-9]{1,3})", &["/img/1.png", "/img/1234"]),
    (r"a.*b", &["/a/b", "/ab", "/xa/yb"]),
    (r"/$", &["/", "/a/", "/d/e/"]),
    (r"^/d(?!/e)", &["/d/x", "/d/e/f.txt", "/d"]),
    (r"B", &["/B", "/b"]),
    (r"^/api/v(\d+)/(?<page>\w+)", &["/api/v1/x.html", "/api/v22/yy"]),
    (r".", &["/"]),
    (r"^.{1,4}$", &["/abc", "/abcd", "/a"]),
    (r"[\x80-\xff]", &["/\u{e9}"]),
    (r"%", &["/a%20b"]),
    (r"\s", &["/a b"]),
    (r"^/(a|ab)$", &["/a", "/ab"]),
    (r"index", &["/index.html", "/a/index.html", "/index.php"]),
    (r"^/err/(\d+)", &["/err/404.html"]),
    (r"(?i)^/IMG", &["/img/1.png"]),
    (r"^/e\/f", &["/e/f.txt"]),
];

pub(crate) const PREFIXES: &[&str] = &[
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/ab",
    "/A",
    "/img",
    "/img/",
    "/img/b/",
    "/d/",
    "/d",
    "/d/e/",
    "/d/e",
    "/api/",
    "/api",
    "/api/v1/",
    "/api/v1",
    "/x",
    "/x.php",
    "/err/",
    "/index.html",
    "/a b",
    "/a%20b",
    "/\u{e9}",
    "/a/./b",
    "/a//b",
    "",
    "/empty/",
    "/a/empty",
    "/50x.html",
    "/e/",
    "/b",
    "/a/index",
    "/a/x.",
];

pub(crate) const NAMES: &[(&str, &[&str])] = &[
    ("a.test", &["a.test"]),
    ("b.test", &["b.test"]),
    ("www.a.test", &["www.a.test"]),
    ("x.y.a.test", &["x.y.a.test"]),
    ("A.Test", &["a.test"]),
    ("*.a.test", &["www.a.test", "x.y.a.test", "q.a.test"]),
    ("*.test", &["c.test", "a.test"]),
    ("*.y.a.test", &["x.y.a.test"]),
    ("www.*", &["www.a.test", "www.x", "www.b.test"]),
    ("www.a.*", &["www.a.test", "www.a.b.c"]),
    ("a.*", &["a.test", "a.x.y"]),
    (".a.test", &["a.test", "q.a.test"]),
    (".b.test", &["b.test", "www.b.test"]),
    (r"~^www\d+\.a\.test$", &["www1.a.test", "www22.a.test"]),
    (r"~^(?<sub>\w+)\.b\.test$", &["q.b.test", "www.b.test"]),
    (r"~^(.+)\.c\.test$", &["x.c.test"]),
    (r"~^A\.TEST$", &["a.test"]),
    (r"~\.test$", &["z.test"]),
    (r"~^$", &[]),
    ("\"\"", &[]),
    ("_", &["_"]),
    ("127.0.0.1", &["127.0.0.1"]),
    ("[::1]", &["[::1]"]),
    ("localhost", &["localhost"]),
    ("a_b.test", &["a_b.test"]),
];

pub(crate) const TEXTS: &[&str] = &[
    "\"s $uri $1 $host\"",
    "\"$request_uri|$args|$is_args|$query_string\"",
    "\"$host $http_host $server_name\"",
    "\"$scheme $server_port $server_addr $remote_addr\"",
    "\"$1-$2-$3\"",
    "$document_root",
    "\"$sub|$rest|$page\"",
    "\"$v|$w|$1\"",
    "$sub$1",
    "\"$request_method $server_protocol $request\"",
    "\"$arg_x/$arg_y ${arg_x}1\"",
    "\"$http_x_test$cookie_c\"",
    "\"$document_uri $request_filename\"",
    "plain",
    "\"\"",
    "\"a\\nb\"",
    "\"$content_length|$content_type|$http_cookie\"",
    "\"$remote_user|$realip_remote_addr|$remote_addr\"",
    "\"$https|$ssl_server_name|$server_port\"",
    "\"$http_x_forwarded_for|$http_host|$http_connection\"",
    "\"$arg_X $cookie_e $arg_\"",
    "\"$nginx_version\"",
];

pub(crate) const URLS: &[&str] = &[
    "/x",
    "/a$uri",
    "/login?next=$request_uri",
    "https://$host$request_uri",
    "http://b.test/",
    "http://b.test/$1",
    "$scheme://$http_host/moved$uri",
    "\"/a b\"",
    "\"\"",
    "x/y",
    "//b.test/x",
    "$scheme://$server_name:$server_port$uri$is_args$args",
    "?y=1",
    "/z#frag",
    "/r/$rest$page",
    "/v$v",
    "$w?$args",
    "http://$sub.test/",
    "$uri/",
    "\"/$arg_x\"",
    "ftp://b.test/x",
    "$1",
    "/",
];

/// What the router does not claim to understand, allowed everywhere, and the module that has it where not all builds do.
pub(crate) const UNMODELLED: &[(&str, &str)] = &[
    ("", "proxy_method PUT;"),
    ("", "proxy_redirect / /y/;"),
    ("", "expires 1h;"),
    ("", "if_modified_since off;"),
    ("", "max_ranges 0;"),
    ("", "open_file_cache max=10;"),
    ("", "proxy_set_header Host other;"),
    ("", "server_tokens off;"),
    ("", "msie_refresh on;"),
    ("", "chunked_transfer_encoding off;"),
    ("", "default_type text/html;"),
    ("", "resolver 127.0.0.1; resolver_timeout 50ms;"),
    ("", "proxy_http_version 1.1;"),
    ("", "ssi on;"),
    ("", "etag off;"),
    ("", "keepalive_requests 5;"),
    ("", "reset_timedout_connection on;"),
    ("", "disable_symlinks on;"),
    ("http_gzip_static_module", "gzip_static on;"),
    ("http_random_index_module", "random_index on;"),
    ("http_slice_module", "slice 1m;"),
    ("http_sub_module", "sub_filter qqqqq r;"),
];

/// The same, in locations.
pub(crate) const UNMODELLED_IN_LOCATIONS: &[(&str, &str)] = &[
    ("", "proxy_pass http://$upstream_addr;"),
    ("", "return 200 $request_id;"),
    ("", "return 302 /$connection;"),
    ("http_flv_module", "flv;"),
];

/// What a `map` looks at.
pub(crate) const MAP_SOURCES: &[&str] = &[
    "$uri",
    "$uri",
    "$request_uri",
    "$host",
    "$http_host",
    "$arg_x",
    "$args",
    "$http_x_test",
    "$request_method",
    "$host$uri",
    "$v",
    "$cookie_c",
    "$remote_addr",
    "$scheme",
    "$1",
    "$rest",
];

/// What it finds, and whether that is a name of a host.
pub(crate) const MAP_KEYS: &[(&str, &str)] = &[
    ("", "/b"),
    ("", "/"),
    ("", "/a/b"),
    ("", "/IMG/1.png"),
    ("", "~^/a(.*)$"),
    ("", "~^/(?<rest>[^/]+)/"),
    ("", "~*\\.PHP$"),
    ("", "~."),
    ("", "~^(.)(.)"),
    ("", "1"),
    ("", "t"),
    ("", "POST"),
    ("", "GET"),
    ("", "d"),
    ("", "http"),
    ("", "127.0.0.1"),
    ("", "~^127\\.0\\.0\\.(\\d)"),
    ("", "\\default"),
    ("", "x=1"),
    ("", "~x=(?<page>\\d)"),
    ("host", "a.test"),
    ("host", "*.a.test"),
    ("host", ".b.test"),
    ("host", "www.*"),
    ("host", "a.*"),
    ("host", "*.test"),
    ("host", "www.a.test"),
    ("host", "~^(?<sub>\\w+)\\.a"),
    ("host", "~^www"),
    ("host", "\"\""),
];

/// What it gives.
pub(crate) const MAP_VALUES: &[&str] = &[
    "1", "0", "", "two", "$1", "$uri", "/b", "app1", "app0", "$rest", "$2$1", "$host", "/a$1", "$arg_x",
    "a b",
];

/// Lines of a `geo`.
pub(crate) const NETWORKS: &[&str] = &[
    "default 0;",
    "default d;",
    "127.0.0.1 one;",
    "127.0.0.0/8 /b;",
    "127.0.0.2/31 app1;",
    "10.0.0.0/8 ten;",
    "10.0.0.1 1;",
    "::1 six;",
    "2001:db8::/32 doc;",
    "0.0.0.0/0 all;",
    "127.0.0.5 \"\";",
    "proxy 127.0.0.1;",
    "proxy_recursive;",
    "delete 127.0.0.0/8;",
];

/// The same by `ranges`.
pub(crate) const RANGES: &[&str] = &[
    "default 0;",
    "127.0.0.1-127.0.0.1 one;",
    "127.0.0.5-127.0.0.9 few;",
    "10.0.0.0-10.255.255.255 ten;",
    "127.0.0.3-127.0.0.3 /b;",
    "0.0.0.0-126.255.255.255 low;",
];

/// `allow` and `deny`
pub(crate) const RULES: &[&str] = &[
    "deny all;",
    "allow all;",
    "allow 127.0.0.1;",
    "deny 127.0.0.1;",
    "allow 127.0.0.0/8;",
    "deny 127.0.0.2/31;",
    "deny 10.0.0.0/8;",
    "allow 10.0.0.1;",
    "deny unix:;",
    "allow ::1;",
    "deny ::/0;",
    "allow 127.0.0.5/30;",
];

/// Header lines that answers get, and the release that knows them.
pub(crate) const HEADERS: &[(&str, (u32, u32, u32))] = &[
    ("add_header X-A {};", (0, 0, 0)),
    ("add_header X-A {} always;", (0, 0, 0)),
    ("add_header X-B {};", (0, 0, 0)),
    ("add_header X-B {} always;", (0, 0, 0)),
    ("add_header X-C \"{} x\";", (0, 0, 0)),
    ("add_header X-A \"\";", (0, 0, 0)),
    ("add_header Cache-Control {};", (0, 0, 0)),
    ("add_header Last-Modified \"\";", (0, 0, 0)),
    ("add_header_inherit merge;", (1, 29, 3)),
    ("add_header_inherit off;", (1, 29, 3)),
];

/// Which statuses an `error_page` is for.
pub(crate) const ERROR_CODES: &[&str] = &[
    "404",
    "404",
    "403",
    "403 404",
    "500 502 503 504",
    "405",
    "301",
    "302",
    "418",
    "400",
    "403 405 418 503",
    "413",
    "401",
    "401 403",
    "497",
    "495 496 497",
    "421",
    "414 494",
];

/// `root`
pub(crate) const ROOTS: &[&str] = &[
    "www",
    "www",
    "www",
    "@DIR@/www2",
    "@DIR@/www2",
    "www/",
    "www/$host",
    "www/$rest",
    "@DIR@/www/a",
    "html",
    "none",
];

/// `alias` where texts are compared.
pub(crate) const ALIASES: &[&str] =
    &["www/d/", "@DIR@/www2/", "www/img", "www", "www/x.html", "www/$host/", "www2/b", "www2/a/", "www/a/"];

/// `alias` in a regex location.
pub(crate) const REGEX_ALIASES: &[&str] =
    &["www/$1", "@DIR@/www2/$1", "www/index.html", "www/$2/$1", "www$uri", "www2/"];

/// `index`
pub(crate) const INDEXES: &[&str] = &[
    "index.htm index.html",
    "index.php index.html",
    "none.html /a/index.html",
    "none.html",
    "/x.html",
    "$host.html index.html",
    "index.html/",
    "e/index.html",
];

/// What `try_files` looks for.
pub(crate) const TRIED: &[&str] = &[
    "$uri",
    "$uri",
    "$uri",
    "$uri/",
    "$uri/",
    "/index.html",
    "$uri.html",
    "/a$uri",
    "$uri/index.html",
    "/$1",
    "x.html",
    "/d/",
    "/b",
    "/$host$uri",
    "$w",
];

/// The URI of a `proxy_pass` without variables.
pub(crate) const PASSED_URIS: &[&str] = &["/", "/", "/z", "/z/", "/z?w=1", "/z/%20y", "/z//y/../w", "/z y"];

/// The URI of a `proxy_pass` with variables.
pub(crate) const PASSED_VARIABLES: &[&str] = &[
    "$uri",
    "$request_uri",
    "/v$uri$is_args$args",
    "/v$v",
    "/$1",
    "/r/$rest",
    "/v?$args",
    "/$arg_x",
    "$1",
    "?$args",
    "$is_args$args",
];

/// What nested locations add to the text of theirs.
pub(crate) const NESTED_TAILS: &[&str] =
    &["", "/", "b", "/b", "x.php", "/e/", "e/", "/v1/", ".", "index.html", "1"];

/// What a `rewrite` looks for.
pub(crate) const REWRITTEN: &[&str] = &[
    "^/a(.*)$",
    "^(.*)b$",
    "^/x",
    r"^/img/(.*)\.png$",
    ".",
    r"^/(\w+)/(\w+)",
    "^/d(?<rest>.*)",
    "^/A",
    r"(.*)\.html$",
    "^(.*)$",
    "/$",
    r"[\x80-\xff]",
    "^/(api|e)/",
];

/// What a `rewrite` puts in its place.
pub(crate) const REPLACEMENTS: &[&str] = &[
    "/b$1",
    "/img$1",
    "$1",
    "/x.php?u=$1",
    "/x.php?u=$1?",
    "/$2/$1",
    "http://b.test$uri",
    "https://$host$1?",
    "$scheme://x/$1",
    "/index.html",
    "\"/y z\"",
    "/a/b",
    "/a$1&q=$args",
    "/$rest",
    "/x?y=$arg_x&$args?",
    "/%20$1",
    "/d/e/f.txt",
    "/$v$w",
    "x$1",
    "/a//b",
];

/// What an `if` asks.
pub(crate) const CONDITIONS: &[&str] = &[
    "$request_method = POST",
    "$request_method != GET",
    "$host ~ ^www",
    "$host = a.test",
    "$uri ~* ^/(a|b)(.*)",
    "$uri !~ php",
    "$http_x_test",
    "$arg_x",
    "$arg_x = 1",
    "-f $request_filename",
    "!-f $request_filename",
    "!-e $request_filename",
    "-d $document_root$uri",
    "-e $document_root/x.html",
    "$v",
    "$w = /a",
    r"$args ~ (?<page>\d)",
    "$is_args",
    "$request_uri ~ %2[fF]",
    "$http_cookie ~ c=(.)",
    "$uri ~ ^(.)(.)",
    "$request_uri = $uri",
    "$request_method = HEAD",
    "$host != b.test",
    "$scheme = https",
    "$http_x_test = t",
    "$arg_x != 1",
    "$uri = /a/b",
    "$request_method != POST",
    "$args = ''",
    "$remote_addr = 127.0.0.1",
    "$cookie_c = d",
    "$host !~* TEST",
    "-x $request_filename",
    "-d $request_filename",
    "-d $request_filename",
    "!-d $request_filename",
    "!-x $document_root$uri",
    "-f $document_root/index.html",
    "$server_port = @P0@",
    "$remote_user",
    "$ssl_server_name = a.test",
];

/// Variables that are set.
pub(crate) const SETTINGS: &[&str] = &[
    "set $v $uri;",
    "set $v \"$v$1\";",
    "set $w /a;",
    "set $args z=1;",
    "set $v $arg_x$w;",
    "set $w $request_filename;",
    "set $v 0;",
    "set $w \"\";",
    "set $v $host;",
    "set $v \"$w/$uri\";",
    "set $w $http_x_test;",
    "set $v app1;",
    "set $args \"\";",
    "set $args $args&y=2;",
    "set $w $args;",
    "set $v $rest;",
    "set $v $request_method;",
];
