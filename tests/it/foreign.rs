//! Text that others choose, in every field and in every output: no log line, answer, annotation,
//! metric, Event or report shows it as it is, or at any length.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::api_server::ApiServer;
use crate::support::check::check;
use crate::support::http::Connection;
use crate::support::images::{self, Blob, Format, Image};
use crate::support::misbehaving::faults::{Act, Fault};
use crate::support::misbehaving::{Access, Answer, Registry, faults};
use crate::support::reviews::{DEPLOYMENT, POD, Review, owned, pod_spec, pod_spec_with_secrets};
use crate::support::webhook::Launch;

/// What a terminal obeys, what a log collector or a pipeline takes for a line of its own, what
/// reads otherwise than it is written, and what is long.
fn hostile() -> Vec<String> {
    [
        "\u{1b}[31mred\u{1b}]0;title\u{7}",
        "a\n::error::b\r\n::set-output name=x::y",
        "{\"level\":\"ERROR\"}\n{\"message\":\"forged\"}",
        "rotsrohtua\u{202e}evil\u{2066}\u{200b}",
        "csi\u{9b}2J\u{85}\u{2028}next",
        "nul\u{0}del\u{7f}tab\tend",
        "\" } # HELP x\npullcheck_forged_total 1\n",
        "\u{e4}\u{4e2d}\u{1f600}",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain(["long".repeat(2_000), "\u{1b}".repeat(5_000)])
    .collect()
}

/// Longest text of any output: an audit annotation's.
const LONGEST: usize = 4_096;

#[track_caller]
fn assert_plain(place: &str, text: &str) {
    let odd = text.chars().find(|c| !matches!(c, ' '..='~'));
    assert_eq!(odd, None, "{place}: {text:?}");
    assert!(text.len() <= LONGEST, "{place}: {} bytes of {:.200}", text.len(), text);
}

/// Every text of a JSON document, keys too, but for `but`.
#[track_caller]
fn assert_plain_json(place: &str, value: &Value, but: &str) {
    match value {
        Value::String(text) => assert_plain(place, text),
        Value::Array(list) => list.iter().for_each(|item| assert_plain_json(place, item, but)),
        Value::Object(map) => {
            for (key, value) in map {
                let at = format!("{place}.{key}");
                assert_plain(&at, key);
                if at != but {
                    assert_plain_json(&at, value, but);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whatever the answer's status, nothing of it is foreign; the uid is the API server's own and has
/// to be repeated.
async fn answered(connection: &mut Connection, review: &Value) {
    let answer = connection.post("/validate?timeout=5s", review.to_string()).await.unwrap();
    if answer.status == 200 {
        assert_plain_json("answer", &answer.json(), "answer.response.uid");
    } else {
        assert_plain("answer", answer.text().trim_end());
    }
}

/// A review in which this text stands wherever an object, or whoever sends it, can put any.
fn reviews_with(text: &str, good: &str, absent: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let pod = |spec: Value| POD.object("shop", "web", spec);
    let mut add = |object: &Value| all.push(Review::create(&POD, object).json().clone());
    add(&pod(pod_spec(text)));
    for (before, after) in
        [("127.0.0.1:1/team/", ":1"), ("127.0.0.1:1/a:", ""), ("", "/team/app:1")]
    {
        add(&pod(pod_spec(&format!("{before}{text}{after}"))));
    }
    add(&pod(pod_spec_with_secrets(absent, &[text, "absent"])));
    for (key, value) in [
        ("serviceAccountName", json!(text)),
        ("runtimeClassName", json!(text)),
        ("nodeName", json!(text)),
        (
            "nodeSelector",
            json!({ text: text, "kubernetes.io/os": text, "kubernetes.io/arch": text }),
        ),
        ("os", json!({ "name": text })),
        ("volumes", json!([{ "name": text, "image": { "reference": text, "pullPolicy": text } }])),
        ("tolerations", json!([{ "key": text, "operator": text, "value": text }])),
        ("containers", json!([{ "name": text, "image": absent, "imagePullPolicy": text }])),
        ("containers", json!(text)),
        ("imagePullSecrets", json!({ text: text })),
    ] {
        let mut spec = pod_spec(absent);
        spec[key] = value;
        add(&pod(spec));
    }
    for (pointer, key) in [
        ("/metadata", "name"),
        ("/metadata", "namespace"),
        ("/metadata/ownerReferences/0", "apiVersion"),
        ("/metadata/ownerReferences/0", "kind"),
        ("/metadata/ownerReferences/0", "name"),
        ("/metadata/ownerReferences/0", "uid"),
        ("", text),
    ] {
        let owned_by = pointer.contains("owner");
        let object = pod(pod_spec(absent));
        let mut object = if owned_by { owned(object) } else { object };
        object.pointer_mut(pointer).unwrap()[key] = text.into();
        add(&object);
    }
    for (pointer, key) in [
        ("/request", "uid"),
        ("/request", "name"),
        ("/request", "namespace"),
        ("/request", "operation"),
        ("/request", "subResource"),
        ("/request/userInfo", "username"),
        ("/request/kind", "kind"),
        ("/request/kind", "group"),
        ("", "apiVersion"),
        ("", "kind"),
        ("/request", text),
    ] {
        for image in [good, absent] {
            let object = DEPLOYMENT.object("shop", "web", pod_spec(image));
            let mut review = Review::create(&DEPLOYMENT, &object).json().clone();
            review.pointer_mut(pointer).unwrap()[key] = text.into();
            all.push(review);
        }
    }
    all
}

/// Nothing of a header may hold a line break; everything else it may.
fn as_header(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(4_000).collect()
}

/// Images whose registry says this text wherever a registry can say any.
fn images_with(registry: &Registry, text: &str, number: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut add = |what: &str, image: &Image, fault: Option<Fault>| {
        let repository = format!("foreign/{what}{number}");
        all.push(registry.add(&repository, "1.0", image));
        if let Some(fault) = fault {
            registry.misbehave(&repository, fault);
        }
    };
    let simple = images::simple(&format!("foreign {number}"));
    let error = |status: u16| {
        let text = text.to_owned();
        Fault::new(Act::Script(Arc::new(move |_| Answer::error(status, &text, &text))))
    };
    for status in [400, 401, 403, 404, 429, 500] {
        add(&format!("status{status}"), &simple, Some(error(status)));
    }
    let header = as_header(text);
    for name in ["docker-content-digest", "content-type", "retry-after", "location", "link"] {
        add(name, &simple, Some(faults::with_header(name, header.clone())));
    }
    add("ratelimit", &simple, Some(faults::with_header("ratelimit-remaining", header.clone())));
    for retry in ["99999999999999999999", "-1", "Wed, 21 Oct 9999 07:28:00 GMT"] {
        let what = format!("retry{}", retry.len());
        add(&what, &simple, Some(faults::too_many_requests(Some(retry))));
    }
    let challenge = format!("Bearer realm=\"http://127.0.0.1:1/{header}\",service=\"{header}\"");
    for (what, line) in [("bearer", challenge), ("odd", header.clone())] {
        add(what, &simple, Some(faults::challenge(&[&line])));
    }
    add("redirect", &simple, Some(faults::redirect(&format!("http://{header}/"))));
    // What it is for, and of what it is made.
    let strange = images::image(Format::Oci, &format!("{text}/{text}/{text}"), "strange");
    add("platform", &strange, None);
    add("index", &images::index(&[strange]), None);
    for (what, key) in [("media", "mediaType"), ("digest", "digest"), ("size", "size")] {
        let mut image = simple.clone();
        let mut manifest: Value = serde_json::from_slice(&image.top.bytes).unwrap();
        manifest["layers"][0][key] = text.into();
        image.top = Blob::new(image.top.media_type, manifest.to_string());
        add(what, &image, None);
    }
    // Names to choose a neighbour from.
    let tags = {
        let text = text.to_owned();
        Fault::new(Act::Script(Arc::new(move |_| {
            let tags = [format!("1.1{text}"), text.clone(), "1.2".to_owned()];
            Answer::new(200, json!({ "name": text, "tags": tags }).to_string())
        })))
    };
    add("tags", &simple, Some(tags.on_tags()));
    let absent = all.last().map(|image| image.replace(":1.0", ":1.1"));
    all.extend(absent);
    all
}

fn manifests(reviews: &[Value]) -> String {
    let objects = reviews.iter().map(|review| review["request"]["object"].to_string());
    objects.collect::<Vec<String>>().join("\n---\n")
}

#[tokio::test]
async fn no_output_of_the_webhook_shows_foreign_text_as_it_is() {
    let registry = Registry::start(Access::anonymous()).await;
    let good = registry.add("team/app", "1.0", &images::simple("good"));
    let absent = good.replace("1.0", "1.1");
    let api = ApiServer::with_namespaces(&["shop"]).await;
    let webhook = Launch::beside(&api)
        .mode("enforce")
        .args(&["--events", "--timeout", "5s"])
        .env("PULLCHECK_LOG", "info,pullcheck=trace")
        .start()
        .await;
    let mut connection = Connection::open(webhook.ca(), webhook.address()).await.unwrap();
    for (number, text) in hostile().iter().enumerate() {
        api.put_namespace("odd", &json!({ "pullcheck.dev/mode": text }));
        for review in reviews_with(text, &good, &absent) {
            answered(&mut connection, &review).await;
        }
        for image in images_with(&registry, text, number) {
            let pod = POD.object("shop", "web", pod_spec(&image));
            answered(&mut connection, Review::create(&POD, &pod).json()).await;
            answered(&mut connection, Review::create(&POD, &owned(pod)).json()).await;
        }
        let odd = POD.object("odd", "web", pod_spec(&absent));
        answered(&mut connection, Review::create(&POD, &odd).json()).await;
    }
    let page = webhook.probe("/metrics").await.text();
    for line in page.lines() {
        assert_plain("metric", line);
    }
    assert!(!page.contains("forged") && page.lines().count() < 400, "{page}");
    for event in api.events() {
        assert_plain_json("event", &event, "");
    }
    let log = webhook.log();
    assert!(log.contains("reviewed") && log.contains("foreign/tags"), "{log:.2000}");
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?}"));
        let long = line["findings"].as_str().map_or(0, str::len);
        assert!(long <= 4_400, "{long} bytes of findings");
        let mut rest = line.clone();
        if let Some(findings) = line["findings"].as_str() {
            rest["findings"] = findings.get(..LONGEST.min(findings.len())).unwrap().into();
        }
        assert_plain_json("log", &rest, "");
    }
    assert!(!api.events().is_empty(), "what is audited is told of");
}

#[tokio::test]
async fn no_report_of_check_shows_foreign_text_as_it_is() {
    let registry = Registry::start(Access::anonymous()).await;
    let good = registry.add("team/app", "1.0", &images::simple("good"));
    let absent = good.replace("1.0", "1.1");
    for (number, text) in hostile().iter().enumerate() {
        let mut all = reviews_with(text, &good, &absent);
        for image in images_with(&registry, text, number) {
            let pod = POD.object("shop", "web", pod_spec(&image));
            all.push(Review::create(&POD, &pod).json().clone());
        }
        let input = manifests(&all);
        for format in ["human", "json"] {
            let ran = check(&["-", "-o", format, "--timeout", "5s"]).stdin(&*input).run().await;
            assert!(ran.code.is_some(), "{ran}");
            for (place, shown) in [("stdout", &ran.stdout), ("stderr", &ran.stderr)] {
                for line in shown.lines() {
                    let odd = line.chars().find(|c| !matches!(c, ' '..='~'));
                    assert_eq!(odd, None, "{place} of {format}: {line:.500?}");
                    assert!(!line.starts_with("::"), "{place} of {format}: {line:.500?}");
                }
            }
            if format == "human" {
                let longest = ran.stdout.lines().map(str::len).max().unwrap_or_default();
                assert!(longest <= 1_000, "{longest} bytes in a line");
            } else {
                // What was written is in it, character by character.
                let report: Value = serde_json::from_str(&ran.stdout).unwrap();
                let images =
                    |object: &Value| object["images"].as_array().cloned().unwrap_or_default();
                let objects = report["objects"].as_array().unwrap();
                let said = objects.iter().flat_map(images).any(|image| image["image"] == **text);
                assert!(said, "{report:#}");
            }
        }
    }
}
