//! Access logs as blocks of whole lines: files, packed files, standard input, one after the other.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// How much is read at once, and the longest line.
pub(crate) const BLOCK_BYTES: usize = 1 << 20;
/// How much of a line that is too long is kept.
const BEGINNING_BYTES: usize = 160;
/// How much a reader holds.
const BUFFER_BYTES: usize = 1 << 16;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const XZ: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];
const BZIP2: [u8; 3] = *b"BZh";

/// Whole lines of one log.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// The place of the log.
    pub(crate) log: usize,
    /// The number of the first line, from 1.
    pub(crate) first_line: u64,
    /// The lines, with their ends. The last one of a log may have none.
    pub(crate) bytes: Vec<u8>,
    /// It is the beginning of a single line that is longer than a block.
    pub(crate) too_long: bool,
}

/// Several logs, to be read in order.
pub(crate) struct Logs {
    paths: Vec<PathBuf>,
    at: usize,
    open: Option<Box<dyn BufRead + Send>>,
    /// The beginning of the line that the last block ended in.
    rest: Vec<u8>,
    lines: u64,
    /// Logs that ended before their end, and why.
    pub(crate) faults: Vec<(usize, String)>,
}

impl Logs {
    /// Looks whether the logs are there; each is opened when its turn comes. `-` is standard input.
    pub(crate) fn new(paths: &[PathBuf]) -> anyhow::Result<Logs> {
        for path in paths.iter().filter(|path| !is_standard_input(path)) {
            let meta = std::fs::metadata(path).with_context(|| format!("read {}", path.display()))?;
            if meta.is_dir() {
                bail!("read {}: it is a directory; name the logs in it", path.display());
            }
            // A pipe can be opened only once.
            if meta.is_file() {
                drop(open(path)?);
            }
        }
        if paths.iter().filter(|path| is_standard_input(path)).count() > 1 {
            bail!("read standard input twice");
        }
        let paths = paths.to_vec();
        Ok(Logs { paths, at: 0, open: None, rest: Vec::new(), lines: 0, faults: Vec::new() })
    }

    /// The name of a log, for people.
    pub(crate) fn name(&self, log: usize) -> String {
        match self.paths.get(log) {
            Some(path) if is_standard_input(path) => "standard input".to_owned(),
            Some(path) => path.display().to_string(),
            None => String::new(),
        }
    }

    pub(crate) fn path(&self, log: usize) -> Option<&Path> {
        self.paths.get(log).map(PathBuf::as_path).filter(|path| !is_standard_input(path))
    }

    /// Reads on. Gives `false` when everything was read.
    pub(crate) fn next(&mut self, block: &mut Block) -> anyhow::Result<bool> {
        loop {
            if self.open.is_none() {
                let Some(path) = self.paths.get(self.at) else { return Ok(false) };
                (self.open, self.lines) = (Some(open(path)?), 0);
                self.rest.clear();
            }
            let Some(reader) = &mut self.open else { return Ok(false) };
            block.bytes.clear();
            block.bytes.append(&mut self.rest);
            (block.log, block.first_line, block.too_long) = (self.at, self.lines + 1, false);
            let wanted = (BLOCK_BYTES - block.bytes.len()) as u64;
            let read = reader.by_ref().take(wanted).read_to_end(&mut block.bytes);
            if let Err(error) = &read {
                self.faults.push((self.at, error.to_string()));
            }
            if read.is_err() || block.bytes.len() < BLOCK_BYTES {
                (self.open, self.at) = (None, self.at + 1);
                if block.bytes.is_empty() {
                    continue;
                }
                return Ok(true);
            }
            match memchr::memrchr(b'\n', &block.bytes) {
                Some(end) => {
                    self.rest.extend_from_slice(&block.bytes[end + 1..]);
                    block.bytes.truncate(end + 1);
                    self.lines += memchr::memchr_iter(b'\n', &block.bytes).count() as u64;
                }
                None => {
                    block.too_long = true;
                    block.bytes.truncate(BEGINNING_BYTES);
                    self.lines += 1;
                    if let Err(error) = reader.skip_until(b'\n') {
                        self.faults.push((self.at, error.to_string()));
                    }
                }
            }
            return Ok(true);
        }
    }
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn open(path: &Path) -> anyhow::Result<Box<dyn BufRead + Send>> {
    if is_standard_input(path) {
        return unpacked(BufReader::with_capacity(BUFFER_BYTES, io::stdin())).context("read standard input");
    }
    let about = || format!("read {}", path.display());
    let file = File::open(path).with_context(about)?;
    unpacked(BufReader::with_capacity(BUFFER_BYTES, file)).with_context(about)
}

/// A reader that unpacks what is packed.
fn unpacked(mut reader: impl BufRead + Send + 'static) -> anyhow::Result<Box<dyn BufRead + Send>> {
    let begins = reader.fill_buf()?;
    let other = [(&ZSTD[..], "zstdcat"), (&XZ, "xzcat"), (&BZIP2, "bzcat")];
    if let Some((_, tool)) = other.iter().find(|(magic, _)| begins.starts_with(magic)) {
        bail!(
            "it is packed in another way than .gz; unpack it on the way: {tool} LOG | evenkeel diff … --traffic -"
        );
    }
    if begins.starts_with(&GZIP) {
        let unpacked = flate2::bufread::MultiGzDecoder::new(reader);
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, unpacked)));
    }
    Ok(Box::new(reader))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn all(logs: &mut Logs) -> Vec<(usize, u64, bool, Vec<u8>)> {
        let mut block = Block::default();
        let mut all = Vec::new();
        while logs.next(&mut block).unwrap() {
            all.push((block.log, block.first_line, block.too_long, block.bytes.clone()));
        }
        all
    }

    #[test]
    fn lines_come_whole_and_numbered_from_every_log() {
        let directory = tempfile::tempdir().unwrap();
        let [one, two] = ["one", "two.gz"].map(|name| directory.path().join(name));
        let line = |number: usize| format!("line {number} {}\n", "x".repeat(number % 90));
        let text: String = (1..60_000).map(line).collect();
        std::fs::write(&one, &text).unwrap();
        let mut packed =
            flate2::write::GzEncoder::new(File::create(&two).unwrap(), flate2::Compression::fast());
        packed.write_all(b"a\nb").unwrap();
        packed.finish().unwrap();
        let mut logs = Logs::new(&[one, two]).unwrap();
        let blocks = all(&mut logs);
        let first: Vec<u8> =
            blocks.iter().filter(|block| block.0 == 0).flat_map(|block| block.3.clone()).collect();
        assert!(first == text.as_bytes(), "nothing is lost");
        for (_, number, _, bytes) in blocks.iter().filter(|block| block.0 == 0) {
            assert!(bytes.starts_with(format!("line {number} ").as_bytes()));
            assert!(bytes.ends_with(b"\n"));
        }
        assert_eq!(blocks.last().unwrap(), &(1, 1, false, b"a\nb".to_vec()));
        assert!(logs.faults.is_empty());
    }

    #[test]
    fn line_without_end_is_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let long = vec![b'x'; 3 * BLOCK_BYTES];
        std::fs::write(&log, [b"first\n", &long[..], b"\nlast\n"].concat()).unwrap();
        let blocks = all(&mut Logs::new(&[log]).unwrap());
        assert_eq!(blocks.len(), 3);
        assert_eq!((blocks[0].1, &blocks[0].3[..]), (1, &b"first\n"[..]));
        assert_eq!((blocks[1].1, blocks[1].2, blocks[1].3.len()), (2, true, BEGINNING_BYTES));
        assert_eq!((blocks[2].1, &blocks[2].3[..]), (3, &b"last\n"[..]));
    }

    #[test]
    fn packed_log_that_is_cut_off_gives_what_it_has() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log.gz");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let line = |number: u32| format!("line {number} {}\n", number.wrapping_mul(2_654_435_769));
        packed.write_all((0..20_000).map(line).collect::<String>().as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        std::fs::write(&log, &packed[..packed.len() / 2]).unwrap();
        let mut logs = Logs::new(&[log]).unwrap();
        assert!(all(&mut logs)[0].3.starts_with(b"line 0 "));
        assert_eq!(logs.faults.len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_refused_before_anything_is() {
        let directory = tempfile::tempdir().unwrap();
        let zstd = directory.path().join("log.zst");
        std::fs::write(&zstd, ZSTD).unwrap();
        for (path, says) in [
            (directory.path().to_path_buf(), "it is a directory"),
            (directory.path().join("gone"), "read"),
            (zstd, "zstdcat"),
        ] {
            let error = format!("{:#}", Logs::new(&[path]).err().unwrap());
            assert!(error.contains(says), "{error}");
        }
        assert!(Logs::new(&["-".into(), "-".into()]).is_err());
    }
}
