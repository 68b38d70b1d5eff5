//! What pullcheck has around it: a registry, and an API server with pull secrets, nodes and a
//! namespace, as in a cluster.

use std::sync::Arc;

use super::driver::Target;
use super::figures::Servers;
use super::noop::Noop;
use super::review::{Pod, Review};
use crate::support::api_server::{ApiServer, Entry, node};
use crate::support::images;
use crate::support::misbehaving::{Access, Logins, Registry};
use crate::support::secrets;
use crate::support::webhook::{Launch, Webhook};

/// The namespace of the reviews.
pub const NAMESPACE: &str = "shop";

/// Different reviews that are sent by turns.
const REVIEWS: usize = 64;

/// One pullcheck and its surroundings.
pub struct Scene {
    pub webhook: Webhook,
    images: Vec<String>,
    _registry: Registry,
    _api: ApiServer,
}

impl Scene {
    /// With so many images, and so many pull secrets: the first is for their registry, the others
    /// for others. `access` says whether that registry asks for the login in it.
    pub async fn set(images: usize, secrets: usize, access: fn(&Logins) -> Access) -> Self {
        let logins = Logins::default();
        let password = logins.add("ada", &["*"]);
        let registry = Registry::start(access(&logins)).await;
        let names = (0..images).map(|number| {
            let image = images::simple(&format!("image {number}"));
            registry.add(&format!("team/checkout/service-{number}"), "1.24.3", &image)
        });
        let names: Vec<String> = names.collect();

        let api = ApiServer::start(&[NAMESPACE]).await;
        api.put_namespace(NAMESPACE, &serde_json::json!({ "team": "checkout" }));
        for number in 0..3 {
            api.put_node(node(&format!("worker-{number}"), "linux/amd64", &[]));
        }
        let host = registry.host();
        for (number, name) in secret_names(secrets).iter().enumerate() {
            let other = format!("registry-{number}.example.test");
            let (host, password) = match number {
                0 => (host.as_str(), password.clone()),
                _ => (other.as_str(), secrets::fresh()),
            };
            let entry = Entry { host, user: "ada", password: &password };
            api.put_pull_secret(NAMESPACE, name, &[entry]);
        }
        let launch = Launch::beside(&api).args(&["--insecure-registry", &host]).mode("enforce");
        Self { webhook: launch.start().await, images: names, _registry: registry, _api: api }
    }

    pub fn target(&self) -> Target<'_> {
        Target::of(&self.webhook)
    }

    /// This pullcheck, and a server that does nothing beside it.
    pub fn beside(&self, noop: &Noop) -> Servers<'_> {
        let ca = self.webhook.ca();
        let noop = Target { id: noop.id(), address: noop.address(), ca };
        Servers { noop, pullcheck: self.target() }
    }

    /// Reviews of a pod of this size with so many containers, whose images are this scene's, over
    /// and over.
    pub fn reviews(&self, size: usize, containers: usize, secrets: usize) -> Arc<[Review]> {
        let images: Vec<String> = self.images.iter().cycle().take(containers).cloned().collect();
        let secrets = secret_names(secrets);
        let pod = Pod { size, images: &images, secrets: &secrets, namespace: NAMESPACE };
        // Large ones fill the memory of the machine before they fill that of the server.
        let different = REVIEWS.min((16 << 20) / size.max(1)).max(1);
        (0..different).map(|number| pod.review(number)).collect()
    }
}

fn secret_names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("registry-login-{number}")).collect()
}
