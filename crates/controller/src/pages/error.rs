//! The pages that users see while the application does not answer, and the lines that have nginx show them.
//!
//! A page needs nothing beside it: no script, no picture, no font. It does not load itself again either: a crowd that does
//! that keeps an application down that tries to come up.

use std::path::Path;

use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("error.css");
/// Where the pages are for nginx: a place that no application has.
const PLACE: &str = "/.error-pages";
/// A name or a contact is at most so long, in characters.
const TEXT_MAX: usize = 200;

/// Whose pages they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Site {
    /// What users call it: `Example Shop`.
    pub name: Option<String>,
    /// Where they can ask: an address of mail, a page elsewhere, or words.
    pub contact: Option<String>,
}

/// Why pages cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErrorPageError {
    /// nginx would read the path as something else.
    #[error("name {path} to nginx: in a path it takes {letter:?} for something else")]
    Path {
        /// The path.
        path: String,
        /// What is in the way.
        letter: char,
    },
    /// The path does not begin at the root.
    #[error("name {path} to nginx: the path on the host must be absolute")]
    Relative {
        /// The path.
        path: String,
    },
    /// A text is too long.
    #[error("write the {what} on a page: it is longer than {TEXT_MAX} characters")]
    TooLong {
        /// Which.
        what: &'static str,
    },
}

/// What a page says.
struct Words {
    status: u16,
    title: &'static str,
    happened: &'static str,
    next: &'static str,
}

const AGAIN: &str = "Please try again in a few minutes.";

const PAGES: [Words; 4] = [
    Words {
        status: 500,
        title: "Something went wrong",
        happened: "Our server could not finish your request. The mistake is ours, not yours.",
        next: AGAIN,
    },
    Words {
        status: 502,
        title: "We cannot be reached right now",
        happened: "The part of our service that answers your request does not respond. We are told of it automatically.",
        next: AGAIN,
    },
    Words {
        status: 503,
        title: "We will be back soon",
        happened: "Our service is too busy, or is being worked on.",
        next: AGAIN,
    },
    Words {
        status: 504,
        title: "This takes too long",
        happened: "Our service did not answer in time.",
        next: "It may still be working on your request. Please wait a few minutes before you try again.",
    },
];

/// The pages: the name of each file, and what is in it.
///
/// # Errors
/// [`ErrorPageError::TooLong`].
pub fn pages(site: &Site) -> Result<Vec<(String, String)>, ErrorPageError> {
    for (what, text) in [("name", &site.name), ("contact", &site.contact)] {
        if text.as_ref().is_some_and(|text| text.chars().count() > TEXT_MAX) {
            return Err(ErrorPageError::TooLong { what });
        }
    }
    Ok(PAGES.iter().map(|words| (format!("{}.html", words.status), page(words, site))).collect())
}

/// The lines for nginx. `directory`: where the pages lie on the host.
///
/// # Errors
/// [`ErrorPageError`] when nginx would not understand the path.
pub fn directives(directory: &Path) -> Result<String, ErrorPageError> {
    let path = directory.display().to_string();
    if !directory.is_absolute() {
        return Err(ErrorPageError::Relative { path });
    }
    let in_the_way = |letter: &char| matches!(letter, '$' | '"' | '\\') || letter.is_control();
    if let Some(letter) = path.chars().find(in_the_way) {
        return Err(ErrorPageError::Path { path, letter });
    }
    let path = path.trim_end_matches('/');
    let error_pages: String =
        PAGES.iter().map(|it| format!("error_page {0} {PLACE}/{0}.html;\n", it.status)).collect();
    Ok(format!(
        "# What users see while the application does not answer. For every server {{ }} that passes requests on:\n\
         #     include \"{path}/error-pages.conf\";\n\
         # A location with an error_page of its own shows that one alone; a server with auth_request needs\n\
         # `auth_request off;` in the location below.\n\
         {error_pages}\
         location ^~ {PLACE}/ {{\n    internal;\n    alias \"{path}/\";\n    types {{ }}\n    default_type text/html;\n    \
         charset utf-8;\n    auth_basic off;\n    allow all;\n}}\n"
    ))
}

fn page(words: &Words, site: &Site) -> String {
    let Words { status, title, happened, next } = words;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) @if let Some(name) = &site.name { " – " (name) } }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    @if let Some(name) = &site.name { p class="site" { (name) } }
                    h1 { (title) }
                    p { (happened) }
                    p { (next) " If you were sending or buying something, look whether it arrived before you send it again." }
                    p { a href="" { "Try again" } }
                    @if let Some(contact) = &site.contact { p { "You can ask us here: " (linked(contact)) } }
                    p class="status" { "Error " (status) }
                }
            }
        }
    }
    .into_string()
}

/// An address as a link, words as words.
fn linked(contact: &str) -> Markup {
    let is_word = !contact.contains(char::is_whitespace);
    let target = match contact {
        page if is_word && page.starts_with("https://") => Some(page.to_owned()),
        mail if is_word && mail.contains('@') => Some(format!("mailto:{mail}")),
        _ => None,
    };
    html! {
        @match target {
            Some(target) => a href=(target) { (contact) },
            None => (contact),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop() -> Site {
        Site { name: Some("Tea & <b>Co</b>".to_owned()), contact: Some("help@shop.example".to_owned()) }
    }

    #[test]
    fn page_says_whose_it_is_and_needs_nothing_beside_it() {
        let pages = pages(&shop()).unwrap();
        assert_eq!(
            pages.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["500.html", "502.html", "503.html", "504.html"]
        );
        for (name, page) in pages {
            assert!(
                page.contains("<title>") && page.contains("– Tea &amp; &lt;b&gt;Co&lt;/b&gt;</title>"),
                "{page}"
            );
            assert!(page.contains("href=\"mailto:help@shop.example\""), "{page}");
            assert!(page.contains(&format!("Error {}", &name[..3])), "{page}");
            for outside in ["src=", "@import", "url(", "<script", "<link", "http://", "https://", "refresh"] {
                assert!(!page.contains(outside), "{outside}");
            }
        }
    }

    #[test]
    fn contact_is_a_link_only_where_it_is_an_address() {
        let link = |contact: &str| linked(contact).into_string();
        assert_eq!(link("call 555 0100"), "call 555 0100");
        assert!(link("https://status.example.com/").starts_with("<a href=\"https://status.example.com/\""));
        assert!(!link("javascript:alert(1)").contains("href"));
    }

    #[test]
    fn what_nginx_would_read_otherwise_is_refused() {
        let refused = |path: &str| directives(Path::new(path)).unwrap_err();
        assert!(matches!(refused("/srv/$host"), ErrorPageError::Path { letter: '$', .. }));
        assert!(matches!(refused("/srv/a\"b"), ErrorPageError::Path { letter: '"', .. }));
        assert!(matches!(refused("/srv/a\nb"), ErrorPageError::Path { letter: '\n', .. }));
        assert!(matches!(refused("error-pages"), ErrorPageError::Relative { .. }));
        assert!(directives(Path::new("/srv/my pages/")).unwrap().contains("alias \"/srv/my pages/\";"));
        let long = Site { name: Some("x".repeat(201)), contact: None };
        assert_eq!(pages(&long), Err(ErrorPageError::TooLong { what: "name" }));
    }
}
