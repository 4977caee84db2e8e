//! `map $uri $x { ~^/a 1; ~^/ab 2; }`

use evenkeel_model::{Budget, Choice, Chosen, Formula, Sought};

use super::{Holes, SHOWN_MAX};
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds a line of a `map` that no value ever gets to, because others take all of its values first.
    ///
    /// ## Why is this bad?
    /// nginx looks for an equal value first (without regard to case), with `hostnames` then for the longest wildcard, and
    /// then asks the regular expressions from the first to the last. A line behind others that match all that it matches
    /// has no effect, and looks as if it had one.
    ///
    /// It is proven: the lines that are shown leave no value for this one, of any length, with any bytes.
    ///
    /// ## Example
    /// ```nginx
    /// map $http_user_agent $limit {
    ///     ~*bot            1;
    ///     ~*(google)bot    "";      # never: every such text has a bot in it
    /// }
    /// ```
    ///
    /// Source: `ngx_http_map_find`, src/http/ngx_http_variables.c
    "shadowed-map-line", Warning, since "0.1", routes check
}

/// How many steps the proofs for a whole tree may take; what is not proven by then is not reported.
const STEPS_MAX: u64 = 2_000_000;

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let (config, router) = (routes.config, &routes.router);
    let holes = Holes::of(config);
    let mut budget = Budget(STEPS_MAX);
    let maps =
        config.named("map").filter(|map| map.is_block() && map.context().is_http() && !holes.is_in(*map));
    for map in maps {
        let lines: Vec<_> = map.children().filter(|line| line.name_bytes().starts_with(b"~")).collect();
        if lines.is_empty() {
            continue;
        }
        let Some(choice) = Choice::of_map(router, map.id()) else { continue };
        let wanted: Vec<_> = lines.iter().map(|line| Chosen::Rule(line.id())).collect();
        for (line, sought) in lines.iter().zip(choice.each(&wanted, &Formula::All(Vec::new()), &mut budget)) {
            let Sought::Shadowed(by) = sought else { continue };
            if by.is_empty() {
                continue;
            }
            let text = String::from_utf8_lossy(line.name_bytes()).into_owned();
            let draft = findings.at(*line, format!("no value ever gets to the line `{text}`"));
            for by in by.iter().take(SHOWN_MAX) {
                draft.related(config.node(*by), "takes values that it matches");
            }
            draft.help("move it before those lines, or take it out");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn lines_that_nothing_gets_to_are_found() {
        check_rule(
            &super::RULE,
            r#"
map $http_user_agent $limit {
    default 0;
    ~*bot 1;
    ~*(google)bot 2;
  # ^^^^^^^^^^^^^ no value ever gets to the line
}
map $host $site {
    hostnames;
    .example.com 1;
    ~^[a-c] 2;
    ~^[d-z] 3;
    ~^[a-z]+\.net 4;
  # ^^^^^^^^^^^^^ no value ever gets to the line
    ~^www\.example\.com\z 5;
  # ^^^^^^^^^^^^^^^^^^^^^ no value ever gets to the line
}
"#,
        );
    }

    #[test]
    fn lines_that_something_gets_to_are_silent() {
        check_rule(
            &super::RULE,
            r"
map $http_user_agent $limit {
    ~*(google)bot 2;
    ~*bot 1;
    bot 3;
}
map $uri $x {
    ~^/a 1;
    ~^/(?!a) 2;
    ~x 3;
    ~^/(.)\1 4;
    ~^[^/] 5;
    default 6;
}
",
        );
    }
}
