//! What of a handshake is chosen freely, and how the values that are asked for follow from it.

use crate::choice::View;
use crate::language::{Formula, Language, NotRegular};
use crate::route::question::{Input, Piece, Template};
use crate::stream::connection::{Hello, TlsVersion};

/// A part of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Name,
    Protocols,
    Version,
}

/// A part of a handshake between two texts: what a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) part: Part,
    before: Vec<u8>,
    after: Vec<u8>,
}

/// What a template is about.
pub(super) enum About {
    /// Nothing that is looked for here.
    Fixed,
    One(Subject),
    /// More than one part, or one in a form that cannot be turned round.
    Mixed,
}

impl Subject {
    pub(super) fn of(template: &Template) -> About {
        let (mut part, mut before, mut after) = (None, Vec::new(), Vec::new());
        let mut other = false;
        for piece in &template.0 {
            let found = match piece {
                Piece::Text(text) => {
                    if part.is_none() { &mut before } else { &mut after }.extend_from_slice(text);
                    continue;
                }
                Piece::Changed { how: "host", of } => match Subject::of(of) {
                    // The names that are looked for are hosts already.
                    About::One(Subject { part: Part::Name, .. }) => Part::Name,
                    _ => return About::Mixed,
                },
                Piece::Input(Input::Sni) => Part::Name,
                Piece::Opaque(text) if text == "alpn" => Part::Protocols,
                Piece::Opaque(text) if text == "tls-version" => Part::Version,
                Piece::Group { of, .. } | Piece::Changed { of, .. } => match Subject::of(of) {
                    About::Fixed => {
                        other = true;
                        continue;
                    }
                    _ => return About::Mixed,
                },
                // A named group says of what it is one.
                Piece::Opaque(text) if text.contains("Sni") || text.contains("alpn") => return About::Mixed,
                Piece::Input(_) | Piece::Opaque(_) => {
                    other = true;
                    continue;
                }
            };
            if part.replace(found).is_some() {
                return About::Mixed;
            }
        }
        match part {
            None => About::Fixed,
            Some(_) if other => About::Mixed,
            Some(part) => About::One(Subject { part, before, after }),
        }
    }
}

impl View for Subject {
    fn image(&self, input: &[u8]) -> Option<Vec<u8>> {
        Some([&self.before[..], input, &self.after].concat())
    }

    fn pull(&self, language: &Language) -> Result<Language, NotRegular> {
        Ok(language.between(&self.before, &self.after))
    }
}

impl Part {
    /// The values that clients send.
    pub(super) fn domain(self) -> Result<Formula, NotRegular> {
        let language = match self {
            Part::Name => Language::pattern(br"\A[a-z0-9_-]+(\.[a-z0-9_-]+)*\z", false)?,
            Part::Protocols => Language::pattern(br"\A([!-+\--~]+(,[!-+\--~]+)*)?\z", false)?,
            Part::Version => {
                let all = [TlsVersion::V1_0, TlsVersion::V1_1, TlsVersion::V1_2, TlsVersion::V1_3];
                Language::one_of(&all.map(|version| version.name().as_bytes()))
            }
        };
        Ok(Formula::from(language))
    }

    /// The handshake with this part so.
    pub(super) fn put(self, hello: &mut Hello, value: &[u8]) {
        match self {
            Part::Name => hello.sni = Some(value.to_vec()),
            Part::Protocols if value.is_empty() => hello.alpn = Vec::new(),
            Part::Protocols => hello.alpn = value.split(|&byte| byte == b',').map(<[u8]>::to_vec).collect(),
            Part::Version => {
                hello.version = TlsVersion::named(&String::from_utf8_lossy(value)).unwrap_or_default();
            }
        }
    }
}
