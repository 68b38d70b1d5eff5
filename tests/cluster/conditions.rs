//! What the API server sends: everything that is judged, and nothing that never is. Then pullcheck
//! beside other webhooks and policies, and who and what is exempt.

use serde_json::{Value, json};

use super::kubectl::{Kubectl, Ran};
use super::stage::{Stage, on_stage, soon};
use crate::parts::kubernetes::control_plane::User;
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::support::webhook::{Launch, Webhook};

#[test]
fn the_api_server_sends_what_is_judged_and_nothing_else() {
    on_stage!(
        "cluster::conditions::the_api_server_sends_what_is_judged_and_nothing_else",
        Release::Current,
        sent
    );
}

#[test]
fn an_older_kubernetes_sends_the_same() {
    on_stage!("cluster::conditions::an_older_kubernetes_sends_the_same", Release::Old, sent);
}

#[test]
fn beside_other_webhooks_and_policies_each_says_its_own() {
    on_stage!(
        "cluster::conditions::beside_other_webhooks_and_policies_each_says_its_own",
        Release::Current,
        beside_others
    );
}

#[test]
fn exempt_users_namespaces_and_images_are_left_alone() {
    on_stage!(
        "cluster::conditions::exempt_users_namespaces_and_images_are_left_alone",
        Release::Current,
        exempt
    );
}

/// A stage with pullcheck behind it.
struct Scene {
    stage: Stage,
    webhook: Webhook,
    good: String,
    other: String,
    absent: String,
}

impl Scene {
    async fn set(kubernetes: &Kubernetes, launch: Launch) -> Self {
        let stage = Stage::start(kubernetes).await;
        let good = stage.image("team/app", "1.0");
        let other = stage.image("team/app", "2.0");
        let absent = good.replace(":1.0", ":1.1");
        stage.install().await;
        let webhook = stage.serve(launch).await;
        stage.until_called(&absent).await;
        let scene = Self { stage, webhook, good, other, absent };
        scene.namespace("shop").await;
        scene
    }

    async fn namespace(&self, name: &str) {
        self.stage.kubectl("create namespace").arg(name).succeeds().await;
        self.usable(name).await;
    }

    async fn usable(&self, namespace: &str) {
        let there = async || {
            let get = self.stage.kubectl("get serviceaccount default -n").arg(namespace);
            get.run().await.code == Some(0)
        };
        soon("a ServiceAccount", there).await;
    }

    /// How many reviews have come to pullcheck.
    async fn reviews(&self) -> u64 {
        arrived(&self.webhook).await
    }

    /// Runs kubectl, and says how many reviews that came to.
    async fn counted(&self, kubectl: Kubectl) -> (Ran, u64) {
        let before = self.reviews().await;
        let ran = kubectl.run().await;
        (ran, self.reviews().await - before)
    }

    fn create(&self, object: &Value) -> Kubectl {
        self.stage.kubectl("create -n shop -f -").stdin(object.to_string())
    }

    fn pod(&self, name: &str) -> Value {
        let resources = json!({ "requests": { "cpu": "100m" } });
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": name },
            "spec": { "containers": [
                { "name": "c", "image": self.good, "resources": resources },
            ] },
        })
    }
}

async fn arrived(webhook: &Webhook) -> u64 {
    let text = webhook.probe("/metrics").await.text();
    let counted = text.lines().filter(|line| {
        ["pullcheck_reviews_total{", "pullcheck_skipped_total{"]
            .iter()
            .any(|name| line.starts_with(name))
    });
    counted.map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
}

/// Objects that hold pods and whose controllers make none of them here, each with pods that none
/// of the others takes for its own.
fn templates(image: &str) -> Vec<(&'static str, Value)> {
    let containers = json!([{ "name": "c", "image": image }]);
    let labels = |kind: &str| json!({ "app": kind });
    let template = |kind: &str| json!({ "metadata": { "labels": labels(kind) }, "spec": { "containers": containers } });
    let job = |kind: &str| {
        let mut template = template(kind);
        template["spec"]["restartPolicy"] = "Never".into();
        template
    };
    let apps = |kind: &str, more: Value| {
        let mut spec = json!({
            "selector": { "matchLabels": labels(kind) },
            "template": template(kind),
        });
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        json!({ "spec": spec })
    };
    let cron = json!({ "spec": { "template": job("cron") } });
    vec![
        ("apps/v1 Deployment", apps("deployment", json!({ "paused": true }))),
        ("apps/v1 ReplicaSet", apps("replicas", json!({ "replicas": 0 }))),
        ("apps/v1 StatefulSet", apps("stateful", json!({ "replicas": 0, "serviceName": "x" }))),
        ("apps/v1 DaemonSet", apps("daemon", json!({}))),
        (
            "v1 ReplicationController",
            json!({ "spec": {
                "replicas": 0, "selector": labels("controller"), "template": template("controller"),
            } }),
        ),
        ("v1 PodTemplate", json!({ "template": template("template") })),
        ("batch/v1 Job", json!({ "spec": { "suspend": true, "template": job("job") } })),
        (
            "batch/v1 CronJob",
            json!({ "spec": { "suspend": true, "schedule": "0 0 1 1 *", "jobTemplate": cron } }),
        ),
    ]
}

async fn sent(kubernetes: &Kubernetes) {
    let scene = Box::pin(Scene::set(kubernetes, Launch::default().mode("enforce"))).await;
    judged_ones_arrive(&scene).await;
    others_do_not(&scene).await;
    namespaces_that_are_left_out(&scene).await;
}

async fn judged_ones_arrive(scene: &Scene) {
    let stage = &scene.stage;
    let once = async |what: &str, kubectl: Kubectl| {
        let (ran, count) = scene.counted(kubectl).await;
        assert_eq!((ran.code, count), (Some(0), 1), "{what}: {ran}");
    };
    once("a dry run", stage.kubectl("run dry -n shop --dry-run=server --image").arg(&scene.good))
        .await;
    once("a pod", scene.create(&scene.pod("web"))).await;
    let image = format!("c={}", scene.other);
    once("a pod's image", stage.kubectl("set image -n shop pod/web").arg(&image)).await;
    let debug = stage.kubectl("debug -n shop web --container=probe --image").arg(&scene.good);
    once("kubectl debug", debug).await;
    for (kind, object) in templates(&scene.good) {
        let (version, name) = kind.split_once(' ').unwrap();
        let mut object = object;
        object["apiVersion"] = version.into();
        object["kind"] = name.into();
        object["metadata"] = json!({ "name": "web" });
        once(kind, scene.create(&object)).await;
        // A Job's template cannot be changed.
        if name == "Job" {
            continue;
        }
        let changed = object.to_string().replace(&scene.good, &scene.other);
        let patch: Value = serde_json::from_str(&changed).unwrap();
        let patch = json!({ "spec": patch["spec"], "template": patch["template"] });
        let run = stage.kubectl("patch -n shop --type=merge").arg(name).arg("web").arg("-p");
        once(&format!("{kind}, image"), run.arg(&without_nulls(patch).to_string())).await;
    }
}

fn without_nulls(mut object: Value) -> Value {
    object.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    object
}

async fn others_do_not(scene: &Scene) {
    let stage = &scene.stage;
    let never = async |what: &str, kubectl: Kubectl| {
        let (ran, count) = scene.counted(kubectl).await;
        assert_eq!((ran.code, count), (Some(0), 0), "{what}: {ran}");
    };
    for kind in ["pod", "deployment", "replicationcontroller", "podtemplate", "cronjob", "job"] {
        let label = stage.kubectl("label -n shop --overwrite").arg(kind).args("web a=b");
        never(&format!("a label of a {kind}"), label).await;
        let note = stage.kubectl("annotate -n shop --overwrite").arg(kind).args("web a=b");
        never(&format!("an annotation of a {kind}"), note).await;
    }
    let patch = |line: &str, patch: Value| {
        stage.kubectl("patch -n shop --type=merge").args(line).arg("-p").arg(&patch.to_string())
    };
    never("replicas", patch("deployment web", json!({ "spec": { "replicas": 3 } }))).await;
    never("scale", stage.kubectl("scale -n shop deployment/web --replicas=2")).await;
    never("restart", stage.kubectl("rollout restart -n shop statefulset/web")).await;
    never("a schedule", patch("cronjob web", json!({ "spec": { "schedule": "1 0 1 1 *" } }))).await;
    let status = json!({ "status": { "message": "told" } });
    never("status", patch("pod web --subresource=status", status)).await;
    let more = json!({ "spec": { "containers": [
        { "name": "c", "image": scene.other, "resources": { "requests": { "cpu": "200m" } } },
    ] } });
    let resize = stage.kubectl("patch -n shop pod web --subresource=resize -p");
    never("resize", resize.arg(&more.to_string())).await;
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": { "name": "web" },
        "target": { "apiVersion": "v1", "kind": "Node", "name": "somewhere" },
    });
    let raw = stage.kubectl("create -f - --raw").arg("/api/v1/namespaces/shop/pods/web/binding");
    never("binding", raw.stdin(binding.to_string())).await;

    let mut mirror = scene.pod("mirror");
    mirror["metadata"]["annotations"] = json!({ "kubernetes.io/config.mirror": "abc" });
    mirror["spec"]["nodeName"] = "somewhere".into();
    never("a mirror pod", scene.create(&mirror)).await;
    let own = stage.kubectl_as(User::Kubelet, "create -n shop -f -");
    never("a node's own", own.stdin(scene.pod("own").to_string())).await;

    let mut held = scene.pod("held");
    held["metadata"]["finalizers"] = json!(["acme.test/hold"]);
    scene.create(&held).succeeds().await;
    never("a deletion", stage.kubectl("delete -n shop pod held --wait=false")).await;
    let image = format!("c={}", scene.other);
    never("while it is deleted", stage.kubectl("set image -n shop pod/held").arg(&image)).await;
    let release = json!({ "metadata": { "finalizers": null } });
    never("its end", patch("pod held", release)).await;
    never("deletions", stage.kubectl("delete -n shop --all --force --grace-period=0 pods")).await;
    never("a cascade", stage.kubectl("delete -n shop --all deployments,cronjobs,jobs")).await;
}

async fn namespaces_that_are_left_out(scene: &Scene) {
    let stage = &scene.stage;
    scene.namespace("left").await;
    stage.kubectl("label namespace left pullcheck.dev/mode=off").succeeds().await;
    let run = |namespace: &str| {
        let run = stage.kubectl("run web --dry-run=server --image").arg(&scene.absent);
        run.arg("-n").arg(namespace)
    };
    soon("a namespace that is left out", async || run("left").run().await.code == Some(0)).await;
    scene.usable("kube-system").await;
    for namespace in ["left", "kube-system"] {
        let (ran, count) = scene.counted(run(namespace)).await;
        assert_eq!((ran.code, count), (Some(0), 0), "{namespace}: {ran}");
    }
    // Its own pods have other demands; it is enough that nobody asks about them.
    scene.usable("pullcheck").await;
    assert_eq!(scene.counted(run("pullcheck")).await.1, 0);
    let (ran, count) = scene.counted(run("shop")).await;
    assert_eq!((ran.code, count), (Some(1), 1), "{ran}");
}

async fn beside_others(kubernetes: &Kubernetes) {
    let scene = Box::pin(Scene::set(kubernetes, Launch::default().mode("enforce"))).await;
    let stage = &scene.stage;
    // Another webhook, which only warns and of other things.
    let other = Launch::alone()
        .args(&["--ca-file", stage.ca.file().to_str().unwrap()])
        .config("mode: audit\nactions: { tag-mutable: warn }\n")
        .start()
        .await;
    let url = format!("https://127.0.0.1:{}/validate", other.address().port());
    let bundle = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(other.ca().pem())
    };
    let rule = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
    });
    let configuration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "another" },
        "webhooks": [{
            "name": "another.acme.test",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "clientConfig": { "url": url, "caBundle": bundle },
            "rules": [rule],
        }],
    });
    stage.kubectl("create -f -").stdin(configuration.to_string()).succeeds().await;
    let run = |image: &str, labels: &str| {
        let run = stage.kubectl("run web -n shop --dry-run=server --image").arg(image);
        run.arg("--labels").arg(labels)
    };
    let latest = scene.absent.replace(":1.1", ":latest");
    let called = async || run(&latest, "a=b").run().await.stderr.contains("[tag-mutable]");
    soon("the other webhook", called).await;
    let before = (scene.reviews().await, arrived(&other).await);
    let ran = run(&latest, "a=b").run().await;
    assert_eq!((scene.reviews().await, arrived(&other).await), (before.0 + 1, before.1 + 1));
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.stderr.contains("Warning: ") && ran.stderr.contains("[tag-mutable]"), "{ran}");
    let denial = "admission webhook \"images.pullcheck.dev\" denied the request: ";
    assert!(ran.stderr.contains(denial) && ran.stderr.contains("[tag-not-found]"), "{ran}");
    // Its death is its own.
    drop(other);
    let ran = run(&scene.good, "a=b").run().await;
    assert!(ran.stderr.contains("failed calling webhook \"another.acme.test\""), "{ran}");
    stage.kubectl("delete validatingwebhookconfiguration another").succeeds().await;
    soon("its end", async || run(&scene.good, "a=b").run().await.code == Some(0)).await;

    policy(&scene, "Warn").await;
    let warned = async || run(&scene.good, "a=b").run().await.stderr.contains("name a team");
    soon("the policy", warned).await;
    let (ran, count) = scene.counted(run(&scene.absent, "a=b")).await;
    assert_eq!((ran.code, count), (Some(1), 1), "{ran}");
    assert!(ran.stderr.contains("name a team") && ran.stderr.contains("[tag-not-found]"), "{ran}");
    let ran = run(&scene.good, "team=a").run().await;
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran}");
    // What a policy denies is never sent to a webhook.
    policy(&scene, "Deny").await;
    let denied = async || run(&scene.good, "a=b").run().await.code == Some(1);
    soon("the policy's denial", denied).await;
    let (ran, count) = scene.counted(run(&scene.absent, "a=b")).await;
    assert_eq!((ran.code, count), (Some(1), 0), "{ran}");
    assert!(ran.stderr.contains("name a team"), "{ran}");
}

/// A policy that every pod names its team.
async fn policy(scene: &Scene, action: &str) {
    let group = "admissionregistration.k8s.io/v1";
    let rule = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
    });
    let expression = "has(object.metadata.labels) && 'team' in object.metadata.labels";
    for object in [
        json!({
            "apiVersion": group, "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": "teams" },
            "spec": {
                "matchConstraints": { "resourceRules": [rule] },
                "validations": [{ "expression": expression, "message": "name a team" }],
            },
        }),
        json!({
            "apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": "teams" },
            "spec": { "policyName": "teams", "validationActions": [action] },
        }),
    ] {
        scene.stage.kubectl("apply -f -").stdin(object.to_string()).succeeds().await;
    }
}

async fn exempt(kubernetes: &Kubernetes) {
    let config = "mode: enforce\n\
        exempt:\n  users: [developer, 'system:serviceaccount:shop:deployer']\n  \
        namespaces: [lab]\n  images: ['*/team/lab*']\n";
    let scene = Box::pin(Scene::set(kubernetes, Launch::default().config(config))).await;
    let stage = &scene.stage;
    scene.namespace("lab").await;
    stage.kubectl("create serviceaccount deployer -n shop").succeeds().await;
    stage
        .kubectl("create clusterrolebinding testers --clusterrole=cluster-admin --user=developer")
        .args("--serviceaccount=shop:deployer --serviceaccount=shop:default")
        .succeeds()
        .await;
    let account = async |name: &str| {
        let kubeconfig = stage.plane.account_kubeconfig("shop", name).await;
        Kubectl::of(stage.plane.kubectl(&kubeconfig))
    };
    let line = "run web --dry-run=server -n shop --image";
    let lab = scene.absent.replace("team/app", "team/laboratory");
    let asked = scene.stage.registry.connections();
    for (who, kubectl) in [
        ("a user", stage.kubectl_as(User::Developer, line).arg(&scene.absent)),
        ("an account", account("deployer").await.args(line).arg(&scene.absent)),
        (
            "a namespace",
            stage.kubectl("run web --dry-run=server -n lab --image").arg(&scene.absent),
        ),
        ("an image", stage.kubectl(line).arg(&lab)),
    ] {
        let (ran, count) = scene.counted(kubectl).await;
        assert_eq!((ran.code, ran.stderr.as_str(), count), (Some(0), "", 1), "{who}: {ran}");
    }
    assert_eq!(scene.stage.registry.connections(), asked, "what is exempt is not asked for");
    let (ran, _) = scene.counted(account("default").await.args(line).arg(&scene.absent)).await;
    assert_eq!(ran.code, Some(1), "another account is not: {ran}");

    // Whose requests are exempt anyway need not be sent.
    let condition = json!([{ "op": "add", "path": "/webhooks/0/matchConditions/-", "value": {
        "name": "not-from-the-developer",
        "expression": "request.userInfo.username != 'developer'",
    } }]);
    stage
        .kubectl("patch validatingwebhookconfiguration pullcheck --type=json -p")
        .arg(&condition.to_string())
        .succeeds()
        .await;
    let unsent = async || {
        let run = stage.kubectl_as(User::Developer, line).arg(&scene.absent);
        scene.counted(run).await.1 == 0
    };
    soon("a request that is not sent", unsent).await;
    let (ran, count) = scene.counted(stage.kubectl(line).arg(&scene.absent)).await;
    assert_eq!((ran.code, count), (Some(1), 1), "{ran}");
}
