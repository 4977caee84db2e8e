//! For every text: edits replace what they name, and keep the rest.
#![no_main]

#[path = "../../crates/syntax/examples/fuzz/check.rs"]
#[expect(dead_code, reason = "each target runs one of the checks")]
mod check;

libfuzzer_sys::fuzz_target!(|text: &[u8]| check::edit(text));
