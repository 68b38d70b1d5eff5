//! Logs and metrics: how the running program tells its operators what it does.
//!
//! Here are the one place that sets up logging, the hook that logs panics, and every metric with
//! its name. Never here: what is logged or counted, and when; that is the caller's. Callers use
//! plain strings and know nothing of the metrics library.

mod lines;
pub mod logs;
pub mod metrics;
mod namespaces;
mod panics;
mod sparingly;

pub use logs::{LogFormat, TelemetryError, finish, init};
pub use metrics::Metrics;
pub use namespaces::OTHER as OTHER_NAMESPACES;
pub use sparingly::Sparingly;
