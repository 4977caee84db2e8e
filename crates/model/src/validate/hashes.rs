//! Hash tables whose buckets are too small for one of their keys.
//!
//! Source: `ngx_hash_init`, src/core/ngx_hash.c

use super::{Checker, lossy};
use crate::config::{Config, Node};
use crate::number::atoi;

/// The width of a pointer, and what each element of a table is aligned to.
const POINTER: usize = 8;

/// The size of a bucket as nginx takes it: what `directive` says before `place`, in whole cache lines.
pub(super) fn bucket_bytes(config: &Config, directive: &str, place: Node<'_>) -> usize {
    let line = config.settings().cache_line_bytes;
    let http = if place.is_block() && place.is("http") { Some(place) } else { place.parent() };
    let said = http.and_then(|http| http.find(directive).next());
    let bytes =
        said.and_then(|node| node.arg(0)).and_then(atoi).and_then(|bytes| usize::try_from(bytes).ok());
    bytes.unwrap_or(line).max(1).div_ceil(line) * line
}

/// Whether a key of so many bytes fits a bucket: with its length, its value and the mark of the bucket's end.
pub(super) fn fits(key_bytes: usize, bucket: usize) -> bool {
    let element = POINTER + (key_bytes + 2).next_multiple_of(POINTER);
    element + POINTER <= bucket
}

impl Checker<'_> {
    /// Says that a key does not fit.
    pub(super) fn too_long_for_hash(
        &mut self,
        node: Node<'_>,
        arg: Option<usize>,
        key: &[u8],
        hash: &str,
        bucket: usize,
    ) {
        let message = format!(
            "could not build {hash}, you should increase {hash}_bucket_size: {bucket} (\"{}\" does not fit)",
            lossy(key)
        );
        match arg {
            Some(index) => self.refuse_arg(node, index, "hash-bucket-too-small", message),
            None => self.refuse(node, "hash-bucket-too-small", message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn bucket_of_one_cache_line_takes_names_of_46_bytes() {
        assert!(fits(46, 64));
        assert!(!fits(47, 64));
        assert!(fits(110, 128));
    }
}
