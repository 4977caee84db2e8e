//! `location ~ ^/(\w+\s?)*$`

use std::collections::HashMap;

use evenkeel_model::{Config, Context, Node, exploding_text};

use crate::check::Findings;

rule! {
    /// Finds a regular expression that a short request keeps busy for millions of steps.
    ///
    /// ## Why is this bad?
    /// Something repeated inside something repeated, `(x+x+)+`, can match a text in as many ways as there are to cut it
    /// up, and when the rest does not fit, PCRE tries them all: each further character doubles the work. nginx has one
    /// worker for each processor, and does nothing else meanwhile. It stops after 10,000,000 steps and answers 500; a
    /// handful of such requests a second, sent on purpose or not, stop everything.
    ///
    /// Nothing is judged by its looks: a text is made that ought to be bad, and the expression is run on it, with the
    /// limit that nginx has. What is reported did exceed it, and the text is shown.
    ///
    /// ## Example
    /// ```nginx
    /// if ($args ~ "^(x+x+)+[yz]") { return 403; }   # 32 times x, then !
    /// if ($args ~ "^xx+[yz]")     { return 403; }   # matches the same
    /// ```
    /// A possessive quantifier (`(x+x+)++`) does not try again either.
    ///
    /// Source: `ngx_regex_exec`, src/core/ngx_regex.c; `match limit`, pcre2api(3)
    "exponential-regex", Warning, since "0.1", check
}

/// How many different expressions are run; each takes some tenths of a second at the worst.
const EXPRESSIONS_MAX: usize = 30;

fn check(config: &Config, findings: &mut Findings<'_>) {
    let mut known: HashMap<Expression<'_>, Option<Vec<u8>>> = HashMap::new();
    for node in config.nodes() {
        let Some((argument, expression)) = expression(node) else { continue };
        if !expression.pattern.windows(2).any(|pair| pair[0] == b')' && b"*+{".contains(&pair[1])) {
            continue;
        }
        if known.len() >= EXPRESSIONS_MAX && !known.contains_key(&expression) {
            return;
        }
        let Expression { pattern, caseless, start } = expression;
        let text = known.entry(expression).or_insert_with(|| exploding_text(pattern, caseless, start));
        let Some(text) = text else { continue };
        let (shown, bytes) = (String::from_utf8_lossy(text).escape_debug().to_string(), text.len());
        let message = format!("{bytes} bytes keep this expression busy for more than 10,000,000 steps");
        let draft = match argument {
            Some(argument) => findings.at_arg(node, argument, message),
            None => findings.at(node, message),
        };
        draft.help(format!("with `{shown}`, for example; a repetition inside a repetition is what does it"));
    }
}

/// A regular expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Expression<'c> {
    pattern: &'c [u8],
    /// Whether the case of letters is ignored.
    caseless: bool,
    /// How the texts begin that it is asked about.
    start: &'static [u8],
}

/// The expression of a directive, and which argument it is; `None` when it is the name.
fn expression(node: Node<'_>) -> Option<(Option<usize>, Expression<'_>)> {
    if node.context() == Context::Map {
        let key = node.name_bytes();
        let pattern = key.strip_prefix(b"~*").or_else(|| key.strip_prefix(b"~"))?;
        return Some((None, Expression { pattern, caseless: key.starts_with(b"~*"), start: b"" }));
    }
    if node.context().is_raw() {
        return None;
    }
    let first = node.arg(0)?;
    match node.name() {
        "location" => {
            let last = node.args().len() - 1;
            let pattern = match last {
                0 => first.strip_prefix(b"~*").or_else(|| first.strip_prefix(b"~"))?,
                _ if first == b"~" || first == b"~*" => node.arg(last)?,
                _ => return None,
            };
            Some((Some(last), Expression { pattern, caseless: first.starts_with(b"~*"), start: b"/" }))
        }
        "rewrite" => Some((Some(0), Expression { pattern: first, caseless: false, start: b"/" })),
        "if" => {
            let at = node.args().position(|arg| matches!(arg, b"~" | b"~*" | b"!~" | b"!~*"))?;
            let variable = node.arg(at.checked_sub(1)?)?;
            let pattern = node.arg(at + 1)?;
            // The last argument has the parenthesis of the condition.
            let is_last = at + 2 == node.args().len();
            let pattern = pattern.strip_suffix(b")").filter(|_| is_last).unwrap_or(pattern);
            let start: &[u8] = if variable.ends_with(b"uri") { b"/" } else { b"" };
            Some((Some(at + 1), Expression { pattern, caseless: node.arg(at)?.ends_with(b"*"), start }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn expressions_that_explode_are_found() {
        check_rule(
            &super::RULE,
            r#"
map $http_referer $bad {
    default 0;
    ~^(a+)+$ 1;
  # ^^^^^^^^ bytes keep this expression busy
}
server {
    location ~ ^/(\w+\s?)*\.json$ { return 404; }
             # ^^^^^^^^^^^^^^^^^^ bytes keep this expression busy for more than 10,000,000 steps
    location / {
        if ($args ~ "^(x+x+)+[yz]") { return 403; }
                  # ^^^^^^^^^^^^^^ bytes keep this expression
        if ($args ~* ^(x+x+)+[yz]) { return 403; }
                   # ^^^^^^^^^^^^^ bytes keep this expression
        rewrite ^/(?:[a-z]+-?)*/end$ /x;
              # ^^^^^^^^^^^^^^^^^^^^ bytes keep this expression
    }
}
"#,
        );
    }

    #[test]
    fn expressions_that_do_not_are_silent() {
        check_rule(
            &super::RULE,
            r#"
map $http_user_agent $bot { "~*(curl|wget)" 1; "~(a+)+" 1; }
server {
    location ~ ^/(?:[a-z]+/)*$ { return 404; }
    location ~ ^(a+)+$ { return 404; }
    location ~ \.(jpe?g|png)$ { return 404; }
    location / { if ($args ~ "^(x+x+)++[yz]") { return 403; } }
}
"#,
        );
    }
}
