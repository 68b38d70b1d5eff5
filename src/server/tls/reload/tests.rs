use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::*;
use crate::certificates::{Authority, Pair};
use crate::server::shutdown;

struct Mount {
    dir: tempfile::TempDir,
    authority: Authority,
}

impl Mount {
    fn new() -> Self {
        let authority = Authority::mint(SystemTime::now()).unwrap();
        Self { dir: tempfile::tempdir().unwrap(), authority }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn issue(&self) -> Pair {
        self.authority.issue(&["localhost"], 1).unwrap()
    }

    fn write(&self, pair: &Pair) {
        std::fs::write(self.path("tls.crt"), &pair.certificate).unwrap();
        std::fs::write(self.path("tls.key"), &pair.key).unwrap();
    }

    async fn open(&self) -> Result<(Arc<Certificates>, Reloader), PairError> {
        let files =
            CertificateFiles { certificate: self.path("tls.crt"), key: self.path("tls.key") };
        Certificates::open(files).await
    }
}

fn shown(certificates: &Certificates) -> Vec<u8> {
    certificates.shown.load().as_ref().unwrap().pair.end_entity_cert().unwrap().to_vec()
}

#[tokio::test]
async fn at_start_a_bad_pair_is_an_error() {
    let mount = Mount::new();
    assert!(matches!(mount.open().await, Err(PairError::Unreadable { .. })));
    mount.write(&Pair { key: mount.issue().key, ..mount.issue() });
    assert!(matches!(mount.open().await, Err(PairError::Mismatch { .. })));
    mount.write(&mount.issue());
    mount.open().await.unwrap();
}

#[tokio::test]
async fn a_renewed_pair_is_taken_up_once() {
    let mount = Mount::new();
    mount.write(&mount.issue());
    let (certificates, mut reloader) = mount.open().await.unwrap();
    let old = shown(&certificates);
    assert!(matches!(reloader.check().await, Reload::Unchanged));
    mount.write(&mount.issue());
    assert!(matches!(reloader.check().await, Reload::Replaced));
    assert_ne!(shown(&certificates), old);
    assert!(matches!(reloader.check().await, Reload::Unchanged));
}

#[tokio::test]
async fn half_a_renewal_is_refused_once_and_the_other_half_completes_it() {
    let mount = Mount::new();
    mount.write(&mount.issue());
    let (certificates, mut reloader) = mount.open().await.unwrap();
    let old = shown(&certificates);
    let new = mount.issue();
    std::fs::write(mount.path("tls.crt"), &new.certificate).unwrap();
    assert!(matches!(reloader.check().await, Reload::Refused(PairError::Mismatch { .. })));
    assert!(matches!(reloader.check().await, Reload::Unchanged));
    assert_eq!(shown(&certificates), old);
    std::fs::write(mount.path("tls.key"), &new.key).unwrap();
    assert!(matches!(reloader.check().await, Reload::Replaced));
    assert_ne!(shown(&certificates), old);
}

#[tokio::test]
async fn files_that_vanish_or_are_emptied_leave_the_old_pair_in_use() {
    let mount = Mount::new();
    let pair = mount.issue();
    mount.write(&pair);
    let (certificates, mut reloader) = mount.open().await.unwrap();
    let old = shown(&certificates);
    std::fs::write(mount.path("tls.key"), "").unwrap();
    assert!(matches!(reloader.check().await, Reload::Refused(PairError::Empty(_))));
    std::fs::remove_file(mount.path("tls.crt")).unwrap();
    assert!(matches!(reloader.check().await, Reload::Refused(PairError::Unreadable { .. })));
    assert!(matches!(reloader.check().await, Reload::Unchanged));
    assert_eq!(shown(&certificates), old);
    mount.write(&pair);
    assert!(matches!(reloader.check().await, Reload::Replaced));
    assert_eq!(shown(&certificates), old);
}

/// A Secret is mounted as `tls.crt -> ..data/tls.crt` and `..data -> ..TIMESTAMP`, and renewed by
/// exchanging the one link `..data`.
#[cfg(unix)]
#[tokio::test]
async fn a_mounted_secret_is_followed_through_its_links() {
    use std::os::unix::fs::symlink;

    let publish = |mount: &Mount, version: &str, pair: &Pair| {
        let real = mount.path(version);
        std::fs::create_dir(&real).unwrap();
        std::fs::write(real.join("tls.crt"), &pair.certificate).unwrap();
        std::fs::write(real.join("tls.key"), &pair.key).unwrap();
        symlink(version, mount.path("..data_tmp")).unwrap();
        std::fs::rename(mount.path("..data_tmp"), mount.path("..data")).unwrap();
    };
    let mount = Mount::new();
    for name in ["tls.crt", "tls.key"] {
        symlink(Path::new("..data").join(name), mount.path(name)).unwrap();
    }
    publish(&mount, "..2026_01", &mount.issue());
    let (certificates, mut reloader) = mount.open().await.unwrap();
    let old = shown(&certificates);
    publish(&mount, "..2026_02", &mount.issue());
    std::fs::remove_dir_all(mount.path("..2026_01")).unwrap();
    assert!(matches!(reloader.check().await, Reload::Replaced));
    assert_ne!(shown(&certificates), old);
}

#[tokio::test]
async fn the_watch_follows_changes_counts_them_and_ends_with_the_server() {
    let mount = Mount::new();
    mount.write(&mount.issue());
    let (certificates, reloader) = mount.open().await.unwrap();
    let old = shown(&certificates);
    let metrics = Arc::new(Metrics::new());
    let (trigger, signal) = shutdown::channel();
    let nudged = Arc::<Notify>::default();
    // The period is out of reach: only the nudge can be what makes it look.
    let watching = tokio::spawn(reloader.run(
        Duration::from_secs(3600),
        Arc::clone(&nudged),
        Arc::clone(&metrics),
        signal,
    ));
    mount.write(&mount.issue());
    nudged.notify_one();
    while shown(&certificates) == old {
        tokio::task::yield_now().await;
    }
    trigger.fire();
    watching.await.unwrap();
    let text = metrics.encode().unwrap();
    assert!(text.contains("pullcheck_tls_reloads_total{result=\"reloaded\"} 1"), "{text}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_hangup_makes_it_look() {
    let (trigger, signal) = shutdown::channel();
    let nudged = Arc::<Notify>::default();
    let nudging = tokio::spawn(reload_on_hangup(Arc::clone(&nudged), signal).unwrap());
    let me = std::process::id().to_string();
    let sent = std::process::Command::new("kill").args(["-HUP", &me]).status().unwrap();
    assert!(sent.success());
    nudged.notified().await;
    trigger.fire();
    nudging.await.unwrap();
}
