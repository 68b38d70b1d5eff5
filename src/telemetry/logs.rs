//! Logging, set up once at start: JSON or text on standard error, filtered by `PULLCHECK_LOG`.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The variable that holds the filter, in the form of `tracing_subscriber::EnvFilter`: `debug`, or
/// `info,pullcheck::registry=debug`.
pub const FILTER_VARIABLE: &str = "PULLCHECK_LOG";

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line, for log collectors.
    #[default]
    Json,
    /// Plain text, for people at a terminal.
    Text,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter in the environment cannot be read.
    #[error(
        "{FILTER_VARIABLE} is not a log filter ({0}); use a level such as info or debug, or target=level pairs with commas between"
    )]
    Filter(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Something else in the process has set up logging before.
    #[error("logging is already set up in this process; set it up once, at start")]
    Twice,
}

/// Sets up logging on standard error for the whole process, and logs every panic from then on.
///
/// # Errors
///
/// A filter that cannot be read is an error and not a default: somebody who asked for `debug` and
/// mistyped it would wait for lines that never come.
pub fn init(format: LogFormat) -> Result<(), TelemetryError> {
    let filter = filter(std::env::var(FILTER_VARIABLE).ok().as_deref())?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_span_list(false);
            lines.finish().try_init()
        }
        LogFormat::Text => lines.with_ansi(false).finish().try_init(),
    }
    .map_err(|_| TelemetryError::Twice)?;
    super::panics::log_them();
    Ok(())
}

fn filter(wanted: Option<&str>) -> Result<EnvFilter, TelemetryError> {
    match wanted.map(str::trim) {
        None | Some("") => Ok(EnvFilter::new("info")),
        Some(wanted) => {
            EnvFilter::builder().parse(wanted).map_err(|error| TelemetryError::Filter(error.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_defaults_to_info() {
        for unset in [None, Some(""), Some("  ")] {
            assert_eq!(filter(unset).unwrap().to_string(), "info");
        }
    }

    #[test]
    fn a_filter_can_name_a_target() {
        let filter = filter(Some("warn,pullcheck::registry=debug")).unwrap().to_string();
        assert!(filter.contains("pullcheck::registry=debug"), "{filter}");
    }

    #[test]
    fn a_mistyped_filter_is_refused_and_the_message_says_how_to_write_one() {
        let message = filter(Some("pullcheck=loud")).unwrap_err().to_string();
        assert!(message.starts_with("PULLCHECK_LOG is not a log filter"), "{message}");
        assert!(message.contains("info or debug"), "{message}");
    }
}
