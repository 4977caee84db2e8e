//! `error-pages`: what users see while the application does not answer.

use anyhow::Context as _;
use evenkeel_controller::pages::error::{Site, directives, pages};
use serde_json::json;

use super::place::{exists, write};
use crate::args;
use crate::output::{Exit, Output};
use crate::settings::absolute;

/// The file with the lines for nginx.
const DIRECTIVES: &str = "error-pages.conf";

pub(crate) fn error_pages(args: &args::ErrorPages, output: Output) -> anyhow::Result<Exit> {
    let site = Site { name: args.site.clone(), contact: args.contact.clone() };
    let place = match &args.at {
        Some(at) => at.clone(),
        None => absolute(args.dir.clone())?,
    };
    let mut files = pages(&site)?;
    files.push((DIRECTIVES.to_owned(), directives(&place)?));
    // All of them or none.
    for (name, _) in &files {
        let path = args.dir.join(name);
        if exists(&path) && !args.force {
            anyhow::bail!("write {}: it is there already; --force writes over it", path.display());
        }
    }
    std::fs::create_dir_all(&args.dir)
        .with_context(|| format!("make the directory {}", args.dir.display()))?;
    for (name, text) in &files {
        write(&args.dir.join(name), text, args.force)?;
    }
    let written: Vec<String> =
        files.iter().map(|(name, _)| args.dir.join(name).display().to_string()).collect();
    let include = format!("include \"{}\";", place.join(DIRECTIVES).display());
    output.print(
        || {
            let mut text: String = written.iter().map(|path| format!("wrote {path}\n")).collect();
            text.push_str(&format!("\nNext: in every server {{ }} that passes requests on\n  {include}\n"));
            text.push_str(
                "`evenkeel rehearse` takes every upstream down and looks at the page that users see\n",
            );
            text
        },
        || json!({ "written": written, "include": include }),
    );
    Ok(Exit::Yes)
}
