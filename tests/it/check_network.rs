//! `pullcheck check` and networks: time limits, certificates, hosts that are trusted as they are.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::support::check::check;
use crate::support::contract::Certainty::Unknown;
use crate::support::contract::{Action, Report};
use crate::support::images;
use crate::support::manifests::{pod, stream};
use crate::support::misbehaving::{Access, Registry, faults};
use crate::support::real_registry::{self, Flavour, MISSING, RealRegistry};
use crate::support::reviews::pod_spec;
use crate::support::skip;
use crate::support::tls::{Ca, Kind};

/// An address of this machine that is not loopback's: there certificates count. Nothing is sent.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

/// Passes connections to `address` on to `host`, which listens on loopback; gives `address:port`.
async fn pass_on(address: IpAddr, host: String) -> String {
    let listener = TcpListener::bind(SocketAddr::new(address, 0)).await.unwrap();
    let own = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let host = host.clone();
            tokio::spawn(async move {
                if let Ok(mut to) = TcpStream::connect(host).await {
                    let _ = copy_bidirectional(&mut from, &mut to).await;
                }
            });
        }
    });
    own
}

#[tokio::test]
async fn certificates_are_checked_unless_told_otherwise() {
    let Some(binary) = real_registry::binary() else { skip!(MISSING) };
    let Some(address) = own_address() else { skip!("this machine has only loopback") };
    let ca = Ca::mint();
    let leaf = ca.leaf(Kind::Good, &[&address.to_string()]);
    let registry = RealRegistry::start_tls(&binary, Flavour::Anonymous, &ca, &leaf).await;
    registry.push("team/app", "v1", &images::simple("a")).await;
    let host = pass_on(address, registry.host()).await;
    let manifest = stream(&[pod(&pod_spec(&format!("{host}/team/app:v1")))]);
    let run = async |args: &[&str]| {
        let ran = check(&["-", "-o", "json"]).args(args).stdin(&manifest).run().await;
        ran.expect_code(0);
        Report::of(&ran)
    };
    let report = run(&[]).await;
    assert_eq!(report.shown(), [("registry-tls", Unknown, Action::Warn)], "{report:?}");
    let stranger = Ca::mint();
    let report = run(&["--ca-file", stranger.file().to_str().unwrap()]).await;
    assert_eq!(report.shown(), [("registry-tls", Unknown, Action::Warn)], "{report:?}");

    let file = ca.file();
    assert_eq!(run(&["--ca-file", file.to_str().unwrap()]).await.shown(), []);
    assert_eq!(run(&["--insecure-registry", &host]).await.shown(), []);
    // The port is part of the name.
    let report = run(&["--insecure-registry", &address.to_string()]).await;
    assert_eq!(report.shown(), [("registry-tls", Unknown, Action::Warn)], "{report:?}");
}

#[tokio::test]
async fn plain_http_is_spoken_only_where_it_is_allowed() {
    let Some(address) = own_address() else { skip!("this machine has only loopback") };
    let registry = Registry::start(Access::anonymous()).await;
    registry.add("app", "v1", &images::simple("a"));
    let host = pass_on(address, registry.host()).await;
    let manifest = stream(&[pod(&pod_spec(&format!("{host}/app:v1")))]);
    let ran = check(&["-", "-o", "json"]).stdin(&manifest).run().await;
    let report = Report::of(ran.expect_code(0));
    assert_eq!(report.shown(), [("registry-plain-http", Unknown, Action::Warn)], "{report:?}");
    let args = ["-", "-o", "json", "--insecure-registry", &host];
    let ran = check(&args).stdin(&manifest).run().await;
    assert_eq!(Report::of(ran.expect_code(0)).shown(), []);
}

/// `--timeout` is each object's own, from when it starts.
#[tokio::test]
async fn a_registry_that_hangs_costs_each_object_its_time_and_no_more() {
    let registry = Registry::start(Access::anonymous()).await;
    registry.add("good", "v1", &images::simple("a"));
    for repository in ["a", "b"] {
        registry.misbehave(repository, faults::hang());
    }
    let host = registry.host();
    let mut objects: Vec<_> =
        ["a", "b"].map(|name| pod(&pod_spec(&format!("{host}/{name}:v1")))).into();
    objects.push(pod(&pod_spec(&format!("{host}/good:v1"))));
    let started = Instant::now();
    let args = ["-", "-o", "json", "--timeout", "1s", "--jobs", "1"];
    let ran = check(&args).stdin(stream(&objects)).run().await;
    ran.expect_code(0);
    // Twice the limit, and no more than the machine's own slowness above it.
    let took = started.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_secs(30)).contains(&took), "{took:?}");
    let report = Report::of(&ran);
    for object in &report.objects[..2] {
        assert_eq!(object.findings[0].code, "registry-timeout", "{object:?}");
        assert_eq!(
            (object.findings[0].certainty, object.findings[0].action),
            (Unknown, Action::Warn)
        );
    }
    assert_eq!(report.objects[2].findings, []);
}

/// However many images, a host that we could not see is one line.
#[tokio::test]
async fn a_host_that_cannot_be_seen_is_told_once_for_each_object() {
    let registry = Registry::start(Access::anonymous()).await;
    let host = registry.host();
    let mut spec = json!({ "containers": [] });
    for name in ["a", "b", "c"] {
        registry.misbehave(name, faults::server_error(503));
        let container = json!({ "name": name, "image": format!("{host}/{name}:v1") });
        spec["containers"].as_array_mut().unwrap().push(container);
    }
    let ran = check(&["-"]).stdin(stream(&[pod(&spec)])).run().await;
    ran.expect_code(0);
    assert_eq!(ran.stdout.matches("registry-error").count(), 1, "{ran}");
    assert!(ran.stdout.contains("(and 2 more images of this host) [registry-error]"), "{ran}");
    assert!(
        ran.stdout.ends_with("1 object, 3 images: 1 with warnings; 3 could not be checked\n"),
        "{ran}"
    );
}

#[tokio::test]
async fn an_exempt_image_is_not_asked_for() {
    let registry = Registry::start(Access::anonymous()).await;
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("config.yaml");
    std::fs::write(&file, format!("exempt: {{images: ['{}/*']}}\n", registry.host())).unwrap();
    let manifest = stream(&[pod(&pod_spec(&format!("{}/absent:v1", registry.host())))]);
    let ran = check(&["-", "--config", file.to_str().unwrap()]).stdin(&manifest).run().await;
    ran.expect_code(0);
    assert_eq!(registry.connections(), 0);
    let ran = check(&["-"]).env("PULLCHECK_CONFIG", file.to_str().unwrap()).stdin(manifest).run();
    ran.await.expect_code(0);
    assert_eq!(registry.connections(), 0);
}
