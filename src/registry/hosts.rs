//! Which hosts a node would ask for a registry's images, and how: containerd's `certs.d` trees
//! (`core/remotes/docker/config/hosts.go` of containerd 2.4.2), reused unchanged.
//!
//! What is never here: asking.
//!
//! ```text
//! tree         which folder is a registry's, and what is in it
//!   toml_file    hosts.toml                                server_url
//! complete     what containerd fills in
//! material     the certificates that are named, read
//! ```

mod complete;
mod entry;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzz;
mod material;
mod server_url;
mod toml_file;
mod tree;

use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::uri::Authority;
use moka::future::Cache;

use super::scheme::{Spoken, canonical};
use super::transport::{Transport, Via};
use crate::image::Reference;

pub(super) use entry::{Capabilities, Headers};
pub(super) use material::Material;

/// Registries of which what was read is kept.
const REGISTRIES: u64 = 4_096;
/// Folders at most that are looked through at the start.
const MOST_FOLDERS: usize = 2_000;
/// Things at most that are said once.
const MOST_SAID: usize = 1_000;

/// One host that a node would ask.
#[derive(Debug, Clone)]
pub(super) struct RegistryHost {
    /// Where it is, or why no request can be sent there.
    pub(super) endpoint: Result<Arc<Endpoint>, String>,
    pub(super) capabilities: Capabilities,
}

/// The hosts that are asked for a registry's images, in order.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) hosts: Vec<RegistryHost>,
    /// The operator's tree says so: no other mirrors are to be thought of.
    pub(super) told: bool,
}

/// Where a host is, and how it is spoken to.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) authority: Authority,
    /// What comes before the repository in every path: `/v2`, unless it is configured.
    pub(super) root: String,
    pub(super) spoken: Spoken,
    /// How the operator wants it spoken to; none where no configuration is for the registry.
    pub(super) via: Option<Arc<Via>>,
    /// The registry that a mirror is asked on behalf of: `?ns=`.
    pub(super) namespace: Option<String>,
}

impl Endpoint {
    /// The path and query of something in a repository.
    pub(super) fn path(&self, repository: &str, what: &str) -> String {
        let path = format!("{}/{repository}/{what}", self.root);
        match &self.namespace {
            None => path,
            Some(namespace) => {
                let joint = if what.contains('?') { '&' } else { '?' };
                format!("{path}{joint}ns={}", escaped(namespace))
            }
        }
    }

    /// The same for the same machine, reached in the same way, whatever is asked there.
    pub(super) fn machine(&self) -> String {
        let authority = canonical(&self.authority);
        match &self.via {
            None => authority,
            Some(via) => format!("{authority} {}", via.id()),
        }
    }

    /// The same for the same place, spoken to in the same way on behalf of the same registry, and
    /// for no other: what is learnt at one of them says nothing of another.
    pub(super) fn home(&self) -> String {
        let Some(via) = &self.via else { return self.authority.to_string() };
        let namespace = self.namespace.as_deref().unwrap_or_default();
        format!("{}{}?ns={namespace} {:?} {}", self.authority, self.root, self.spoken, via.id())
    }
}

/// A `host[:port]` in a query, as Go's `url.QueryEscape` writes it.
fn escaped(host: &str) -> String {
    host.replace(':', "%3A").replace('[', "%5B").replace(']', "%5D")
}

/// The hosts of a registry, or why the nodes' configuration of it cannot be followed.
pub(super) type Listed = Result<Arc<Listing>, Arc<str>>;

/// The operator's tree, if there is one.
pub(super) struct Hosts {
    tree: Option<Arc<Path>>,
    known: Cache<String, Listed>,
    said: Arc<Said>,
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts").field("tree", &self.tree).finish_non_exhaustive()
    }
}

impl Hosts {
    /// The hosts of this tree. What is wrong in it is logged, and is no error: containerd lives
    /// with it, and it may be put right while we run.
    pub(super) fn new(tree: Option<PathBuf>, kept: Duration) -> Self {
        let hosts = Self {
            tree: tree.map(Into::into),
            known: Cache::builder().max_capacity(REGISTRIES).time_to_live(kept).build(),
            said: Arc::default(),
        };
        if let Some(tree) = &hosts.tree {
            look_through(tree, &hosts.said);
        }
        hosts
    }

    /// The hosts that are asked for this image's registry, in order.
    pub(super) async fn of(&self, reference: &Reference, transport: &Arc<Transport>) -> Listed {
        let Some(tree) = &self.tree else { return Ok(alone(reference)) };
        let read = async {
            let (tree, said, transport) = (tree.clone(), self.said.clone(), transport.clone());
            let reference = reference.clone();
            let read = move || listed(&tree, &reference, &transport, &said);
            let broke_off = |_| Err("reading the files broke off".into());
            tokio::task::spawn_blocking(read).await.unwrap_or_else(broke_off)
        };
        self.known.get_with(reference.registry().to_owned(), read).await
    }
}

/// The registry itself, where no configuration says otherwise.
fn alone(reference: &Reference) -> Arc<Listing> {
    let endpoint = reference.host().parse().map(|authority| Endpoint {
        authority,
        root: "/v2".to_owned(),
        spoken: Spoken::ByName,
        via: None,
        namespace: None,
    });
    let endpoint = endpoint.map(Arc::new).map_err(|_| "its host is no valid address".to_owned());
    let host = RegistryHost { endpoint, capabilities: Capabilities::default() };
    Arc::new(Listing { hosts: vec![host], told: false })
}

fn listed(tree: &Path, reference: &Reference, transport: &Transport, said: &Said) -> Listed {
    let registry = reference.registry();
    let Some(folder) = tree::read(tree, registry).map_err(|why| said.fault(&why))? else {
        return Ok(alone(reference));
    };
    if let Some(dropped) = &folder.dropped {
        said.dropped(dropped);
    }
    let mut hosts = Vec::new();
    for asked in complete::complete(registry, folder.entries) {
        let material = Material::read(&asked.tls).map_err(|why| said.fault(&why))?;
        let via = transport
            .via(&material, asked.dial_timeout, asked.headers)
            .map_err(|why| said.fault(&why))?;
        let endpoint = asked.place.map(|place| {
            let itself = [registry, reference.host()].contains(&place.authority.as_str());
            Arc::new(Endpoint {
                authority: place.authority,
                root: place.root,
                spoken: place.spoken,
                via: Some(Arc::new(via)),
                namespace: (!itself).then(|| registry.to_owned()),
            })
        });
        hosts.push(RegistryHost { endpoint, capabilities: asked.capabilities });
    }
    Ok(Arc::new(Listing { hosts, told: true }))
}

/// Says at the start what is wrong in the tree, so that it is not first seen in a review.
fn look_through(tree: &Path, said: &Said) {
    let folders = match std::fs::read_dir(tree) {
        Ok(folders) => folders.take(MOST_FOLDERS).filter_map(Result::ok),
        Err(error) => {
            said.fault(&tree::unreadable(tree, &error));
            return;
        }
    };
    for folder in folders.map(|folder| folder.path()).filter(|path| path.is_dir()) {
        match tree::load(&folder) {
            Ok(folder) => {
                folder.dropped.iter().for_each(|why| said.dropped(why));
                for asked in complete::complete("", folder.entries) {
                    if let Err(why) = Material::read(&asked.tls) {
                        said.fault(&why);
                    }
                }
            }
            Err(why) => drop(said.fault(&why)),
        }
    }
}

/// What has been logged: once is enough, however often the files are read.
#[derive(Debug, Default)]
struct Said(Mutex<HashSet<u64>>);

impl Said {
    fn dropped(&self, why: &str) {
        if self.is_new(why) {
            tracing::warn!(
                why,
                "a hosts.toml is left aside, as containerd does: its hosts are not asked"
            );
        }
    }

    fn fault(&self, why: &str) -> Arc<str> {
        if self.is_new(why) {
            tracing::warn!(why, "the nodes' configuration of a registry cannot be followed");
        }
        why.into()
    }

    fn is_new(&self, why: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        why.hash(&mut hasher);
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.len() < MOST_SAID && said.insert(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_query_names_a_host_as_go_does() {
        for (host, expected) in [
            ("docker.io", "docker.io"),
            ("reg.test:5000", "reg.test%3A5000"),
            ("[fd00::1]:5000", "%5Bfd00%3A%3A1%5D%3A5000"),
        ] {
            assert_eq!(escaped(host), expected);
        }
    }

    #[test]
    fn what_is_wrong_in_the_tree_is_said_once() {
        let said = Said::default();
        assert!(said.is_new("one"));
        assert!(said.is_new("two"));
        assert!(!said.is_new("one"));
        for index in 0..MOST_SAID {
            said.is_new(&index.to_string());
        }
        assert!(!said.is_new("one too many"));
    }

    #[test]
    fn what_is_wrong_anywhere_in_the_tree_is_found_at_the_start() {
        let tree = TempDir::new().unwrap();
        for (name, text) in [
            ("good.test", "server = \"m.test\"\n"),
            ("dropped.test", "capabilities = [\"mirror\"]\n"),
            ("lacking.test", "ca = \"none.pem\"\n"),
        ] {
            fs::create_dir(tree.path().join(name)).unwrap();
            fs::write(tree.path().join(name).join("hosts.toml"), text).unwrap();
        }
        fs::write(tree.path().join("a file"), "").unwrap();
        let hosts = Hosts::new(Some(tree.path().to_owned()), Duration::ZERO);
        assert_eq!(hosts.said.0.lock().unwrap().len(), 2);
    }
}
