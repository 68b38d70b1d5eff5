//! One trouble from before it begins until all is well again.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::time::{interval, timeout};

use super::load::{Load, Order, Tally, Told};
use crate::support::webhook::Webhook;

/// Longest that anything may take to be well again: the longest pause between two looks at a
/// registry that failed (10 s), a look that still meets silence (10 s) and the pause after it, and
/// the reviews that show it, on a busy machine.
const RECOVERY: Duration = Duration::from_secs(90);

/// How much there is of everything.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    pub is_long: bool,
    /// Reviews before the trouble, and in it at least.
    calm: u64,
    reviews: u64,
    /// How long the trouble lasts at least.
    time: Duration,
    /// How long a whole trial may take.
    most: Duration,
    pub clients: usize,
}

impl Form {
    /// As the environment asks for.
    pub fn asked() -> Self {
        let is_long = std::env::var("PULLCHECK_CHAOS").is_ok_and(|form| form == "long");
        if is_long {
            let (time, most) = (Duration::from_secs(60), Duration::from_secs(3_600));
            Self { is_long, calm: 500, reviews: 5_000, time, most, clients: 64 }
        } else {
            let (time, most) = (Duration::from_secs(2), Duration::from_secs(600));
            Self { is_long, calm: 60, reviews: 150, time, most, clients: 24 }
        }
    }

    /// One of two numbers.
    pub fn pick(self, short: usize, long: usize) -> usize {
        if self.is_long { long } else { short }
    }
}

/// What came of a trial, or why there was none.
pub enum Came {
    /// It was run in this process.
    Here(Figures),
    /// It was run in this process, for the sake of another that waits outside.
    Inside(Figures),
    /// Such a process has run it, and printed this.
    Outside(String),
    Skipped(String),
}

/// What was counted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figures {
    pub reviews: u64,
    pub in_time: u64,
    pub wrong: u64,
    pub panics: u64,
    /// Until the whole truth was told in every namespace, in milliseconds.
    pub recovered: u64,
    /// What was told while the trouble lasted that would not have been told without.
    pub told: BTreeMap<String, Told>,
}

/// Reviews under way.
pub struct Trial {
    load: Load,
    form: Form,
}

impl Trial {
    /// Begins the load, and waits until it is answered. What comes now is the trouble.
    pub async fn begin(order: Order) -> Self {
        let form = Form::asked();
        let load = Load::start(order);
        load.more(form.calm).await;
        load.make_known().await;
        load.in_trouble(true);
        Self { load, form }
    }

    /// The trouble has begun: waits until this cause is told for it, which what was read before may
    /// delay.
    pub async fn is_felt(&self, code: &str) {
        self.load.until_told(code).await;
    }

    /// The trouble has begun: waits until it has lasted.
    pub async fn lasts(&self) {
        self.load.in_trouble(true);
        let begun = Instant::now();
        self.load.more(self.form.reviews).await;
        while begun.elapsed() < self.form.time {
            self.load.more(1).await;
        }
        self.load.in_trouble(false);
    }

    /// Waits for so many more answers.
    pub async fn more(&self, reviews: u64) {
        self.load.more(reviews).await;
    }

    /// The trouble is over: waits until all is well, and fails unless it was all the time.
    pub async fn over(self, webhook: &Webhook) -> Figures {
        let recovered = self.recovered().await;
        let tally = self.load.stop().await;
        let panics = webhook.metric("pullcheck_panics_total").await + logged_panics(webhook);
        let Tally { sent, in_time, wrong, told, complaints } = tally;
        assert!(in_time == sent && wrong == 0, "{complaints:#?}\nof {sent} reviews");
        assert_eq!(panics, 0, "it panicked");
        let recovered = u64::try_from(recovered.as_millis()).unwrap();
        Figures { reviews: sent, in_time, wrong, panics, recovered, told }
    }

    async fn recovered(&self) -> Duration {
        let begun = Instant::now();
        let mut pace = interval(Duration::from_millis(50));
        while !self.load.is_well().await {
            assert!(begun.elapsed() < RECOVERY, "not well again after {RECOVERY:?}");
            pace.tick().await;
        }
        begun.elapsed()
    }
}

fn logged_panics(webhook: &Webhook) -> u64 {
    let panics = webhook.log_lines().iter().filter(|line| line["message"] == "a panic").count();
    panics as u64
}

/// Runs a trial in this process.
pub fn here(trial: impl Future<Output = Figures>) -> Came {
    Came::Here(block_on(trial))
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let most = Form::asked().most;
    let ended = runtime.block_on(async { timeout(most, Box::pin(future)).await });
    ended.unwrap_or_else(|_| panic!("the trial did not end within {most:?}"))
}
