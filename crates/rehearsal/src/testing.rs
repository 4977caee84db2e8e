//! Configurations and routes for tests.

use evenkeel_model::{Answer, Config, Facts, Files, Outcome, Route, Settings, Want, load};

/// Loads one file as `/etc/nginx/nginx.conf`; it includes nothing.
pub(crate) fn config(text: &str) -> Config {
    let settings = Settings::new(*b"/etc/nginx/nginx.conf");
    let mut files = Files::new();
    loop {
        match load(&settings, &mut files) {
            Ok(config) => return config,
            Err(wants) => {
                for want in wants.0 {
                    let answer = match &want {
                        Want::Bytes(_) => Answer::Bytes(text.as_bytes().into()),
                        _ => Answer::Unknown,
                    };
                    files.supply(want, answer);
                }
            }
        }
    }
}

/// A route that ends here and rests on nothing.
pub(crate) fn route(outcome: Outcome) -> Route {
    Route {
        outcome,
        status: None,
        listen: None,
        server: None,
        location: None,
        uri: Vec::new(),
        steps: Vec::new(),
        depends_on: Vec::new(),
        facts: Facts::default(),
    }
}
