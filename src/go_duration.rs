//! Durations as Go writes them, which is how the API server says how long it waits, and how the
//! files of Go programs say it. Plain values without I/O.
//!
//! Source: `time.ParseDuration` in Go's standard library, which says: a sequence of decimal
//! numbers, each with an optional fraction and a unit.

use std::time::Duration;

/// Reads a duration such as `10s`, `1m30s`, `500ms` or `1.5s`.
///
/// `None` for anything that Go would not read, and for what is of no use as a timeout: a negative
/// one, and one beyond Go's own range of about 292 years. Below a nanosecond is cut off.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(Duration::ZERO);
    }
    if text.is_empty() {
        return None;
    }
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (nanoseconds, after) = part(rest)?;
        total = total.checked_add(nanoseconds)?;
        rest = after;
    }
    (total <= i64::MAX.unsigned_abs()).then(|| Duration::from_nanos(total))
}

/// Reads one that may be negative: whether it is less than nothing, and its size.
///
/// `None` for anything that Go would not read, and for a size beyond what [`parse`] reads.
pub fn parse_signed(text: &str) -> Option<(bool, Duration)> {
    match text.strip_prefix('-') {
        Some(size) if !size.starts_with('+') => parse(size).map(|size| (!size.is_zero(), size)),
        _ => parse(text).map(|size| (false, size)),
    }
}

/// One number with its unit, in nanoseconds, and what follows it.
fn part(text: &str) -> Option<(u64, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(end)?;
    let unit = nanoseconds(unit)?;
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    Some((whole.checked_mul(unit)?.checked_add(of(fraction, unit))?, rest))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn nanoseconds(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        // The micro sign and the Greek letter mu.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// The decimal `fraction` of `unit`, cut off below a nanosecond.
fn of(fraction: &str, unit: u64) -> u64 {
    let mut numerator: u128 = 0;
    let mut denominator: u128 = 1;
    // An hour has 13 digits of nanoseconds: later digits of the fraction change nothing.
    for digit in fraction.bytes().take(18) {
        numerator = numerator * 10 + u128::from(digit - b'0');
        denominator *= 10;
    }
    // The numerator is the smaller one, so the result is less than the unit and always fits.
    u64::try_from(u128::from(unit) * numerator / denominator).unwrap_or(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("+0", 0),
            ("0s", 0),
            ("10s", 10_000_000_000),
            ("+5s", 5_000_000_000),
            ("1m30s", 90_000_000_000),
            ("500ms", 500_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("1h0m0.5s", 3_600_500_000_000),
            ("10ns", 10),
            ("1us1\u{b5}s1\u{3bc}s", 3_000),
            ("0.9ns", 0),
            ("0.3333333333333333333h", 1_200_000_000_000 - 1),
            ("2s1s", 3_000_000_000),
            ("9223372036854775807ns", i64::MAX.unsigned_abs()),
        ] {
            assert_eq!(parse(text), Some(Duration::from_nanos(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn a_sign_is_read_apart_from_the_size_and_nothing_has_none() {
        let second = Duration::from_secs(1);
        for (text, read) in [
            ("1s", Some((false, second))),
            ("+1s", Some((false, second))),
            ("-1s", Some((true, second))),
            ("-0", Some((false, Duration::ZERO))),
            ("-0s", Some((false, Duration::ZERO))),
            ("", None),
            ("-", None),
            ("--1s", None),
            ("-+1s", None),
            ("+-1s", None),
        ] {
            assert_eq!(parse_signed(text), read, "{text}");
        }
    }

    #[test]
    fn what_go_would_not_read_and_what_is_no_timeout_is_nothing() {
        for text in [
            "",
            "+",
            "10",
            "s",
            ".",
            ".s",
            "10 s",
            "10S",
            "10sec",
            "1e3s",
            "-1s",
            "--1s",
            "+-1s",
            "1s ",
            "\u{661}s",
            "1\u{1f40c}",
            "9223372036854775808ns",
            "99999999999999999999s",
            "18446744073709551615h",
            "3000000h",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
