//! How much memory a process has, as the kernel tells it.

/// Bytes that it holds now.
pub fn resident(id: u32) -> u64 {
    status(id, "VmRSS:")
}

/// Of these, what no file stands behind: what the process itself has written, and no other shares.
pub fn anonymous(id: u32) -> u64 {
    status(id, "RssAnon:")
}

/// Bytes that it has held at most.
pub fn peak(id: u32) -> u64 {
    status(id, "VmHWM:")
}

fn status(id: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
