//! A steady load of creations, and what became of each.
//!
//! Every one of them is of an image that must be denied: one that is admitted without a word of
//! ours was not judged, so that nothing gets lost unseen.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::Method;
use serde_json::json;
use tokio::task::JoinSet;

use crate::parts::kubernetes::api::Api;
use crate::support::http::Answer;

/// How often each client asks, unless its last request is still under way.
const PACE: Duration = Duration::from_millis(100);

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Denied by pullcheck.
    Denied,
    /// Admitted, with a warning of pullcheck's.
    Warned(String),
    /// Admitted without a word.
    Unjudged,
    /// Anything else that the API server said.
    Failed(String),
    /// There was no API server.
    Unreachable,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Asked {
    pub begun: Instant,
    pub took: Duration,
    pub outcome: Outcome,
}

/// Clients that ask until this is dropped.
pub struct Load {
    clients: JoinSet<()>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Load {
    /// So many clients create pods of an image, in the namespace `default`.
    pub fn start(api: &Api, clients: usize, image: &str) -> Self {
        let mut load = Self { clients: JoinSet::new(), asked: Arc::default() };
        for _ in 0..clients {
            let (api, image, asked) = (api.clone(), image.to_owned(), load.asked.clone());
            load.clients.spawn(async move {
                let mut pace = tokio::time::interval(PACE);
                pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                loop {
                    pace.tick().await;
                    let one = create(&api, &image).await;
                    asked.lock().unwrap().push(one);
                }
            });
        }
        load
    }

    /// Waits until each client, roughly, has begun and ended so many requests from now on.
    pub async fn go_on(&self, each: usize) {
        let (now, wanted) = (Instant::now(), each * self.clients.len());
        self.until(&format!("{wanted} requests"), |asked| {
            asked.iter().filter(|one| one.begun >= now).count() >= wanted
        })
        .await;
    }

    /// Waits until what has ended since a moment fulfils a condition.
    pub async fn until(&self, what: &str, reached: impl Fn(&[Asked]) -> bool) {
        let now = Instant::now();
        let mut pace = tokio::time::interval(PACE);
        for _ in 0..3_000 {
            pace.tick().await;
            if reached(&self.asked.lock().unwrap()) {
                return;
            }
        }
        panic!("waited in vain for {what}: {}", self.since(now));
    }

    /// Waits until everything is judged again.
    pub async fn until_judged(&self) {
        self.until_all("denied", |outcome| *outcome == Outcome::Denied).await;
    }

    /// Waits until all of the last requests, some of each client, end in the same way.
    pub async fn until_all(&self, what: &str, fits: impl Fn(&Outcome) -> bool) {
        let now = Instant::now();
        // More than one replica answers, and each has its own view.
        let wanted = 5 * self.clients.len();
        self.until(what, |asked| {
            let recent: Vec<&Asked> = asked.iter().filter(|one| one.begun >= now).collect();
            let last = &recent[recent.len().saturating_sub(wanted)..];
            last.len() == wanted && last.iter().all(|one| fits(&one.outcome))
        })
        .await;
    }

    /// What was begun since a moment and has ended.
    pub fn since(&self, begin: Instant) -> Figures {
        let asked = self.asked.lock().unwrap();
        Figures(asked.iter().filter(|one| one.begun >= begin).cloned().collect())
    }
}

/// What became of some requests.
pub struct Figures(Vec<Asked>);

impl Figures {
    /// How many had this outcome.
    pub fn count(&self, outcome: &Outcome) -> usize {
        self.0.iter().filter(|one| one.outcome == *outcome).count()
    }

    /// Nobody waited longer, and nobody was refused for pullcheck's sake.
    #[track_caller]
    pub fn assert_harmless(&self, limit: Duration) -> &Self {
        for one in &self.0 {
            assert!(one.took <= limit, "one took {:?}: {:?}\n{self}", one.took, one.outcome);
            let failed = matches!(one.outcome, Outcome::Failed(_));
            assert!(!failed, "{:?}\n{self}", one.outcome);
        }
        self
    }

    /// Every one was judged.
    #[track_caller]
    pub fn assert_judged(&self) -> &Self {
        assert!(!self.0.is_empty());
        let judged = |one: &Asked| matches!(one.outcome, Outcome::Denied | Outcome::Warned(_));
        let lost = self.0.iter().filter(|one| !judged(one)).count();
        assert_eq!(lost, 0, "{self}");
        self
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count =
            |fits: fn(&Outcome) -> bool| self.0.iter().filter(|one| fits(&one.outcome)).count();
        let longest = self.0.iter().map(|one| one.took).max().unwrap_or_default();
        write!(
            f,
            "{} requests: {} denied, {} warned of, {} not judged, {} failed, {} without an API \
             server; the longest took {longest:?}",
            self.0.len(),
            count(|it| *it == Outcome::Denied),
            count(|it| matches!(it, Outcome::Warned(_))),
            count(|it| *it == Outcome::Unjudged),
            count(|it| matches!(it, Outcome::Failed(_))),
            count(|it| *it == Outcome::Unreachable),
        )
    }
}

async fn create(api: &Api, image: &str) -> Asked {
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "generateName": "load-" },
        "spec": { "containers": [{ "name": "app", "image": image }] },
    });
    let begun = Instant::now();
    let path = "/api/v1/namespaces/default/pods";
    let answer = api.ask(Method::POST, path, "application/json", pod.to_string()).await;
    let took = begun.elapsed();
    let outcome = answer.map_or(Outcome::Unreachable, |answer| outcome(&answer));
    Asked { begun, took, outcome }
}

fn outcome(answer: &Answer) -> Outcome {
    let ours = |text: &str| text.contains("image \\\"") || text.contains("image \"");
    match (answer.status, answer.header("warning")) {
        (201, None) => Outcome::Unjudged,
        (201, Some(warning)) if ours(warning) => Outcome::Warned(warning.to_owned()),
        (403, _) if answer.text().contains("images.pullcheck.dev") && ours(&answer.text()) => {
            Outcome::Denied
        }
        // While the API server starts it knows of no roles yet.
        (403 | 500 | 503, _) if answer.text().contains("not yet") => Outcome::Unreachable,
        (status, _) => Outcome::Failed(format!("{status}: {}", answer.text())),
    }
}
