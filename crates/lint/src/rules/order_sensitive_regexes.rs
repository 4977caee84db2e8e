//! `location ~ /\. { deny all; } location ~ \.css$ { }`

use std::collections::HashMap;

use evenkeel_model::{
    Budget, Choice, Chosen, Config, Formula, Language, Location, LocationKind, Node, NodeId, Router,
    ServerKind, Solution, Sought, solve,
};

use super::{Holes, SHOWN_MAX, shown_uri};
use crate::check::Findings;
use crate::routes::Routes;

rule! {
    /// Finds regular expressions of which only the order says what becomes of an address that both match.
    ///
    /// ## Why is this bad?
    /// It is not, as long as everybody who edits the file knows. nginx takes the first regular expression that matches;
    /// whoever moves a block, adds one above, or splits the file into several that are read by name, changes what such an
    /// address gets, and nothing in either block says so.
    ///
    /// Reported are locations of one level that share addresses and of which each also has some of its own (where one has
    /// all of the other's, the narrower one stands first on purpose, or is dead: `shadowed-location`), and only if they
    /// differ in what decides about the answer: where it is passed or looked for, `return`, `rewrite`, who may. The address
    /// that is shown gets the first, and would get the second if they changed places.
    ///
    /// ## Example
    /// ```nginx
    /// location ~ /\.        { deny all; }
    /// location ~ \.css$     { expires 30d; }        # above the other, it would answer for /.secret.css
    /// ```
    ///
    /// Source: `ngx_http_core_find_location`, src/http/ngx_http_core_module.c
    "order-sensitive-regexes", Note, since "0.1", routes check
}

/// How many steps the search in a whole tree may take; what is not found by then is not reported.
const STEPS_MAX: u64 = 100_000;

/// How many expressions that take the address that was found are left out one after the other.
const RETRIES_MAX: usize = 4;

/// A regular expression, and whether the case of letters is ignored.
type Expression<'c> = (&'c [u8], bool);

fn check(routes: &Routes<'_>, findings: &mut Findings<'_>) {
    let config = routes.config;
    let holes = Holes::of(config);
    let uris = Language::normalized_uri(true);
    let mut pairs = Pairs {
        budget: Budget(STEPS_MAX),
        languages: HashMap::new(),
        meet: HashMap::new(),
        uris: uris.and(&Language::printable()).unwrap_or(uris),
    };
    for (place, server) in config.servers().iter().enumerate() {
        if server.kind == ServerKind::Http && !holes.is_in(config.node(server.node)) {
            let mut level = Level { config, router: &routes.router, place, choice: None, pairs: &mut pairs };
            level.look(&server.locations, findings);
        }
    }
}

/// What is known of expressions, whoever has them.
struct Pairs<'c> {
    budget: Budget,
    languages: HashMap<Expression<'c>, Option<Language>>,
    meet: HashMap<(Expression<'c>, Expression<'c>), bool>,
    /// Addresses without control characters.
    uris: Language,
}

impl<'c> Pairs<'c> {
    fn language(&mut self, expression: Expression<'c>) -> Option<Language> {
        let (pattern, caseless) = expression;
        let make = || Language::pattern(pattern, caseless).ok();
        self.languages.entry(expression).or_insert_with(make).clone()
    }

    /// Whether some address is matched by both.
    fn meet(&mut self, one: Expression<'c>, other: Expression<'c>) -> bool {
        if let Some(&known) = self.meet.get(&(one, other)) {
            return known;
        }
        let (Some(first), Some(second)) = (self.language(one), self.language(other)) else { return false };
        let both = Formula::All([first, second, self.uris.clone()].map(Formula::In).to_vec());
        let meet = matches!(solve(&both, &mut self.budget), Solution::Found(_));
        self.meet.insert((one, other), meet);
        meet
    }
}

struct Level<'a, 'c> {
    config: &'c Config,
    router: &'a Router<'c>,
    place: usize,
    choice: Option<Choice>,
    pairs: &'a mut Pairs<'c>,
}

impl<'c> Level<'_, 'c> {
    fn look(&mut self, locations: &'c [Location], findings: &mut Findings<'_>) {
        let regexes: Vec<(Expression<'c>, NodeId)> = locations.iter().filter_map(expression).collect();
        for at in 1..regexes.len() {
            if self.pairs.budget.0 == 0 {
                return;
            }
            let (expression, node) = regexes[at];
            let mut first: Vec<(NodeId, Vec<u8>)> = Vec::new();
            for (before, &(other, earlier)) in regexes[..at].iter().enumerate() {
                let may = first.len() < SHOWN_MAX && self.pairs.meet(other, expression);
                if may
                    && self.differ(earlier, node)
                    && let Some(uri) = self.witness(&regexes, before, at)
                {
                    first.push((earlier, uri));
                }
            }
            self.report(node, &first, findings);
        }
        for location in locations {
            self.look(&location.children, findings);
        }
    }

    /// An address that gets one and would get a later one without it, where each has addresses of its own.
    fn witness(
        &mut self,
        regexes: &[(Expression<'c>, NodeId)],
        before: usize,
        after: usize,
    ) -> Option<Vec<u8>> {
        let (first, second) = (regexes[before].1, regexes[after].1);
        let later = self.pairs.language(regexes[after].0)?;
        let mut others: Vec<Language> = Vec::new();
        for (other, _) in regexes[..before].iter().chain(&regexes[before + 1..after]) {
            others.push(self.pairs.language(*other)?);
        }
        let (router, place) = (self.router, self.place);
        let choice = self.choice.get_or_insert_with(|| Choice::of_locations(router, place));
        let uris = Formula::In(self.pairs.uris.clone());
        let budget = &mut self.pairs.budget;
        let mut find = |node, wanted: &[Formula]| match choice.find(
            Chosen::Rule(node),
            &Formula::All(wanted.to_vec()),
            budget,
        ) {
            Sought::Found { string, .. } => Some(string),
            _ => None,
        };
        let without = |language: &Language| Formula::Not(Box::new(Formula::In(language.clone())));
        find(first, &[uris.clone(), without(&later)])?;
        find(second, std::slice::from_ref(&uris))?;
        let mut wanted = vec![uris, Formula::In(later)];
        for _ in 0..RETRIES_MAX {
            let uri = find(first, &wanted)?;
            match others.iter().find(|other| other.contains(&uri)) {
                Some(other) => wanted.push(without(other)),
                None => return Some(uri),
            }
        }
        None
    }

    /// Whether two blocks differ in what decides about the answer.
    fn differ(&self, one: NodeId, other: NodeId) -> bool {
        let (one, other) = (self.config.node(one), self.config.node(other));
        deciding(one) != deciding(other)
    }

    fn report(&self, node: NodeId, first: &[(NodeId, Vec<u8>)], findings: &mut Findings<'_>) {
        let Some((_, uri)) = first.first() else { return };
        let location = self.config.node(node);
        let last = location.args().len().saturating_sub(1);
        let message =
            format!("`{}` matches here too, and goes elsewhere only because of the order", shown_uri(uri));
        let draft = findings.at_arg(location, last, message);
        for (before, uri) in first {
            let words = format!("is read first, and takes `{}`", shown_uri(uri));
            draft.related(self.config.node(*before), words);
        }
        draft.help("keep them in this order, or make one of them narrower");
    }
}

fn expression(location: &Location) -> Option<(Expression<'_>, NodeId)> {
    match location.kind {
        LocationKind::Regex { caseless } => Some(((&location.pattern, caseless), location.node)),
        _ => None,
    }
}

/// What decides about the answer of a block, as it stands.
fn deciding(block: Node<'_>) -> Vec<Vec<&[u8]>> {
    const NAMES: [&str; 15] = [
        "alias",
        "allow",
        "auth_basic",
        "auth_request",
        "autoindex",
        "break",
        "deny",
        "error_page",
        "if",
        "internal",
        "limit_except",
        "return",
        "rewrite",
        "satisfy",
        "try_files",
    ];
    let decides = |node: &Node<'_>| {
        let name = node.name();
        NAMES.contains(&name) || name.ends_with("_pass") || name.contains("_by_lua") || name == "js_content"
    };
    let mut said = Vec::new();
    for node in block.children().filter(decides) {
        said.push(std::iter::once(node.name_bytes()).chain(node.args()).collect());
        said.extend(deciding(node));
    }
    // Where files are looked for, whoever says so.
    let root = std::iter::once(block).chain(block.ancestors()).find_map(|outer| outer.find("root").next());
    said.extend(root.filter(|_| block.is("location")).map(|root| root.args().collect()));
    said
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn expressions_that_only_their_order_tells_apart_are_found() {
        check_rule(
            &super::RULE,
            r"
server {
    location ~ /\.ht { deny all; }
    location ~ \.css$ { expires 30d; }
             # ^^^^^^ `/.ht.css` matches here too, and goes elsewhere only because of the order
    location /app/ {
        location ~ ^/app/[a-m] { return 200 a; }
        location ~ x$ { return 200 b; }
                 # ^^ `/app/ax` matches here too
    }
}
",
        );
    }

    #[test]
    fn expressions_whose_order_does_not_matter_are_silent() {
        check_rule(
            &super::RULE,
            r"
server {
    root /srv;
    location ~ ^/admin/.*\.php$ { deny all; }
    location ~ \.php$ { fastcgi_pass unix:/run/php.sock; }
    location ~* \.(?:css|js)$ { expires 30d; }
}
server {
    listen 83;
    root /srv;
    location ~* \.(?:css|js)$ { expires 30d; }
    location ~ ^/static/ { root /srv; access_log off; }
}
server {
    listen 81;
    location ~ ^/(.)\1 { return 200 a; }
    location ~ x$ { return 200 b; }
}
server {
    listen 82;
    location ~ ^/a { return 200 a; }
    location ~ ^/[ab]$ { return 200 b; }
    location ^~ /b { location ~ ^/b.*x { return 200 c; } location ~ ^/b.*x.*y { return 200 d; } }
}
",
        );
    }
}
