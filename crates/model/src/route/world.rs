//! What is assumed, as text: `file-exists:/srv/a=yes`, `upstream-response:app=502`.

use super::FileKind;
use super::question::{Atom, Is, World};

/// Why a text is no assumption.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorldError {
    /// There is no `=` in it.
    #[error("it is no NAME=VALUE")]
    NoValue,
    /// The name is none that `depends_on` knows.
    #[error(
        "{0} is nothing that can be assumed: file-exists:PATH, upstream-response[:NAME], auth-request[:URI], \
         password[:FILE], limit[:ZONE], random[:VARIABLE], client-address:RANGE and module:NAME are"
    )]
    Name(String),
    /// The value does not go with the name.
    #[error("{name} is {wanted}, and not {value}")]
    Value {
        /// The name.
        name: String,
        /// What it could be.
        wanted: &'static str,
        /// What was said.
        value: String,
    },
}

impl World {
    /// Adds an assumption as `--assume` reads it.
    ///
    /// # Errors
    /// [`WorldError`] where the text is none; the world stays as it was.
    pub fn assume(&mut self, text: &str) -> Result<(), WorldError> {
        let (name, value) = text.rsplit_once('=').ok_or(WorldError::NoValue)?;
        let atom = Atom::named(name).ok_or_else(|| WorldError::Name(name.to_owned()))?;
        let wrong = |wanted| WorldError::Value { name: name.to_owned(), wanted, value: value.to_owned() };
        let is = atom.read(value).map_err(wrong)?;
        self.0.insert(atom, is);
        Ok(())
    }

    /// Every assumption as [`World::assume`] reads it.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(|(atom, is)| atom.with(*is)).collect()
    }
}

impl Atom {
    fn named(name: &str) -> Option<Atom> {
        let (kind, rest) = name.split_once(':').map_or((name, ""), |(kind, rest)| (kind, rest));
        let bytes = || rest.as_bytes().to_vec();
        Some(match kind {
            "file-exists" if !rest.is_empty() => Atom::File(bytes()),
            "upstream-response" => Atom::Upstream(bytes()),
            "auth-request" => Atom::AuthRequest(bytes()),
            "password" => Atom::Password(bytes()),
            "limit" => Atom::Limit(rest.to_owned()),
            "random" => Atom::Share(rest.to_owned()),
            "client-address" if !rest.is_empty() => Atom::Other(name.to_owned()),
            "module" => match rest {
                "" => return None,
                "auth_basic" => Atom::Password(Vec::new()),
                "auth_request" => Atom::AuthRequest(Vec::new()),
                "limit_req" | "limit_conn" => Atom::Limit(String::new()),
                other => Atom::Other(other.to_owned()),
            },
            _ => return None,
        })
    }

    /// The name of the assumption that says what it is.
    #[must_use]
    pub fn name(&self) -> String {
        let text = |kind: &str, bytes: &[u8]| match bytes {
            [] => kind.to_owned(),
            bytes => format!("{kind}:{}", String::from_utf8_lossy(bytes)),
        };
        match self {
            Atom::File(path) => text("file-exists", path),
            Atom::Upstream(url) => text("upstream-response", url),
            Atom::AuthRequest(uri) => text("auth-request", uri),
            Atom::Password(file) => text("password", file),
            Atom::Limit(limit) => text("limit", limit.as_bytes()),
            Atom::Share(variable) => text("random", variable.as_bytes()),
            Atom::Other(name) if name.starts_with("client-address:") => name.clone(),
            Atom::Other(name) => format!("module:{name}"),
        }
    }

    /// The assumption that it is this.
    #[must_use]
    pub fn with(&self, is: Is) -> String {
        let value = match (self, is) {
            (Atom::Upstream(_), Is::No) => String::from("down"),
            (_, Is::No | Is::File(FileKind::Absent | FileKind::Unknown)) => String::from("no"),
            (_, Is::Yes | Is::File(FileKind::File)) => String::from("yes"),
            (_, Is::File(FileKind::Directory)) => String::from("dir"),
            (_, Is::Status(status)) => status.to_string(),
            (_, Is::Nth(at)) => at.to_string(),
        };
        format!("{}={value}", self.name())
    }

    /// What a text says that it is; or what it could have said.
    fn read(&self, value: &str) -> Result<Is, &'static str> {
        let yes_or_no = match value {
            "yes" | "on" | "true" => Some(Is::Yes),
            "no" | "off" | "false" => Some(Is::No),
            _ => None,
        };
        let status = || value.parse().ok().filter(|status| (100..600).contains(status)).map(Is::Status);
        match self {
            Atom::File(_) => match (value, yes_or_no) {
                ("dir" | "directory", _) => Ok(Is::File(FileKind::Directory)),
                (_, Some(Is::Yes)) => Ok(Is::File(FileKind::File)),
                (_, Some(_)) => Ok(Is::File(FileKind::Absent)),
                _ => Err("yes, no or dir"),
            },
            Atom::Upstream(_) if value == "down" => Ok(Is::No),
            Atom::Upstream(_) => status().ok_or("a status, or down"),
            Atom::AuthRequest(_) => status().ok_or("a status"),
            Atom::Share(_) => value.parse().map(Is::Nth).map_err(|_| "the number of a line, from 0"),
            _ => yes_or_no.ok_or("yes or no"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assumption_is_written_as_it_is_read() {
        for text in [
            "file-exists:/srv/a=yes",
            "file-exists:/srv/b=dir",
            "file-exists:/srv/c=no",
            "upstream-response=502",
            "upstream-response:app=down",
            "auth-request:/auth=401",
            "password:/etc/nginx/users=no",
            "limit:limit_req z=yes",
            "random:half=1",
            "client-address:10.0.0.0/8=yes",
            "module:njs=yes",
        ] {
            let mut world = World::default();
            world.assume(text).unwrap();
            assert_eq!(world.texts(), [text]);
        }
    }

    #[test]
    fn what_is_no_assumption_is_told() {
        let why = |text: &str| World::default().assume(text).unwrap_err().to_string();
        assert_eq!(why("file-exists:/a"), "it is no NAME=VALUE");
        assert_eq!(why("file-exists:/a=maybe"), "file-exists:/a is yes, no or dir, and not maybe");
        assert!(why("weather=fine").starts_with("weather is nothing that can be assumed"));
    }
}
