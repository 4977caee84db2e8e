//! Configurations from text, and outcomes as text.

use evenkeel_model::{Answer, Config, Files, Outcome, Route, Settings, Want, Wants, load};

/// The configuration with this `http` block.
pub(crate) fn config(http: &str) -> Config {
    main(&format!("events {{}} http {{ {http} }}"))
}

/// The configuration with this main file.
pub(crate) fn main(text: &str) -> Config {
    let settings = Settings::new(b"/etc/nginx/nginx.conf".to_vec());
    let mut files = Files::new();
    loop {
        match load(&settings, &mut files) {
            Ok(config) => return config,
            Err(Wants(wants)) => wants.into_iter().for_each(|want| {
                let answer = match &want {
                    Want::Bytes(path) if path == b"/etc/nginx/nginx.conf" => {
                        Answer::Bytes(text.as_bytes().to_vec().into())
                    }
                    _ => Answer::Absent,
                };
                files.supply(want, answer);
            }),
        }
    }
}

/// An outcome on one line.
pub(crate) fn outcome(route: &Route) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match &route.outcome {
        Outcome::Pass { pass, .. } => text(pass),
        Outcome::File { path } => format!("file {}", text(path)),
        Outcome::Files { candidates } => format!("files {}", text(&candidates.concat())),
        Outcome::Redirect { status, location } => format!("{status} {}", text(location)),
        Outcome::Return { status, body } => {
            format!("{status} {}", text(body.as_deref().unwrap_or_default())).trim_end().to_owned()
        }
        Outcome::Close { reason } => format!("closed: {reason}"),
        Outcome::Error { status, .. } => format!("{status}"),
    }
}
