//! The corners, one file each.

/// A file, and what it is about.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) text: Vec<u8>,
    pub(crate) says: Says,
}

/// What nginx must say for the case to be about what its name says.
#[derive(Debug)]
pub(crate) enum Says {
    Accepted,
    /// A refusal that starts so.
    Refused(&'static str),
    /// Whatever it says.
    Anything,
}

impl Case {
    pub(crate) fn generated(seed: u64, text: Vec<u8>) -> Case {
        Case { name: format!("seed {seed}"), text, says: Says::Anything }
    }
}

const OK: &str = "";

fn case(name: impl Into<String>, text: impl Into<Vec<u8>>, says: &'static str) -> Case {
    let says = if says.is_empty() { Says::Accepted } else { Says::Refused(says) };
    Case { name: name.into(), text: text.into(), says }
}

/// The start of an `http` block in one line, with nothing in it that an ordinary user may not do.
const HTTP: &str = "events {} http { access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; \
                    uwsgi_temp_path u; scgi_temp_path s; ";

/// The start of a file, up to the body of a Lua block.
pub(crate) const LUA_START: &str = "events {} http { access_log off; client_body_temp_path b; proxy_temp_path p; \
                             fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\nserver { location / { \
                             content_by_lua_block {\n";

fn http(text: impl AsRef<[u8]>) -> Vec<u8> {
    [HTTP.as_bytes(), text.as_ref(), b"}\n"].concat()
}

pub(crate) fn server(text: impl AsRef<[u8]>) -> Vec<u8> {
    http([b"server {", text.as_ref(), b"}"].concat())
}

/// Where nginx takes whatever is a list of words.
pub(crate) fn types(text: impl AsRef<[u8]>) -> Vec<u8> {
    http([b"types {", text.as_ref(), b"}"].concat())
}

fn events(text: impl AsRef<[u8]>) -> Vec<u8> {
    [b"events {}\n", text.as_ref()].concat()
}

fn times(byte: char, count: usize) -> String {
    byte.to_string().repeat(count)
}

const END: &str = "unexpected end of file, expecting \";\" or \"}\"";
const END_OF_BLOCK: &str = "unexpected end of file, expecting \"}\"";
const TOO_LONG: &str = "too long parameter \"";
const TOO_LONG_QUOTED: &str = "too long parameter, probably missing terminating";

pub(crate) fn plain() -> Vec<Case> {
    let parts = [
        spaces(),
        quotes(),
        escapes(),
        comments(),
        braces(),
        ends(),
        bytes(),
        names(),
        nesting(),
        lengths(),
        real(),
    ];
    parts.into_iter().flatten().collect()
}

fn spaces() -> Vec<Case> {
    vec![
        case("CRLF ends lines", "events {\r\n}\r\nenv A;\r\n", OK),
        case("a lone CR separates", "events\r{}\renv\rA\r;", OK),
        case("tabs separate", "events\t{\t}\tenv\tA\t;", OK),
        case("a vertical tab is a byte of a word", "events {} env\x0bA;", "unknown directive \"env\x0bA\""),
        case("a form feed is a byte of a word", "events {} env\x0cA;", "unknown directive \"env\x0cA\""),
        case(
            "a no-break space is bytes of a word",
            "events {} env\u{a0}A;",
            "unknown directive \"env\u{a0}A\"",
        ),
        case("9,000 blanks", events(format!("env A{};", times(' ', 9000))), OK),
        case("9,000 lines", events(format!("env A{};\nx;", times('\n', 9000))), "unknown directive \"x\""),
        case("9,000 blanks before a name", events(format!("{}env A;", times(' ', 9000))), OK),
        case("CR inside quotes is kept", "events {} \"a\r\nb\" x;\n", "unknown directive \"a\r\nb\""),
        case(
            "no space is needed around braces",
            "events{}http{access_log off;client_body_temp_path b;proxy_temp_path p;fastcgi_temp_path f;uwsgi_temp_path u;scgi_temp_path s;}",
            OK,
        ),
    ]
}

fn quotes() -> Vec<Case> {
    vec![
        case("a quoted name", "events {} \"env\" A;", OK),
        case("a quoted name of another case", "events {} \"ENV\" A;", "unknown directive \"ENV\""),
        case("single quotes", "events {} 'env' 'A';", OK),
        case("a quote inside a word", "events {} env a\"b;", OK),
        case("a quoted end of a word", "events {} env a\"b\";", OK),
        case("an apostrophe inside a word", "events {} env it's;", OK),
        case("an empty argument", http("sendfile \"\";"), "invalid value \"\""),
        case("an empty name", "events {} \"\" a;", "unknown directive \"\""),
        case("a line feed in quotes", types("\n\"a\nb\" c;\n"), OK),
        case("lines in quotes are counted", types("\n\"a\n\nb\" c;\n}}"), "unexpected \"}\""),
        case("single quotes in double ones", types("\"a'b\" c;"), OK),
        case("double quotes in single ones", types("'a\"b' c;"), OK),
        case("a brace in quotes", types("\"{\" '}' \";\";"), OK),
        case("a comment sign in quotes", types("\"#\" '#';"), OK),
        case("a byte after a closing quote", events("env \"A\"b;"), "unexpected \"b\""),
        case("a comment after a closing quote", events("env \"A\"#b\n;"), "unexpected \"#\""),
        case("a closing brace after a closing quote", "events { use \"epoll\"}", "unexpected \"}\""),
        case("a quote after a closing quote", events("env \"A\"\"B\";"), "unexpected \"\"\""),
        case("another quote after a closing quote", events("env \"A\"'B';"), "unexpected \"'\""),
        case("a backslash after a closing quote", events("env \"A\"\\b;"), "unexpected \"\\\""),
        case("a dollar after a closing quote", events("env \"A\"$b;"), "unexpected \"$\""),
        case(
            "a high byte after a closing quote",
            [&b"events {} env \"A\""[..], b"\xff;"].concat(),
            "unexpected \"",
        ),
        case("a closing parenthesis after a closing quote", server("if ($uri = \"x\") { return 404; }"), OK),
        case("a word that starts with a parenthesis", types("\"a\")b c;"), OK),
        case("a parenthesis in a line of its own", types("a \"b\"\n)\nc;"), OK),
        case("two parentheses after a quote", types("\"a\"))b c;"), OK),
        case("a parenthesis, then a quote", types("\"a\")\"b\" c;"), OK),
        case("an opening brace after a closing quote", server("location \"/\"{return 404;}"), OK),
        case("a semicolon after a closing quote", events("env \"A\";"), OK),
        case("a line feed after a closing quote", events("env \"A\"\n;\nx;"), "unknown directive \"x\""),
        case("a comment in the line after a closing quote", events("env \"A\" #b\n;"), OK),
        case("a quote that is not closed", events("env \"A;\n"), END),
        case("an apostrophe that is not closed", events("env 'A;\nenv B;\n"), END),
        case("a quote that is the last byte", events("env \""), END),
        case("a quoted name that is not closed", events("\"env A;"), END),
        case("a variable in quotes does not open a block", types("\"${a\" b;"), OK),
    ]
}

fn escapes() -> Vec<Case> {
    vec![
        case("an escaped quote", types("\"a\\\"b\" c;"), OK),
        case("an escaped apostrophe", types("'a\\'b' c;"), OK),
        case("an escaped backslash before the closing quote", types("\"a\\\\\" c;"), OK),
        case("an escaped closing quote", types("\"a\\\" c;\n"), END),
        case("an escaped space", types("a\\ b c;"), OK),
        case("an escaped semicolon", types("a\\;b c;"), OK),
        case("an escaped opening brace", types("a\\{b c;"), OK),
        case("an escaped first byte", types("\\;a c;"), OK),
        case("an escaped first quote", types("\\\"a c;"), OK),
        case("an escaped comment sign", types("\\#a c;"), OK),
        case("an escaped closing brace", types("\\}a c;"), OK),
        case("an escaped line feed counts", types("a\\\nb c;\n}}"), "unexpected \"}\""),
        case("an escaped regex brace", server("location ~ ^/a\\{2}$ { return 404; }"), OK),
        case("a backslash is the last byte", events("env A\\"), END),
        case(
            "quotes lose their backslash",
            events("\"a\\\"b\\'c\\\\d\" x;"),
            "unknown directive \"a\"b'c\\d\"",
        ),
        case(
            "a word's quotes lose their backslash too",
            events("a\\\"b\\'c\\\\d x;"),
            "unknown directive \"a\"b'c\\d\"",
        ),
        case("tab, CR and LF are translated", events("a\\tb\\rc\\nd x;"), "unknown directive \"a\tb\rc\nd\""),
        case(
            "they are translated in quotes",
            events("\"a\\tb\\rc\\nd\" x;"),
            "unknown directive \"a\tb\rc\nd\"",
        ),
        case(
            "other backslashes stay",
            events("a\\.b\\d\\;\\{\\x\\  x;"),
            "unknown directive \"a\\.b\\d\\;\\{\\x\\ \"",
        ),
        case("a translated name does not count lines", events("a\\nb x;"), "unknown directive \"a\nb\""),
        case("an escaped dollar does not start a variable", types("a\\${b c;"), "unexpected \"{\""),
        case("a backslash after a dollar", types("a$\\{b c;"), OK),
        case("an escaped backslash before a brace", types("a\\\\{b c;"), "unexpected \"{\""),
        case("a backslash before a high byte", types([&b"a\\"[..], b"\xc3\xa9 c;"].concat()), OK),
    ]
}

fn comments() -> Vec<Case> {
    vec![
        case("a comment between arguments", events("env # here\nA # there\n;"), OK),
        case("a comment sign inside a word", events("env a#b;"), OK),
        case("a comment after a semicolon", events("env A;#b"), OK),
        case("a comment after a brace", "events {#a\n}#b\n", OK),
        case("a comment right after a space", events("env A #;\n;"), OK),
        case("a backslash does not continue a comment", events("# a \\\nenv A;"), OK),
        case("a comment with quotes and braces", events("# it's \"{\nenv A;"), OK),
        case("a comment is the last line", events("env A;\n# end"), OK),
        case("a comment hides the semicolon", events("env A # ;\n"), END),
        case("a comment in an open block", "events { # }", END_OF_BLOCK),
        case("a CR does not end a comment", events("# a\renv A;\nx;"), "unknown directive \"x\""),
        case("a comment at the first byte", "# a\nevents {}\n", OK),
        case("a comment counts its line", "#\n#\n\n#\nx;", "unknown directive \"x\""),
        case("a comment before a brace", "events # {\n{ }", OK),
    ]
}

fn braces() -> Vec<Case> {
    vec![
        case(
            "a brace ends a word",
            server("location ~ ^/a{2}$ { return 404; }"),
            "unknown directive \"2}$\"",
        ),
        case("a quoted brace does not", server("location ~ \"^/a{2}$\" { return 404; }"), OK),
        case("a brace after a dollar does not", server("location ~ ^/a${ { return 404; }"), OK),
        case("a variable in braces", server("set $a b; return 200 ${a};"), OK),
        case("braces after a dollar", types("a${{{b c;"), OK),
        case("a dollar that starts a word", types("${a} c;"), OK),
        case("two dollars", types("$${a} c;"), OK),
        case("a byte between the dollar and the brace", types("$a{b c;"), "unexpected \"{\""),
        case("a closing brace inside a word", server("set $a x};"), OK),
        case("a closing brace at the end of a name", events("env};"), "unknown directive \"env}\""),
        case("a closing brace after a space", server("set $a }"), "unexpected \"}\""),
        case("a closing brace after a name", "events {} env }", "unexpected \"}\""),
        case("a closing brace too many", "events {} }", "unexpected \"}\""),
        case("a closing brace in the third line", "events {\n}\n}\n", "unexpected \"}\""),
        case("a missing semicolon before a closing brace", server("\nset $a b\n}"), "unexpected \"}\""),
        case("a block without a name", "events {} { }", "unexpected \"{\""),
        case("a block without a name in a block", server("\n{ listen 80; }"), "unexpected \"{\""),
        case("two semicolons", events("env A;;"), "unexpected \";\""),
        case("a semicolon alone", events("\n;"), "unexpected \";\""),
        case("a semicolon after a block", "events {};", "unexpected \";\""),
        case("a semicolon in a block", server("\n;"), "unexpected \";\""),
        case("a regex with parentheses", server("location ~ ^/(a|b)$ { return 404; }"), OK),
        case("if without a space before the brace", server("if ($uri){ return 404; }"), OK),
        case("if with spaces inside", server("if ( $uri = b ) { return 404; }"), OK),
        case(
            "if without a space after it",
            server("if($uri) { return 404; }"),
            "unknown directive \"if($uri)\"",
        ),
        case("a brace right after a name", "events{}", OK),
    ]
}

fn ends() -> Vec<Case> {
    vec![
        case("the end in a name", "events {} env", END),
        case("the end in an argument", "events {} env A", END),
        case("the end after a space", "events {} env A \n\n", END),
        case("the end in a block", "events {\n\n", END_OF_BLOCK),
        case("the end in a directive of a block", "events {\n use epoll\n", END),
        case("the end in two blocks", format!("{HTTP}\nserver {{\n"), END_OF_BLOCK),
        case("the end after a quote", "events {} env \"A\"", END),
        case("the end after a quote and a line", "events {} env \"A\"\n", END),
        case("a byte is the whole file", "a", END),
        case("a brace is the whole file", "}", "unexpected \"}\""),
        case("the other brace is the whole file", "{", "unexpected \"{\""),
        case("a semicolon is the whole file", ";", "unexpected \";\""),
        case("a quote is the whole file", "'", END),
        case("a backslash is the whole file", "\\", END),
        case("the end after a backslash and a byte", "\\;", END),
        case("the end after an escaped space", "a\\ ", END),
    ]
}

fn bytes() -> Vec<Case> {
    vec![
        case("a byte order mark", "\u{feff}events {}", "unknown directive \"\u{feff}events\""),
        case(
            "a byte order mark before a comment",
            "\u{feff}# a\nevents {}",
            "unknown directive \"\u{feff}#\"",
        ),
        case("UTF-16", "e\0v\0e\0n\0t\0s\0 \0{\0}\0", "unknown directive \"e"),
        case("high bytes", types([&b"\xff\xfe\x80"[..], b" \xc3\xa9;"].concat()), OK),
        case("NUL in an argument", types("a\0b c\0;"), OK),
        case("NUL in a name", "events {} env\0 A;", "unknown directive \"env"),
        case("control bytes", types("\x01\x02 \x7f\x1b;"), OK),
    ]
}

fn names() -> Vec<Case> {
    vec![
        case(
            "an unknown name is reported where its semicolon is",
            "events {}\nfoo\n bar\n ;\n",
            "unknown directive \"foo\"",
        ),
        case(
            "an unknown block is reported where its brace is",
            "events {}\nfoo bar\n {\n }\n",
            "unknown directive \"foo\"",
        ),
        case(
            "a directive that has no block",
            events("env\nA\n{\n}"),
            "directive \"env\" is not terminated by \";\"",
        ),
        case("a directive that needs a block", "events\n;", "directive \"events\" has no opening \"{\""),
        case(
            "too many arguments, over lines",
            events("env\nA\nB\nC\n;\n"),
            "invalid number of arguments in \"env\" directive",
        ),
        case("names are told apart by case", "Events {}", "unknown directive \"Events\""),
        case(
            "the second of two locations is reported",
            server("\nlocation /a {\n}\nlocation\n/a\n{\n}"),
            "duplicate location \"/a\"",
        ),
        case("a flag in capitals", http("sendfile ON;"), OK),
        case(
            "a flag that is none",
            http("\nsendfile\nyes;"),
            "invalid value \"yes\" in \"sendfile\" directive",
        ),
    ]
}

fn nesting() -> Vec<Case> {
    let deep = |depth: usize| server(format!("{}{}", "location / {".repeat(depth), times('}', depth)));
    vec![
        case("locations in locations", deep(100), OK),
        case("a block in types", types("\na {\n}"), "unexpected \"{\""),
        case("a block in map", http("map $uri $a {\n default 1;\n b {\n c; } }"), "unexpected \"{\""),
        case("a block in geo", http("geo $a {\n default 1;\n b {\n c; } }"), "unexpected \"{\""),
        case("a block in split_clients", http("split_clients $uri $a {\n b {\n c; } }"), "unexpected \"{\""),
        case("a block in charset_map", http("charset_map koi8-r utf-8 {\n b {\n c; } }"), "unexpected \"{\""),
        case("a quantifier in map", http("map $uri $a {\n ~^/b{2}$ 1;\n}"), "unexpected \"{\""),
        case("a quoted quantifier in map", http("map $uri $a {\n \"~^/b{2}$\" 1;\n}"), OK),
        case("a directive's name in types", types("server location; events http;"), OK),
        case("a Lua block's name in types", types("content_by_lua_block {\n\"}\" }"), "unexpected \"{\""),
        case(
            "a missing brace before the next block",
            format!("{HTTP}\nserver {{\n listen unix:/nowhere;\n\nserver {{ }} }}"),
            "\"server\" directive is not allowed here",
        ),
    ]
}

fn lengths() -> Vec<Case> {
    let mut cases = Vec::new();
    for n in [4086, 4094, 4095, 4096, 4097, 5000] {
        let longer = |limit: usize| if n > limit { TOO_LONG } else { OK };
        let word = times('w', n);
        cases.push(case(
            format!("{n} bytes and a semicolon"),
            events(format!("\nenv {word};")),
            longer(4095),
        ));
        cases.push(case(format!("{n} bytes and a space"), events(format!("\nenv {word} ;")), longer(4094)));
        cases.push(case(format!("{n} bytes and lines"), events(format!("\nenv {word}\n\n;")), longer(4094)));
        cases.push(case(
            format!("{n} bytes at the end"),
            events(format!("\nenv {word}")),
            if n > 4096 { TOO_LONG } else { END },
        ));
        let comment = format!("\n#{}\n", times('c', n - 1));
        cases.push(case(format!("a comment of {n} bytes"), events(comment.as_str()), longer(4095)));
        let last = events(comment.trim_end());
        cases.push(case(format!("a last comment of {n} bytes"), last, longer(4096)));
        cases.push(case(
            format!("a comment of {n} bytes in a directive"),
            events(format!("env A\n {comment};")),
            longer(4095),
        ));
    }
    for n in [4092, 4093, 4094, 4095, 4096, 4097, 5000] {
        let longer = |limit: usize| match n {
            _ if n <= limit => OK,
            4094 | 4095 => TOO_LONG,
            _ => TOO_LONG_QUOTED,
        };
        let word = times('w', n);
        for quote in ['"', '\''] {
            let with = |end: &str| events(format!("\nenv\n{quote}{word}{quote}{end}"));
            cases.push(case(format!("{n} bytes in {quote} and a semicolon"), with(";"), longer(4094)));
            cases.push(case(format!("{n} bytes in {quote} and a space"), with(" ;"), longer(4093)));
            cases.push(case(format!("{n} bytes in {quote} and a comment"), with("\n#\n;"), longer(4093)));
            let open = format!("\nenv {quote}{word}");
            cases.push(case(
                format!("{n} bytes in {quote} that is not closed"),
                events(open),
                if n > 4096 { TOO_LONG_QUOTED } else { END },
            ));
        }
    }
    for n in [4090, 4091, 4092, 4093, 4094, 4095] {
        let says = if n > 4094 { TOO_LONG } else { OK };
        let text = types(format!("\"{}\")b c;", times('w', n)));
        cases.push(case(format!("{n} bytes in quotes and a parenthesis"), text, says));
    }
    for (name, byte) in [("escapes", "\\;"), ("translated escapes", "\\n"), ("variables", "${")] {
        for n in [2047, 2048] {
            let text = types(format!("{} a;", byte.repeat(n)));
            cases.push(case(format!("{n} {name}"), text, if n > 2047 { TOO_LONG } else { OK }));
        }
    }
    // The limit counts from the first byte of the token, wherever the buffer was refilled before.
    for pad in [0, 1, 2, 100, 2000, 4000, 4080, 4084, 4085, 4086, 4087, 8170, 8180, 9000] {
        let before = format!("#{}\n", times('p', pad % 4000)) + &times(' ', pad / 4000 * 4000);
        let text = |n| events(format!("{before}env {};", times('w', n)));
        cases.push(case(format!("4,095 bytes after {pad}"), text(4095), OK));
        cases.push(case(format!("4,096 bytes after {pad}"), text(4096), TOO_LONG));
        let text = |n| events(format!("{before}env \"{}\" ;", times('w', n)));
        cases.push(case(format!("4,093 quoted bytes after {pad}"), text(4093), OK));
        cases.push(case(format!("4,094 quoted bytes after {pad}"), text(4094), TOO_LONG));
    }
    let many = format!("env {};\n", times('w', 500)).repeat(100);
    cases.push(case("50,000 bytes of short words", events(many + "x;"), "unknown directive \"x\""));
    let open = format!("env \"A;\n{}", "env B;\n".repeat(1000));
    cases.push(case("a quote that is never closed", events(open), TOO_LONG_QUOTED));
    cases
}

fn real() -> Vec<Case> {
    let site = "upstream app { server 127.0.0.1:1 max_fails=3; server 127.0.0.1:2 backup; }
log_format main '$remote_addr - $remote_user [$time_local] \"$request\" '
                '$status $body_bytes_sent \"$http_referer\"';
map $http_upgrade $connection_upgrade { default upgrade; '' close; }
server {
    listen unix:/nowhere;
    server_name a.test *.b.test ~^(?<name>.+)\\.c\\.test$;
    add_header Content-Security-Policy \"default-src 'self'; img-src *\" always;
    location ~* \\.(?:css|js)$ { expires 1h; }
    location ~ \"^/[0-9]{4}/\" { rewrite ^/(.*)$ /y/$1 break; }
    location / { proxy_set_header Host $host; if ($request_method = POST) { return 405; } }
}
";
    vec![
        case("a site", http(format!("\n{site}").replace("listen unix:/nowhere;", "")), OK),
        case(
            "a site with CRLF",
            http(format!("\n{site}").replace("listen unix:/nowhere;", "").replace('\n', "\r\n")),
            OK,
        ),
        case(
            "a site without its last brace",
            [HTTP, site].concat().replace("listen unix:/nowhere;", ""),
            END_OF_BLOCK,
        ),
    ]
}

pub(crate) fn lua() -> Vec<Case> {
    let block = |body: &str| server(format!("location / {{\ncontent_by_lua_block {{{body}}}\n}}"));
    let end = "unexpected end of file, expecting terminating characters for lua code block";
    let mut cases = vec![
        case("an empty body", block(" "), OK),
        case("braces that match", block(" local t = {{}, {1}} "), OK),
        case("a brace in a double-quoted string", block(" ngx.say(\"}\") "), OK),
        case("a brace in a single-quoted string", block(" ngx.say('}') "), OK),
        case("an escaped quote", block(" ngx.say(\"\\\"}\") "), OK),
        case("an escaped backslash", block(" ngx.say(\"\\\\\") "), OK),
        case("a brace in a comment", block(" -- }\n"), OK),
        case("a quote in a comment", block(" -- it's\n"), OK),
        case("a brace in a long comment", block(" --[[ }\n } ]] "), OK),
        case("a brace in a long comment with equals", block(" --[==[ } ]] ]=] } ]==] "), OK),
        case("a brace in a long string", block(" ngx.say([[ } ]]) "), OK),
        case("a brace in a long string with equals", block(" ngx.say([=[ } ]] } ]=]) "), OK),
        case(
            "a long bracket that is never closed",
            block(" ngx.say([==[ } \n ]=]) "),
            "Lua code block missing the closing long bracket \"]==]\"",
        ),
        case(
            "a long comment that is never closed",
            block("\n --[[ } \n"),
            "Lua code block missing the closing long bracket \"]]\"",
        ),
        case("an index is no long bracket", block(" t[t[1]] = 2 "), OK),
        case("a string over a line end is none", block(" it's\n } "), "unexpected \"}\""),
        case("a backslash does not continue a string", block(" 'a\\\n{' "), END_OF_BLOCK),
        case("a semicolon and a comment sign mean nothing", block(" local a = #t; # "), OK),
        case("a brace too few", block(" if a then { "), END_OF_BLOCK),
        case("a brace too many", block(" } } "), "unexpected \"}\""),
        case("a comment as the last line", block(" -- "), END_OF_BLOCK),
        case("three dashes", block(" ---[[ }\n "), OK),
        case("a minus", block(" local a = 1 - -2 "), OK),
        case("a quoted name", server("location / { \"content_by_lua_block\" { ngx.say(\"}\") } }"), OK),
        case("an argument", server("location / { set_by_lua_block $a { return \"}\" } }"), OK),
        case(
            "the lines of a body are counted",
            server("location / { content_by_lua_block {\n\n\n} }\n x;"),
            "unknown directive \"x\"",
        ),
        case(
            "a name that only looks like one",
            server("location / { foo_by_lua_block { \"}\" } }"),
            "unknown directive \"foo_by_lua_block\"",
        ),
        case(
            "a string is code without a block",
            server("location / { content_by_lua 'ngx.say(\"}\")'; }"),
            OK,
        ),
        case(
            "the file ends in a body",
            format!("{HTTP}\nserver {{ location / {{ content_by_lua_block {{\n a = {{\n b\n"),
            end,
        ),
        case(
            "the file ends in a string",
            format!("{HTTP}\nserver {{ location / {{ content_by_lua_block {{\n 'a\n"),
            end,
        ),
    ];
    for length in [1000, 2000, 2047, 2048, 3000, 4000, 4090, 4096, 5000, 9000] {
        for (name, open, close) in
            [("string", "\"", "\""), ("bracket", "[[", "]]"), ("comment", "--", "\n"), ("code", "a", "a")]
        {
            let body = format!("\n{open}{}{close}\n", times('x', length));
            cases.push(Case {
                says: Says::Anything,
                ..case(format!("a {name} of {length} bytes"), block(&body), OK)
            });
            let lines = format!("\n{open}{}{close}\n", "x\n".repeat(length / 2));
            cases.push(Case {
                says: Says::Anything,
                ..case(format!("a {name} of {length} bytes, lines"), block(&lines), OK)
            });
        }
    }
    cases
}
