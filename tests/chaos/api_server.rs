//! Troubles of the API server, and of what is kept there.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use super::link::Link;
use super::load::{NAMESPACES, Order};
use super::registry::Scene;
use super::trial::{Came, Figures, Trial, here};
use crate::support::api_server::{ApiServer, Entry};
use crate::support::misbehaving::{Access, Logins};
use crate::support::reviews::pod_spec_with_secrets;
use crate::support::webhook::Launch;

const SECRET: &str = "regcred";

/// A registry that wants a login, and an API server, behind a link, that holds it.
struct Cluster {
    scene: Scene,
    api: ApiServer,
    link: Link,
    logins: Logins,
    _folder: TempDir,
}

impl Cluster {
    async fn set() -> Self {
        let api = ApiServer::start(&NAMESPACES).await;
        let folder = TempDir::new().unwrap();
        let kubeconfig = api.kubeconfig();
        let mut config: Value =
            serde_json::from_slice(&std::fs::read(kubeconfig).unwrap()).unwrap();
        let url = config["clusters"][0]["cluster"]["server"].as_str().unwrap().to_owned();
        let link = Link::to(url.trim_start_matches("https://"));
        config["clusters"][0]["cluster"]["server"] = format!("https://{}", link.host()).into();
        let path: PathBuf = folder.path().join("kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        for namespace in NAMESPACES {
            api.put_mode(namespace, "enforce");
        }
        let logins = Logins::default();
        let launch = Launch::with(&["--allow-address", "127.0.0.0/8", "--kubeconfig"])
            .args(&[path.to_str().unwrap()]);
        let scene = Scene::of(Access::basic(&logins), launch).await;
        let cluster = Self { scene, api, link, logins, _folder: folder };
        cluster.log_in("alice");
        cluster
    }

    /// Every namespace has this user's login, with a new password.
    fn log_in(&self, user: &str) {
        let password = self.logins.add(user, &["*"]);
        let host = self.scene.link.host();
        let entry = Entry { host: &host, user, password: &password };
        for namespace in NAMESPACES {
            self.api.put_pull_secret(namespace, SECRET, &[entry]);
        }
    }

    fn order(&self) -> Order {
        let spec = Arc::new(|image: &str| pod_spec_with_secrets(image, &[SECRET]));
        Order { spec, ..self.scene.order() }
    }

    async fn loses_the_api_server(&self, how: impl Fn(&Link)) -> Figures {
        // While the Secret cannot be read nobody is logged in.
        let order = Order { likely: &["access-denied"], ..self.order() };
        let trial = Trial::begin(order).await;
        how(&self.link);
        // A Secret that was read is taken as it was for some seconds.
        trial.is_felt("not-checked").await;
        trial.lasts().await;
        self.link.open();
        trial.over(&self.scene.webhook).await
    }
}

pub fn the_api_server_is_gone(_: &str) -> Came {
    here(async { Cluster::set().await.loses_the_api_server(Link::down).await })
}

pub fn the_api_server_falls_silent(_: &str) -> Came {
    here(async { Cluster::set().await.loses_the_api_server(Link::silent).await })
}

pub fn a_secret_is_rotated(_: &str) -> Came {
    here(async {
        let cluster = Cluster::set().await;
        let trial = Trial::begin(cluster.order()).await;
        for user in ["bob", "carol"] {
            // The old login holds until the new one is in the Secret, and no longer.
            let old = if user == "bob" { "alice" } else { "bob" };
            cluster.log_in(user);
            cluster.logins.add(old, &["*"]);
            trial.lasts().await;
        }
        trial.over(&cluster.scene.webhook).await
    })
}
