//! What was heard from the audit, put together: which process did what to which name.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use super::KEY;
use super::record::{Call, Record, read};

/// How many system calls are remembered.
const DEEDS_MAX: usize = 4_096;
/// How many of which not everything was heard yet.
const DRAFTS_MAX: usize = 256;
/// How many names one of them is about.
const NAMES_MAX: usize = 16;
/// How many starts of programs are remembered.
const STARTS_MAX: usize = 4_096;
/// A system call says something of a change for so long.
const GOOD_FOR: Duration = Duration::from_secs(30);
/// A number is given to another process no sooner than after this.
const MOMENT: Duration = Duration::from_millis(500);
/// The kernel keeps so much of a command line (`MAX_PROCTITLE_AUDIT_LEN`, kernel/audit.h), and may end it with a zero.
const TITLE_BYTES_MAX: usize = 128;

/// A system call that changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Deed {
    /// Whose it is.
    pub(in super::super) pid: i32,
    /// The process above it.
    pub(in super::super) parent: i32,
    /// As whom it ran.
    pub(in super::super) user: u32,
    /// The user whose login it began with.
    pub(in super::super) login: Option<u32>,
    /// The words of its command line; maybe only the first of them, the last one cut.
    pub(in super::super) words: Vec<Vec<u8>>,
    /// Whether there was more of it.
    pub(in super::super) cut: bool,
    /// What it was about, as a path from the root where that can be told.
    names: Vec<PathBuf>,
    at: Instant,
}

impl Deed {
    /// Whether both are of one program of one process, a moment apart.
    pub(in super::super) fn is_of_same(&self, other: &Self) -> bool {
        let far = self.at.max(other.at).duration_since(self.at.min(other.at)) > MOMENT;
        !far && (self.pid, self.cut, &self.words) == (other.pid, other.cut, &other.words)
    }
}

/// What was heard of one system call until now.
#[derive(Debug, Default)]
struct Draft {
    call: Option<Call>,
    from: Option<Vec<u8>>,
    names: Vec<Vec<u8>>,
    title: Option<Vec<u8>>,
    words: Option<Vec<Vec<u8>>>,
}

/// All that was heard lately and is about one tree.
#[derive(Debug)]
pub(super) struct Book {
    root: PathBuf,
    drafts: BTreeMap<u64, Draft>,
    deeds: VecDeque<Deed>,
    starts: HashMap<i32, Vec<Vec<u8>>>,
    started: VecDeque<i32>,
}

impl Book {
    pub(super) fn new(root: &Path) -> Self {
        let (drafts, deeds, starts, started) = Default::default();
        Self { root: root.to_owned(), drafts, deeds, starts, started }
    }

    /// Takes a record in.
    pub(super) fn take(&mut self, kind: u16, text: &[u8]) {
        let Some((serial, record)) = read(kind, text) else { return };
        if matches!(record, Record::End) {
            if let Some(draft) = self.drafts.remove(&serial) {
                self.close(draft);
            }
            return;
        }
        let draft = self.drafts.entry(serial).or_default();
        match record {
            Record::Call(call) => draft.call = Some(call),
            Record::From(from) => draft.from = Some(from),
            Record::Name(name) if draft.names.len() < NAMES_MAX => draft.names.push(name),
            Record::Title(title) => draft.title = Some(title),
            Record::Words(words) => draft.words.get_or_insert_default().extend(words),
            Record::Name(_) | Record::End => {}
        }
        // One whose end was lost is as good as it is.
        if self.drafts.len() > DRAFTS_MAX
            && let Some((_, draft)) = self.drafts.pop_first()
        {
            self.close(draft);
        }
    }

    /// The newest system call that explains a change at a path: of this process, or of anybody where it is not known.
    pub(super) fn find(&self, path: &Path, pid: Option<i32>) -> Option<&Deed> {
        let recent = self.deeds.iter().rev().take_while(|deed| deed.at.elapsed() < GOOD_FOR);
        let same_name = |deed: &&Deed| deed.names.iter().any(|name| name.file_name() == path.file_name());
        let mut recent = recent.filter(same_name);
        match pid {
            // Its name may have been relative to a directory that the record does not tell.
            Some(pid) => recent.find(|deed| deed.pid == pid),
            None => recent.find(|deed| deed.names.iter().any(|name| name == path)),
        }
    }

    fn close(&mut self, draft: Draft) {
        let Some(call) = draft.call.filter(|call| call.done) else { return };
        if let Some(words) = draft.words {
            self.begun(call.pid, words);
        }
        let from = draft.from.map(|from| PathBuf::from(OsStr::from_bytes(&from)));
        let names: Vec<PathBuf> = draft
            .names
            .iter()
            .map(|name| {
                let name = Path::new(OsStr::from_bytes(name));
                plain(&from.as_ref().map_or_else(|| name.to_owned(), |from| from.join(name)))
            })
            .collect();
        let asked_for = call.keys.iter().any(|key| key == KEY);
        if names.is_empty() || !(asked_for || names.iter().any(|name| name.starts_with(&self.root))) {
            return;
        }
        let title = draft.title.unwrap_or_default();
        let cut = title.len() + 1 >= TITLE_BYTES_MAX;
        let title = title.strip_suffix(&[0]).unwrap_or(&title);
        let words: Vec<Vec<u8>> = title.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
        // What it was started with says all of it, unless it became something else since.
        let whole = self.starts.get(&call.pid).filter(|whole| is_beginning(&words, cut, whole)).cloned();
        let cut = cut && whole.is_none();
        let Call { pid, parent, user, login, .. } = call;
        let words = whole.unwrap_or(words);
        self.deeds.push_back(Deed { pid, parent, user, login, words, cut, names, at: Instant::now() });
        if self.deeds.len() > DEEDS_MAX {
            self.deeds.pop_front();
        }
    }

    fn begun(&mut self, pid: i32, words: Vec<Vec<u8>>) {
        if self.starts.insert(pid, words).is_none() {
            self.started.push_back(pid);
            if self.started.len() > STARTS_MAX
                && let Some(oldest) = self.started.pop_front()
            {
                self.starts.remove(&oldest);
            }
        }
    }
}

/// Whether these words, the last of which may be cut, are the beginning of a whole command line.
pub(in super::super) fn is_beginning(words: &[Vec<u8>], cut: bool, whole: &[Vec<u8>]) -> bool {
    let (beginning, whole) = (words.join(&0), whole.join(&0));
    if cut { whole.starts_with(&beginning) } else { whole == beginning }
}

/// Without `.` and `..`, as far as that can be told without looking.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> Book {
        Book::new(Path::new("/etc/site"))
    }

    fn call(book: &mut Book, serial: u64, pid: i32, success: &str) {
        let text = format!(
            "audit(1.0:{serial}): success={success} ppid=1 pid={pid} auid=1000 uid=0 comm=\"x\" key=(null)"
        );
        book.take(1300, text.as_bytes());
    }

    fn rest(book: &mut Book, serial: u64, lines: &[(u16, &str)]) {
        for (kind, text) in lines {
            book.take(*kind, format!("audit(1.0:{serial}): {text}").as_bytes());
        }
    }

    const EDIT: &[(u16, &str)] = &[
        (1307, r#"cwd="/etc""#),
        (1302, r#"item=0 name="site/conf.d/" nametype=PARENT"#),
        (1302, r#"item=1 name="site/conf.d/../a.conf" nametype=CREATE"#),
        (1327, "proctitle=736564002D69"),
        (1320, ""),
    ];

    fn words(words: &[&str]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn records_of_two_calls_that_come_mixed_are_two_deeds() {
        let mut book = book();
        call(&mut book, 1, 7, "yes");
        call(&mut book, 2, 8, "yes");
        for line in EDIT {
            rest(&mut book, 1, &[*line]);
            rest(&mut book, 2, &[*line]);
        }
        let path = Path::new("/etc/site/a.conf");
        let deed = book.find(path, Some(7)).unwrap();
        assert_eq!((deed.pid, deed.login, &deed.words), (7, Some(1000), &words(&["sed", "-i"])));
        assert_eq!(book.find(path, None).unwrap().pid, 8, "the newest, where nobody was named");
        assert!(book.find(path, Some(9)).is_none());
        assert!(book.find(Path::new("/etc/site/b.conf"), Some(7)).is_none());
    }

    #[test]
    fn call_that_failed_or_is_about_another_tree_is_no_deed() {
        let mut book = book();
        call(&mut book, 1, 7, "no");
        rest(&mut book, 1, EDIT);
        call(&mut book, 2, 7, "yes");
        rest(
            &mut book,
            2,
            &[(1307, r#"cwd="/srv""#), (1302, r#"name="a.conf" nametype=CREATE"#), (1320, "")],
        );
        assert!(book.deeds.is_empty() && book.drafts.is_empty());
    }

    #[test]
    fn long_command_line_is_whole_where_its_start_was_heard() {
        let (long, mut book) = ("x".repeat(300), book());
        let started = format!("argc=2 a0=\"sed\" a1=\"{long}\"");
        call(&mut book, 1, 7, "yes");
        rest(&mut book, 1, &[(1309, &started), (1320, "")]);
        let title: String =
            format!("sed\0{}", &long[..123]).bytes().map(|byte| format!("{byte:02X}")).collect();
        let edit =
            [(1302, r#"name="/etc/site/a.conf" nametype=NORMAL"#), (1327, &format!("proctitle={title}"))];
        call(&mut book, 2, 7, "yes");
        rest(&mut book, 2, &edit);
        rest(&mut book, 2, &[(1320, "")]);
        let deed = book.find(Path::new("/etc/site/a.conf"), Some(7)).unwrap();
        assert_eq!((&deed.words, deed.cut), (&words(&["sed", &long]), false));
        call(&mut book, 3, 8, "yes");
        rest(&mut book, 3, &edit);
        rest(&mut book, 3, &[(1320, "")]);
        let deed = book.find(Path::new("/etc/site/a.conf"), Some(8)).unwrap();
        assert!(deed.cut && is_beginning(&deed.words, true, &words(&["sed", &long])));
    }

    #[test]
    fn storm_of_records_without_ends_stays_small_and_the_last_deeds_are_known() {
        let mut book = book();
        for serial in 0..20_000_u64 {
            let pid = i32::try_from(serial).unwrap();
            call(&mut book, serial, pid, "yes");
            rest(&mut book, serial, &EDIT[..4]);
            rest(&mut book, serial, &[(1309, "argc=1 a0=41"), (1302, "name=ZZ"), (1300, "pid=")]);
            for _ in 0..NAMES_MAX {
                rest(&mut book, serial, &EDIT[2..3]);
            }
        }
        assert_eq!((book.drafts.len(), book.deeds.len()), (DRAFTS_MAX, DEEDS_MAX));
        assert_eq!((book.starts.len(), book.started.len()), (STARTS_MAX, STARTS_MAX));
        assert!(book.deeds.iter().all(|deed| deed.names.len() <= NAMES_MAX));
        let last = 20_000 - i32::try_from(DRAFTS_MAX).unwrap() - 1;
        assert!(book.find(Path::new("/etc/site/a.conf"), Some(last)).is_some());
    }
}
