//! dpkg's own database, as files: what is installed, which configuration files it has, what it was told to do with them.
//!
//! Source: deb-conffiles(5), dpkg(1), and dpkg's lib/dpkg/parse.c for the form of the `status` file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::conffile::Force;

/// How much of the status file is read, in bytes.
const STATUS_BYTES_MAX: u64 = 256 << 20;
/// How much of one list of files is read, in bytes.
const LIST_BYTES_MAX: u64 = 16 << 20;

/// What stands for the digest of a configuration file that was unpacked and never configured.
pub const NEW_CONFFILE: &str = "newconffile";

/// The database and the settings of one dpkg.
#[derive(Debug, Clone)]
pub struct Dpkg {
    /// `/var/lib/dpkg`
    pub admin: PathBuf,
    /// `/etc/dpkg`
    pub settings: PathBuf,
    /// `/var/log/dpkg.log`
    pub log: PathBuf,
}

impl Default for Dpkg {
    fn default() -> Self {
        Self { admin: "/var/lib/dpkg".into(), settings: "/etc/dpkg".into(), log: "/var/log/dpkg.log".into() }
    }
}

/// One installed package.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Installed {
    /// Its version.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
    /// Its state: `installed`, `half-configured`, `unpacked`, `config-files` …
    pub state: String,
    /// Its configuration files with the digest that it shipped.
    pub conffiles: Vec<Known>,
}

/// A configuration file that dpkg knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Where it is.
    pub path: PathBuf,
    /// The MD5 of what the package shipped; `newconffile` before it was configured for the first time.
    pub shipped: String,
    /// Whether the installed version has it no more.
    pub obsolete: bool,
}

impl Dpkg {
    /// The packages of these names that dpkg knows, whatever their architecture.
    ///
    /// # Errors
    /// When the status file cannot be read.
    pub fn installed(&self, names: &BTreeSet<String>) -> io::Result<BTreeMap<String, Installed>> {
        self.known(|name| names.contains(name))
    }

    /// All packages that have a configuration file in a directory.
    ///
    /// # Errors
    /// When the status file cannot be read.
    pub fn owners(&self, directory: &Path) -> io::Result<BTreeMap<String, Installed>> {
        let mut all = self.known(|_| true)?;
        all.retain(|_, it| it.conffiles.iter().any(|known| known.path.starts_with(directory)));
        Ok(all)
    }

    fn known(&self, wanted: impl Fn(&str) -> bool) -> io::Result<BTreeMap<String, Installed>> {
        let file = File::open(self.admin.join("status"))?.take(STATUS_BYTES_MAX);
        let mut found = BTreeMap::new();
        let (mut name, mut package, mut field) = (String::new(), Installed::default(), String::new());
        let mut keep = |name: &mut String, package: &mut Installed| {
            let (name, package) = (std::mem::take(name), std::mem::take(package));
            if wanted(&name) && !package.state.is_empty() && package.state != "not-installed" {
                found.insert(name, package);
            }
        };
        for line in BufReader::new(file).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            if line.is_empty() {
                keep(&mut name, &mut package);
            } else if let Some(more) = line.strip_prefix(' ') {
                if field == "conffiles" {
                    package.conffiles.extend(conffile(more));
                }
            } else if let Some((key, value)) = line.split_once(':') {
                field = key.to_ascii_lowercase();
                let value = value.trim();
                match field.as_str() {
                    "package" => value.clone_into(&mut name),
                    "architecture" => value.clone_into(&mut package.architecture),
                    "version" => value.clone_into(&mut package.version),
                    "status" => package.state = value.rsplit(' ').next().unwrap_or_default().to_owned(),
                    _ => {}
                }
            }
        }
        keep(&mut name, &mut package);
        Ok(found)
    }

    /// Whether an installed package has a file for which this holds.
    #[must_use]
    pub fn has_file(&self, name: &str, installed: &Installed, wanted: impl Fn(&Path) -> bool) -> bool {
        let lists = [format!("{name}.list"), format!("{name}:{}.list", installed.architecture)];
        lists.iter().filter_map(|list| File::open(self.admin.join("info").join(list)).ok()).any(|list| {
            let mut lines = BufReader::new(list.take(LIST_BYTES_MAX)).lines();
            lines.any(|line| line.is_ok_and(|line| wanted(Path::new(&line))))
        })
    }

    /// What dpkg is told by its settings and by these options to do with configuration files.
    #[must_use]
    pub fn force<'a>(&self, options: impl IntoIterator<Item = &'a str>) -> Force {
        const SETTINGS_BYTES_MAX: u64 = 1 << 20;
        let mut files: Vec<PathBuf> = std::fs::read_dir(self.settings.join("dpkg.cfg.d"))
            .map(|all| all.filter_map(|it| Some(it.ok()?.path())).collect())
            .unwrap_or_default();
        files.sort();
        files.push(self.settings.join("dpkg.cfg"));
        let mut force = Force::default();
        for file in files {
            let Ok(file) = File::open(file) else { continue };
            let mut text = String::new();
            let _unreadable = file.take(SETTINGS_BYTES_MAX).read_to_string(&mut text);
            text.lines().for_each(|line| force.learn(line));
        }
        options.into_iter().for_each(|option| force.learn(option));
        force
    }
}

/// `/etc/nginx/mime.types 0123… [obsolete] [remove-on-upgrade]`
fn conffile(line: &str) -> Option<Known> {
    let mut obsolete = false;
    let mut rest = line.trim_end();
    while let Some(shorter) =
        rest.strip_suffix(" obsolete").or_else(|| rest.strip_suffix(" remove-on-upgrade"))
    {
        (rest, obsolete) = (shorter, true);
    }
    let (path, shipped) = rest.rsplit_once(' ')?;
    path.starts_with('/').then(|| Known { path: path.into(), shipped: shipped.to_owned(), obsolete })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Package: nginx-common\nStatus: install ok installed\nVersion: 1.22.1-9\nConffiles:\n \
        /etc/nginx/nginx.conf aa\n /etc/nginx/with space bb obsolete\n newer newconffile\nDescription: small\n \
        /etc/nginx/not.one cc\n\nPackage: gone\nStatus: deinstall ok not-installed\n\nPackage: shop\nStatus: \
        install reinstreq half-configured\nVersion: 2\nConffiles:\n /etc/shop newconffile";

    fn dpkg() -> (tempfile::TempDir, Dpkg) {
        let dir = tempfile::tempdir().unwrap();
        let dpkg =
            Dpkg { admin: dir.path().into(), settings: dir.path().into(), log: dir.path().join("log") };
        std::fs::create_dir_all(dir.path().join("info")).unwrap();
        std::fs::create_dir_all(dir.path().join("dpkg.cfg.d")).unwrap();
        std::fs::write(dir.path().join("status"), STATUS).unwrap();
        (dir, dpkg)
    }

    #[test]
    fn status_says_what_is_installed_and_what_was_shipped() {
        let (_dir, dpkg) = dpkg();
        let all = dpkg.known(|_| true).unwrap();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["nginx-common", "shop"]);
        assert_eq!((all["shop"].state.as_str(), all["shop"].version.as_str()), ("half-configured", "2"));
        let known = |path: &str, shipped: &str, obsolete| Known {
            path: path.into(),
            shipped: shipped.to_owned(),
            obsolete,
        };
        assert_eq!(
            all["nginx-common"].conffiles,
            [known("/etc/nginx/nginx.conf", "aa", false), known("/etc/nginx/with space", "bb", true)]
        );
        assert_eq!(dpkg.owners(Path::new("/etc/nginx")).unwrap().len(), 1);
    }

    #[test]
    fn files_of_a_package_are_found_with_and_without_architecture() {
        let (dir, dpkg) = dpkg();
        std::fs::write(dir.path().join("info/nginx:amd64.list"), "/.\n/usr/sbin/nginx\n").unwrap();
        let is_nginx = |path: &Path| path == Path::new("/usr/sbin/nginx");
        let here = Installed { architecture: "amd64".to_owned(), ..Installed::default() };
        assert!(dpkg.has_file("nginx", &here, is_nginx));
        assert!(!dpkg.has_file("nginx", &Installed::default(), is_nginx));
        assert!(!dpkg.has_file("ngin", &here, is_nginx) && !dpkg.has_file("nginx-common", &here, is_nginx));
    }

    #[test]
    fn settings_come_before_options() {
        let (dir, dpkg) = dpkg();
        std::fs::write(dir.path().join("dpkg.cfg.d/local"), "# a comment\nforce-confnew\n").unwrap();
        assert!(dpkg.force([]).new);
        assert!(!dpkg.force(["--no-force-confnew"]).new);
    }
}
