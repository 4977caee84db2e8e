//! Programs that block addresses and let them in again by themselves, as long as they run.

/// The name of the process, as the kernel cuts it, and a part of the names of what it writes.
const TOOLS: &[(&str, &[&str])] =
    &[("fail2ban-server", &["f2b-"]), ("crowdsec-firewa", &["crowdsec"]), ("sshg-blocker", &["sshguard"])];

/// Parts of the names of tables, chains and sets whose blocks a running program takes back.
#[must_use]
pub fn ban_tools() -> Vec<&'static str> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let names: Vec<String> = processes
        .filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit))
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("comm")).ok())
        .collect();
    let runs = |process: &str| names.iter().any(|name| name.trim_end() == process);
    TOOLS.iter().filter(|(process, _)| runs(process)).flat_map(|(_, parts)| parts.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_counts_while_it_runs() {
        use std::process::Command;
        // The kernel names a process after the file that it was started from.
        let dir = tempfile::tempdir().unwrap();
        let tool = dir.path().join("sshg-blocker");
        std::os::unix::fs::symlink("/bin/sleep", &tool).unwrap();
        let mut runs = Command::new(&tool).arg("60").spawn().unwrap();
        let began = std::time::Instant::now();
        while !ban_tools().contains(&"sshguard") {
            assert!(began.elapsed() < std::time::Duration::from_secs(10));
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        runs.kill().unwrap();
        runs.wait().unwrap();
        assert!(!ban_tools().contains(&"sshguard"));
    }
}
