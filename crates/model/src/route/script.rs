//! Values with variables, put together for one request.
//!
//! Source: `ngx_http_script_compile`, src/http/ngx_http_script.c

/// A piece of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'v> {
    Text(&'v [u8]),
    /// `$1` to `$9`
    Capture(usize),
    Variable(&'v [u8]),
    /// The first `?` of the replacement of a `rewrite`: what follows are arguments.
    Args,
}

/// The pieces of a value; `args` says whether a `?` begins arguments.
pub(crate) fn parts(value: &[u8], mut args: bool) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let end = rest.iter().position(|&byte| byte == b'$' || (args && byte == b'?'));
        let (text, special) = rest.split_at(end.unwrap_or(rest.len()));
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        rest = match special {
            [] => break,
            [b'?', after @ ..] => {
                args = false;
                parts.push(Part::Args);
                after
            }
            [_, digit @ b'1'..=b'9', after @ ..] => {
                parts.push(Part::Capture(usize::from(digit - b'0')));
                after
            }
            [_, b'{', after @ ..] => {
                let (name, after) = name(after);
                parts.push(Part::Variable(name));
                after.strip_prefix(b"}").unwrap_or(after)
            }
            [_, after @ ..] => {
                let (name, rest) = name(after);
                parts.push(if name.is_empty() { Part::Text(b"$") } else { Part::Variable(name) });
                rest
            }
        };
    }
    parts
}

/// Whether a value changes from request to request.
pub(crate) fn has_variables(value: &[u8]) -> bool {
    value.contains(&b'$')
}

fn name(text: &[u8]) -> (&[u8], &[u8]) {
    let length = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    text.split_at(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_cut_at_its_variables() {
        use Part::{Args, Capture, Text, Variable};
        assert_eq!(
            parts(b"/a$1${x}b$uri?c", false),
            [Text(b"/a"), Capture(1), Variable(b"x"), Text(b"b"), Variable(b"uri"), Text(b"?c")]
        );
        assert_eq!(parts(b"/a?b?c$2", true), [Text(b"/a"), Args, Text(b"b?c"), Capture(2)]);
    }
}
