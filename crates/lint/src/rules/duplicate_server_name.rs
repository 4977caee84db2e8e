//! Two servers, one address, one name.

rule! {
    /// Finds a server name that another server has already taken on the same address and port.
    ///
    /// ## Why is this bad?
    /// nginx keeps the first and ignores the second, with a warning that `nginx -t` prints and a
    /// reload does not: every request for that name goes to the server that was read first. Often
    /// the second is a copy that an editor or an upgrade left in the directory
    /// (see `backup-file-included`), and which of the two is first is decided by their file names.
    ///
    /// Names are compared address by address, as nginx does it: the same name on another port, or
    /// on one address of several, is no conflict; a server without a name has the empty one;
    /// `.example.com` takes `example.com` and `*.example.com`; regular expressions are not compared.
    ///
    /// ## Example
    /// ```nginx
    /// server { listen 80; server_name shop.example.com; }
    /// server { listen 80; server_name blog.example.com shop.example.com; }   # the second is ignored
    /// ```
    ///
    /// Source: `ngx_http_server_names`, src/http/ngx_http.c; `ngx_hash_add_key`, src/core/ngx_hash.c
    "duplicate-server-name", Warning, since "0.1", validate
}

#[cfg(test)]
mod tests {
    use crate::testing::check_rule;

    #[test]
    fn a_name_taken_on_the_same_address_is_found() {
        check_rule(
            &super::RULE,
            r#"
server { listen 80; server_name shop.example.com; }
server { listen 80; server_name blog.example.com SHOP.example.com; }
                                               # ^^^^^^^^^^^^^^^^ conflicting server name "shop.example.com" on 0.0.0.0:80
server { listen 127.0.0.1:8080; server_name .example.org; }
server { listen 127.0.0.1:8080; server_name example.org; }
                                          # ^^^^^^^^^^^ conflicting server name
"#,
        );
    }

    #[test]
    fn servers_without_a_name_share_the_empty_one() {
        check_rule(
            &super::RULE,
            r#"
  server { listen 80; }
  server { listen 80; listen [::]:80; }
# ^^^^^^ conflicting server name "" on 0.0.0.0:80
  server { listen unix:/run/a.sock; server_name ""; }
  server { listen unix:/run/a.sock; }
# ^^^^^^ conflicting server name "" on unix:/run/a.sock
"#,
        );
    }

    #[test]
    fn the_same_name_elsewhere_is_silent() {
        check_rule(
            &super::RULE,
            r"
server { listen 80; server_name shop.example.com; }
server { listen 81; server_name shop.example.com; }
server { listen 127.0.0.1:80; server_name shop.example.com; }
server { listen 80; server_name ~^shop\.; }
server { listen 80; server_name ~^shop\.; }
server { listen 80; server_name *.shop.example.com; }
",
        );
    }
}
