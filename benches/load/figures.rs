//! Rounds of two servers by turns, and what they come to.
#![expect(clippy::cast_precision_loss, reason = "figures to be read")]

use std::sync::Arc;
use std::time::Duration;

use super::driver::{Lanes, Protocol, Round, Target, Until};
use super::review::Review;
use crate::support::memory;

/// Two servers: the one that does nothing, and pullcheck.
#[derive(Debug, Clone, Copy)]
pub struct Servers<'a> {
    pub noop: Target<'a>,
    pub pullcheck: Target<'a>,
}

/// The figures of both under one load, medians of the rounds.
#[derive(Debug)]
pub struct Pair {
    pub noop: Figures,
    pub pullcheck: Figures,
    /// pullcheck's throughput as a share of the other's; the median of the shares of each pair of
    /// rounds, which what disturbs the machine for a while does not move.
    pub share: f64,
    /// How much longer the 99 of 100 took at most, in milliseconds, likewise.
    pub later: f64,
}

/// The figures of one server under one load.
#[derive(Debug)]
pub struct Figures {
    /// Requests in a second.
    pub rate: f64,
    pub p50: Duration,
    pub p99: Duration,
    pub p999: Duration,
    /// Processor time of a request.
    pub cpu: Duration,
    /// Bytes of memory held at the end.
    pub resident: u64,
}

impl Servers<'_> {
    /// Both under the same load by turns.
    pub async fn compare(
        self,
        (protocol, at_once): (Protocol, usize),
        reviews: &Arc<[Review]>,
        rounds: usize,
        until: Until,
    ) -> Pair {
        let mut noop_lanes = Lanes::open(self.noop, protocol, at_once).await;
        let mut lanes = Lanes::open(self.pullcheck, protocol, at_once).await;
        // The first requests pay for what is allocated once.
        for lanes in [&mut noop_lanes, &mut lanes] {
            lanes.run(reviews, Until::Asked(reviews.len().max(at_once))).await;
        }
        let (mut noop, mut pullcheck) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            noop.push(noop_lanes.run(reviews, until).await);
            pullcheck.push(lanes.run(reviews, until).await);
        }
        let pairs = || noop.iter().zip(&pullcheck);
        let later =
            |(noop, pullcheck): (&Round, &Round)| ms(pullcheck.within(990)) - ms(noop.within(990));
        Pair {
            share: median(pairs().map(|(noop, pullcheck)| pullcheck.rate() / noop.rate())),
            later: median(pairs().map(later)),
            noop: Figures::of(&noop, self.noop),
            pullcheck: Figures::of(&pullcheck, self.pullcheck),
        }
    }
}

impl Figures {
    fn of(rounds: &[Round], target: Target<'_>) -> Self {
        let within = |of_a_thousand| {
            let each = rounds.iter().map(|round| round.within(of_a_thousand).as_secs_f64());
            Duration::from_secs_f64(median(each))
        };
        Self {
            rate: median(rounds.iter().map(Round::rate)),
            p50: within(500),
            p99: within(990),
            p999: within(999),
            cpu: rounds.iter().map(|round| round.cpu).sum::<Duration>()
                / u32::try_from(rounds.iter().map(|round| round.took.len()).sum::<usize>())
                    .unwrap(),
            resident: memory::resident(target.id),
        }
    }
}

/// The one in the middle, or the lower of the two.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures[(figures.len() - 1) / 2]
}

/// Milliseconds.
pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Milliseconds to be shown.
pub fn ms_text(time: Duration) -> String {
    format!("{:.2}", ms(time))
}

/// Microseconds to be shown.
pub fn us_text(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1e6)
}

/// Megabytes to be shown.
pub fn mb_text(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / 1e6)
}
