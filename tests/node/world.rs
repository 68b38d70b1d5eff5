//! The registries of the tests, who may pull from them, and the images they hold.

use std::path::Path;

use serde_json::Value;

use super::secret::{config, login};
use crate::support::images::{Image, Layer, runnable};
use crate::support::misbehaving::{Access, Registry};
use crate::support::real_registry::{Flavour, RealRegistry};
use crate::support::tls::{Ca, Kind};
use crate::support::token_server::TokenServer;

/// The name of the registry with a token server, for patterns to match.
pub const REGISTRY: &str = "registry.judge.test";

/// `/etc/hosts` where the tests run.
pub const HOSTS: &str = "127.0.0.1 localhost registry.judge.test\n";

/// The user who may pull everything from the registry with a token server.
pub const USER: &str = "puller";

/// Everything that pods pull from.
pub struct World {
    /// Lets in by tokens, over TLS, under a name.
    pub private: Registry,
    pub tokens: TokenServer,
    pub password: String,
    /// Of a user who may pull nothing.
    pub stranger: String,
    /// Lets in by Basic, in plain HTTP: Debian's docker-registry.
    pub basic: RealRegistry,
    /// Lets everybody in, in plain HTTP, and never asks for a login.
    pub open: Registry,
    pub ca: Ca,
    program: Layer,
}

impl World {
    /// Starts the registries. `busybox` is the program that all images run, `registry` Debian's.
    pub async fn start(busybox: &Path, registry: &Path) -> Self {
        let ca = Ca::mint();
        let leaf = ca.leaf(Kind::Good, &[REGISTRY]);
        let tokens = TokenServer::start_tls(&leaf).await;
        let (password, stranger) =
            (tokens.add_user(USER, &["*"]), tokens.add_user("stranger", &[]));
        let program = std::fs::read(busybox).unwrap();
        Self {
            private: Registry::start_tls(Access::bearer(&tokens), &leaf).await,
            tokens,
            password,
            stranger,
            basic: RealRegistry::start(registry, Flavour::Basic).await,
            open: Registry::start(Access::anonymous()).await,
            ca,
            program: Layer::program("busybox", &program),
        }
    }

    /// An image that runs until it is killed, of its own digest for each marker.
    pub fn image(&self, marker: &str) -> Image {
        runnable(&self.program, &["/busybox", "sleep", "86400"], marker)
    }

    /// The host of the registry with a token server, as in an image name.
    pub fn host(&self) -> String {
        self.private.host().replace("127.0.0.1", REGISTRY)
    }

    /// Its port.
    pub fn port(&self) -> String {
        self.private.host().replace("127.0.0.1:", "")
    }

    /// An image there, in a repository of its own.
    pub fn private(&self, repository: &str) -> String {
        let name = self.private.add(repository, "1.0", &self.image(repository));
        name.replace("127.0.0.1", REGISTRY)
    }

    /// An image in the registry that is open to all.
    pub fn open(&self, repository: &str) -> String {
        self.open.add(repository, "1.0", &self.image(repository))
    }

    /// An image in the registry with Basic.
    pub async fn basic(&self, repository: &str) -> String {
        self.basic.push(repository, "1.0", &self.image(repository)).await
    }

    /// The `auths` entry of the user who may pull everything.
    pub fn good(&self) -> Value {
        login(USER, &self.password)
    }

    /// A config with that entry under a key.
    pub fn good_under(&self, key: &str) -> String {
        config(&[(key, self.good())])
    }
}

/// A config with a password that is not, or no longer, the user's.
pub fn stale_under(key: &str) -> String {
    config(&[(key, stale_login())])
}

/// The entry with that password.
pub fn stale_login() -> Value {
    login(USER, "a-password-of-last-year")
}
