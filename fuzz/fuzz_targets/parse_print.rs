//! For every text: the tree prints back, and its ranges are inside the text.
#![no_main]

#[path = "../../crates/syntax/examples/fuzz/check.rs"]
#[expect(dead_code, reason = "each target runs one of the checks")]
mod check;

libfuzzer_sys::fuzz_target!(|text: &[u8]| check::parse_print(text));
