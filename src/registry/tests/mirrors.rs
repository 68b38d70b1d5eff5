//! Hosts of a `certs.d` tree: who is asked, in which order and how, and what it comes to.

mod asking;
mod content;
mod tls;
mod verdict;

use std::ops::Deref;

use tempfile::TempDir;

use super::fake::{Fake, Reply, Seen};
use super::tree::tree;
use super::world::{app, settings};
use crate::registry::{ClientConfig, RegistryClient};

/// A client and the tree that it reads.
pub(super) struct Told {
    client: RegistryClient,
    tree: TempDir,
}

impl Deref for Told {
    type Target = RegistryClient;

    fn deref(&self) -> &RegistryClient {
        &self.client
    }
}

/// A client where `reg.test` and `docker.io` have this `hosts.toml`.
fn client(names: &[(&str, &Fake)], hosts: &str) -> Told {
    client_with(names, hosts, |_| {})
}

/// The same, with other settings changed.
pub(super) fn client_with(
    names: &[(&str, &Fake)],
    hosts: &str,
    change: impl FnOnce(&mut ClientConfig),
) -> Told {
    reading(tree(&[("reg.test/hosts.toml", hosts), ("docker.io/hosts.toml", hosts)]), names, change)
}

/// A client that reads this tree.
fn reading(tree: TempDir, names: &[(&str, &Fake)], change: impl FnOnce(&mut ClientConfig)) -> Told {
    let mut config = ClientConfig { certs_d: Some(tree.path().to_owned()), ..settings(names) };
    change(&mut config);
    Told { client: RegistryClient::new(config).unwrap(), tree }
}

/// What the good image's registry answers, on whosever behalf it is asked.
fn mirror(seen: &Seen) -> Reply {
    let mut seen = seen.clone();
    if let Some((path, _)) = seen.path.split_once("?ns=") {
        seen.path = path.to_owned();
    }
    app(&seen)
}

/// How often a manifest was asked for.
fn asked(fake: &Fake) -> usize {
    fake.lines().iter().filter(|line| line.contains("/manifests/")).count()
}
