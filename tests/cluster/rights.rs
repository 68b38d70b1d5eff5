//! pullcheck under exactly the rights that are shipped, with each of them taken away in turn, and
//! under the two variants: what kubectl shows names the missing right, and nothing is denied that
//! the right could have cured.

use std::path::{Path, PathBuf};

use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::kubectl::Ran;
use super::stage::{PRIVATE, PULLCHECK, REGISTRY, Stage, on_stage, soon};
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::images::{self, Format, Image};
use crate::support::misbehaving::Registry;
use crate::support::webhook::{Launch, Webhook};

/// pullcheck's own user.
const ACCOUNT: &str = "system:serviceaccount:pullcheck:pullcheck";

#[test]
fn each_right_that_is_taken_away_is_named_and_makes_no_verdict() {
    on_stage!(
        "cluster::rights::each_right_that_is_taken_away_is_named_and_makes_no_verdict",
        Release::Current,
        each_right
    );
}

#[test]
fn both_variants_say_what_they_may_not_look_at() {
    on_stage!(
        "cluster::rights::both_variants_say_what_they_may_not_look_at",
        Release::Current,
        variants
    );
}

/// The stage with everything that a right is for.
struct Scene {
    stage: Stage,
    /// Of the private registry.
    secret: String,
    /// Public.
    good: String,
    /// Public, and only for linux/amd64.
    amd64: String,
    /// Public, and not there.
    absent: String,
}

impl Scene {
    async fn set(kubernetes: &Kubernetes) -> Self {
        let stage = Stage::start(kubernetes).await;
        let password = stage.logins.add("robot", &["*"]);
        let secret = named(
            &stage.private,
            PRIVATE,
            "team/secret",
            &built_for(&["linux/amd64", "linux/arm64"]),
        );
        let good = named(
            &stage.registry,
            REGISTRY,
            "team/app",
            &built_for(&["linux/amd64", "linux/arm64"]),
        );
        let amd64 = named(&stage.registry, REGISTRY, "team/amd", &built_for(&["linux/amd64"]));
        let absent = good.replace(":1.0", ":1.1");
        let scene = Self { stage, secret, good, amd64, absent };
        scene.stage.install().await;
        for namespace in ["shop", "soft", "other"] {
            scene.namespace(namespace, &password).await;
        }
        scene.stage.kubectl("label namespace soft pullcheck.dev/mode=warn").succeeds().await;
        for architecture in ["amd64", "arm64"] {
            scene.node(architecture).await;
        }
        let class = json!({
            "apiVersion": "node.k8s.io/v1",
            "kind": "RuntimeClass",
            "metadata": { "name": "quick" },
            "handler": "quick",
            "scheduling": { "nodeSelector": { "kubernetes.io/arch": "amd64" } },
        });
        scene.create(&class).await;
        scene
    }

    /// A namespace with a pull secret, and a ServiceAccount that hands it out.
    async fn namespace(&self, namespace: &str, password: &str) {
        let stage = &self.stage;
        stage.kubectl("create namespace").arg(namespace).succeeds().await;
        stage
            .kubectl("create secret docker-registry regcred --docker-username=robot -n")
            .arg(namespace)
            .arg(&format!("--docker-server={PRIVATE}"))
            .arg(&format!("--docker-password={password}"))
            .succeeds()
            .await;
        self.create(&json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": { "namespace": namespace, "name": "builder" },
            "imagePullSecrets": [{ "name": "regcred" }],
        }))
        .await;
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
        soon("the ServiceAccount default", async || {
            let answer = stage.api().ask(Method::GET, &path, "", String::new()).await;
            answer.is_ok_and(|answer| answer.status == 200)
        })
        .await;
    }

    /// A node, as its kubelet would tell of it.
    async fn node(&self, architecture: &str) {
        let api = self.stage.api();
        let labels = json!({ "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture });
        let metadata = json!({ "name": architecture, "labels": labels });
        api.create(&json!({ "apiVersion": "v1", "kind": "Node", "metadata": metadata })).await;
        let status = json!({ "status": { "nodeInfo": {
            "operatingSystem": "linux",
            "architecture": architecture,
            "containerRuntimeVersion": "containerd://2.1.4",
            "kubeletVersion": "v1.36.3",
            "machineID": "", "systemUUID": "", "bootID": "", "kernelVersion": "6.1.0",
            "osImage": "", "kubeProxyVersion": "",
        } } });
        let path = format!("/api/v1/nodes/{architecture}/status");
        let patch = "application/merge-patch+json";
        let answer = api.ask(Method::PATCH, &path, patch, status.to_string()).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    async fn create(&self, object: &Value) {
        self.stage.kubectl("create -f -").stdin(object.to_string()).succeeds().await;
    }

    /// pullcheck, started anew: what it watches it watches with the rights that it has now.
    async fn serve(&self) -> Webhook {
        let webhook = self.stage.serve(Launch::default().mode("enforce")).await;
        self.stage.until_called(&self.absent).await;
        webhook
    }

    /// What kubectl shows of a Deployment with this pod specification, which is not stored.
    async fn deployment(&self, namespace: &str, image: &str, more: &Value) -> Ran {
        let mut spec = json!({ "containers": [{
            "name": "c", "image": image, "imagePullPolicy": "IfNotPresent",
        }] });
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        let labels = json!({ "app": "web" });
        let deployment = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": "web" },
            "spec": {
                "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": spec },
            },
        });
        let run = self.stage.kubectl("create --dry-run=server -f - -n").arg(namespace);
        run.stdin(deployment.to_string()).run().await
    }

    /// The rules of a ClusterRole, without this right.
    async fn without(&self, role: &str, resource: &str, verbs: &[&str]) -> Value {
        let path = format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{role}");
        let mut object = self.stage.api().get(&path).await;
        let kept = |list: &Value, gone: &dyn Fn(&str) -> bool| -> Vec<String> {
            let names = list.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
            names.filter(|name| !gone(name)).map(str::to_owned).collect()
        };
        let mut rules = Vec::new();
        for rule in object["rules"].as_array().unwrap() {
            let named = rule["resources"].as_array().unwrap().contains(&json!(resource));
            let mut others = rule.clone();
            others["resources"] = json!(kept(&rule["resources"], &|name| name == resource));
            let mut less = rule.clone();
            less["resources"] = json!([resource]);
            less["verbs"] = json!(kept(&rule["verbs"], &|verb| verbs.contains(&verb)));
            let parts = if named { vec![others, less] } else { vec![rule.clone()] };
            let empty = |rule: &Value, key: &str| rule[key].as_array().unwrap().is_empty();
            rules.extend(
                parts.into_iter().filter(|rule| !empty(rule, "resources") && !empty(rule, "verbs")),
            );
        }
        assert_ne!(object["rules"], json!(rules), "{resource} {verbs:?} is granted by {role}");
        let before = object["rules"].clone();
        object["rules"] = json!(rules);
        self.set_rules(role, &object["rules"]).await;
        before
    }

    async fn set_rules(&self, role: &str, rules: &Value) {
        let patch = json!([{ "op": "replace", "path": "/rules", "value": rules }]);
        let run = self.stage.kubectl("patch clusterrole --type=json").arg(role).arg("-p");
        run.arg(&patch.to_string()).succeeds().await;
    }

    /// Waits until the API server's authorizer says so.
    async fn until_allowed(&self, right: &str, allowed: bool) {
        let review = format!("auth can-i --as={ACCOUNT} {right}");
        soon(right, async || {
            let ran = self.stage.kubectl(&review).run().await;
            (ran.stdout.trim() == "yes") == allowed
        })
        .await;
    }

    /// With all rights nothing is said but what is true, and nothing was asked for in vain.
    async fn with_all_rights(&self) {
        let before = self.requests().len();
        let webhook = self.serve().await;
        for more in [regcred(), builder()] {
            silent(&self.deployment("shop", &self.secret, &more).await);
        }
        denied(&self.deployment("shop", &self.secret, &json!({})).await, &["access-denied"]);
        denied(&self.deployment("shop", &self.absent, &json!({})).await, &["tag-not-found"]);
        warned(&self.deployment("soft", &self.absent, &json!({})).await, &["tag-not-found"]);
        warned(&self.deployment("shop", &self.amd64, &json!({})).await, &["platform-missing"]);
        silent(&self.deployment("shop", &self.amd64, &quick()).await);
        self.services_are_out_of_reach().await;
        self.labels_hold_at_once(&webhook).await;
        let refused: Vec<Value> = self
            .requests()
            .into_iter()
            .skip(before)
            .filter(|event| event["responseStatus"]["code"] == 403)
            .collect();
        assert!(refused.is_empty(), "{refused:#?}");
    }

    /// What the cluster itself says its Services' addresses are, is not asked for images.
    async fn services_are_out_of_reach(&self) {
        soon("the range of Services", async || {
            let ran = self.deployment("shop", "10.96.0.1/team/app:1.0", &json!({})).await;
            assert_eq!(ran.code, Some(0), "{ran}");
            ran.stderr.contains("10.96.0.1 is not contacted: it leads to a Service of this cluster")
        })
        .await;
    }

    /// What pullcheck asked the API server.
    fn requests(&self) -> Vec<Value> {
        let events = self.stage.plane.audited().into_iter();
        events.filter(|event| event["user"]["username"] == ACCOUNT).collect()
    }

    /// A label that changes is told by the watch: nobody asks for the namespace, but before a
    /// denial.
    async fn labels_hold_at_once(&self, webhook: &Webhook) {
        let stage = &self.stage;
        let asked = || {
            let of_it = |event: &Value| {
                event["verb"] == "get" && event["objectRef"]["resource"] == "namespaces"
            };
            self.requests().iter().filter(|event| of_it(event)).count()
        };
        for (label, code) in [
            ("pullcheck.dev/mode=warn", Some(0)),
            ("pullcheck.dev/mode=enforce", Some(1)),
            ("pullcheck.dev/mode=audit", Some(0)),
            ("pullcheck.dev/mode-", Some(1)),
        ] {
            let begun = std::time::Instant::now();
            stage.kubectl("label namespace shop --overwrite").arg(label).succeeds().await;
            soon(label, async || {
                self.deployment("shop", &self.absent, &json!({})).await.code == code
            })
            .await;
            println!("{label} held after {:?}, kubectl's own time included", begun.elapsed());
            let before = asked();
            self.deployment("shop", &self.absent, &json!({})).await;
            let by_denial = usize::from(code == Some(1));
            assert_eq!(asked(), before + by_denial, "{label}: {}", webhook.log());
        }
        let label = "pullcheck.dev/mode=enfroce";
        stage.kubectl("label namespace shop --overwrite").arg(label).succeeds().await;
        soon(label, async || {
            let ran = self.deployment("shop", &self.absent, &json!({})).await;
            ran.code == Some(1) && ran.stderr.contains("\"enfroce\" is no mode and is not used")
        })
        .await;
        stage.kubectl("label namespace shop pullcheck.dev/mode-").succeeds().await;
    }
}

fn named(registry: &Registry, host: &str, repository: &str, image: &Image) -> String {
    registry.add(repository, "1.0", image);
    format!("{host}/{repository}:1.0")
}

fn built_for(platforms: &[&str]) -> Image {
    let images: Vec<Image> =
        platforms.iter().map(|platform| images::image(Format::Oci, platform, "rights")).collect();
    images::index(&images)
}

fn regcred() -> Value {
    json!({ "imagePullSecrets": [{ "name": "regcred" }] })
}

fn builder() -> Value {
    json!({ "serviceAccountName": "builder" })
}

fn quick() -> Value {
    json!({ "runtimeClassName": "quick" })
}

fn silent(ran: &Ran) {
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran}");
}

/// Whether each of these codes is in it, and it holds no code that is not.
fn says(ran: &Ran, codes: &[&str]) {
    for code in codes {
        assert!(ran.stderr.contains(&format!("[{code}]")), "{code} is missing: {ran}");
    }
    let shown = ran.stderr.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    for (code, _) in shown.filter(|(code, _)| code.contains('-')) {
        assert!(codes.contains(&code), "{code} is too much: {ran}");
    }
}

fn denied(ran: &Ran, codes: &[&str]) {
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("denied the request"), "{ran}");
    says(ran, codes);
}

fn warned(ran: &Ran, codes: &[&str]) {
    assert_eq!(ran.code, Some(0), "{ran}");
    says(ran, codes);
}

async fn each_right(kubernetes: &Kubernetes) {
    let scene = Box::pin(Scene::set(kubernetes)).await;
    scene.with_all_rights().await;

    let none = json!({});
    let cases: &[(&str, &str, &[&str], &str)] = &[
        ("pullcheck", "secrets", &["get"], "get secrets -n shop"),
        ("pullcheck", "serviceaccounts", &["get"], "get serviceaccounts -n shop"),
        ("pullcheck-cluster", "namespaces", &["list"], "list namespaces"),
        ("pullcheck-cluster", "namespaces", &["watch"], "watch namespaces"),
        ("pullcheck-cluster", "namespaces", &["get"], "get namespaces"),
        ("pullcheck-cluster", "namespaces", &["get", "list", "watch"], "get namespaces"),
        ("pullcheck-cluster", "nodes", &["list"], "list nodes"),
        ("pullcheck-cluster", "nodes", &["watch"], "watch nodes"),
        ("pullcheck-cluster", "runtimeclasses", &["get"], "get runtimeclasses.node.k8s.io"),
        ("pullcheck-cluster", "servicecidrs", &["list"], "list servicecidrs.networking.k8s.io"),
        ("pullcheck-cluster", "servicecidrs", &["watch"], "watch servicecidrs.networking.k8s.io"),
        (
            "pullcheck-cluster",
            "endpointslices",
            &["get"],
            "get endpointslices.discovery.k8s.io/kubernetes -n default",
        ),
    ];
    for (role, resource, verbs, right) in cases {
        println!("without {verbs:?} {resource}");
        let rules = scene.without(role, resource, verbs).await;
        scene.until_allowed(right, false).await;
        let webhook = scene.serve().await;
        let public = scene.deployment("shop", &scene.absent, &none).await;
        let labelled = scene.deployment("soft", &scene.absent, &none).await;
        let private = scene.deployment("shop", &scene.secret, &regcred()).await;
        match (*resource, *verbs) {
            ("secrets", _) => {
                warned(&private, &["access-denied", "not-checked"]);
                names(&private, "pullcheck may not get secrets in namespace shop");
                denied(&public, &["tag-not-found"]);
                warned(&labelled, &["tag-not-found"]);
            }
            ("serviceaccounts", _) => {
                let ran = scene.deployment("shop", &scene.secret, &builder()).await;
                warned(&ran, &["access-denied", "not-checked"]);
                names(&ran, "pullcheck may not get serviceaccounts in namespace shop");
                // It may bring a pull secret to this one, too.
                names(&public, "pullcheck may not get serviceaccounts in namespace shop");
                silent(&private);
            }
            ("namespaces", ["get", "list", "watch"]) => {
                for ran in [&public, &labelled] {
                    warned(ran, &["tag-not-found", "not-checked"]);
                    names(ran, "pullcheck may not get namespaces; grant it get, list and watch");
                }
                silent(&private);
            }
            ("namespaces", _) => {
                // By another right the label is known all the same.
                denied(&public, &["tag-not-found"]);
                warned(&labelled, &["tag-not-found"]);
                if *verbs != ["get"] {
                    webhook
                        .logged(
                            "pullcheck may not list and watch namespaces, so a namespace's mode \
                             label may be half a minute old",
                        )
                        .await;
                }
            }
            ("nodes", _) => {
                soon("nodes that are not known", async || {
                    let ran = scene.deployment("shop", &scene.absent, &none).await;
                    ran.code == Some(0)
                })
                .await;
                soon("nodes that are missed", async || {
                    let ran = scene.deployment("shop", &scene.amd64, &none).await;
                    assert_eq!(ran.code, Some(0), "{ran}");
                    ran.stderr.contains("pullcheck may not list and watch nodes")
                })
                .await;
                silent(&private);
            }
            ("servicecidrs" | "endpointslices", _) => {
                // Nobody misses them who asks for an image.
                denied(&public, &["tag-not-found"]);
                warned(&labelled, &["tag-not-found"]);
                silent(&private);
                let said = if *resource == "servicecidrs" {
                    "pullcheck may not list and watch servicecidrs, so addresses of Services are \
                     not refused to images"
                } else {
                    "pullcheck may not get the endpointslice kubernetes, so the API server is \
                     refused to images by the address of its Service only"
                };
                webhook.logged(said).await;
            }
            _ => {
                let ran = scene.deployment("shop", &scene.amd64, &quick()).await;
                warned(&ran, &["platform-missing", "not-checked"]);
                names(&ran, "pullcheck may not get runtimeclasses; grant it get");
                denied(&public, &["tag-not-found"]);
            }
        }
        drop(webhook);
        scene.set_rules(role, &rules).await;
        scene.until_allowed(right, true).await;
    }
    scene.with_all_rights().await;
}

fn names(ran: &Ran, right: &str) {
    assert_eq!(ran.stderr.matches(right).count(), 1, "{right}: {ran}");
}

async fn variants(kubernetes: &Kubernetes) {
    let scene = Box::pin(Scene::set(kubernetes)).await;
    let broken = images::simple("broken");
    let damaged = named(&scene.stage.registry, REGISTRY, "team/broken", &broken);
    for blob in &broken.blobs {
        scene.stage.registry.lose("team/broken", &blob.digest);
    }

    scene.install_variant("namespaced").await;
    scene
        .stage
        .kubectl("apply -n shop -k")
        .arg(deploy().join("components/namespaced/grant").to_str().unwrap())
        .succeeds()
        .await;
    scene.until_allowed("get secrets -n shop", true).await;
    scene.until_allowed("get secrets -n other", false).await;
    let webhook = scene.serve().await;
    for more in [regcred(), builder()] {
        silent(&scene.deployment("shop", &scene.secret, &more).await);
    }
    denied(&scene.deployment("shop", &scene.secret, &json!({})).await, &["access-denied"]);
    let ran = scene.deployment("other", &scene.secret, &regcred()).await;
    warned(&ran, &["access-denied", "not-checked"]);
    names(&ran, "pullcheck may not get secrets in namespace other");
    let ran = scene.deployment("other", &scene.secret, &builder()).await;
    warned(&ran, &["access-denied", "not-checked"]);
    names(&ran, "pullcheck may not get serviceaccounts in namespace other");
    warned(
        &scene.deployment("soft", &scene.amd64, &json!({})).await,
        &["platform-missing", "not-checked"],
    );
    drop(webhook);

    scene.install_variant("no-secrets").await;
    scene.stage.kubectl("delete role,rolebinding pullcheck -n shop").succeeds().await;
    scene.until_allowed("get serviceaccounts -n other", true).await;
    scene.until_allowed("get secrets -n shop", false).await;
    let _webhook = scene.serve().await;
    let pinned =
        json!({ "os": { "name": "linux" }, "nodeSelector": { "kubernetes.io/arch": "arm64" } });
    for (image, more, code) in [
        (&scene.absent, json!({}), "tag-not-found"),
        (&damaged, json!({}), "blob-missing"),
        (&scene.amd64, pinned, "platform-missing"),
        (&format!("{REGISTRY}/Team/app:1.0"), json!({}), "reference-invalid"),
        (&scene.secret, json!({}), "access-denied"),
    ] {
        denied(&scene.deployment("shop", image, &more).await, &[code]);
    }
    let ran = scene.deployment("shop", &scene.secret, &regcred()).await;
    warned(&ran, &["access-denied", "not-checked"]);
    names(&ran, "pullcheck may not get secrets in namespace shop");
    // Of a public image with a pull secret it is said, too: a broken one would fail the pull.
    let ran = scene.deployment("shop", &scene.good, &regcred()).await;
    warned(&ran, &["not-checked"]);
    // And the ServiceAccount's secrets are known by name only.
    let ran = scene.deployment("shop", &scene.secret, &builder()).await;
    warned(&ran, &["access-denied", "not-checked"]);
    names(&ran, "pullcheck may not get secrets in namespace shop");
}

/// Where the manifests are.
fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

impl Scene {
    /// Installs with a component, over an installation without it.
    async fn install_variant(&self, component: &str) {
        // What a component takes away, `apply` leaves.
        self.stage
            .kubectl("delete clusterrole,clusterrolebinding --ignore-not-found")
            .arg(PULLCHECK)
            .succeeds()
            .await;
        let dir = TempDir::with_prefix("variant-").unwrap();
        let up = "../".repeat(dir.path().components().count() - 1);
        let at = |path: PathBuf| format!("{up}{}", path.strip_prefix("/").unwrap().display());
        let kustomization = json!({
            "resources": [at(deploy().join("overlays/warn"))],
            "components": [at(deploy().join("components").join(component))],
        });
        std::fs::write(dir.path().join("kustomization.yaml"), kustomization.to_string()).unwrap();
        self.stage.kubectl("apply -k").arg(dir.path().to_str().unwrap()).succeeds().await;
    }
}
