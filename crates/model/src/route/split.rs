//! The line of a `split_clients` that a value falls on.
//!
//! Source: `ngx_http_split_clients_variable`, `ngx_conf_split_clients_block`,
//! src/http/modules/ngx_http_split_clients_module.c; `ngx_murmur_hash2`, src/core/ngx_murmurhash.c

use crate::config::{Node, NodeId};
use crate::number::atofp;

/// The shares of a `split_clients`, made ready.
pub(crate) struct Shares(Vec<(Option<u32>, NodeId)>);

impl Shares {
    pub(crate) fn of(node: Node<'_>) -> Shares {
        let mut last = 0_u32;
        let lines = node.children().filter(|line| line.args().len() == 1).map(|line| {
            let below = hundredths(line.name_bytes()).map(|share| {
                let part = u64::from(share) * u64::from(u32::MAX) / 10_000;
                last = last.wrapping_add(u32::try_from(part).unwrap_or(u32::MAX));
                last
            });
            (below, line.id())
        });
        Shares(lines.collect())
    }

    /// The line for a value; `None`: no share is left for it, and the variable is empty.
    pub(crate) fn line(&self, value: &[u8]) -> Option<NodeId> {
        let hash = murmur2(value);
        let takes = |below: &Option<u32>| below.is_none_or(|below| hash < below);
        self.0.iter().find(|(below, _)| takes(below)).map(|(_, line)| *line)
    }

    /// The lines in order.
    pub(crate) fn lines(&self) -> impl Iterator<Item = NodeId> {
        self.0.iter().map(|(_, line)| *line)
    }
}

/// A share in hundredths of a percent: `12.5%`; `None`: the rest (`*`).
fn hundredths(text: &[u8]) -> Option<u32> {
    u32::try_from(atofp(text.strip_suffix(b"%")?, 2)?).ok().filter(|&share| share > 0)
}

/// MurmurHash2 of bytes, with the length as seed.
pub(crate) fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = u32::try_from(data.len() & 0xffff_ffff).unwrap_or(0);
    let mut blocks = data.chunks_exact(4);
    for block in &mut blocks {
        let mut key = u32::from_le_bytes([block[0], block[1], block[2], block[3]]).wrapping_mul(M);
        key ^= key >> 24;
        hash = hash.wrapping_mul(M) ^ key.wrapping_mul(M);
    }
    let rest = blocks.remainder();
    for (at, &byte) in rest.iter().enumerate().rev() {
        hash ^= u32::from(byte) << (8 * at);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_hundredths_of_a_percent() {
        let read = |text: &str| hundredths(text.as_bytes());
        assert_eq!(read("0.5%"), Some(50));
        assert_eq!(read("12.25%"), Some(1225));
        assert_eq!(read("100%"), Some(10_000));
        assert_eq!(read("7.%"), Some(700));
        assert_eq!(read("*"), None);
    }
}
