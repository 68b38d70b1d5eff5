//! What is judged, and in which words: every kind that runs pods, the ways a request can ask for
//! it, and everything that must pass without a look.

use http::Method;
use serde_json::{Value, json};

use crate::support::images;
use crate::support::misbehaving::{Access, Registry};
use crate::support::reviews::{DEPLOYMENT, KINDS, Kind, POD, Review, UNKNOWN, pod_spec};
use crate::support::webhook::{Call, Cause, Launch, Reviewed, Webhook};

const REPOSITORY: &str = "team/app";

/// A registry with `team/app:1.0`, and `serve` in mode `enforce`.
struct Scene {
    registry: Registry,
    webhook: Webhook,
}

impl Scene {
    async fn set() -> Self {
        let registry = Registry::start(Access::anonymous()).await;
        registry.add(REPOSITORY, "1.0", &images::simple("kinds"));
        Self { registry, webhook: Launch::alone().mode("enforce").start().await }
    }

    fn image(&self, tag: &str) -> String {
        format!("{}/{REPOSITORY}:{tag}", self.registry.host())
    }

    /// The denial that an absent tag gets.
    fn absent(&self, field: &str, tag: &str) -> Cause {
        let image = self.image(tag);
        Cause {
            code: "tag-not-found".to_owned(),
            field: field.to_owned(),
            message: format!(
                "{field} \"{image}\": the repository has no tag {tag} (404 MANIFEST_UNKNOWN); \
                 did you mean 1.0? [tag-not-found]"
            ),
        }
    }

    /// Nothing is said, and the registry is not asked.
    async fn passes_unseen(&self, review: &Review) {
        let answer = self.webhook.review(review).await;
        assert!(answer.allowed(), "{:#}", answer.json);
        assert!(answer.warnings().is_empty(), "{:#}", answer.json);
        assert!(answer.annotations().is_empty(), "{:#}", answer.json);
        assert_eq!(self.registry.connections(), 0, "{}", review.json());
    }
}

fn quiet(answer: &Reviewed) {
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warnings(), Vec::<String>::new());
    assert!(answer.annotations().is_empty(), "{:#}", answer.json);
}

#[tokio::test]
async fn every_kind_is_denied_in_the_same_words_at_its_own_path() {
    let scene = Scene::set().await;
    let (good, bad) = (scene.image("1.0"), scene.image("1.1"));
    for (number, kind) in KINDS.iter().enumerate() {
        let call = Call { timeout: Some("10s"), http2: number % 2 == 1 };
        let field = format!("{}.containers[0].image", kind.field());

        let review = Review::create(kind, &kind.object("shop", "web", pod_spec(&bad)));
        let answer = scene.webhook.review_as(&review, call).await;
        let expected = scene.absent(&field, "1.1");
        assert_eq!(answer.causes(), std::slice::from_ref(&expected), "{}", kind.name);
        assert_eq!(answer.message(), expected.message);
        let details = &answer.json["response"]["status"]["details"];
        assert_eq!((&details["kind"], &details["name"]), (&json!(kind.name), &json!("web")));
        assert_eq!(details["group"].as_str().unwrap_or_default(), kind.group);
        assert_eq!(answer.annotations()[1], ("would-deny".to_owned(), expected.code));

        let review = Review::create(kind, &kind.object("shop", "web", pod_spec(&good)));
        quiet(&scene.webhook.review_as(&review, call).await);
    }
}

#[tokio::test]
async fn every_place_that_names_an_image_is_looked_at() {
    let scene = Scene::set().await;
    let spec = json!({
        "initContainers": [
            { "name": "a", "image": scene.image("i") },
            { "name": "sidecar", "image": scene.image("s"), "restartPolicy": "Always" },
        ],
        "containers": [
            { "name": "b", "image": scene.image("1.0") },
            { "name": "c", "image": scene.image("c") },
            { "name": "d", "image": "nginx:one:two" },
        ],
        "volumes": [
            { "name": "none", "emptyDir": {} },
            { "name": "model", "image": { "reference": scene.image("v") } },
        ],
    });
    for (kind, base) in [(POD, "spec"), (DEPLOYMENT, "spec.template.spec")] {
        let review = Review::create(&kind, &kind.object("shop", "web", spec.clone()));
        let answer = scene.webhook.review(&review).await;
        let mut found: Vec<(String, String)> =
            answer.causes().into_iter().map(|cause| (cause.field, cause.code)).collect();
        found.sort();
        let expected = [
            ("containers[1].image", "tag-not-found"),
            ("containers[2].image", "reference-invalid"),
            ("initContainers[0].image", "tag-not-found"),
            ("initContainers[1].image", "tag-not-found"),
            ("volumes[1].image.reference", "tag-not-found"),
        ];
        let expected: Vec<(String, String)> =
            expected.map(|(field, code)| (format!("{base}.{field}"), code.to_owned())).into();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_debug_container_is_judged_alone() {
    let scene = Scene::set().await;
    let old = POD.object("shop", "web", pod_spec(&scene.image("gone")));
    let with = |image: &str| {
        let mut pod = old.clone();
        pod["spec"]["ephemeralContainers"] = json!([{ "name": "debug", "image": image }]);
        Review::create(&POD, &pod).updating(old.clone()).subresource("ephemeralcontainers")
    };
    let answer = scene.webhook.review(&with(&scene.image("1.1"))).await;
    assert_eq!(answer.causes(), [scene.absent("spec.ephemeralContainers[0].image", "1.1")]);
    quiet(&scene.webhook.review(&with(&scene.image("1.0"))).await);
    assert_eq!(asked_for(&scene.registry, "gone"), 0, "the container that was there before");
}

#[tokio::test]
async fn an_update_is_judged_by_what_is_new_in_it() {
    let scene = Scene::set().await;
    let deployment = |first: &str, second: &str| {
        let spec = json!({ "containers": [
            { "name": "a", "image": scene.image(first) },
            { "name": "b", "image": scene.image(second) },
        ] });
        DEPLOYMENT.object("shop", "web", spec)
    };
    let update = |old: Value, new: Value| Review::create(&DEPLOYMENT, &new).updating(old);

    // Two are broken and one is repaired.
    let repaired = update(deployment("x", "y"), deployment("1.0", "y"));
    quiet(&scene.webhook.review(&repaired).await);
    let broken = update(deployment("x", "1.0"), deployment("x", "1.2"));
    let answer = scene.webhook.review(&broken).await;
    let field = "spec.template.spec.containers[1].image";
    assert_eq!(answer.causes(), [scene.absent(field, "1.2")]);
    for old in ["x", "y"] {
        assert_eq!(asked_for(&scene.registry, old), 0, "{old} was there before");
    }

    // Another pull secret makes every image new.
    let mut with_secret = deployment("x", "1.0");
    with_secret["spec"]["template"]["spec"]["imagePullSecrets"] = json!([{ "name": "regcred" }]);
    let answer = scene.webhook.review(&update(deployment("x", "1.0"), with_secret)).await;
    assert_eq!(answer.denied_codes(), ["tag-not-found"]);
}

#[tokio::test]
async fn an_update_of_nothing_that_a_pull_depends_on_is_not_looked_at() {
    let scene = Scene::set().await;
    for kind in &KINDS {
        let old = kind.object("shop", "web", pod_spec(&scene.image("1.1")));
        let mut new = old.clone();
        new["metadata"]["labels"]["team"] = json!("blue");
        new["spec"]["replicas"] = json!(5);
        scene.passes_unseen(&Review::create(kind, &new).updating(old)).await;
    }
}

#[tokio::test]
async fn a_dry_run_is_judged_as_what_it_stands_for() {
    let scene = Scene::set().await;
    let pod = POD.object("shop", "web", pod_spec(&scene.image("1.1")));
    let answer = scene.webhook.review(&Review::create(&POD, &pod).dry_run()).await;
    assert_eq!(answer.causes(), [scene.absent("spec.containers[0].image", "1.1")]);
    let pod = POD.object("shop", "web", pod_spec(&scene.image("1.0")));
    quiet(&scene.webhook.review(&Review::create(&POD, &pod).dry_run()).await);
}

/// Makes a review of something that is never judged out of an object that would be denied.
type Make = fn(&Kind, &Value) -> Review;

fn annotated(object: &Value, key: &str, value: &str) -> Value {
    let mut object = object.clone();
    object["metadata"]["annotations"] = json!({ key: value });
    object
}

const NEVER_JUDGED: [(&str, Make); 7] = [
    ("deletion", |kind, object| Review::create(kind, object).deleting()),
    ("status", |kind, object| subresource(kind, object, "status")),
    ("scale", |kind, object| subresource(kind, object, "scale")),
    ("resize", |kind, object| subresource(kind, object, "resize")),
    ("binding", |kind, object| Review::create(kind, object).subresource("binding")),
    ("eviction", |kind, object| Review::create(kind, object).subresource("eviction")),
    ("an object that is going", |kind, object| {
        let mut object = object.clone();
        object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let mut old = object.clone();
        old["spec"] = json!({});
        Review::create(kind, &object).updating(old)
    }),
];

fn subresource(kind: &Kind, object: &Value, name: &str) -> Review {
    let old = kind.object("shop", "web", pod_spec("old"));
    Review::create(kind, object).updating(old).subresource(name)
}

#[tokio::test]
async fn what_is_never_judged_passes_and_the_registry_hears_nothing() {
    let scene = Scene::set().await;
    for kind in [POD, DEPLOYMENT] {
        let object = kind.object("shop", "web", pod_spec(&scene.image("1.1")));
        for (what, make) in NEVER_JUDGED {
            println!("{what} of a {}", kind.name);
            scene.passes_unseen(&make(&kind, &object)).await;
        }
    }
}

#[tokio::test]
async fn a_mirror_pod_passes_and_a_template_that_claims_to_be_one_does_not() {
    let scene = Scene::set().await;
    let spec = pod_spec(&scene.image("1.1"));
    let mirror = |kind: &Kind| {
        let object = kind.object("shop", "web", spec.clone());
        Review::create(kind, &annotated(&object, "kubernetes.io/config.mirror", "2f1571a"))
    };
    scene.passes_unseen(&mirror(&POD)).await;
    let answer = scene.webhook.review(&mirror(&DEPLOYMENT)).await;
    assert_eq!(answer.denied_codes(), ["tag-not-found"]);
}

#[tokio::test]
async fn a_kind_that_nobody_knows_passes_whatever_its_shape() {
    let scene = Scene::set().await;
    let mut gadget = UNKNOWN.object("shop", "web", pod_spec(&scene.image("1.1")));
    scene.passes_unseen(&Review::create(&UNKNOWN, &gadget)).await;
    gadget["spec"] = json!({ "containers": 7 });
    scene.passes_unseen(&Review::create(&UNKNOWN, &gadget)).await;
    // The group counts, not only the name.
    let other = Kind { group: "example.test", ..DEPLOYMENT };
    let object = other.object("shop", "web", pod_spec(&scene.image("1.1")));
    scene.passes_unseen(&Review::create(&other, &object)).await;
}

#[tokio::test]
async fn the_pull_policy_never_asks_no_registry_but_forgives_no_bad_name() {
    let scene = Scene::set().await;
    let review = |image: &str| {
        let mut spec = pod_spec(image);
        spec["containers"][0]["imagePullPolicy"] = json!("Never");
        Review::create(&POD, &POD.object("shop", "web", spec))
    };
    let answer = scene.webhook.review(&review(&scene.image("1.1"))).await;
    assert!(answer.allowed(), "{:#}", answer.json);
    assert_eq!(answer.warned_codes(), ["not-checked"]);
    assert_eq!(scene.registry.connections(), 0);
    let answer = scene.webhook.review(&review("ghcr.io/Acme/api:v2")).await;
    assert_eq!(answer.denied_codes(), ["reference-invalid"]);
    assert!(answer.message().contains("ghcr.io/acme/api:v2"), "{}", answer.message());
}

#[tokio::test]
async fn what_is_no_review_gets_400_and_a_reason() {
    let webhook = Launch::alone().start().await;
    for (body, reason) in [
        ("", "empty"),
        ("{\"apiVersion\": ", "not JSON"),
        ("[]", "not an AdmissionReview"),
        (r#"{"apiVersion":"v1","kind":"Pod"}"#, "not an AdmissionReview"),
        (r#"{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}"#, "v1beta1"),
        (r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#, "no request"),
        (r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}"#, "uid"),
    ] {
        let answer = webhook.post(body, Call::default()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.text().contains(reason), "{body}: {}", answer.text());
        assert_eq!(answer.text().trim_end().lines().count(), 1, "{}", answer.text());
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_read_gets_400_and_the_field() {
    let webhook = Launch::alone().start().await;
    let mut object = POD.object("shop", "web", pod_spec("nginx"));
    object["spec"]["containers"][0]["image"] = json!({ "hunter2": 1 });
    let review = Review::create(&POD, &object);
    let answer = webhook.post(review.json().to_string(), Call::default()).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("spec.containers[0].image"), "{}", answer.text());
    assert!(!answer.text().contains("hunter2"), "{}", answer.text());
}

/// How many requests there were for a tag, by any method.
fn asked_for(registry: &Registry, tag: &str) -> usize {
    let path = format!("/v2/{REPOSITORY}/manifests/{tag}");
    registry.log().count(|seen| seen.path == path)
}

#[tokio::test]
async fn an_image_that_is_named_twice_is_asked_for_once() {
    let scene = Scene::set().await;
    let image = scene.image("1.0");
    let spec = json!({ "containers": [
        { "name": "a", "image": image }, { "name": "b", "image": image },
    ] });
    quiet(&scene.webhook.review(&Review::create(&POD, &POD.object("shop", "web", spec))).await);
    assert_eq!(scene.registry.manifest_requests_by(&Method::HEAD, REPOSITORY), 1);
}
