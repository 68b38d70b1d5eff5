//! A thousand objects at once: every one is judged inside the timeout, and none passes unjudged.
//!
//! Only counts and timeouts are asserted. What it took is printed.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::audit;
use super::objects::{KINDS, Kind};
use super::stage::{PRIVATE, REGISTRY, Stage, on_stage};
use crate::parts::kubernetes::program::{Kubernetes, Release};
use crate::parts::netns::FIGURES;
use crate::support::http::Connection;
use crate::support::manifests::{docker_config, pull_secret};
use crate::support::server::Seen;
use crate::support::webhook::{Launch, Webhook};

#[test]
fn a_thousand_objects_at_once_are_all_judged_in_time() {
    on_stage!(
        "cluster::burst::a_thousand_objects_at_once_are_all_judged_in_time",
        Release::Current,
        burst
    );
}

/// Objects of one burst, the images they use, and who sends them.
const OBJECTS: usize = 1_000;
const IMAGES: usize = 200;
const CLIENTS: usize = 16;

async fn burst(kubernetes: &Kubernetes) {
    let stage = Stage::start_still(kubernetes).await;
    let images: Vec<Sample> =
        (0..IMAGES).map(|number| Sample::in_registry(&stage, number)).collect();
    stage.install().await;
    let password = stage.logins.add("shop", &["*"]);
    let secret = pull_secret("regcred", &docker_config(PRIVATE, "shop", &password));
    for namespace in ["apart", "burst", "again", "list"] {
        let mode = if namespace == "apart" { "off" } else { "enforce" };
        stage.namespace(namespace, Some(mode)).await;
        let create = stage.kubectl("create -f - -n").arg(namespace);
        create.stdin(secret.to_string()).succeeds().await;
    }
    let webhook = stage.serve(Launch::default()).await;
    stage.until_called(&format!("{REGISTRY}/none:1")).await;

    let objects: Vec<Object> = (0..OBJECTS).map(|number| Object::new(number, &images)).collect();
    let expected = |sample: Sample| objects.iter().filter(|it| it.sample.is_like(&sample)).count();
    let denied = expected(Sample::Missing(0)) + expected(Sample::Locked(0));
    assert!(expected(Sample::Missing(0)) > 50 && expected(Sample::Locked(0)) > 50);

    // Nobody is asked about this one: the time that is the API server's own.
    let without = send(&stage, "apart", &objects).await;
    assert_eq!(without.denied(), 0, "{without}");
    println!("{FIGURES}{OBJECTS} objects by {CLIENTS} clients, without pullcheck: {without}");
    for (namespace, how) in [("burst", "all images unknown"), ("again", "all remembered")] {
        let before = Counts::of(&stage, &webhook).await;
        let with = send(&stage, namespace, &objects).await;
        let did = Counts::of(&stage, &webhook).await.since(&before);
        assert_eq!(with.denied(), denied, "{with}");
        did.assert_all_judged(denied);
        println!("{FIGURES}{OBJECTS} objects by {CLIENTS} clients, {how}: {with}; {did}");
    }

    let before = Counts::of(&stage, &webhook).await;
    let begun = Instant::now();
    let items: Vec<&Value> = objects.iter().map(|object| &object.json).collect();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let ran = stage.kubectl("apply -n list -f -").stdin(list.to_string()).run().await;
    let took = begun.elapsed();
    let did = Counts::of(&stage, &webhook).await.since(&before);
    assert_eq!(ran.stdout.matches(" created\n").count(), OBJECTS - denied, "{ran}");
    assert_eq!(ran.stderr.matches("denied the request").count(), denied, "{ran}");
    did.assert_all_judged(denied);
    println!("{FIGURES}kubectl apply of a List of {OBJECTS}: {:.1} s; {did}", took.as_secs_f64());

    assert_none_failed_open(&stage).await;
}

/// An image, by its number, and what becomes of who asks for it.
#[derive(Debug, Clone, Copy)]
enum Sample {
    Good(usize),
    Missing(usize),
    /// Private, and the object brings the secret.
    Opened(usize),
    /// Private, and it does not.
    Locked(usize),
}

impl Sample {
    fn in_registry(stage: &Stage, number: usize) -> Self {
        let sample = match number % 10 {
            0 => Self::Missing(number),
            1 => Self::Opened(number),
            2 => Self::Locked(number),
            _ => Self::Good(number),
        };
        let repository = format!("team-{}/app-{number}", number % 7);
        match sample {
            Self::Good(_) => stage.image(&repository, "1.0"),
            // The repository is there, under another tag.
            Self::Missing(_) => stage.image(&repository, "0.9"),
            Self::Opened(_) | Self::Locked(_) => stage.private_image(&repository, "1.0"),
        };
        sample
    }

    fn image(self) -> String {
        let (host, number) = match self {
            Self::Good(number) | Self::Missing(number) => (REGISTRY, number),
            Self::Opened(number) | Self::Locked(number) => (PRIVATE, number),
        };
        format!("{host}/team-{}/app-{number}:1.0", number % 7)
    }

    fn is_like(self, other: &Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(other)
    }

    /// The cause for which it is denied.
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Good(_) | Self::Opened(_) => None,
            Self::Missing(_) => Some("[tag-not-found]"),
            Self::Locked(_) => Some("[access-denied]"),
        }
    }
}

/// One of the objects.
#[derive(Debug, Clone)]
struct Object {
    kind: Kind,
    sample: Sample,
    json: Value,
}

impl Object {
    fn new(number: usize, images: &[Sample]) -> Self {
        let (kind, sample) = (KINDS[number % KINDS.len()], images[number % images.len()]);
        let secret = matches!(sample, Sample::Opened(_)).then_some("regcred");
        let json = kind.object(&format!("burst-{number}"), &sample.image(), secret);
        Self { kind, sample, json }
    }
}

/// What came of a burst: how long each creation took, and whether it was denied.
struct Sent {
    all: Duration,
    each: Vec<(Duration, bool)>,
}

impl Sent {
    fn denied(&self) -> usize {
        self.each.iter().filter(|(_, denied)| *denied).count()
    }

    fn percentile(&self, percent: usize) -> Duration {
        let mut times: Vec<Duration> = self.each.iter().map(|(took, _)| *took).collect();
        times.sort_unstable();
        times[(times.len() - 1) * percent / 100]
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [half, most, longest] = [50, 99, 100].map(|it| self.percentile(it).as_millis());
        write!(
            f,
            "{:.1} s, p50 {half} ms, p99 {most} ms, longest {longest} ms, {} denied",
            self.all.as_secs_f64(),
            self.denied()
        )
    }
}

/// Creates all of them, as fast as the clients can, and checks what each is told.
async fn send(stage: &Stage, namespace: &'static str, objects: &[Object]) -> Sent {
    let address: SocketAddr = stage.plane.server()["https://".len()..].parse().unwrap();
    let authorization = stage.api().authorization().to_owned();
    let waiting: VecDeque<Object> = objects.iter().cloned().collect();
    let waiting = Arc::new(Mutex::new(waiting));
    let mut clients = JoinSet::new();
    let begun = Instant::now();
    for _ in 0..CLIENTS {
        let mut connection = Connection::open(stage.plane.ca(), address).await.unwrap();
        let (waiting, authorization) = (waiting.clone(), authorization.clone());
        clients.spawn(async move {
            let headers = [("authorization", authorization.as_str())];
            let mut each = Vec::new();
            loop {
                let Some(object) = waiting.lock().unwrap().pop_front() else { return each };
                let (path, body) = (object.kind.path(namespace), object.json.to_string());
                let begun = Instant::now();
                let answer = connection.post_with(&path, &headers, body).await.unwrap();
                let took = begun.elapsed();
                let (status, text) = (answer.status, answer.text());
                match object.sample.code().filter(|_| namespace != "apart") {
                    None => {
                        assert_eq!((status, answer.header("warning")), (201, None), "{text}");
                    }
                    Some(code) => {
                        assert_eq!(status, 403, "{text}");
                        assert!(text.contains(code), "no {code} in {text}");
                    }
                }
                each.push((took, status == 403));
            }
        });
    }
    let each = clients.join_all().await.into_iter().flatten().collect();
    Sent { all: begun.elapsed(), each }
}

/// What pullcheck counted, and what the registries were asked.
#[derive(Debug)]
struct Counts {
    reviews: [u64; 3],
    not_checked: u64,
    deadline_missed: u64,
    /// Reviews that took at most five seconds.
    in_time: u64,
    asked: usize,
}

impl Counts {
    async fn of(stage: &Stage, webhook: &Webhook) -> Self {
        let mut reviews = [0; 3];
        for (count, verdict) in reviews.iter_mut().zip(["allow", "warn", "deny"]) {
            let name = format!("pullcheck_reviews_total{{verdict=\"{verdict}\"}}");
            *count = webhook.metric(&name).await;
        }
        let unseen = "pullcheck_findings_total{code=\"not-checked\",action=\"warn\"}";
        let in_time = "pullcheck_review_duration_seconds_bucket{le=\"5.0\"}";
        let all = |_: &Seen| true;
        Self {
            reviews,
            not_checked: webhook.metric(unseen).await,
            deadline_missed: webhook.metric("pullcheck_deadline_missed_total").await,
            in_time: webhook.metric(in_time).await,
            asked: stage.registry.log().count(all) + stage.private.log().count(all),
        }
    }

    fn since(mut self, before: &Self) -> Self {
        for (count, before) in self.reviews.iter_mut().zip(before.reviews) {
            *count -= before;
        }
        self.not_checked -= before.not_checked;
        self.deadline_missed -= before.deadline_missed;
        self.in_time -= before.in_time;
        self.asked -= before.asked;
        self
    }

    #[track_caller]
    fn assert_all_judged(&self, denied: usize) {
        let [all, denied] = [OBJECTS, denied].map(|it| u64::try_from(it).unwrap());
        assert_eq!(self.reviews, [all - denied, 0, denied], "{self:?}");
        assert_eq!((self.not_checked, self.deadline_missed), (0, 0), "{self:?}");
        assert_eq!(self.in_time, all, "{self:?}");
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{IMAGES} images, {} requests to registries", self.asked)
    }
}

/// The API server itself says so: no call failed, and nothing was let through without an answer.
async fn assert_none_failed_open(stage: &Stage) {
    let open = audit::requests(stage, audit::failed_open);
    assert_eq!(open, [] as [Value; 0]);
    let answer = stage.api().ask(http::Method::GET, "/metrics", "", String::new()).await.unwrap();
    let text = answer.text();
    let ours = || text.lines().filter(|line| line.contains("name=\"images.pullcheck.dev\""));
    let open: Vec<&str> = ours().filter(|line| line.contains("fail_open_count{")).collect();
    assert!(open.is_empty(), "{open:#?}");
    let called = ours().any(|line| line.starts_with("apiserver_admission_webhook_request_total{"));
    assert!(called, "the API server counts under other names by now");
}
