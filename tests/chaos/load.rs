//! Clients that post reviews steadily, and what came of each.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::judge::{self, Truth};
use super::line::{Door, Line};
use super::names::Names;
use super::pulse;
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
/// program run comes on top of it.
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
        }
    }
}

/// What came of all reviews.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub sent: u64,
    pub in_time: u64,
    pub wrong: u64,
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
    /// Whether victims are posted too.
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

    /// From now on victims are posted, or no longer.
    pub fn with_victims(&self, on: bool) {
        self.shared.has_trouble.store(on, Ordering::Relaxed);
    }

    /// Whether every namespace is told the whole truth now.
    pub async fn is_well(&self) -> bool {
        let mut line = Line::new(self.shared.order.doors.clone(), false, false);
        for namespace in NAMESPACES {
            let (good, bad) = (self.shared.order.names.good(), self.shared.order.names.bad());
            for (image, truth) in [(good, Truth::Good), (bad, Truth::Bad("tag-not-found"))] {
                let review = self.shared.review(namespace, &image, false);
                let body = Bytes::from(review.json().to_string());
                let answered = timeout(NEVER, line.post("timeout=3s", body)).await;
                let Ok(Ok((200, body))) = answered else { return false };
                if !judge::is_right(truth, &read(&body)) {
                    return false;
                }
            }
        }
        true
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
        let (begun, before) = (Instant::now(), pulse::held_up(processes));
        let answered = timeout(NEVER, line.post(&format!("timeout={seconds}s"), body)).await;
        let elapsed = begun.elapsed();
        let held_up = pulse::held_up(processes).saturating_sub(before);
        let complaint = match answered {
            Err(_) => Some("it was never answered".to_owned()),
            Ok(Err(error)) => Some(format!("it was lost: {error:#}")),
            Ok(Ok((200, body))) => {
                let answer = read(&body);
                answer.assert_well_formed(review.uid());
                judge::wrong(truth, self.order.likely, &answer)
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
        if tally.complaints.len() < MOST_COMPLAINTS && (is_late || complaint.is_some()) {
            let what = complaint.unwrap_or_else(|| "late".to_owned());
            tally.complaints.push(format!(
                "{image} for {namespace} within {seconds} s, {elapsed:?} later (held up by the \
                 machine for {held_up:?}): {what}"
            ));
        }
    }

    fn subject(&self, number: u64) -> (Truth, String) {
        let order = &self.order;
        match &order.victim {
            Some((image, code)) if number % 4 == 3 && self.has_trouble.load(Ordering::Relaxed) => {
                (Truth::Bad(code), image())
            }
            _ if number.is_multiple_of(4) => (Truth::Bad("tag-not-found"), order.names.bad()),
            _ => (Truth::Good, order.names.good()),
        }
    }

    fn review(&self, namespace: &str, image: &str, is_deployment: bool) -> Review {
        let kind = if is_deployment { DEPLOYMENT } else { POD };
        Review::create(&kind, &kind.object(namespace, "web", (self.order.spec)(image)))
    }
}
