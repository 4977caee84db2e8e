//! Nothing to check here: `suppress` says it.

rule! {
    /// Finds an `evenkeel:allow` that no longer allows anything.
    ///
    /// ## Why is this bad?
    /// What it was written for is gone, or the comment stands in the wrong place. Left there, it
    /// would silence the next finding of that rule, which nobody has looked at.
    ///
    /// The comment belongs on the line before a directive (other comments may lie in between, an
    /// empty line may not) or at the end of its line. At a block it holds for everything inside,
    /// at an `include` for everything that it brings in.
    ///
    /// ## Example
    /// ```nginx
    /// # evenkeel:allow(alias-traversal) because the directory is public
    /// location /img/ { alias /srv/img/; }   # nothing to find: the location ends with a slash
    /// ```
    "allow-unused", Note, since "0.1", allow
}
