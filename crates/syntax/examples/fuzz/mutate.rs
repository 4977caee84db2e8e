//! Texts to look at: what configurations are made of, cut, repeated and put together by chance.

const SEEDS: [&str; 10] = [
    "user www-data;\nevents { worker_connections 768; }\nhttp {\n  include mime.types;\n  server { listen 80; server_name a.test; }\n}\n",
    "location ~ \"^/[0-9]{4}/(?<rest>.*)$\" { rewrite ^ /y/$rest break; return 200 'a\\'b'; }\n",
    "map $http_upgrade $c {\n  default upgrade;\n  '' close;\n  ~^x{2}$ 1;\n}\n",
    "log_format m '$remote_addr [$time_local] \"$request\" '\n             '$status ${bytes_sent}'; # a comment\n",
    "content_by_lua_block {\n  local t = { a = \"}\", b = '{', c = [[ } ]] } -- }\n  --[==[ ]] } ]==]\n  ngx.say(t.a)\n}\n",
    "set_by_lua_block $a { return \"\\\"}\" }\ninit_by_lua_block{}\n",
    "if ($request_method = \"POST\") { return 405; }\nif ( $a ){ b; }\n",
    "proxy_set_header Authorization \"Bearer aB3dE5fG7hJ9kL1mN3pQ5rS7\";\nset $api_token 'hunter2';\n",
    "map $http_x_api_key $user_token { default \"\"; \"abc\" bob; }\nauth https://u:p@a.test/?token=x&key=y1234567;\n",
    "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n{\"password\": \"x\", \"t\": \"eyJhbGciOi.eyJzdWIi.c2ln\"}\n",
];

const PIECES: [&[u8]; 38] = [
    b" ",
    b"\n",
    b"\r\n",
    b"\t",
    b";",
    b"{",
    b"}",
    b"\"",
    b"'",
    b"\\",
    b"$",
    b"${",
    b"#",
    b")",
    b"(",
    b"a",
    b"\0",
    b"\xff",
    b"\x0b",
    b"\xef\xbb\xbf",
    b"--",
    b"[[",
    b"]]",
    b"--[=[",
    b"]=]",
    b"[",
    b"]",
    b"=",
    b"types {",
    b"content_by_lua_block {",
    b"\\\"",
    b"\\\n",
    b"password=",
    b"Bearer ",
    b"://",
    b"@",
    b"eyJ",
    b"-----BEGIN ",
];

/// xorshift64*
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit.max(1)
    }

    fn one_of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// The text of a seed.
pub(crate) fn text(seed: u64) -> Vec<u8> {
    let chance = &mut Chance::new(seed);
    let mut text = Vec::new();
    for _ in 0..chance.below(4) {
        text.extend_from_slice(chance.one_of(&SEEDS).as_bytes());
    }
    for _ in 0..chance.below(24) {
        mutate(&mut text, chance);
    }
    text
}

fn mutate(text: &mut Vec<u8>, chance: &mut Chance) {
    let at = chance.below(text.len() + 1);
    let end = text.len().min(at + chance.below(40));
    match chance.below(10) {
        0 => drop(text.drain(at..end)),
        1 => {
            let copy = text[at..end].to_vec();
            let to = chance.below(text.len() + 1);
            text.splice(to..to, copy);
        }
        2 => {
            let (byte, count) = (chance.one_of(&PIECES), [3, 100, 4080 + chance.below(30)][chance.below(3)]);
            text.splice(at..at, byte.repeat(count / byte.len() + 1));
        }
        3 if at < text.len() => text[at] ^= 1 << chance.below(8),
        4 => {
            let piece = text[at..end].repeat(1 + chance.below(300));
            text.splice(at..end, piece.into_iter().take(20_000));
        }
        5 => text.truncate(at.max(text.len() / 2)),
        _ => {
            let piece = chance.one_of(&PIECES);
            text.splice(at..at, piece.iter().copied());
        }
    }
}
