//! An `include` of a pattern that used to bring something in.

use std::collections::{HashMap, HashSet};

use evenkeel_model::{Config, Include};

use crate::check::Findings;
use crate::rules::enumerate;

rule! {
    /// Finds an `include` whose pattern matched files in the live tree and matches none now.
    ///
    /// ## Why is this bad?
    /// For nginx a pattern that matches nothing is no error: the test passes, the reload succeeds,
    /// and every server that stood in those files is gone. A renamed directory, files with another
    /// ending, a checkout without its submodule or links that lead nowhere look exactly like this.
    ///
    /// The rule needs the live tree (`--against DIR`) and is silent without it, and where nobody can
    /// know here what a directory of the host holds. A pattern that was changed is compared with
    /// the one that it replaces in the same block.
    ///
    /// ## Example
    /// ```nginx
    /// include sites-enabled/*.conf;   # live: shop.conf, blog.conf; now: nothing
    /// ```
    ///
    /// Source: `ngx_conf_include` and `ngx_open_glob`: a pattern without a match is not an error,
    /// src/core/ngx_conf_file.c; <https://nginx.org/en/docs/ngx_core_module.html#include>
    "include-matches-nothing", Error, since "0.1", between compare
}

/// How many lost files the help names.
const NAMES_MAX: usize = 5;

fn compare(live: &Config, new: &Config, findings: &mut Findings<'_>) {
    let of_live: HashSet<&[u8]> = patterns(live);
    let of_new: HashSet<&[u8]> = patterns(new);
    let mut matched: HashMap<&[u8], &Include> = HashMap::new();
    let mut gone: HashMap<Place<'_>, &Include> = HashMap::new();
    for include in live.includes().iter().filter(|include| include.glob && !include.matched.is_empty()) {
        matched.entry(&include.pattern).or_insert(include);
        if !of_new.contains(include.pattern.as_slice()) {
            gone.entry(place(live, include)).or_insert(include);
        }
    }
    for include in
        new.includes().iter().filter(|include| include.glob && include.known && include.matched.is_empty())
    {
        let lost = if of_live.contains(include.pattern.as_slice()) {
            matched.get(include.pattern.as_slice())
        } else {
            gone.get(&place(new, include))
        };
        let Some(lost) = lost else { continue };
        let node = new.node(include.node);
        let pattern = String::from_utf8_lossy(node.arg(0).unwrap_or_default()).into_owned();
        let names: Vec<String> =
            lost.matched.iter().map(|&file| format!("`{}`", live.file(file).display)).collect();
        findings
            .at_arg(
                node,
                0,
                format!("`{pattern}` matches nothing, and in the live tree this include brought files in"),
            )
            .help(format!("no longer read: {}", enumerate(&names, NAMES_MAX)));
    }
}

fn patterns(config: &Config) -> HashSet<&[u8]> {
    config.includes().iter().map(|include| include.pattern.as_slice()).collect()
}

/// A file and the names of the blocks around.
type Place<'c> = (&'c [u8], Vec<&'c str>);

/// Where an include stands.
fn place<'c>(config: &'c Config, include: &Include) -> Place<'c> {
    let node = config.node(include.node);
    (&node.source().path, node.ancestors().map(|block| block.name()).collect())
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_change, check_rule};

    const LIVE: &str = r"
#- nginx.conf
events { }
http {
    include sites-enabled/*.conf;
    include conf.d/*.conf;
}
#- sites-enabled/shop.conf
server { listen 80; }
#- sites-enabled/blog.conf
server { listen 81; }
";

    #[test]
    fn a_pattern_that_lost_all_its_files_is_found() {
        check_change(
            &super::RULE,
            LIVE,
            r"
#- nginx.conf
events { }
http {
    include sites-enabled/*.conf;
          # ^^^^^^^^^^^^^^^^^^^^ `sites-enabled/*.conf` matches nothing, and in the live tree
    include conf.d/*.conf;
}
#- sites-enabled/shop.conf.txt
server { listen 80; }
",
        );
    }

    #[test]
    fn a_mistyped_pattern_is_compared_with_the_one_it_replaces() {
        check_change(
            &super::RULE,
            LIVE,
            r"
#- nginx.conf
events { }
http {
    include site-enabled/*.conf;
          # ^^^^^^^^^^^^^^^^^^^ `site-enabled/*.conf` matches nothing
    include conf.d/*.conf;
}
#- sites-enabled/shop.conf
server { listen 80; }
",
        );
    }

    #[test]
    fn patterns_that_still_match_never_matched_or_are_gone_are_silent() {
        check_change(
            &super::RULE,
            LIVE,
            r"
#- nginx.conf
events { }
http {
    include sites-enabled/*.conf;
    include conf.d/*.conf;
    include extra/*.conf;
}
#- sites-enabled/shop.conf
server { listen 80; }
",
        );
        check_change(
            &super::RULE,
            LIVE,
            r"
#- nginx.conf
events { }
http {
    server { listen 80; }
}
",
        );
    }

    #[test]
    fn without_a_live_tree_nothing_is_said() {
        check_rule(&super::RULE, "include nowhere/*.conf;");
    }
}
