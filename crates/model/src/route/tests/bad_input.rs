//! Any bytes may come, in requests and in configurations.

use super::*;

/// A small generator of bytes that like to be special.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn bytes(&mut self) -> Vec<u8> {
        const SPECIAL: &[u8] = b"//..%%2eF?#:@[] \r\n\0$&=aA;,~*\x7f\xff-_";
        let length = self.roll(12);
        (0..length)
            .map(|_| match self.roll(8) {
                0 => u8::try_from(self.roll(256)).unwrap(),
                _ => SPECIAL[self.roll(SPECIAL.len())],
            })
            .collect()
    }
}

#[test]
fn no_request_makes_the_router_panic() {
    let config = config(
        "map $uri $m { default x; ~^/(a.*) $1; } root html;\n\
         server { listen 80; listen [::]:80; listen unix:/s; listen 443 ssl; error_page 400 404 /$uri; \
         rewrite ^/(.)(.*)b /$2$1; location / { try_files $uri/ $uri @n; } \
         location /a { alias /b; index $arg_a; } location ~ (.*)\\. { alias $1$m; error_page 404 = $uri; } \
         location /. { proxy_pass http://u$request_uri; } location @n { return 301 $host$http_host; } }\n\
         server { listen 80; server_name ~^(.)(.*)$ *.a; if ($args) { rewrite . $2? last; } return 302 $1; }",
    );
    let router = Router::new(&config).with_files(|path: &[u8]| match path.len() % 4 {
        0 => FileKind::File,
        1 => FileKind::Directory,
        2 => FileKind::Absent,
        _ => FileKind::Unknown,
    });
    let mut dice = Dice(7);
    for _ in 0..20_000 {
        let mut asked = request("GET http://a/");
        asked.target = if dice.roll(4) == 0 { dice.bytes() } else { [b"/".to_vec(), dice.bytes()].concat() };
        if dice.roll(8) == 0 {
            asked.method = dice.bytes();
        }
        if dice.roll(2) == 0 {
            asked.headers = (0..dice.roll(3)).map(|_| (b"Host".to_vec(), dice.bytes())).collect();
        }
        if dice.roll(4) == 0 {
            asked.headers.push((dice.bytes(), dice.bytes()));
        }
        asked.version =
            [HttpVersion::V0_9, HttpVersion::V1_0, HttpVersion::V1_1, HttpVersion::V2][dice.roll(4)];
        asked.tls = dice.roll(4) == 0;
        asked.port = [None, Some(80), Some(443)][dice.roll(3)];
        asked.sni = Some(dice.bytes());
        let route = router.route(&asked);
        assert!(!route.steps.is_empty() || matches!(route.outcome, Outcome::Close { .. }));
        let _ = asked.url();
    }
}

#[test]
fn broken_configurations_have_routes_too() {
    let mut dice = Dice(11);
    let words = [
        "server",
        "{",
        "}",
        ";",
        "location",
        "~",
        "/a",
        "@n",
        "return",
        "301",
        "rewrite",
        "(",
        "if",
        "($a",
        "=",
        ")",
        "try_files",
        "alias",
        "root",
        "listen",
        "80",
        "server_name",
        "*.",
        ".",
        "~(",
        "error_page",
        "404",
        "=",
        "proxy_pass",
        "http://",
        "$",
        "upstream",
        "limit_except",
        "index",
        "set",
        "$a",
        "\"\"",
        "allow",
        "return",
    ];
    for _ in 0..1_000 {
        let text: Vec<&str> = (0..60).map(|_| words[dice.roll(words.len())]).collect();
        let config = config(&format!("server {{ listen 80; {}", text.join(" ")));
        let router = Router::new(&config);
        for uri in ["/", "/a", "/a/b"] {
            let _ = router.route(&request(&format!("GET http://h{uri}")));
        }
        let _ = router.witnesses();
    }
}

#[test]
fn values_that_grow_without_end_are_unknown() {
    let doubled = "set $a $a$a; ".repeat(60);
    let config = config(&format!(
        "map $c$c $b {{ volatile; default $c; }} map $b$b $c {{ default $b; }}\n\
         server {{ location / {{ set $a 0123456789; {doubled} return 200 $a; }}\nlocation /m {{ return 200 $b; }} }}"
    ));
    let found = route(&config, &request("GET http://h/"));
    assert_eq!(found.depends_on.iter().map(ToString::to_string).collect::<Vec<_>>(), ["module:length"]);
    assert!(told(&config, &route(&config, &request("GET http://h/m"))).ends_with("? module:map"));
}

#[test]
fn maps_that_lead_to_maps_are_asked_once() {
    let maps: String = (0..40).map(|n| format!("map $m{0}$m{0} $m{n} {{ default x; }} ", n + 1)).collect();
    let config = config(&format!("{maps} map $uri $m40 {{ default x; }}\nserver {{ return 200 $m0; }}"));
    assert_eq!(end(&config, &request("GET http://h/")), "3 return 200 x");
}
