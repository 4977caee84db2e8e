//! `pid` with another path than the nginx that runs has.

use evenkeel_model::{Config, RuntimeUse};

use crate::check::Findings;
use crate::rules::Holes;

rule! {
    /// Finds a change that moves the pid file of the nginx that runs.
    ///
    /// ## Why is this bad?
    /// A reload takes the new path: nginx writes the new file and removes the old one. Whoever knows the old one then finds no
    /// nginx, or another process that has its number by now: `PIDFile=` of a systemd unit, `logrotate`, `nginx -s` with another
    /// `-c`, monitoring, and `--pid` of this program. The next `systemctl reload` fails, or a second nginx is started.
    ///
    /// The rule needs the live tree (`--against DIR`). Move the file in all of these places together.
    ///
    /// ## Example
    /// ```nginx
    /// pid /run/nginx.pid;         # live, and PIDFile= of the unit
    /// pid /run/nginx/nginx.pid;   # new
    /// ```
    ///
    /// Source: `ngx_init_cycle` (a new pid file before the new workers, and the old one deleted), src/core/ngx_cycle.c;
    /// <https://nginx.org/en/docs/ngx_core_module.html#pid>
    "pid-file-moved", Warning, since "0.1", between compare
}

fn compare(live: &Config, new: &Config, findings: &mut Findings<'_>) {
    if [live, new].iter().any(|config| Holes::of(config).is_in(config.root())) {
        return;
    }
    let of = |config: &Config| {
        let path = config.runtime_paths().into_iter().find(|path| path.what == RuntimeUse::Pid)?;
        Some(String::from_utf8_lossy(&path.path).into_owned())
    };
    let (Some(was), Some(is)) = (of(live), of(new)) else { return };
    if was == is {
        return;
    }
    let stated = new.root().find("pid").last();
    let Some(at) = stated.or_else(|| new.root().children().next()) else { return };
    findings.at(at, format!("the pid file moves from `{was}` to `{is}`")).help(
        "whatever reads the old one (PIDFile= of the unit, logrotate, --pid) must learn of the new one",
    );
}

#[cfg(test)]
mod tests {
    use crate::testing::check_change;

    #[test]
    fn pid_file_that_moves_is_found() {
        check_change(
            &super::RULE,
            "#- nginx.conf\npid /run/nginx.pid;\nevents { }\n",
            r"
#- nginx.conf
  pid /run/nginx/nginx.pid;
# ^^^ the pid file moves from `/run/nginx.pid` to `/run/nginx/nginx.pid`
events { }
",
        );
        check_change(
            &super::RULE,
            "#- nginx.conf\npid /srv/x.pid;\nevents { }\n",
            r"
#- nginx.conf
  events { }
# ^^^^^^ the pid file moves from `/srv/x.pid`
",
        );
    }

    #[test]
    fn pid_file_that_stays_is_silent() {
        let live = "#- nginx.conf\npid /srv/x.pid;\nevents { }\n";
        check_change(&super::RULE, live, "#- nginx.conf\nevents { }\npid /srv/x.pid;\n");
        check_change(&super::RULE, live, "#- nginx.conf\ninclude /elsewhere/main.conf;\nevents { }\n");
    }
}
