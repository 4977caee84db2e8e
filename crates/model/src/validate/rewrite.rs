//! `rewrite`, `return`, `set`, `if`.
//!
//! Source: src/http/modules/ngx_http_rewrite_module.c

use super::{Checker, lossy};
use crate::catalog::Setter;
use crate::config::Node;
use crate::number::atoi;

pub(super) fn values<'c>(checker: &mut Checker<'c>, node: Node<'c>, setter: Setter) -> bool {
    match setter {
        Setter::HttpRewrite => {
            checker.regex(node, 0, node.arg(0).unwrap_or(b""), false);
            checker.script(node, 1);
            if node
                .arg(2)
                .is_some_and(|flag| !matches!(flag, b"last" | b"break" | b"redirect" | b"permanent"))
            {
                checker.invalid_parameter(node, 2);
            }
        }
        Setter::HttpRewriteReturn => ret(checker, node),
        Setter::HttpRewriteSet | Setter::StreamSet => {
            checker.define(node, 0);
            checker.script(node, 1);
        }
        Setter::HttpRewriteIf => condition(checker, node),
        _ => return false,
    }
    true
}

fn ret<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let code = node.arg(0).unwrap_or(b"");
    match atoi(code) {
        Some(0..=999) => checker.script(node, 1),
        None if node.args().len() == 1 && is_url(code) => checker.script(node, 0),
        _ => {
            let message = format!("invalid return code \"{}\"", lossy(code));
            checker.refuse_arg(node, 0, "invalid-value", message);
        }
    }
}

fn is_url(text: &[u8]) -> bool {
    [&b"http://"[..], b"https://", b"$scheme"].iter().any(|prefix| text.starts_with(prefix))
}

/// Source: `ngx_http_rewrite_if_condition`
fn condition<'c>(checker: &mut Checker<'c>, node: Node<'c>) {
    let Some(words) = words(checker, node) else { return };
    let invalid = |checker: &mut Checker<'c>, (index, word): (usize, &[u8])| {
        let message = format!("invalid condition \"{}\"", lossy(word));
        checker.refuse_arg(node, index, "invalid-condition", message);
    };
    let first = words[0];
    match (first.1, &words[1..]) {
        ([b'$', _, ..], []) => checker.bare_variable_of(node, first.0, first.1),
        ([b'$', _, ..], [operator, (index, operand)]) => {
            checker.bare_variable_of(node, first.0, first.1);
            match operator.1 {
                b"=" | b"!=" => checker.script_of(node, *index, operand),
                b"~" | b"!~" => checker.regex(node, *index, operand, false),
                b"~*" | b"!~*" => checker.regex(node, *index, operand, true),
                other => {
                    let message = format!("unexpected \"{}\" in condition", lossy(other));
                    checker.refuse_arg(node, operator.0, "invalid-condition", message);
                }
            }
        }
        ([b'-', test] | [b'!', b'-', test], [(index, operand)]) => {
            checker.script_of(node, *index, operand);
            if !matches!(test, b'f' | b'd' | b'e' | b'x') {
                invalid(checker, first);
            }
        }
        _ => invalid(checker, first),
    }
}

/// The words between the parentheses, with their places among the arguments; at least one.
fn words<'c>(checker: &mut Checker<'c>, node: Node<'c>) -> Option<Vec<(usize, &'c [u8])>> {
    let mut words: Vec<(usize, &[u8])> = node.args().enumerate().collect();
    let (index, word) = *words.first()?;
    let Some(opened) = word.strip_prefix(b"(") else {
        let message = format!("invalid condition \"{}\"", lossy(word));
        checker.refuse_arg(node, index, "invalid-condition", message);
        return None;
    };
    words[0].1 = opened;
    if opened.is_empty() {
        words.remove(0);
    }
    let (index, word) = words.last().copied().unwrap_or((0, b"("));
    let Some(closed) = word.strip_suffix(b")") else {
        let message = format!("invalid condition \"{}\"", lossy(word));
        checker.refuse_arg(node, index, "invalid-condition", message);
        return None;
    };
    let last = words.len() - 1;
    words[last].1 = closed;
    if closed.is_empty() && last > 0 {
        words.pop();
    }
    Some(words)
}
