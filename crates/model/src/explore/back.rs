//! From a language of values back to the one variable that the values are made of.

use super::changed::turned;
use super::lift::{Compiled, Variable, variable, variables};
use crate::language::{Language, NotRegular};
use crate::route::variables::argument_pattern;
use crate::route::{Input, Piece, Template};

/// The target up to its `?`, and what stands behind it.
const URI_OF_LINE: &[u8] = br"\A([^?]*)(?:\?[\s\S]*)?\z";
const ARGS_OF_LINE: &[u8] = br"\A[^?]*(?:\?([\s\S]*))?\z";

/// A language of inputs that a value is of a language for; whether it is exactly those.
pub(super) struct Lifted {
    pub(super) language: Language,
    pub(super) exact: bool,
}

/// Why a condition cannot be moved to an input.
pub(super) enum Stuck {
    /// The value is always this one.
    Constant,
    /// Several inputs are in it, or something that cannot be turned round.
    Mixed,
    /// A regex is beyond automata.
    Regex(NotRegular),
}

/// The values of the one input of `pieces` for which their value is of `language`. `line`: of the whole target instead.
pub(super) fn lift(
    pieces: &[Piece],
    language: &Language,
    line: bool,
    compiled: &Compiled,
) -> Result<Lifted, Stuck> {
    let free: Vec<usize> = (0..pieces.len()).filter(|&at| !matches!(pieces[at], Piece::Text(_))).collect();
    let text = |pieces: &[Piece]| -> Vec<u8> {
        let texts = pieces.iter().map(|piece| if let Piece::Text(text) = piece { &text[..] } else { b"" });
        texts.collect::<Vec<_>>().concat()
    };
    let at = match free[..] {
        [] => return Err(Stuck::Constant),
        [at] => at,
        _ => return lift_joined(pieces, language, line, compiled),
    };
    let (before, after) = (text(&pieces[..at]), text(&pieces[at + 1..]));
    let inner = if before.is_empty() && after.is_empty() {
        language.clone()
    } else {
        language.between(&before, &after)
    };
    let captured = |pattern: &[u8], caseless: bool, group: usize, inner: &Language| {
        Language::captured(pattern, caseless, group, inner).map_err(Stuck::Regex)
    };
    match &pieces[at] {
        Piece::Input(input) => {
            let inner = match input {
                Input::Argument(name) => captured(&argument_pattern(name), true, 1, &inner)?,
                _ => inner,
            };
            let language = match (line, variable(input)) {
                (true, Variable::Uri) => captured(URI_OF_LINE, false, 1, &inner)?,
                (true, Variable::Args) => captured(ARGS_OF_LINE, false, 1, &inner)?,
                _ => inner,
            };
            Ok(Lifted { language, exact: true })
        }
        Piece::Group { pattern, caseless, group, of } => {
            let inner = captured(pattern, *caseless, *group, &inner)?;
            lift(&of.0, &inner, line, compiled)
        }
        Piece::Changed { how, of } => {
            let turned = turned(how, &inner);
            let exact = turned.is_some();
            // Where nothing has to be changed the value stays: enough to find one, not to say that there is none.
            let lifted = lift(&of.0, &turned.unwrap_or(inner), line, compiled)?;
            Ok(Lifted { exact: exact && lifted.exact, ..lifted })
        }
        Piece::Text(_) | Piece::Opaque(_) => Err(Stuck::Mixed),
    }
}

/// As [`lift`], where several pieces are made of the same variable.
fn lift_joined(
    pieces: &[Piece],
    language: &Language,
    line: bool,
    compiled: &Compiled,
) -> Result<Lifted, Stuck> {
    let mut found = Vec::new();
    let known = variables(&Template(pieces.to_vec()), &mut found);
    if known.is_none() || found.len() != 1 && !line {
        return Err(Stuck::Mixed);
    }
    let (mut exact, mut stuck) = (true, None);
    let joined = language.joined(pieces.len(), &mut |part, inner| match &pieces[part] {
        Piece::Text(text) if inner.contains(text) => Ok(Language::everything()),
        Piece::Text(_) => Ok(Language::everything().complement()),
        piece => match lift(std::slice::from_ref(piece), inner, line, compiled) {
            Ok(lifted) => {
                exact &= lifted.exact;
                Ok(lifted.language)
            }
            Err(why) => {
                let regex = if let Stuck::Regex(why) = &why { why.clone() } else { NotRegular::TooLarge };
                stuck = Some(why);
                Err(regex)
            }
        },
    });
    match joined {
        Ok(language) => Ok(Lifted { language, exact }),
        Err(why) => Err(stuck.unwrap_or(Stuck::Regex(why))),
    }
}
