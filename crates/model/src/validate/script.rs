//! Values with variables, as nginx compiles them.
//!
//! Source: `ngx_http_script_compile`, src/http/ngx_http_script.c

/// Why a value cannot be compiled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ScriptError {
    /// A `$` without a name.
    NoName,
    /// `${name` without its brace.
    Unclosed(String),
}

impl ScriptError {
    pub(crate) fn message(&self) -> String {
        match self {
            ScriptError::NoName => String::from("invalid variable name"),
            ScriptError::Unclosed(name) => format!("the closing bracket in \"{name}\" variable is missing"),
        }
    }
}

/// The names of the variables in a value; captures (`$1`) are not among them.
pub(crate) fn variables(value: &[u8]) -> Variables<'_> {
    Variables { rest: value }
}

/// Iterates over the names; ends after an error.
#[derive(Debug, Clone)]
pub(crate) struct Variables<'v> {
    rest: &'v [u8],
}

impl<'v> Iterator for Variables<'v> {
    type Item = Result<&'v [u8], ScriptError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let dollar = self.rest.iter().position(|&byte| byte == b'$')?;
            let after = &self.rest[dollar + 1..];
            match after.first() {
                Some(b'1'..=b'9') => self.rest = &after[1..],
                Some(b'{') => return Some(self.bracketed(&after[1..])),
                _ => return Some(self.plain(after)),
            }
        }
    }
}

impl<'v> Variables<'v> {
    fn plain(&mut self, after: &'v [u8]) -> Result<&'v [u8], ScriptError> {
        let length = name_length(after);
        let (name, rest) = after.split_at(length);
        self.rest = if length == 0 { b"" } else { rest };
        if length == 0 { Err(ScriptError::NoName) } else { Ok(name) }
    }

    fn bracketed(&mut self, after: &'v [u8]) -> Result<&'v [u8], ScriptError> {
        let length = name_length(after);
        let name = &after[..length];
        self.rest = b"";
        match after.get(length) {
            Some(b'}') if length > 0 => {
                self.rest = &after[length + 1..];
                Ok(name)
            }
            Some(b'}') => Err(ScriptError::NoName),
            None if after.is_empty() => Err(ScriptError::NoName),
            _ => Err(ScriptError::Unclosed(String::from_utf8_lossy(name).into_owned())),
        }
    }
}

fn name_length(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(value: &str) -> Vec<String> {
        let show = |name: Result<&[u8], ScriptError>| match name {
            Ok(name) => String::from_utf8_lossy(name).into_owned(),
            Err(error) => error.message(),
        };
        variables(value.as_bytes()).map(show).collect()
    }

    #[test]
    fn variables_are_found_as_nginx_finds_them() {
        for (value, expected) in [
            ("plain", &[][..]),
            ("$a$b-$c_d", &["a", "b", "c_d"]),
            ("${a}b", &["a"]),
            ("$1$a$23", &["a"]),
            ("$", &["invalid variable name"]),
            ("a$-b", &["invalid variable name"]),
            ("${a", &["the closing bracket in \"a\" variable is missing"]),
            ("${a-b}", &["the closing bracket in \"a\" variable is missing"]),
            ("${", &["invalid variable name"]),
            ("${}", &["invalid variable name"]),
        ] {
            assert_eq!(names(value), expected, "{value}");
        }
    }
}
