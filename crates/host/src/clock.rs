//! The clocks of this machine: the one on the wall, and the one that neither stops in sleep nor jumps.

use std::fs;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

/// Which boot of the machine a moment on [`boottime_ms`] belongs to; all zero where the kernel does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BootId(pub [u8; 16]);

/// Gives the milliseconds since the machine started, sleep included. Nobody can set this clock, so deadlines
/// are kept on it; it means nothing after a restart, so a deadline always travels with a [`BootId`].
pub fn boottime_ms() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("CLOCK_BOOTTIME exists since Linux 2.6.39");
    u64::try_from(now.tv_sec()).unwrap_or(0) * 1000 + u64::try_from(now.tv_nsec()).unwrap_or(0) / 1_000_000
}

/// Gives the moment, on the clock of [`boottime_ms`], of so many ticks since the machine started.
pub(crate) fn from_ticks(ticks: u64) -> u64 {
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    ticks * 1000 / u64::try_from(per_second).unwrap_or(100)
}

/// Gives the wall clock in milliseconds since 1970. For people to read; no decision rests on it.
pub fn unix_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    }
}

/// Gives the identity of this boot.
///
/// # Errors
/// When `/proc` is not mounted or does not hold what the kernel writes there.
pub fn boot_id() -> io::Result<BootId> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let mut id = [0; 16];
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    if digits.len() != 32 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the boot id is not a UUID"));
    }
    for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).expect("hexadecimal digits are ASCII");
        *byte = u8::from_str_radix(pair, 16).expect("two hexadecimal digits are a byte");
    }
    Ok(BootId(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_id_is_the_same_twice_and_not_zero() {
        let first = boot_id().unwrap();
        assert_ne!(first, BootId::default());
        assert_eq!(first, boot_id().unwrap());
    }

    #[test]
    fn boottime_never_goes_back() {
        let first = boottime_ms();
        assert!(boottime_ms() >= first && first > 0);
    }
}
