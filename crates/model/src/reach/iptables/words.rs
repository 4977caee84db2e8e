//! The words of a line: apart by spaces, quoted where they hold some.

/// Splits a line as `iptables-restore` does.
pub(in crate::reach) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut inside, mut begun, mut escaped) = (false, false, false);
    for c in line.chars() {
        match c {
            _ if escaped => {
                word.push(c);
                escaped = false;
            }
            '\\' if inside => escaped = true,
            '"' => {
                inside = !inside;
                begun = true;
            }
            ' ' | '\t' if !inside => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            _ => word.push(c),
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    #[test]
    fn quoted_words_keep_their_spaces() {
        let line = r#"INPUT -m comment --comment "say \"hi\" to me" --log-prefix "" -j LOG"#;
        let words = super::split(line);
        assert_eq!(words[4], "say \"hi\" to me");
        assert_eq!((words[6].as_str(), words.len()), ("", 9));
    }
}
