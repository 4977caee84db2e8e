//! `rule!` makes a rule, `rules!` lists them.

/// Makes the `RULE` of a file: its doc comment is its page, then come name, severity, the version
/// that brought it and the function that checks: `between` before one that compares with the live tree, `routes` before
/// one that asks where requests go; `validate` or `allow` in its place where the model or `suppress` finds it.
macro_rules! rule {
    (
        $(#[doc = $line:literal])+
        $name:literal, $severity:ident, since $since:literal, between $check:ident $(,)?
    ) => {
        rule!(@ [$($line)+] $name, $severity, $since, Change($check));
    };
    (
        $(#[doc = $line:literal])+
        $name:literal, $severity:ident, since $since:literal, routes $check:ident $(,)?
    ) => {
        rule!(@ [$($line)+] $name, $severity, $since, Routes($check));
    };
    (
        $(#[doc = $line:literal])+
        $name:literal, $severity:ident, since $since:literal, allow $(,)?
    ) => {
        rule!(@ [$($line)+] $name, $severity, $since, Allow);
    };
    (
        $(#[doc = $line:literal])+
        $name:literal, $severity:ident, since $since:literal, validate $(,)?
    ) => {
        rule!(@ [$($line)+] $name, $severity, $since, Validate);
    };
    (
        $(#[doc = $line:literal])+
        $name:literal, $severity:ident, since $since:literal, $check:ident $(,)?
    ) => {
        rule!(@ [$($line)+] $name, $severity, $since, Tree($check));
    };
    (@ [$($line:literal)+] $name:literal, $severity:ident, $since:literal, $($check:tt)+) => {
        $(#[doc = $line])+
        pub(crate) static RULE: $crate::rule::Rule = $crate::rule::Rule {
            name: $name,
            severity: $crate::finding::Severity::$severity,
            since: $since,
            page: concat!($($line, "\n"),+),
            check: $crate::rule::Check::$($check)+,
        };
    };
}

/// Lists the rules: one line each, by name. Whoever forgets the line gets an unused `RULE` from the compiler.
macro_rules! rules {
    ($($module:ident),+ $(,)?) => {
        /// Every rule, sorted by name.
        pub(crate) static ALL: &[&$crate::rule::Rule] = &[$(&$module::RULE),+];
    };
}
