//! Nothing to check here: `suppress` says it.

rule! {
    /// Finds an `evenkeel:allow` that names a rule that does not exist.
    ///
    /// ## Why is this bad?
    /// The comment allows nothing, and a typing error in it hides until the finding that it was
    /// meant for turns up again. `evenkeel rules` lists the names.
    ///
    /// ## Example
    /// ```nginx
    /// # evenkeel:allow(alias-traversel) because the directory is public   # traversal
    /// location /img { alias /srv/img/; }
    /// ```
    "allow-unknown-rule", Warning, since "0.1", allow
}
