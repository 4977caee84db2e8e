//! Access logs: a `log_format`, and lines of it back as requests, as far as the log has them.
//!
//! Source: src/http/modules/ngx_http_log_module.c (`ngx_http_log_compile_format`, `ngx_http_log_escape`,
//! `ngx_http_log_json_variable`)

pub(crate) mod error;
mod escape;
mod field;
mod named;
mod rates;
mod request;
mod sniff;
mod split;
#[cfg(test)]
mod tests;

use crate::config::Config;
use field::{Class, Field, Slots};

pub use named::{LoggedTo, access_logs, logged_to, named_formats};
pub use rates::{Answered, Maker, Rate, Rates};
pub use request::{Assumed, Lacks};
pub(crate) use request::{NotHttp, Places, Wanted};
pub use sniff::fitting;
pub use split::{Spans, Stuck};

/// The name and the text of the format that nginx has without being told.
const COMBINED: (&str, &str) = (
    "combined",
    r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#,
);

/// Formats that many logs have, though no tree may name them.
const WELL_KNOWN: [(&str, &str); 3] = [
    COMBINED,
    // As the packages of nginx.org configure it.
    (
        "main",
        r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for""#,
    ),
    // What other servers call the common log format.
    ("common", r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent"#),
];

/// The longest format.
const FORMAT_BYTES_MAX: usize = 64 << 10;
/// The most variables of a format.
const FIELDS_MAX: usize = 1_000;

/// How a log writes what a request brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Escape {
    /// `"`, `\` and what is not printable as `\xHH`; nothing as `-`.
    Default,
    /// As in a string of JSON; nothing as nothing.
    Json,
    /// As it is.
    None,
}

/// A format, made ready to read lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFormat {
    /// Its name; empty: it has none.
    pub name: String,
    /// How values are written.
    pub escape: Escape,
    parts: Vec<Part>,
    /// What the lines say of a request, in the order of the format.
    fields: Vec<Field>,
    slots: Slots,
}

/// A piece of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Variable {
        name: String,
        class: Class,
        /// Its place among the fields; `None`: nobody wants it.
        slot: Option<usize>,
    },
}

/// Why a text is no format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// A `$` without a name.
    #[error("read the log format: a \"$\" without the name of a variable")]
    Name,
    /// `${` without `}`.
    #[error("read the log format: \"${{\" without \"}}\"")]
    Brace,
    /// It is too long.
    #[error(
        "read the log format: it is longer than {FORMAT_BYTES_MAX} bytes, or has more than {FIELDS_MAX} variables"
    )]
    TooLong,
    /// No variable in it says what was asked for.
    #[error("find a request in the log format: it has none of $request, $request_uri and $uri")]
    NoRequest,
}

impl LogFormat {
    /// `combined`, which nginx knows without being told.
    pub fn combined() -> LogFormat {
        LogFormat::new(COMBINED.0, Escape::Default, COMBINED.1.as_bytes()).expect("combined is a format")
    }

    /// A format that many logs have, though no tree may name it: `combined`, `main`, `common`.
    pub fn well_known(name: &str) -> Option<LogFormat> {
        let (name, text) = WELL_KNOWN.iter().find(|(known, _)| *known == name)?;
        LogFormat::new(name, Escape::Default, text.as_bytes()).ok()
    }

    /// Whether its lines say which host was asked for.
    pub fn tells_host(&self) -> bool {
        self.slots.host.or(self.slots.http_host).is_some()
    }

    /// What logs of this format do not say, of what decides where these configurations send a request.
    pub fn lacks_for(&self, configs: [&Config; 2]) -> Lacks {
        self.lacks(&crate::traffic::wanted(&configs))
    }

    /// Makes the text of a `log_format` ready.
    ///
    /// # Errors
    /// [`FormatError`] when nginx would refuse it, or no request can be read from its lines.
    pub fn new(name: &str, escape: Escape, text: &[u8]) -> Result<LogFormat, FormatError> {
        let mut format = LogFormat {
            name: name.to_owned(),
            escape,
            parts: Vec::new(),
            fields: Vec::new(),
            slots: Slots::default(),
        };
        if text.len() > FORMAT_BYTES_MAX {
            return Err(FormatError::TooLong);
        }
        let mut rest = text;
        while let Some(dollar) = rest.iter().position(|&byte| byte == b'$') {
            format.text(&rest[..dollar]);
            let (name, after) = variable(&rest[dollar + 1..])?;
            format.variable(name)?;
            rest = after;
        }
        format.text(rest);
        format.slots = Slots::of(&format.fields);
        if !format.slots.has_target() {
            return Err(FormatError::NoRequest);
        }
        Ok(format)
    }

    fn text(&mut self, text: &[u8]) {
        if !text.is_empty() {
            self.parts.push(Part::Text(text.to_vec()));
        }
    }

    fn variable(&mut self, name: &str) -> Result<(), FormatError> {
        let field = Field::of(name);
        let class = Class::of(name, self.escape);
        let slot = match field {
            None => None,
            Some(field) => Some(match self.fields.iter().position(|known| *known == field) {
                Some(place) => place,
                None => {
                    self.fields.push(field);
                    self.fields.len() - 1
                }
            }),
        };
        self.parts.push(Part::Variable { name: name.to_owned(), class, slot });
        if self.parts.len() > FIELDS_MAX * 2 { Err(FormatError::TooLong) } else { Ok(()) }
    }

    /// The format as it would stand in a tree, for people.
    pub fn text_of(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => String::from_utf8_lossy(text).into_owned(),
            Part::Variable { name, .. } => format!("${name}"),
        };
        self.parts.iter().map(part).collect()
    }
}

/// The name of a variable, and what follows it.
///
/// Source: `ngx_http_log_compile_format`, src/http/modules/ngx_http_log_module.c
fn variable(text: &[u8]) -> Result<(&str, &[u8]), FormatError> {
    let name_byte = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let (name, after) = match text.strip_prefix(b"{") {
        Some(inner) => {
            let end = inner.iter().position(|&byte| byte == b'}').ok_or(FormatError::Brace)?;
            (&inner[..end], &inner[end + 1..])
        }
        None => text.split_at(text.iter().take_while(|byte| name_byte(byte)).count()),
    };
    if name.is_empty() || !name.iter().all(name_byte) {
        return Err(FormatError::Name);
    }
    Ok((std::str::from_utf8(name).map_err(|_| FormatError::Name)?, after))
}
