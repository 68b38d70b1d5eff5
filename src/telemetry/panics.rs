//! Panics become log lines like any other.

use std::any::Any;
use std::panic::{self, PanicHookInfo};

/// Replaces the default hook, which writes several lines of plain text between the JSON ones.
///
/// Only where it happened and a message fixed at compile time are logged. A formatted message may
/// hold whatever value the code tripped over, a piece of a Secret too.
pub(super) fn log_them() {
    panic::set_hook(Box::new(|info| {
        tracing::error!(location = %location(info), message = message(info.payload()), "a panic");
        // It may be the last that is heard of this process.
        super::finish();
    }));
}

fn location(info: &PanicHookInfo<'_>) -> String {
    info.location().map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

fn message(payload: &dyn Any) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("(formatted, not shown)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_message_is_shown_and_a_formatted_one_is_not() {
        assert_eq!(message(&"index out of order"), "index out of order");
        let formatted = format!("cannot decode {}", "c2VjcmV0");
        assert_eq!(message(&formatted), "(formatted, not shown)");
    }
}
