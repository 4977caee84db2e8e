//! `diff`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  evenkeel diff /etc/nginx ./nginx\n  evenkeel diff /etc/nginx ./nginx --traffic \
/var/log/nginx/access.log --traffic /var/log/nginx/access.log.2.gz\n  evenkeel diff ./before ./after --verify   # \
every witness on two real nginxes in a sandbox\n  ssh web1 cat /var/log/nginx/access.log | evenkeel diff ./before ./after \
--traffic -\n\nExit codes: 0 proven: nothing changes · 1 something changes, or a tree would be refused · 2 could not look \
at everything."
)]
pub(crate) struct Diff {
    /// The tree before: a directory with nginx.conf, or the main file itself
    pub(crate) old: PathBuf,
    /// The tree after
    pub(crate) new: PathBuf,
    /// Count how much of this access log each change touches; .gz too, `-` for standard input; repeatable
    #[arg(long, value_name = "LOG")]
    pub(crate) traffic: Vec<PathBuf>,
    /// How the logs are written: the name of a log_format of OLD, combined, main or common, or the text of one
    /// [default: as OLD says of that file, else whatever fits the lines]
    #[arg(long, value_name = "NAME|TEXT", requires = "traffic")]
    pub(crate) log_format: Option<String>,
    /// What a log without $host and $scheme is about, for example https://shop.example.com
    #[arg(long, value_name = "URL", requires = "traffic")]
    pub(crate) log_host: Option<String>,
    /// Ask two real nginxes in a sandbox every witness, and say where the prediction was wrong
    #[arg(long)]
    pub(crate) verify: bool,
    /// Show every row, not only the first 20
    #[arg(long)]
    pub(crate) all: bool,
    /// Where the trees will live: absolute includes of this directory are read inside each of them
    #[arg(long, value_name = "DIR")]
    pub(crate) prefix: Option<PathBuf>,
    /// The nginx version to answer for, such as 1.22.1 [default: that of the nginx binary, else the newest known]
    #[arg(long, value_name = "VERSION")]
    pub(crate) nginx_version: Option<String>,
    /// How to build the sandbox of --verify [default: the most faithful that is possible]
    #[arg(long, value_name = "MODE", value_parser = ["ident", "subid", "alias", "reduced"], requires = "verify")]
    pub(crate) mode: Option<String>,
}
