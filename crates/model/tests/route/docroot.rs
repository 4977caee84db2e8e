//! The files that configurations serve. Each holds its own path, and no two are equally long.

use std::path::{Path, PathBuf};

const FILES: &[&str] = &[
    "html/index.html",
    "html/a/index.html",
    "html/a/b",
    "html/50x.html",
    "www/index.html",
    "www/index.php",
    "www/a/index.html",
    "www/a/b",
    "www/a/x.php",
    "www/a/x.png",
    "www/a/b.html",
    "www/ab",
    "www/A",
    "www/a b",
    "www/a%20b",
    "www/\u{e9}",
    "www/x.php",
    "www/x.html",
    "www/x.PNG",
    "www/img/1.png",
    "www/img/index.htm",
    "www/img/b/2.jpg",
    "www/d/e/f.txt",
    "www/d/e/index.html",
    "www/err/404.html",
    "www/err/403.html",
    "www/50x.html",
    "www/a.test/index.html",
    "www/a.test/a/b",
    "www/api/index.html",
    "www/api/v1/x.html",
    "www2/index.html",
    "www2/b",
    "www2/c.txt",
    "www2/x.php",
    "www2/e/f.txt",
    "www2/1.png",
    "www2/err/404.html",
    "www2/404.html",
    "www2/api/v1/index.html",
];

const DIRECTORIES: &[&str] = &["www/empty", "www/a/empty", "www2/a", "www2/d"];

/// Makes them below a directory.
pub(crate) fn make(directory: &Path) {
    for name in DIRECTORIES {
        std::fs::create_dir_all(directory.join(name)).unwrap();
    }
    for (index, name) in FILES.iter().enumerate() {
        let path: PathBuf = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content(&path, index)).unwrap();
    }
}

fn content(path: &Path, index: usize) -> String {
    let text = path.display().to_string();
    let width = 300 + index;
    format!("{text:width$}")
}
