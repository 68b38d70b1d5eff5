//! The JSON of `pullcheck check --output json` is a contract: every field, what it means, and the
//! order.

use std::fmt::Write as _;

use serde_json::json;

use crate::support::check::check;
use crate::support::contract::{Action, Certainty, Image, Report, Severity, Source, Verdict};
use crate::support::images;
use crate::support::manifests::{pod, service_account, stream};
use crate::support::misbehaving::{Access, Registry, faults};
use crate::support::reviews::{DEPLOYMENT, KINDS, pod_spec};

#[tokio::test]
async fn every_field_is_what_the_contract_says() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = images::simple("a");
    registry.add("team/app", "latest", &image);
    registry.misbehave("team/broken", faults::server_error(500));
    let host = registry.host();
    let good = format!("{host}/team/app");
    let absent = format!("{host}/team/app:latst");
    let broken = format!("{host}/team/broken:v1");
    let mut spec = pod_spec(&good);
    spec["initContainers"] = json!([{ "name": "init", "image": absent }]);
    spec["containers"].as_array_mut().unwrap().extend([
        json!({ "name": "b", "image": "Upper" }),
        json!({ "name": "c", "image": broken }),
    ]);
    let objects = [service_account("default", &[]), DEPLOYMENT.object("shop", "web", spec)];
    let ran = check(&["-", "--output", "json"]).stdin(stream(&objects)).run().await;
    ran.expect_code(1);
    assert_eq!(ran.stderr, "");
    let report = Report::of(&ran);
    let [object] = report.objects.as_slice() else { panic!("{report:?}") };

    assert_eq!(object.source, Source { file: "-".into(), document: 2, line: 4 });
    assert_eq!(object.api_version, "apps/v1");
    assert_eq!([&object.kind, &object.namespace, &object.name], ["Deployment", "shop", "web"]);
    assert_eq!(object.verdict, Verdict::Deny);
    let container = |index| format!("spec.template.spec.containers[{index}].image");
    let image = |field: String, image: &str, reference: Option<&str>, verdict| Image {
        field,
        image: image.to_owned(),
        reference: reference.map(str::to_owned),
        digest: None,
        verdict,
    };
    let tagged = format!("{good}:latest");
    assert_eq!(
        object.images,
        [
            image(
                "spec.template.spec.initContainers[0].image".into(),
                &absent,
                Some(&absent),
                Verdict::Deny
            ),
            Image {
                digest: Some(images::simple("a").digest().to_owned()),
                ..image(container(0), &good, Some(&tagged), Verdict::Allow)
            },
            image(container(1), "Upper", None, Verdict::Deny),
            image(container(2), &broken, Some(&broken), Verdict::Warn),
        ]
    );
    let findings: Vec<_> = object
        .findings
        .iter()
        .map(|it| (it.code.as_str(), it.severity, it.certainty, it.action, it.field.as_str()))
        .collect();
    for expected in [
        (
            "reference-invalid",
            Severity::WontPull,
            Certainty::Proven,
            Action::Deny,
            container(1).as_str(),
        ),
        (
            "tag-not-found",
            Severity::WontPull,
            Certainty::Proven,
            Action::Deny,
            "spec.template.spec.initContainers[0].image",
        ),
        (
            "registry-error",
            Severity::WontPull,
            Certainty::Unknown,
            Action::Warn,
            container(2).as_str(),
        ),
        // What is only audited is in the document, too.
        ("tag-mutable", Severity::Advice, Certainty::Proven, Action::Audit, container(0).as_str()),
    ] {
        assert!(findings.contains(&expected), "{expected:?} in {findings:?}");
    }
    assert_eq!(report.summary.denied, 1);
    assert_eq!(report.summary.images, 4);
    assert_eq!(report.summary.unknown, 1);
}

#[tokio::test]
async fn a_reference_is_normalised_and_a_digest_is_in_it() {
    let registry = Registry::start(Access::anonymous()).await;
    let image = images::simple("a");
    registry.add("app", "v1", &image);
    let by_both = format!("{}/app:v1@{}", registry.host(), image.digest());
    let mut spec = pod_spec(&by_both);
    let never = json!({ "name": "b", "image": "nginx", "imagePullPolicy": "Never" });
    spec["containers"].as_array_mut().unwrap().push(never);
    let ran = check(&["-", "-o", "json"]).stdin(stream(&[pod(&spec)])).run().await;
    ran.expect_code(0);
    let images = &Report::of(&ran).objects[0].images;
    assert_eq!(images[0].reference.as_deref(), Some(by_both.as_str()));
    assert_eq!(images[0].digest.as_deref(), Some(image.digest()));
    assert_eq!(images[1].reference.as_deref(), Some("docker.io/library/nginx:latest"));
    assert_eq!(images[1].digest, None);
}

#[tokio::test]
async fn every_kind_is_judged_under_its_own_path_and_others_are_not_there() {
    let mut objects: Vec<_> =
        KINDS.iter().map(|kind| kind.object("shop", "x", pod_spec("Upper"))).collect();
    objects.push(json!({ "apiVersion": "example.test/v1", "kind": "Deployment", "metadata": {},
        "spec": { "template": { "spec": pod_spec("Upper") } } }));
    objects.push(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x" } }));
    let ran = check(&["-", "-o", "json"]).stdin(stream(&objects)).run().await;
    ran.expect_code(1);
    assert_eq!(ran.stderr, "");
    let report = Report::of(&ran);
    assert_eq!(report.objects.len(), KINDS.len());
    for (kind, object) in KINDS.iter().zip(&report.objects) {
        assert_eq!((&*object.kind, &object.api_version), (kind.name, &kind.api_version()));
        assert_eq!(object.images[0].field, format!("{}.containers[0].image", kind.field()));
        assert_eq!(object.findings[0].code, "reference-invalid");
    }
}

#[tokio::test]
async fn a_source_is_the_file_as_given_and_the_line_of_the_content() {
    let dir = tempfile::TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    };
    let pod = |name: &str| format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n");
    write("b.yaml", &format!("# head\n---\n# why\n\n{}---\n---\n{}", pod("b1"), pod("b2")));
    write(
        "a.yml",
        "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, metadata: {name: l1}},\n {apiVersion: v1, kind: Pod, metadata: {name: l2, namespace: own}}]}",
    );
    write(
        "sub/c.json",
        "{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}\n{\"apiVersion\":\"v1\",\n\"kind\":\"Pod\",\"metadata\":{\"generateName\":\"g-\"}}",
    );
    write("sub/readme.txt", "apiVersion: v1\nkind: Pod\n");
    let folder = dir.path().to_str().unwrap();
    let ran = check(&[folder, "-", "-n", "mine", "-o", "json"]).stdin(pod("in")).run().await;
    ran.expect_code(0);
    let report = Report::of(&ran);
    let found: Vec<_> = report
        .objects
        .iter()
        .map(|it| {
            let Source { file, document, line } = &it.source;
            let file = file.strip_prefix(folder).unwrap_or(file);
            (file, *document, *line, it.namespace.as_str(), it.name.as_str())
        })
        .collect();
    assert_eq!(
        found,
        [
            ("/a.yml", 1, 1, "mine", "l1"),
            ("/a.yml", 1, 1, "own", "l2"),
            ("/b.yaml", 1, 5, "mine", "b1"),
            ("/b.yaml", 2, 10, "mine", "b2"),
            ("/sub/c.json", 1, 1, "mine", ""),
            ("/sub/c.json", 2, 2, "mine", "g-"),
            ("-", 1, 1, "mine", "in"),
        ]
    );
}

#[tokio::test]
async fn the_order_is_that_of_the_input_however_many_run_at_once() {
    let registry = Registry::start(Access::anonymous()).await;
    let mut text = String::new();
    for number in 0..60 {
        let repository = format!("app{number}");
        if number % 3 == 0 {
            registry.add(&repository, "v1", &images::simple(&repository));
        }
        let spec = json!({ "containers": [
            { "name": "a", "image": format!("{}/{repository}:v1", registry.host()) },
            { "name": "b", "image": "Upper" },
        ] });
        let object = json!({ "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": repository }, "spec": spec });
        writeln!(text, "---\n{object}").unwrap();
    }
    let mut printed = Vec::new();
    for jobs in ["1", "7", "64"] {
        let ran = check(&["-", "-o", "json", "--jobs", jobs]).stdin(&text).run().await;
        ran.expect_code(1);
        printed.push(ran.stdout);
    }
    assert_eq!(printed[0], printed[1]);
    assert_eq!(printed[0], printed[2]);
}

#[tokio::test]
async fn a_run_that_could_not_read_all_still_prints_one_document() {
    let ran = check(&["/nonexistent/x.yaml", "-o", "json"]).run().await;
    ran.expect_code(2);
    assert_eq!(Report::of(&ran).summary.objects, 0);
    assert_eq!(ran.stderr, "error: /nonexistent/x.yaml: No such file or directory (os error 2)\n");
}
