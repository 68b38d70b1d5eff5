//! `hosts.toml`, the same tree for the nodes and for pullcheck.

use std::path::Path;
use std::sync::Arc;

use crate::support::images::{Image, simple};
use crate::support::misbehaving::faults::Act;
use crate::support::misbehaving::{Answer, Fault, Registry, faults};
use crate::truth::case::{Case, Feature, Node};
use crate::truth::world::World;

/// The registry that all these names lead to is there.
const UP: &str = "upstream.test";
/// Nobody listens there.
const DOWN: &str = "down.test";

const MIRROR: &str = "[host.\"https://mirror.test\"]\n";

/// Host, in the name of the folder as it is, and the file in it.
const TREES: &[(&str, &str)] = &[
    ("only-mirror.down.test", MIRROR),
    ("not-mirrored.upstream.test", MIRROR),
    ("nowhere.upstream.test", MIRROR),
    ("mirror-down.upstream.test", "[host.\"https://refused.test\"]\n"),
    ("mirror-stranger.upstream.test", "[host.\"https://stranger.test\"]\n"),
    ("refused.upstream.test", MIRROR),
    ("refused-has.upstream.test", MIRROR),
    ("failing.upstream.test", MIRROR),
    ("pull-only.down.test", "[host.\"https://mirror.test\"]\ncapabilities = [\"pull\"]\n"),
    ("server.down.test", "server = \"https://mirror.test\"\n"),
    ("server-too.down.test", "server = \"https://mirror.test\"\n[host.\"https://refused.test\"]\n"),
    ("skip-verify.down.test", "[host.\"https://stranger.test\"]\nskip_verify = true\n"),
    ("ca.down.test", "[host.\"https://stranger.test\"]\nca = \"stranger.pem\"\n"),
    ("http.down.test", "[host.\"http://plain.test:5000\"]\n"),
    ("path.down.test", "[host.\"https://mirror.test/v2/proxied\"]\noverride_path = true\n"),
    ("bad-capability.upstream.test", "[host.\"https://refused.test\"]\ncapabilities = [\"fly\"]\n"),
    ("bad-toml.upstream.test", "[host.\"https://refused.test\"\n"),
    ("empty.upstream.test", ""),
    ("namespace.down.test", MIRROR),
    (
        "header.down.test",
        "[host.\"https://mirror.test\"]\n[host.\"https://mirror.test\".header]\nx-from = \"the node\"\n",
    ),
    ("no-layer.upstream.test", MIRROR),
    ("no-layer-anywhere.upstream.test", MIRROR),
    ("second.down.test", "[host.\"https://refused.test\"]\n[host.\"https://mirror.test\"]\n"),
    ("port.down.test_5000_", MIRROR),
    ("insecure.test", "[host.\"https://insecure.test\"]\nskip_verify = true\n"),
    ("insecure.test:5000", "[host.\"http://insecure.test:5000\"]\n"),
];

/// Names that lead to the registry, and names that lead to nobody.
pub fn names() -> Vec<(String, bool)> {
    let hosts = TREES.iter().map(|(folder, _)| folder.trim_end_matches("_5000_").to_owned());
    let ours = hosts.filter(|host| host.ends_with(UP) || host.ends_with(DOWN));
    ours.map(|host| (host.clone(), host.ends_with(UP))).collect()
}

/// Writes the tree.
pub fn write(folder: &Path, stranger_pem: &str) {
    for (host, text) in TREES {
        let folder = folder.join(host);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("hosts.toml"), text).unwrap();
        std::fs::write(folder.join("stranger.pem"), stranger_pem).unwrap();
    }
}

pub fn cases(world: &World) -> Vec<Case> {
    let add = |registry: &Registry, repository: &str| -> Image {
        let image = simple(&format!("mirrors {repository}"));
        registry.add(&format!("mirrors/{repository}"), "v1", &image);
        image
    };
    let mirror = |repository: &str| add(&world.mirror, repository);
    let upstream = |repository: &str| add(&world.upstream, repository);
    let misbehave = |repository: &str, fault: Fault| {
        world.mirror.misbehave(&format!("mirrors/{repository}"), fault);
    };
    let up = |name, host: &str| Case::new(name, format!("{host}.{UP}/mirrors/{host}:v1"));
    let down = |name, host: &str| Case::new(name, format!("{host}.{DOWN}/mirrors/{host}:v1"));

    for host in ["only-mirror", "server", "server-too", "second", "port", "pull-only"] {
        mirror(host);
    }
    for host in
        ["not-mirrored", "mirror-down", "mirror-stranger", "bad-capability", "bad-toml", "empty"]
    {
        upstream(host);
    }
    misbehave("refused", faults::forbidden());
    upstream("refused-has");
    misbehave("refused-has", faults::forbidden());
    misbehave("failing", faults::server_error(500));
    for (host, registry) in
        [("skip-verify", &world.stranger), ("ca", &world.stranger), ("http", &world.plain)]
    {
        add(registry, host);
    }
    world.mirror.add("proxied/mirrors/path", "v1", &simple("mirrors path"));
    mirror("namespace");
    misbehave("namespace", only_if(|query, _| query == "ns=namespace.down.test"));
    mirror("header");
    misbehave("header", only_if(|_, header| header == "the node"));
    let whole = upstream("no-layer");
    mirror("no-layer");
    world.mirror.lose("mirrors/no-layer", &whole.blobs[1].digest);
    let broken = upstream("no-layer-anywhere");
    mirror("no-layer-anywhere");
    for registry in [&world.mirror, &world.upstream] {
        registry.lose("mirrors/no-layer-anywhere", &broken.blobs[1].digest);
    }
    let by_digest = mirror("by-digest");
    let by_digest = format!("pull-only.{DOWN}/mirrors/by-digest@{}", by_digest.digest());

    let refused = "connection refused";
    let mut cases = vec![
        down("the mirror has it, the registry is down", "only-mirror"),
        up("the registry has it, the mirror does not", "not-mirrored"),
        up("neither has it", "nowhere").fails("not found").proven("repository-not-found"),
        up("the mirror is down", "mirror-down"),
        up("the mirror's certificate is unknown", "mirror-stranger"),
        up("the mirror refuses, the registry does not have it", "refused")
            .fails("403 Forbidden")
            .proven("access-denied"),
        up("the mirror refuses, the registry has it", "refused-has"),
        up("the mirror fails, the registry does not have it", "failing")
            .fails("500 Internal Server Error")
            .unknown("registry-error"),
        down("a mirror that does not resolve tags", "pull-only")
            .fails(refused)
            .unknown("registry-refused"),
        Case::new("a mirror that does not resolve tags, by digest", by_digest),
        down("server without a host", "server")
            .nodes(Node::Pulls, Node::Fails(refused))
            .undecidable("a file that containerd 1.x passes over"),
        down("server besides a host that is down", "server-too"),
        down("skip_verify", "skip-verify"),
        down("a ca of the mirror", "ca"),
        down("a mirror by plain HTTP", "http"),
        down("override_path", "path"),
        up("an unknown capability drops the file", "bad-capability"),
        up("a file that is no TOML", "bad-toml"),
        up("an empty file", "empty"),
        down("a mirror that looks at ns", "namespace"),
        down("a mirror that looks at a header", "header"),
        up("the mirror lacks a layer", "no-layer"),
        up("both lack a layer", "no-layer-anywhere").fails("not found").proven("blob-missing"),
        down("the second of two mirrors", "second"),
        Case::new("a folder for a port", "port.down.test:5000/mirrors/port:v1"),
    ];
    for case in &mut cases {
        case.awaits = Some(Feature::CertsD);
        case.args = vec!["--certs-d".into(), world.certs_d().display().to_string()];
    }
    cases
}

/// 404 unless the query and the header `x-from` are right.
fn only_if(right: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Fault {
    Fault::new(Act::Change(Arc::new(move |seen, good| {
        if right(&seen.query, seen.header("x-from")) {
            good
        } else {
            Answer::error(404, "NAME_UNKNOWN", "not for you")
        }
    })))
}
