use std::time::SystemTime;

use super::support::{Server, is_ok, patient};
use crate::certificates::{Authority, Pair};
use crate::server::body::Limits;
use crate::server::tls::{CertificateFiles, Certificates, Reload, Reloader};

struct Renewable {
    dir: tempfile::TempDir,
    server: Server,
    reloader: Reloader,
}

impl Renewable {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::mint(SystemTime::now()).unwrap();
        let files = CertificateFiles {
            certificate: dir.path().join("tls.crt"),
            key: dir.path().join("tls.key"),
        };
        let pair = authority.issue(&["localhost"], 1).unwrap();
        std::fs::write(&files.certificate, pair.certificate).unwrap();
        std::fs::write(&files.key, pair.key).unwrap();
        let (certificates, reloader) = Certificates::open(files).await.unwrap();
        let server = Server::with(patient(), Limits::default(), authority, certificates).await;
        Self { dir, server, reloader }
    }

    fn issue(&self) -> Pair {
        self.server.authority.issue(&["localhost"], 1).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// The certificate that a new connection is shown.
    async fn shown(&self) -> Vec<u8> {
        let stream = self.server.tls(&["h2"]).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }
}

#[tokio::test]
async fn connections_and_their_reviews_outlive_a_renewal_and_new_ones_see_it() {
    let mut renewable = Renewable::start().await;
    let (mut h1, h2) = (renewable.server.h1().await, renewable.server.h2().await);
    let under_way = h2.post("wait");
    renewable.server.begun().await;
    let mut seen = vec![renewable.shown().await];
    for _ in 0..3 {
        let new = renewable.issue();
        renewable.write("tls.crt", &new.certificate);
        renewable.write("tls.key", &new.key);
        let (reloaded, over_h2, over_h1) =
            tokio::join!(renewable.reloader.check(), h2.post("{}"), h1.post("{}"));
        assert!(matches!(reloaded, Reload::Replaced), "{reloaded:?}");
        is_ok(over_h2.unwrap(), "{}");
        is_ok(over_h1, "{}");
        let shown = renewable.shown().await;
        assert!(!seen.contains(&shown));
        seen.push(shown);
    }
    renewable.server.reviewer.go_on.add_permits(1);
    is_ok(under_way.await.unwrap(), "wait");
    is_ok(h2.post("last").await.unwrap(), "last");
}

#[tokio::test]
async fn half_a_renewal_changes_nothing_for_anybody() {
    let mut renewable = Renewable::start().await;
    let h2 = renewable.server.h2().await;
    let old = renewable.shown().await;
    let new = renewable.issue();
    for (name, text) in [("tls.crt", new.certificate.as_str()), ("tls.key", "")] {
        renewable.write(name, text);
        let found = renewable.reloader.check().await;
        assert!(matches!(found, Reload::Refused(_)), "{found:?}");
        assert_eq!(renewable.shown().await, old);
        is_ok(h2.post("{}").await.unwrap(), "{}");
    }
    renewable.write("tls.key", &new.key);
    assert!(matches!(renewable.reloader.check().await, Reload::Replaced));
    assert_ne!(renewable.shown().await, old);
}
