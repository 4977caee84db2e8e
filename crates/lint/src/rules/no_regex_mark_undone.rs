//! `location ^~ /static/ { } location /static/maps/ { } location ~ \.php$ { }`

use evenkeel_model::{
    Budget, Choice, Chosen, Config, Formula, Language, Location, LocationKind, ServerKind, Sought,
};

use super::{Holes, shown_uri};
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a plain `location` inside the text of a `^~` one, where regular expressions take requests again.
    ///
    /// ## Why is this bad?
    /// `^~` says that no regular expression is asked, but only for an address whose *longest* prefix it is. A longer
    /// prefix without the mark ends that: below it the expressions of the level count again, and an upload or a
    /// download directory that was thought to be safe from `\.php$` is not.
    ///
    /// Reported only where an expression really takes an address below the longer prefix; the address is shown.
    ///
    /// ## Example
    /// ```nginx
    /// location ^~ /static/     { root /srv; }
    /// location /static/upload/ { root /data; }         # /static/upload/x.php goes to PHP
    /// location ~ \.php$        { fastcgi_pass app; }
    ///
    /// location ^~ /static/upload/ { root /data; }      # and now it does not
    /// ```
    ///
    /// Source: `ngx_http_core_find_location`, src/http/ngx_http_core_module.c
    "no-regex-mark-undone", Warning, since "0.1", routes check
}

/// How many steps the proofs for a whole tree may take; what is not proven by then is not reported.
const STEPS_MAX: u64 = 2_000_000;

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let (config, router) = (routes.config, &routes.router);
    let holes = Holes::of(config);
    let mut budget = Budget(STEPS_MAX);
    for (place, server) in config.servers().iter().enumerate() {
        if server.kind == ServerKind::Http && !holes.is_in(config.node(server.node)) {
            let mut level = Level { config, choice: None, budget: &mut budget };
            level.look(&server.locations, &|| Choice::of_locations(router, place), findings);
        }
    }
}

struct Level<'a> {
    config: &'a Config,
    choice: Option<Choice>,
    budget: &'a mut Budget,
}

impl Level<'_> {
    fn look(&mut self, locations: &[Location], choice: &dyn Fn() -> Choice, findings: &mut Findings<'_>) {
        let of_kind = |wanted: fn(LocationKind) -> bool| {
            let mut found: Vec<&Location> =
                locations.iter().filter(|location| wanted(location.kind)).collect();
            found.sort_by(|one, other| one.pattern.cmp(&other.pattern));
            found
        };
        let prefixes = of_kind(|kind| matches!(kind, LocationKind::Prefix | LocationKind::PrefixNoRegex));
        let regexes = of_kind(|kind| matches!(kind, LocationKind::Regex { .. }));
        let mut around: Vec<&Location> = Vec::new();
        for prefix in prefixes {
            while around.last().is_some_and(|outer| !prefix.pattern.starts_with(&outer.pattern)) {
                around.pop();
            }
            let marked = around.last().filter(|outer| outer.kind == LocationKind::PrefixNoRegex);
            if let (Some(marked), LocationKind::Prefix, false) = (marked, prefix.kind, regexes.is_empty()) {
                self.ask(marked, prefix, &regexes, choice, findings);
            }
            around.push(prefix);
        }
        for location in locations {
            self.look(&location.children, choice, findings);
        }
    }

    fn ask(
        &mut self,
        marked: &Location,
        prefix: &Location,
        regexes: &[&Location],
        choice: &dyn Fn() -> Choice,
        findings: &mut Findings<'_>,
    ) {
        let choice = &*self.choice.get_or_insert_with(choice);
        let below =
            Formula::In(Language::prefix(&prefix.pattern)).and(Formula::In(Language::normalized_uri(true)));
        for regex in regexes {
            let found = choice.find(Chosen::Rule(regex.node), &below, self.budget);
            let Sought::Found { string, only_odd: false } = found else { continue };
            let text = String::from_utf8_lossy(&prefix.pattern);
            let node = self.config.node(prefix.node);
            let last = node.args().len().saturating_sub(1);
            let outer = String::from_utf8_lossy(&marked.pattern);
            findings
                .at_arg(
                    node,
                    last,
                    format!("below `{text}` the `^~` of `{outer}` does not keep regular expressions out"),
                )
                .related(
                    self.config.node(marked.node),
                    "the mark counts only where this is the longest prefix",
                )
                .related(self.config.node(regex.node), format!("takes `{}`, for example", shown_uri(&string)))
                .help(format!("write `location ^~ {text}` if none shall be asked there either"));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn regexes_that_come_back_are_found() {
        check_rule(
            &super::RULE,
            r"
server {
    location ^~ /static/ { return 200; }
    location /static/upload/ { return 200; }
           # ^^^^^^^^^^^^^^^ below `/static/upload/` the `^~` of `/static/` does not keep regular expressions out
    location ~ ^/x { return 200; }
    location ~ \.php$ { return 200; }
}
server {
    listen 81;
    location /a/ {
        location ^~ /a/b/ { return 200; }
        location /a/b/c { return 200; }
               # ^^^^^^ below `/a/b/c` the `^~` of `/a/b/` does not
        location ~ d { return 200; }
    }
}
",
        );
    }

    #[test]
    fn where_no_regex_takes_anything_it_is_silent() {
        check_rule(
            &super::RULE,
            r"
server {
    location ^~ /static/ { return 200; }
    location ^~ /static/upload/ { return 200; }
    location /static/upload/x/ { location ~ . { return 200; } }
    location = /static/exact.php { return 200; }
    location /other/ { return 200; }
    location ~ ^/other/ { return 200; }
    location ~ \.php$ { return 200; }
}
server {
    listen 81;
    location ^~ /static/ { return 200; }
    location /static/upload/ { return 200; }
    location ~ ^/api/ { return 200; }
}
server {
    listen 82;
    location ^~ /static/ { return 200; }
    location /static/upload/ { return 200; }
}
",
        );
    }
}
