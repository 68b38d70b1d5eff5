//! 600 namespaces with 30 pods each, all of one image, with a copy of one credential in each
//! namespace.

use std::time::Duration;

use super::page::Table;
use super::run::{AT_ONCE, Size, run};
use super::shown;

const SIZE: Size = Size { namespaces: 600, pods: 30 };

/// The table.
pub async fn measure() -> String {
    let run = run(SIZE).await;
    let count = run.latencies.len();
    assert_eq!((count, run.others.len()), (SIZE.namespaces * SIZE.pods, 0), "{:?}", run.others);
    let at = |share: f64| -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list of some thousands"
        )]
        let place = (count as f64 * share) as usize;
        run.latencies[place.min(count - 1)]
    };
    let mut table = Table::new(["", "measured"]);
    table.row(["reviews", &count.to_string()]);
    table.row(["at one time", &AT_ONCE.to_string()]);
    table.row(["all of them took", &shown(run.took)]);
    table.row(["p50", &shown(at(0.50))]);
    table.row(["p99", &shown(at(0.99))]);
    table.row(["longest", &shown(at(1.0))]);
    table.row(["deadlines missed", &run.missed.to_string()]);
    table.row(["requests to the registry", &run.asked.len().to_string()]);
    table.row(["requests to the token server", &run.tokens.to_string()]);
    table.row(["Secrets read", &run.secrets.iter().sum::<usize>().to_string()]);
    table.row(["other reads from the API server", &run.other_reads.to_string()]);
    table.markdown()
}
