//! `cargo xtask codegen [--check]`: the directive catalogue, from nginx's own command tables.
//!
//! Reads `crates/model/data/directives/*.json` and writes `crates/model/src/catalog/generated.rs`.
//! With `--check` nothing is written: it fails when the committed file is not what would be written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::workspace;

/// Directives that a distribution carried back into an older release than the one that introduced them:
/// refusing them there would be a false error.
const BACKPORTED: &[(&str, &str)] = &[("max_headers", "1.22.1")];

/// The context flags of nginx, in the order of the bits of `Contexts`.
const CONTEXTS: &[&str] = &[
    "NGX_MAIN_CONF",
    "NGX_EVENT_CONF",
    "NGX_HTTP_MAIN_CONF",
    "NGX_HTTP_SRV_CONF",
    "NGX_HTTP_LOC_CONF",
    "NGX_HTTP_UPS_CONF",
    "NGX_HTTP_SIF_CONF",
    "NGX_HTTP_LIF_CONF",
    "NGX_HTTP_LMT_CONF",
    "NGX_MAIL_MAIN_CONF",
    "NGX_MAIL_SRV_CONF",
    "NGX_STREAM_MAIN_CONF",
    "NGX_STREAM_SRV_CONF",
    "NGX_STREAM_UPS_CONF",
];

/// The argument flags of nginx and the bits of `Arity` that each sets: bit n is "n arguments".
const ARITIES: &[(&str, u16)] = &[
    ("NGX_CONF_NOARGS", 1),
    ("NGX_CONF_TAKE1", 1 << 1),
    ("NGX_CONF_TAKE2", 1 << 2),
    ("NGX_CONF_TAKE3", 1 << 3),
    ("NGX_CONF_TAKE4", 1 << 4),
    ("NGX_CONF_TAKE5", 1 << 5),
    ("NGX_CONF_TAKE6", 1 << 6),
    ("NGX_CONF_TAKE7", 1 << 7),
    ("NGX_CONF_TAKE12", 0b110),
    ("NGX_CONF_TAKE13", 0b1010),
    ("NGX_CONF_TAKE23", 0b1100),
    ("NGX_CONF_TAKE123", 0b1110),
    ("NGX_CONF_TAKE1234", 0b1_1110),
    ("NGX_CONF_FLAG", 1 << 8),
    ("NGX_CONF_1MORE", 1 << 9),
    ("NGX_CONF_2MORE", 1 << 10),
    ("NGX_CONF_ANY", 1 << 11),
    ("NGX_CONF_BLOCK", 1 << 12),
];

/// Flags that say nothing about where a directive may stand or what it takes.
const SILENT: &[&str] = &["NGX_DIRECT_CONF"];

#[derive(Deserialize)]
struct Table {
    #[serde(default)]
    versions: Vec<String>,
    directives: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    name: String,
    source: String,
    flags: Vec<String>,
    set: String,
    #[serde(default, rename = "in")]
    range: Option<(String, String)>,
}

/// Writes the catalogue, or with `--check` compares it with the committed one.
pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let check = match arguments {
        [] => false,
        ["--check"] => true,
        _ => bail!("usage: cargo xtask codegen [--check]"),
    };
    let model = workspace().join("crates/model");
    let written = generate(&model.join("data/directives"))?;
    let path = model.join("src/catalog/generated.rs");
    if !check {
        return std::fs::write(&path, written).with_context(|| format!("write {}", path.display()));
    }
    let committed = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    if committed != written {
        bail!("{} is stale: run `cargo xtask codegen`", path.display());
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Table> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("understand {}", path.display()))
}

fn generate(data: &Path) -> anyhow::Result<String> {
    let nginx = read(&data.join("nginx.json"))?;
    let versions = nginx.versions.clone();
    let mut rows = nginx.directives;
    for file in ["lua-nginx-module.json", "njs.json"] {
        rows.extend(read(&data.join(file))?.directives);
    }
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let modules: BTreeSet<&str> = rows.iter().map(|row| module(&row.source)).collect();
    let modules: BTreeMap<&str, usize> = modules.into_iter().enumerate().map(|(i, m)| (m, i)).collect();
    let setters: BTreeMap<String, &str> =
        rows.iter().map(|row| (variant(&row.set), row.set.as_str())).collect();

    let mut out = String::from(
        "//! The directives of nginx, lua-nginx-module and njs. Written by `cargo xtask codegen` from\n\
         //! `data/directives/`; change those and run it again.\n\n\
         use super::{Arity, Contexts, Entry};\n\n",
    );
    list(&mut out, "The releases that the table was made from, oldest first.", "RELEASES", &versions)?;
    let module_names: Vec<&str> = modules.keys().copied().collect();
    list(&mut out, "The modules, by the name of their source file.", "MODULES", &module_names)?;
    let name_list: Vec<&str> = names.iter().copied().collect();
    list(&mut out, "Every name, sorted.", "NAMES", &name_list)?;

    out.push_str("/// The function of nginx that reads a directive.\n");
    out.push_str("#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]\npub enum Setter {\n");
    for (variant, setter) in &setters {
        writeln!(out, "    /// `{setter}`\n    {variant},")?;
    }
    out.push_str("}\n\n");

    let mut starts = vec![0_usize];
    let mut entries = String::new();
    let mut count = 0;
    for name in &names {
        for row in rows.iter().filter(|row| row.name == *name) {
            entry(&mut entries, row, &modules, &versions)?;
            count += 1;
        }
        starts.push(count);
    }
    writeln!(out, "/// `STARTS[i]..STARTS[i + 1]` are the entries of `NAMES[i]`.")?;
    writeln!(out, "pub(super) static STARTS: [u16; {}] = [", starts.len())?;
    for chunk in starts.chunks(20) {
        let line: Vec<String> = chunk.iter().map(usize::to_string).collect();
        writeln!(out, "    {},", line.join(", "))?;
    }
    out.push_str("];\n\n");
    writeln!(out, "/// What nginx knows of each, in the order of `NAMES`.")?;
    writeln!(out, "pub(super) static ENTRIES: [Entry; {count}] = [\n{entries}];\n")?;
    out.push_str(
        "const fn e(contexts: u32, arity: u16, setter: Setter, module: u8, first: u8, last: u8) -> Entry {\n    \
         Entry { contexts: Contexts(contexts), arity: Arity(arity), setter, module, first, last }\n}\n",
    );
    Ok(out)
}

fn list<S: AsRef<str>>(out: &mut String, about: &str, name: &str, items: &[S]) -> anyhow::Result<()> {
    writeln!(out, "/// {about}")?;
    writeln!(out, "pub(super) static {name}: [&str; {}] = [", items.len())?;
    for item in items {
        writeln!(out, "    {:?},", item.as_ref())?;
    }
    out.push_str("];\n\n");
    Ok(())
}

fn entry(
    out: &mut String,
    row: &Row,
    modules: &BTreeMap<&str, usize>,
    versions: &[String],
) -> anyhow::Result<()> {
    let mut contexts = 0_u32;
    let mut arity = 0_u16;
    for flag in &row.flags {
        if let Some(bit) = CONTEXTS.iter().position(|known| known == flag) {
            contexts |= 1 << bit;
        } else if let Some((_, bits)) = ARITIES.iter().find(|(known, _)| known == flag) {
            arity |= bits;
        } else if flag == "NGX_ANY_CONF" {
            contexts = u32::MAX;
        } else if !SILENT.contains(&flag.as_str()) {
            bail!("{}: unknown flag {flag}", row.name);
        }
    }
    let (first, last) = match &row.range {
        None => (u8::MAX, u8::MAX),
        Some((first, last)) => {
            let backport = BACKPORTED.iter().find(|(name, _)| *name == row.name);
            (release(backport.map_or(first, |(_, version)| version), versions)?, release(last, versions)?)
        }
    };
    let module = modules[module(&row.source)];
    writeln!(
        out,
        "    e({contexts:#x}, {arity:#x}, Setter::{}, {module}, {first}, {last}), // {}",
        variant(&row.set),
        row.name
    )?;
    Ok(())
}

fn release(version: &str, versions: &[String]) -> anyhow::Result<u8> {
    let index = versions.iter().position(|known| known == version);
    u8::try_from(index.with_context(|| format!("unknown release {version}"))?).context("too many releases")
}

/// `src/http/modules/ngx_http_map_module.c` → `ngx_http_map_module`.
fn module(source: &str) -> &str {
    let file = source.rsplit('/').next().unwrap_or(source);
    file.strip_suffix(".c").unwrap_or(file)
}

/// `ngx_conf_set_flag_slot` → `ConfSetFlagSlot`.
fn variant(setter: &str) -> String {
    let words = setter.strip_prefix("ngx_").unwrap_or(setter).split('_').filter(|word| !word.is_empty());
    words
        .map(|word| {
            let (head, tail) = word.split_at(1);
            head.to_ascii_uppercase() + tail
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_catalogue_is_what_the_tables_say() {
        run(&["--check"]).unwrap();
    }

    #[test]
    fn setter_becomes_a_variant() {
        assert_eq!(variant("ngx_conf_set_flag_slot"), "ConfSetFlagSlot");
        assert_eq!(variant("ngx_http_v2_obsolete"), "HttpV2Obsolete");
    }
}
