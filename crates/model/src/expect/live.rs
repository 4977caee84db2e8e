//! What a real answer must hold.

/// What a real answer must hold; what is absent is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Live {
    /// The status.
    pub status: Option<u16>,
    /// A text that the body contains, within its first MiB.
    pub contains: Option<String>,
    /// Headers and the exact values that they must have.
    pub headers: Vec<(String, String)>,
}

impl Live {
    /// Says what an answer lacks, or `None` when it holds everything.
    #[must_use]
    pub fn lacks(&self, status: u16, headers: &[(String, String)], body: &[u8]) -> Option<String> {
        if let Some(wanted) = self.status.filter(|wanted| *wanted != status) {
            return Some(format!("answered {status} instead of {wanted}"));
        }
        if let Some(text) = &self.contains
            && !body.windows(text.len().max(1)).any(|window| window == text.as_bytes())
            && !text.is_empty()
        {
            return Some(format!("answered {status} without \"{text}\" in its body"));
        }
        let missing = self
            .headers
            .iter()
            .find(|(name, value)| !headers.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && v == value));
        missing.map(|(name, value)| format!("answered {status} without \"{name}: {value}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_held_against_status_body_and_headers() {
        let live = Live {
            status: Some(200),
            contains: Some("cart".into()),
            headers: vec![("X-App".into(), "shop".into())],
        };
        let app = [("x-app".to_owned(), "shop".to_owned())];
        assert_eq!(live.lacks(200, &app, b"your cart"), None);
        assert_eq!(live.lacks(502, &app, b"your cart").unwrap(), "answered 502 instead of 200");
        assert!(live.lacks(200, &app, b"nothing").unwrap().contains("without \"cart\""));
        assert!(live.lacks(200, &[], b"cart").unwrap().contains("X-App"));
    }
}
