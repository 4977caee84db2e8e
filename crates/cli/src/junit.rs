//! JUnit's XML, as far as CI servers read it: one suite, its cases, why they failed or were skipped.

use std::fmt::Write as _;

/// A suite.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) name: String,
    /// What there is to say about all of it.
    pub(crate) said: String,
    pub(crate) cases: Vec<Case>,
}

/// A case.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// What CI servers group by.
    pub(crate) class: String,
    /// The file and the line that say it.
    pub(crate) place: Option<(String, u32)>,
    pub(crate) outcome: Outcome,
}

/// How a case ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Passed,
    Failed { message: String, details: String },
    Skipped(String),
}

/// The document of one suite.
pub(crate) fn document(suite: &Suite) -> String {
    let count = |is: fn(&Outcome) -> bool| suite.cases.iter().filter(|case| is(&case.outcome)).count();
    let failures = count(|outcome| matches!(outcome, Outcome::Failed { .. }));
    let skipped = count(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let counts = format!(
        "name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\"",
        escaped(&suite.name),
        suite.cases.len()
    );
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite {counts} skipped=\"{skipped}\">\n"
    );
    for case in &suite.cases {
        let place =
            case.place.as_ref().map(|(file, line)| format!(" file=\"{}\" line=\"{line}\"", escaped(file)));
        let (name, class) = (escaped(&case.name), escaped(&case.class));
        let head =
            format!("    <testcase name=\"{name}\" classname=\"{class}\"{}", place.unwrap_or_default());
        let inner = match &case.outcome {
            Outcome::Passed => {
                writeln!(xml, "{head}/>").expect("a String takes all");
                continue;
            }
            Outcome::Skipped(why) => format!("<skipped message=\"{}\"/>", escaped(why)),
            Outcome::Failed { message, details } => {
                format!("<failure message=\"{}\">{}</failure>", escaped(message), escaped(details))
            }
        };
        writeln!(xml, "{head}>\n      {inner}\n    </testcase>").expect("a String takes all");
    }
    let said = escaped(&suite.said);
    write!(xml, "    <system-out>{said}</system-out>\n  </testsuite>\n</testsuites>\n")
        .expect("a String takes all");
    xml
}

/// Text as it may stand in an attribute or an element. What XML 1.0 cannot hold at all becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => write!(escaped, "&#{};", u32::from(letter)).expect("a String takes all"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            letter if letter.is_control() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_escaped_or_replaced() {
        let case = |name: &str, outcome| Case {
            name: name.to_owned(),
            class: "routes.toml".to_owned(),
            place: Some(("routes.toml".to_owned(), 3)),
            outcome,
        };
        let failed = Outcome::Failed { message: "a < b & \"c\"".to_owned(), details: "x\ny".to_owned() };
        let suite = Suite {
            name: "evenkeel test".to_owned(),
            said: "1 failed".to_owned(),
            cases: vec![
                case("fine", Outcome::Passed),
                case("bell \u{7} and null \0", failed),
                case("later", Outcome::Skipped("undecided".to_owned())),
            ],
        };
        let xml = document(&suite);
        assert!(xml.contains("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""), "{xml}");
        assert!(xml.contains("<failure message=\"a &lt; b &amp; &quot;c&quot;\">x&#10;y</failure>"), "{xml}");
        assert!(xml.contains("name=\"bell \u{fffd} and null \u{fffd}\""), "{xml}");
        assert!(
            xml.contains(
                "<testcase name=\"fine\" classname=\"routes.toml\" file=\"routes.toml\" line=\"3\"/>"
            )
        );
    }
}
