//! Logging, set up once at start: JSON or text on standard error, filtered by `PULLCHECK_LOG`.

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::lines::Lines;

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
    Filter(String),
    /// Something else in the process has set up logging before.
    #[error("logging is already set up in this process; set it up once, at start")]
    Twice,
    /// There is no thread to be had that would write the lines.
    #[error(
        "logging cannot be set up, no thread can be started ({0}); raise the limit of processes"
    )]
    Thread(io::Error),
}

/// Where the process's log lines wait to be written.
static LINES: OnceLock<Lines> = OnceLock::new();

/// How long the end of the process waits for lines that standard error does not take.
const PATIENCE: Duration = Duration::from_secs(1);

/// Waits until what was logged is written, for a second at most. To be called before the process
/// ends, or says something on standard error by another way.
pub fn finish() {
    if let Some(lines) = LINES.get() {
        lines.finish(PATIENCE);
    }
}

/// Sets up logging on standard error for the whole process, and logs every panic from then on.
///
/// # Errors
///
/// A filter that cannot be read is an error and not a default: somebody who asked for `debug` and
/// mistyped it would wait for lines that never come.
pub fn init(format: LogFormat) -> Result<(), TelemetryError> {
    let filter = filter(std::env::var(FILTER_VARIABLE).ok().as_deref())?;
    let lines = Lines::to(io::stderr()).map_err(TelemetryError::Thread)?;
    subscriber(format, filter, lines.clone()).try_init().map_err(|_| TelemetryError::Twice)?;
    let _ = LINES.set(lines);
    super::panics::log_them();
    Ok(())
}

fn subscriber(
    format: LogFormat,
    filter: EnvFilter,
    writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
) -> Dispatch {
    // Otherwise a line that cannot be written is complained of by `eprintln`, which panics where
    // standard error is full or gone.
    let lines = tracing_subscriber::fmt().log_internal_errors(false);
    let lines = lines.with_env_filter(filter).with_writer(writer);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).finish().into(),
        LogFormat::Text => lines.with_ansi(false).finish().into(),
    }
}

fn filter(wanted: Option<&str>) -> Result<EnvFilter, TelemetryError> {
    match wanted.map(str::trim) {
        None | Some("") => Ok(EnvFilter::new("info")),
        Some(wanted) => EnvFilter::builder()
            .parse(wanted)
            .map_err(|error| TelemetryError::Filter(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: &str, log: impl FnOnce()) -> String {
        let written = Written::default();
        let writer = written.clone();
        let dispatch = subscriber(format, filter(Some(level)).unwrap(), move || writer.clone());
        tracing::dispatcher::with_default(&dispatch, log);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_json_line_holds_the_fields_at_its_top() {
        let line = logged(LogFormat::Json, "info", || {
            tracing::warn!(code = "tag-not-found", "a \"review\"\nwith findings");
        });
        assert_eq!(line.lines().count(), 1, "{line}");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["code"], "tag-not-found");
        assert_eq!(line["message"], "a \"review\"\nwith findings");
        assert!(line["timestamp"].is_string());
    }

    #[test]
    fn the_filter_decides_what_is_written() {
        let log = || {
            tracing::info!("one");
            tracing::debug!("two");
        };
        for (level, one, two) in
            [("warn", false, false), ("info", true, false), ("debug", true, true)]
        {
            let text = logged(LogFormat::Text, level, log);
            assert_eq!((text.contains("one"), text.contains("two")), (one, two), "{level}: {text}");
        }
    }

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
