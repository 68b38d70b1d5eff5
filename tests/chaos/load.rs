//! Clients that post reviews steadily, and what came of each.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::judge::{self, MISSING, Truth};
use super::line::{Door, Line};
use super::names::Names;
use super::pulse::Pulse;
use super::trial::Form;
use crate::support::reviews::{DEPLOYMENT, POD, Review, pod_spec};
use crate::support::tls::Ca;
use crate::support::webhook::{Reviewed, Webhook};

/// The namespaces that reviews come from.
pub const NAMESPACES: [&str; 6] = ["shop-0", "shop-1", "shop-2", "shop-3", "shop-4", "shop-5"];

/// What the API server says that it waits, in turn.
const TIMEOUTS: [u64; 3] = [1, 2, 3];

/// What a client adds to the timeout before it calls an answer late: for its own part of the work,
/// on a machine that is busy with other tests. The time for which the machine did not let the
/// program run comes on top of it: the most that any one of its threads waited.
pub const ALLOWANCE: Duration = Duration::from_secs(2);

/// Nobody waits for an answer any longer.
const NEVER: Duration = Duration::from_secs(30);

/// How often a client has something new, unless it waits for an answer.
const PACE: Duration = Duration::from_millis(100);

/// Kept of what went wrong.
const MOST_COMPLAINTS: usize = 5;

type Spec = dyn Fn(&str) -> Value + Send + Sync;
type Victim = (Arc<dyn Fn() -> String + Send + Sync>, &'static str);

/// What is to be posted, and where to.
#[derive(Clone)]
pub struct Order {
    /// The first that takes connections is taken.
    pub doors: Vec<Door>,
    pub names: Names,
    /// A pod's specification around an image.
    pub spec: Arc<Spec>,
    /// Each review comes by a connection of its own.
    pub is_new_each_time: bool,
    pub clients: usize,
    /// Where to look for the processes that answer.
    pub processes: Vec<u32>,
    /// Causes that may be warned of, though not denied for, where it is not known better.
    pub likely: &'static [&'static str],
    /// Images that are denied for this cause, once the trouble has begun.
    pub victim: Option<Victim>,
    /// An image that is looked up before the trouble, and must then pass without a word.
    pub known: Option<String>,
}

impl Order {
    /// To this webhook, whose certificate is of this authority.
    pub fn new(webhook: &Webhook, ca: &Ca, names: &Names) -> Self {
        Self {
            doors: vec![Door::new(webhook.address(), ca)],
            names: names.clone(),
            spec: Arc::new(pod_spec),
            is_new_each_time: false,
            clients: Form::asked().clients,
            processes: vec![webhook.id()],
            likely: &[],
            victim: None,
            known: None,
        }
    }

    /// With an image that is known before the trouble.
    pub fn with_known(self) -> Self {
        Self { known: Some(self.names.good()), ..self }
    }
}

/// How often a cause was told of images while the trouble lasted, for which it would not have been
/// told without: of those that are there, or damaged by the trouble itself, any; of those that are
/// missing, any other.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Told {
    pub times: u64,
    /// Of these, how often the machine cannot have been what it was told for.
    pub at_ease: u64,
    /// One of these.
    pub example: String,
}

/// What came of all reviews.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub sent: u64,
    pub in_time: u64,
    pub wrong: u64,
    pub told: BTreeMap<String, Told>,
    /// Some of what was late, wrong or lost.
    pub complaints: Vec<String>,
}

/// Clients at work.
pub struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<()>,
}

struct Shared {
    order: Order,
    tally: Mutex<Tally>,
    answered: watch::Sender<u64>,
    number: AtomicU64,
    is_over: AtomicBool,
    /// Whether victims are posted too, and what is told is kept.
    has_trouble: AtomicBool,
}

impl Load {
    pub fn start(order: Order) -> Self {
        let count = order.clients;
        let shared = Arc::new(Shared {
            order,
            tally: Mutex::default(),
            answered: watch::Sender::new(0),
            number: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            has_trouble: AtomicBool::new(false),
        });
        let mut clients = JoinSet::new();
        for number in 0..count {
            clients.spawn(shared.clone().client(number % 2 == 1));
        }
        Self { shared, clients }
    }

    /// Waits until so many more were answered.
    pub async fn more(&self, reviews: u64) {
        let until = *self.shared.answered.borrow() + reviews;
        let mut answered = self.shared.answered.subscribe();
        let waited = timeout(Duration::from_secs(300), answered.wait_for(|now| *now >= until));
        assert!(waited.await.is_ok(), "reviews are not answered any more: {:#?}", self.tally());
    }

    /// Waits until this cause is told. Others a busy machine may be the reason for.
    pub async fn until_told(&self, code: &str) {
        let begun = Instant::now();
        while !self.tally().told.contains_key(code) {
            assert!(begun.elapsed() < NEVER, "{code} is not told after {NEVER:?}");
            self.more(1).await;
        }
    }

    /// From now on victims are posted, and what is told is kept; or no longer.
    pub fn in_trouble(&self, on: bool) {
        self.shared.has_trouble.store(on, Ordering::Relaxed);
    }

    /// Whether every namespace is told the whole truth now.
    pub async fn is_well(&self) -> bool {
        let mut line = Line::new(self.shared.order.doors.clone(), false, false);
        for namespace in NAMESPACES {
            let (good, bad) = (self.shared.order.names.good(), self.shared.order.names.bad());
            for (image, truth) in [(good, Truth::Good), (bad, Truth::Bad(MISSING))] {
                if !self.is_right(&mut line, namespace, &image, truth).await {
                    return false;
                }
            }
        }
        true
    }

    /// Has the image that is to be known looked up, where there is one.
    pub async fn make_known(&self) {
        let Some(image) = &self.shared.order.known else { return };
        let mut line = Line::new(self.shared.order.doors.clone(), false, false);
        for _ in 0..20 {
            if self.is_right(&mut line, NAMESPACES[0], image, Truth::Known).await {
                return;
            }
        }
        panic!("{image} was not found before the trouble");
    }

    async fn is_right(&self, line: &mut Line, namespace: &str, image: &str, truth: Truth) -> bool {
        let review = self.shared.review(namespace, image, false);
        let body = Bytes::from(review.json().to_string());
        let answered = timeout(NEVER, line.post("timeout=3s", body)).await;
        let Ok(Ok((200, body))) = answered else { return false };
        judge::is_right(truth, &read(&body))
    }

    /// Lets everybody end what they are at.
    pub async fn stop(mut self) -> Tally {
        self.shared.is_over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
        self.tally()
    }

    fn tally(&self) -> Tally {
        self.shared.tally.lock().unwrap().clone()
    }
}

fn read(body: &[u8]) -> Reviewed {
    Reviewed { json: serde_json::from_slice(body).unwrap_or_default(), elapsed: Duration::ZERO }
}

impl Shared {
    async fn client(self: Arc<Self>, is_http2: bool) {
        let order = &self.order;
        let mut line = Line::new(order.doors.clone(), is_http2, order.is_new_each_time);
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_over.load(Ordering::Relaxed) {
            pace.tick().await;
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            self.one(&mut line, number).await;
            self.answered.send_modify(|answered| *answered += 1);
        }
    }

    async fn one(&self, line: &mut Line, number: u64) {
        let (truth, image) = self.subject(number);
        let place = usize::try_from(number).unwrap();
        let namespace = NAMESPACES[place % NAMESPACES.len()];
        let seconds = TIMEOUTS[place / 2 % TIMEOUTS.len()];
        let review = self.review(namespace, &image, number.is_multiple_of(3));
        let body = Bytes::from(review.json().to_string());
        let processes = &self.order.processes;
        let with_ours = [&processes[..], &[std::process::id()]].concat();
        let (begun, pulse) = (Instant::now(), Pulse::take(&with_ours));
        let answered = timeout(NEVER, line.post(&format!("timeout={seconds}s"), body)).await;
        let elapsed = begun.elapsed();
        let held_up = pulse.held_up(processes);
        // Somebody who is kept from running for so long may run out of time for that alone.
        let is_at_ease = pulse.held_up(&with_ours) < Duration::from_secs(seconds) / 4;
        let (mut told, mut words) = (Vec::new(), Vec::new());
        let complaint = match answered {
            Err(_) => Some("it was never answered".to_owned()),
            Ok(Err(error)) => Some(format!("it was lost: {error:#}")),
            Ok(Ok((200, body))) => {
                let answer = read(&body);
                answer.assert_well_formed(review.uid());
                told = judge::told(&answer);
                words = answer.warnings();
                let wrong = judge::wrong(truth, self.order.likely, &answer);
                let is_warned = truth == Truth::Known && is_at_ease && !told.is_empty();
                wrong.or_else(|| is_warned.then(|| format!("it was known, and told {told:?}")))
            }
            Ok(Ok((status, body))) => {
                Some(format!("status {status}: {}", String::from_utf8_lossy(&body)))
            }
        };
        let is_late = elapsed > Duration::from_secs(seconds) + ALLOWANCE + held_up;
        let mut tally = self.tally.lock().unwrap();
        tally.sent += 1;
        tally.in_time += u64::from(!is_late);
        tally.wrong += u64::from(complaint.is_some());
        let what = format!(
            "{image} for {namespace} within {seconds} s, {elapsed:?} later (held up by the machine \
             for {held_up:?})"
        );
        let kept = if self.has_trouble.load(Ordering::Relaxed) { told } else { Vec::new() };
        for code in kept {
            let told = tally.told.entry(code).or_default();
            told.times += 1;
            told.at_ease += u64::from(is_at_ease);
            if is_at_ease || told.example.is_empty() {
                told.example = format!("{what}: {words:?}");
            }
        }
        if tally.complaints.len() < MOST_COMPLAINTS && (is_late || complaint.is_some()) {
            let why = complaint.unwrap_or_else(|| "late".to_owned());
            tally.complaints.push(format!("{what}: {why}"));
        }
    }

    fn subject(&self, number: u64) -> (Truth, String) {
        let order = &self.order;
        match &order.victim {
            Some((image, code)) if number % 4 == 3 && self.has_trouble.load(Ordering::Relaxed) => {
                (Truth::Bad(code), image())
            }
            _ if number.is_multiple_of(4) => (Truth::Bad(MISSING), order.names.bad()),
            _ if number % 8 == 5 && order.known.is_some() => {
                (Truth::Known, order.known.clone().unwrap())
            }
            _ => (Truth::Good, order.names.good()),
        }
    }

    fn review(&self, namespace: &str, image: &str, is_deployment: bool) -> Review {
        let kind = if is_deployment { DEPLOYMENT } else { POD };
        Review::create(&kind, &kind.object(namespace, "web", (self.order.spec)(image)))
    }
}
