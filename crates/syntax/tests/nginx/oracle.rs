//! The nginx that is asked.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Where Debian and nginx.org put modules.
const MODULE_DIRS: [&str; 2] = ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules"];

/// Where nginx is looked for.
const PROGRAMS: [&str; 3] = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"];

pub(crate) struct Nginx {
    program: &'static Path,
    dir: TempDir,
    globals: String,
    /// Whether the file is included by the main one.
    included: bool,
}

pub(crate) enum Answer {
    Accepted,
    Refused { message: Vec<u8>, line: u32 },
}

impl Nginx {
    pub(crate) fn plain() -> Nginx {
        Nginx::new("")
    }

    /// An nginx whose main file includes the one that it is asked about, and nothing else.
    pub(crate) fn including() -> Nginx {
        Nginx { included: true, ..Nginx::new("") }
    }

    /// `None` where the module is not installed.
    pub(crate) fn with_lua() -> Option<Nginx> {
        let modules = MODULE_DIRS.map(Path::new).into_iter().find_map(|dir| {
            let modules = [dir.join("ndk_http_module.so"), dir.join("ngx_http_lua_module.so")];
            modules.iter().all(|module| module.exists()).then_some(modules)
        })?;
        let load = |module: &PathBuf| format!("load_module {};", module.display());
        Some(Nginx::new(&modules.iter().map(load).collect::<String>()))
    }

    fn new(globals: &str) -> Nginx {
        let program = PROGRAMS.map(Path::new).into_iter().find(|program| program.exists());
        let program = program.expect("these tests ask nginx: install it (scripts/setup.sh does)");
        let dir = TempDir::new().unwrap();
        Nginx {
            program,
            dir,
            globals: format!("{globals}pid nginx.pid;error_log error.log;"),
            included: false,
        }
    }

    /// What `nginx -t` says of a file.
    pub(crate) fn test(&self, text: &[u8]) -> Answer {
        let dir = self.dir.path();
        let main = dir.join("nginx.conf");
        let file = if self.included { dir.join("included.conf") } else { main.clone() };
        std::fs::write(&main, "include included.conf;\n").unwrap();
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(self.program);
        command.arg("-t").arg("-p").arg(dir).arg("-c").arg(&main).arg("-e").arg(dir.join("error.log"));
        let output = command.arg("-g").arg(&self.globals).stdin(Stdio::null()).output().unwrap();
        if output.status.success() {
            return Answer::Accepted;
        }
        let place = [b" in ", file.as_os_str().as_encoded_bytes(), b":"].concat();
        Answer::of(&output.stderr, &place)
            .unwrap_or_else(|| panic!("nginx names no line: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Answer {
    fn of(printed: &[u8], place: &[u8]) -> Option<Answer> {
        let prefix = b"nginx: [emerg] ";
        let from = printed.windows(prefix.len()).position(|window| window == prefix)? + prefix.len();
        let rest = &printed[from..];
        let end = rest.windows(place.len()).position(|window| window == place)?;
        let digits = rest[end + place.len()..].iter().take_while(|byte| byte.is_ascii_digit());
        let line = String::from_utf8(digits.copied().collect()).ok()?.parse().ok()?;
        Some(Answer::Refused { message: rest[..end].to_vec(), line })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Accepted => f.write_str("accepts"),
            Answer::Refused { message, line } => {
                write!(f, "says {:?} in line {line}", String::from_utf8_lossy(message))
            }
        }
    }
}
