//! What the demo shows: the objects that people get wrong, and the ones that are right.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::registry::{LOGIN, digest};
use crate::credentials::{ConfigFormat, DecodedSecret, DockerConfig};
use crate::objects::Manifests;

/// The namespace of every object.
pub(super) const NAMESPACE: &str = "shop";

/// One object and what it is about.
pub(super) struct Scene {
    pub(super) title: &'static str,
    pub(super) object: Value,
}

/// The scenes, in the order in which they are shown.
pub(super) fn scenes() -> Vec<Scene> {
    let private = "registry.acme.example/shop/api:v2";
    let by_digest = format!("nginx@{}", digest());
    vec![
        pod("a typing mistake in the name", "ngnix:latest", &[]),
        pod("a typing mistake in the tag", "nginx:latests", &[]),
        pod("an upper-case name", "ghcr.io/Acme/api:v2", &[]),
        pod("a private image without a pull secret", private, &[]),
        pod("with a secret for another host", private, &["other-host"]),
        pod("with a secret that cannot be decoded", private, &["malformed"]),
        pod("with a password that the registry refuses", private, &["old-password"]),
        pod("with a secret that does not exist", private, &["reg-cred"]),
        pod("with the right one", private, &["regcred"]),
        pod("a registry that cannot be reached", "registry.down.example/shop/api:v2", &[]),
        pod("a registry that limits requests", "busy.example/shop/api:v2", &[]),
        pod("a good image by tag", "nginx:1.27", &[]),
        pod("a good image by digest", &by_digest, &[]),
        Scene {
            title: "a Deployment whose ServiceAccount carries the secret",
            object: json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": "api", "namespace": NAMESPACE},
                "spec": {"template": {"spec": {
                    "serviceAccountName": "api",
                    "containers": [{"name": "api", "image": private}],
                }}},
            }),
        },
    ]
}

fn pod(title: &'static str, image: &str, secrets: &[&str]) -> Scene {
    let mut object = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {"containers": [{"name": "web", "image": image}]},
    });
    if !secrets.is_empty() {
        let named: Vec<Value> = secrets.iter().map(|name| json!({"name": name})).collect();
        object["spec"]["imagePullSecrets"] = Value::Array(named);
    }
    Scene { title, object }
}

/// The Secrets and ServiceAccounts that exist in the demo's namespace.
pub(super) fn manifests() -> Manifests {
    let auth = |user: &str, password: &str| STANDARD.encode(format!("{user}:{password}"));
    let secret = |name: &str, host: &str, auth: String| {
        let config = json!({"auths": {host: {"auth": auth}}}).to_string();
        let decoded = match DockerConfig::decode(ConfigFormat::DockerConfigJson, config.as_bytes())
        {
            Ok(config) => DecodedSecret::Config(config),
            Err(error) => DecodedSecret::Malformed(error),
        };
        ((NAMESPACE.to_owned(), name.to_owned()), decoded)
    };
    let here = "registry.acme.example";
    let account = |name: &str, secrets: &[&str]| {
        let secrets = secrets.iter().map(|name| (*name).to_owned()).collect();
        ((NAMESPACE.to_owned(), name.to_owned()), secrets)
    };
    Manifests {
        secrets: [
            secret("regcred", here, auth(LOGIN.0, LOGIN.1)),
            secret("old-password", here, auth(LOGIN.0, "last-years-password")),
            secret("other-host", "quay.io", auth(LOGIN.0, LOGIN.1)),
            secret("malformed", here, "user:password".to_owned()),
        ]
        .into(),
        service_accounts: [account("default", &[]), account("api", &["regcred"])].into(),
        whole: true,
    }
}
