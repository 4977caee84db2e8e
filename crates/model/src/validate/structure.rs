//! Is the directive known, may it stand here, does it end as it must, is the number of its arguments right?
//!
//! Source: `ngx_conf_handler`, src/core/ngx_conf_file.c

use super::{Checker, lossy};
use crate::catalog::{Catalog, Entry};
use crate::config::Node;
use crate::parsed::Symbol;
use crate::problem::Problem;

/// Whether the values of a directive can be looked at.
pub(super) enum Sound {
    /// They can.
    Yes(&'static Entry),
    /// They cannot, but what is inside its block can.
    Look,
    /// Neither.
    No,
}

pub(super) fn check(checker: &mut Checker<'_>, node: Node<'_>, report: bool) -> Sound {
    let symbol = node.symbol();
    let Some(entry) = lookup(checker.catalog, symbol, node) else {
        if report {
            stranger(checker, node, symbol);
        }
        return Sound::No;
    };
    if checker.modules.lacks(entry) {
        if report && !checker.unknown_modules {
            let (name, module) = (node.name(), entry.module());
            let message =
                format!("unknown directive \"{name}\" (this nginx has no {module}, or does not load it)");
            checker.problems.push(Problem::at_head(node, "unknown-directive", message));
        }
        return Sound::No;
    }
    if !node.is_block() && !node.directive().is_some_and(|directive| directive.terminated()) {
        return Sound::No;
    }
    match (entry.arity.block(), node.is_block()) {
        (true, false) => {
            if report {
                let message = format!("directive \"{}\" has no opening \"{{\"", node.name());
                checker.refuse(node, "missing-block", message);
            }
            return Sound::No;
        }
        (false, true) => {
            if report {
                let message = format!("directive \"{}\" is not terminated by \";\"", node.name());
                checker.problems.push(Problem::at_head(node, "missing-semicolon", message));
            }
            return Sound::No;
        }
        _ => {}
    }
    if entry.arity.accepts(node.args().len()) {
        return Sound::Yes(entry);
    }
    if report {
        let message = format!("invalid number of arguments in \"{}\" directive", node.name());
        checker.problems.push(Problem::at_head(node, "wrong-arguments", message));
    }
    Sound::Look
}

fn lookup(catalog: &Catalog, symbol: Symbol, node: Node<'_>) -> Option<&'static Entry> {
    if symbol == Symbol::UNKNOWN {
        return None;
    }
    catalog.entries_at(usize::from(symbol.0)).find(|entry| entry.contexts.allows(node.context()))
}

fn stranger(checker: &mut Checker<'_>, node: Node<'_>, symbol: Symbol) {
    let known =
        symbol != Symbol::UNKNOWN && checker.catalog.entries_at(usize::from(symbol.0)).next().is_some();
    if known {
        // Another module may bring a directive of the same name for another place, as stream-lua does.
        let may_be_more = checker.catalog.entries_at(usize::from(symbol.0)).any(Entry::is_third_party);
        if !(checker.unknown_modules && may_be_more) {
            let message = format!("\"{}\" directive is not allowed here", node.name());
            checker.problems.push(Problem::at_head(node, "wrong-context", message));
        }
        return;
    }
    if checker.unknown_modules {
        return;
    }
    let name = lossy(node.name_bytes());
    let mut message = format!("unknown directive \"{name}\"");
    if symbol != Symbol::UNKNOWN
        && let Some(version) = checker.catalog.version()
    {
        message.push_str(&format!(" (nginx {version} does not have it)"));
    } else if let Some(near) = checker.catalog.nearest(&name, node.context()) {
        message.push_str(&format!(" (did you mean \"{near}\"?)"));
    }
    checker.refuse(node, "unknown-directive", message);
}
