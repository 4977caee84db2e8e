//! Generated files: the same seed, the same file.

use crate::cases::types;

/// xorshift64*, which is all the chance that is needed here.
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    /// A length that is mostly short, and sometimes near the limit.
    fn length(&mut self) -> usize {
        match self.below(40) {
            0 => 4080 + self.below(24),
            1 => self.below(9000),
            2..6 => self.below(600),
            _ => self.below(12),
        }
    }
}

const PLAIN: [&str; 12] = ["a", "b", "/", ".", "}", "\"", "'", "#", "$", "(", ")", "\u{e9}"];
const ESCAPED: [&str; 10] = ["\\;", "\\{", "\\ ", "\\\\", "\\\"", "\\'", "\\n", "\\\n", "\\x", "${"];
const SPACES: [&str; 6] = [" ", "\n", "\t", "\r\n", " # c\n", "  "];
const FAULTS: [&str; 10] = ["\"", "'", "{", "}", ";", ";;", "\"a\"b", "#", "\\", "$x{"];

/// A `types` block with words of every kind, sometimes with a fault.
pub(crate) fn words(seed: u64) -> Vec<u8> {
    let chance = &mut Chance::new(seed);
    let faulty = chance.below(3) > 0;
    let mut text = String::new();
    for _ in 0..1 + chance.below(40) {
        let start = text.len();
        for _ in 0..2 + chance.below(3) {
            word(chance, &mut text);
            text += &chance.one_of(&SPACES).repeat(1 + chance.length() / 500);
        }
        if text[start..].starts_with("include") {
            text.truncate(start);
            continue;
        }
        if faulty && chance.below(30) == 0 {
            text += chance.one_of(&FAULTS);
        }
        text += chance.one_of(&[";", ";\n", "; # c\n", " ;"]);
    }
    types(text)
}

fn word(chance: &mut Chance, text: &mut String) {
    let length = chance.length();
    let quote = chance.one_of(&["", "", "\"", "'"]);
    text.push_str(quote);
    text.push_str(&"w".repeat(usize::from(quote.is_empty())));
    let start = text.len();
    while text.len() < start + length {
        let piece = if chance.below(8) == 0 { chance.one_of(&ESCAPED) } else { chance.one_of(&PLAIN) };
        if quote.is_empty() || (piece != quote && piece != "\\") {
            text.push_str(piece);
        }
    }
    text.push_str(quote);
}

const LUA: [&str; 28] = [
    "a",
    "x = y\n",
    "\n",
    "{",
    "}",
    "{}",
    "\"s\"",
    "'s'",
    "\"}\"",
    "'{\\''",
    "\"\\\\\"",
    "-- c }\n",
    "--[[ } ]]",
    "[[ } ]]",
    "[=[ ]] } ]=]",
    "]]",
    "]=]",
    "-",
    "=",
    "t[1]",
    "'",
    "\"",
    "\\",
    "ngx.say(1)\n",
    "local t = { 1 }\n",
    "--[==[ ]] ]==]",
    " ",
    "\t",
];
/// What leaves the block as it was.
const CALM: [usize; 18] = [0, 1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 17, 18, 23, 24, 25];

/// A Lua block somewhere in a file, of up to four times the buffer, sometimes with a fault.
pub(crate) fn lua(seed: u64) -> Vec<u8> {
    let chance = &mut Chance::new(seed ^ 0x6c75_6100);
    let wild = chance.below(3) == 0;
    let mut text = format!("#{}\n", "p".repeat(chance.below(4090)));
    let length = text.len() + chance.below(16_000);
    text += crate::cases::LUA_START;
    while text.len() < length {
        let piece = if wild && chance.below(30) == 0 {
            LUA[chance.below(LUA.len())]
        } else {
            LUA[CALM[chance.below(CALM.len())]]
        };
        let times = if chance.below(60) == 0 { 1 + chance.below(2500) / piece.len() } else { 1 };
        text.push_str(&piece.repeat(times));
        if chance.below(90) == 0 {
            let body = ["x", "y\n", "}"][chance.below(3)].repeat(chance.below(2600));
            let (open, close) = [("[[", "]]"), ("--[=[", "]=]"), ("\"", "\""), ("--", "\n")][chance.below(4)];
            text.extend([open, &body, close]);
        }
    }
    (text + "\n} } } }\nx;\n").into_bytes()
}
