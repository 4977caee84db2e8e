//! Configurations for tests, from their text.

use evenkeel_model::{Answer, Config, Files, Settings, Want, load};

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
