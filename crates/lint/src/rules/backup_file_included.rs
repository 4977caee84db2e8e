//! `include sites-enabled/*;` and an editor's or a package manager's leftovers.

use evenkeel_model::Config;

use crate::check::Findings;
rule! {
    /// Finds a backup copy that a wildcard `include` loads beside the file it is a copy of.
    ///
    /// ## Why is this bad?
    /// `include sites-enabled/*;` takes every name that does not begin with a dot: the
    /// `default.dpkg-old` of a package upgrade, the `shop.conf.bak` of a hurried evening, the
    /// `shop.conf~` of an editor. nginx then serves old servers beside the new ones, refuses
    /// duplicates, or, worst, silently prefers the copy because it sorts first.
    ///
    /// Found are the endings of dpkg (`.dpkg-*`, `.ucf-*`), rpm (`.rpmnew`, `.rpmsave`,
    /// `.rpmorig`), patch (`.orig`, `.rej`) and editors (`~`, `.swp`, `.swo`, `.save`, `#…#`), and
    /// `.bak`, `.backup`, `.old`, `.disabled`, with a number or a date behind them too.
    ///
    /// ## Example
    /// ```nginx
    /// include sites-enabled/*;        # loads sites-enabled/default.dpkg-old too
    /// include sites-enabled/*.conf;   # loads what ends with .conf
    /// ```
    ///
    /// Source: `ngx_conf_include`, src/core/ngx_conf_file.c;
    /// <https://nginx.org/en/docs/ngx_core_module.html#include>
    "backup-file-included", Warning, since "0.1", check
}

/// What a leftover's name ends with.
const ENDINGS: [&str; 10] =
    ["~", ".orig", ".rej", ".rpmnew", ".rpmsave", ".rpmorig", ".swp", ".swo", ".save", ".dpkg-tmp"];

/// What comes before a number, a date or nothing in a leftover's name.
const MARKS: [&str; 5] = [".bak", ".backup", ".old", ".save", ".disabled"];

fn check(config: &Config, findings: &mut Findings<'_>) {
    for include in config.includes().iter().filter(|include| include.glob) {
        for &file in &include.matched {
            let source = config.file(file);
            let name = source.path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
            if is_leftover(&String::from_utf8_lossy(name)) {
                findings
                    .at_arg(
                        config.node(include.node),
                        0,
                        format!(
                            "this pattern also loads `{}`, which looks like a leftover copy",
                            source.display
                        ),
                    )
                    .help("move the copy out of the directory, or make the pattern narrower (`*.conf`)");
            }
        }
    }
}

fn is_leftover(name: &str) -> bool {
    let by_mark = MARKS.iter().any(|mark| {
        name.rsplit_once(mark).is_some_and(|(_, rest)| {
            rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '_' | ':' | 'T' | '~'))
        })
    });
    by_mark
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || name.contains(".dpkg-")
        || name.contains(".ucf-")
        || (name.len() > 1 && name.starts_with('#') && name.ends_with('#'))
}

#[cfg(test)]
mod tests {
    use super::is_leftover;
    use crate::testing::check_rule;

    #[test]
    fn copies_that_a_glob_loads_are_found() {
        check_rule(
            &super::RULE,
            r"
#- nginx.conf
events { }
http {
    include sites-enabled/*;
          # ^^^^^^^^^^^^^^^ also loads `sites-enabled/default.dpkg-old`
          # ^^^^^^^^^^^^^^^ also loads `sites-enabled/shop.conf~`
}
#- sites-enabled/default
server { listen 80; }
#- sites-enabled/default.dpkg-old
server { listen 81; }
#- sites-enabled/shop.conf~
server { listen 82; }
",
        );
    }

    #[test]
    fn a_copy_that_no_glob_loads_is_silent() {
        check_rule(
            &super::RULE,
            r"
#- nginx.conf
events { }
http {
    include sites-enabled/*.conf;
    include backup.old;
}
#- backup.old
server { listen 80; }
#- sites-enabled/shop.conf
server { listen 81; }
#- sites-enabled/shop.conf.bak
server { listen 82; }
",
        );
    }

    #[test]
    fn leftovers_are_told_by_their_names() {
        for name in [
            "default.dpkg-dist",
            "a.ucf-old",
            "a.conf.bak",
            "a.conf.bak2",
            "a.bak.2024-01-31",
            "a.conf.old",
            "a.conf.rpmnew",
            "a.conf.rpmsave",
            "a.swp",
            "a.orig",
            "a.save",
            "a.save.1",
            "a~",
            "#a.conf#",
            "a.conf.disabled",
        ] {
            assert!(is_leftover(name), "{name}");
        }
        for name in
            ["default", "shop.conf", "old.example.com", "bakery.conf", "a.old.example.com", "save.conf"]
        {
            assert!(!is_leftover(name), "{name}");
        }
    }
}
