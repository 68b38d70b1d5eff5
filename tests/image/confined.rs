//! What the manifests ask for is what the kernel was told.

use std::path::PathBuf;

/// Looks at every replica that runs on this machine: as nobody special, without any capability,
/// behind a filter of system calls, over files that cannot be changed.
pub fn assert_confined() {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let ours: Vec<PathBuf> = processes
        .filter(|process| {
            let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
            line.starts_with(b"/pullcheck\0serve\0")
        })
        .collect();
    assert_eq!(ours.len(), 2, "two replicas");
    for process in ours {
        let status = std::fs::read_to_string(process.join("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().split_whitespace().next().unwrap_or_default()
        };
        assert_eq!(field("Uid:"), "65532", "{status}");
        assert_eq!(field("CapBnd:"), "0000000000000000", "{status}");
        assert_eq!(field("NoNewPrivs:"), "1", "{status}");
        assert_eq!(field("Seccomp:"), "2", "{status}");
        let mounts = std::fs::read_to_string(process.join("mounts")).unwrap();
        let root = mounts.lines().find(|line| line.split(' ').nth(1) == Some("/")).unwrap();
        let options = root.split(' ').nth(3).unwrap();
        assert!(options.split(',').any(|option| option == "ro"), "{root}");
    }
}
