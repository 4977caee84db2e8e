//! What holds for every text, whatever is in it.

#[path = "../examples/fuzz/check.rs"]
mod check;

use proptest::prelude::*;

/// Text in which nginx's special bytes are frequent.
fn config() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => prop::sample::select(vec![
            " ", "\n", "\r\n", ";", "{", "}", "\"", "'", "\\", "$", "${", "#", ")", "a", "b c;\n", "server {\n", "listen 80;", "# c\n",
            "map $a $b {", "content_by_lua_block {", "--", "[[", "]]", "--[=[", "]=]", "\"a b\"", "'", "password=x", "Bearer aB3",
        ]).prop_map(|text| text.as_bytes().to_vec()),
        3 => prop::collection::vec(any::<u8>(), 0..8),
        1 => (prop::sample::select(vec![b'w', b' ', b'\n', b'"', b'#', b'\\']), 4080usize..4100).prop_map(|(byte, n)| vec![byte; n]),
    ];
    prop::collection::vec(piece, 0..50).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_text_prints_back_and_every_range_is_inside(text in config()) {
        check::lexer(&text);
        check::parse_print(&text);
    }

    #[test]
    fn arbitrary_bytes_print_back(text in prop::collection::vec(any::<u8>(), 0..600)) {
        check::lexer(&text);
        check::parse_print(&text);
    }

    #[test]
    fn edits_replace_what_they_name_and_keep_the_rest(text in config()) {
        check::edit(&text);
    }
}
