//! Nothing to check here: `suppress` says it.

rule! {
    /// Finds an `evenkeel:allow` that gives no reason, and therefore allows nothing.
    ///
    /// ## Why is this bad?
    /// Whoever reads the line in a year must be able to tell a decision from a shortcut, and to see
    /// when its ground is gone. So a reason is part of the comment: `because`, and then some words.
    ///
    /// ## Example
    /// ```nginx
    /// # evenkeel:allow(upstream-resolved-once)                                        # no reason
    /// # evenkeel:allow(upstream-resolved-once) because the name is in our /etc/hosts  # allowed
    /// proxy_pass http://billing.internal;
    /// ```
    "allow-without-reason", Warning, since "0.1", allow
}
