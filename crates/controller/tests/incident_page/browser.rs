//! A real browser, without a window, and axe-core in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What axe-core says of a page: `0 violations`, or each with its place.
pub(crate) fn axe(page: &str, dark: bool) -> String {
    let axe = std::fs::read_to_string(script()).expect("axe-core, which scripts/axe.sh fetches");
    // The page forbids scripts; only its copy here has any.
    let policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">";
    assert!(page.contains(policy));
    let run = "axe.run().then(result => {
        const list = result.violations.map(v => v.id + ': ' + v.help + ' at ' + v.nodes.map(n => n.target.join(' ')).join('; '));
        document.body.innerText = 'AXE>' + list.length + ' violations' + list.map(v => '\\n' + v).join('') + '<AXE';
    });";
    let page = page
        .replace(policy, "")
        .replace("</body>", &format!("<script>{axe}</script><script>{run}</script></body>"));
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("page.html");
    std::fs::write(&file, page).unwrap();
    let dom = dump(&file, place.path(), dark);
    let said = dom.split("AXE&gt;").nth(1).and_then(|rest| rest.split("&lt;AXE").next());
    said.unwrap_or_else(|| panic!("axe-core did not come to an end:\n{}", &dom[..dom.len().min(2_000)]))
        .to_owned()
}

fn dump(file: &Path, home: &Path, dark: bool) -> String {
    let scheme = if dark { 0 } else { 1 };
    let output = Command::new("timeout")
        .args([
            "60",
            "chromium",
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args(["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", "--no-first-run"])
        .arg(format!("--user-data-dir={}", home.join("profile").display()))
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .args(["--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("file://{}", file.display()))
        .env("HOME", home)
        .stderr(Stdio::null())
        .output()
        .expect("chromium, which `make test` installs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/axe/axe.min.js")
}
