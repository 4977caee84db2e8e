//! Loads configurations from the real file system, as a caller of the crate does.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::{ffi::OsStr, fs, io};

use evenkeel_model::{Answer, Config, Files, Settings, Want, Wants, load as lay_out};

/// Loads the configuration of a main file; `build` is what `nginx -V` says, where it is known.
pub(crate) fn load(main: &Path, prefix: &Path, build: Option<&str>) -> Config {
    let mut settings = Settings::new(main.as_os_str().as_bytes());
    if let Some(build) = build {
        settings.learn(build);
    }
    settings.prefix = prefix.as_os_str().as_bytes().to_vec();
    let mut files = Files::new();
    loop {
        match lay_out(&settings, &mut files) {
            Ok(config) => return config,
            Err(Wants(wants)) => wants.into_iter().for_each(|want| {
                let answer = answer(&want);
                files.supply(want, answer);
            }),
        }
    }
}

fn answer(want: &Want) -> Answer {
    let (Want::Bytes(path) | Want::Directory(path) | Want::Presence(path)) = want;
    let path = Path::new(OsStr::from_bytes(path));
    let found = match want {
        Want::Bytes(_) => fs::read(path).map(|bytes| Answer::Bytes(bytes.into())),
        Want::Directory(_) => fs::read_dir(path).map(|entries| {
            Answer::Directory(entries.map(|entry| entry.unwrap().file_name().into_vec()).collect())
        }),
        Want::Presence(_) => fs::metadata(path).map(|_| Answer::Present),
    };
    match found {
        Ok(answer) => answer,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Answer::Absent,
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Answer::Directory(Vec::new()),
        Err(error) => Answer::Unreadable(error.to_string()),
    }
}
