//! Kubernetes quantities as whole numbers (apimachinery/pkg/api/resource, `ParseQuantity`).

/// More digits than these say nothing that matters of a disk.
const LONGEST: usize = 32;

/// What `47Gi`, `50625216Ki`, `1e9` or `1.5G` is, rounded up as Go's `Value` does; `None` for what
/// is no quantity or less than nothing.
pub fn whole(text: &str) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = integer.len() + fraction.len();
    if digits == 0 || digits > LONGEST || fraction.contains('.') {
        return None;
    }
    // A `u128` has room for 38 digits, these are 32 at most.
    let mantissa: u128 = format!("{integer}{fraction}").parse().ok()?;
    let down = u32::try_from(fraction.len()).ok()?;
    let (factor, exponent) = scale(suffix)?;
    let mantissa = mantissa.saturating_mul(factor);
    let exponent = exponent.checked_sub_unsigned(down)?;
    let power = 10_u128.checked_pow(exponent.unsigned_abs());
    let value = match (exponent >= 0, power) {
        _ if mantissa == 0 => 0,
        (true, Some(power)) => mantissa.saturating_mul(power),
        (true, None) => u128::MAX,
        (false, Some(power)) => mantissa.div_ceil(power),
        (false, None) => 1,
    };
    Some(u64::try_from(value).unwrap_or(u64::MAX))
}

/// The factor and the power of ten of a suffix.
fn scale(suffix: &str) -> Option<(u128, i32)> {
    let decimal = |exponent| Some((1, exponent));
    let binary = |bits: u32| Some((1_u128 << bits, 0));
    match suffix {
        "" => decimal(0),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        exponent => decimal(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn quantities_are_whole_bytes() {
        for (text, expected) in [
            ("0", Some(0)),
            ("128974848", Some(128_974_848)),
            ("47Gi", Some(47 << 30)),
            ("50625216Ki", Some(50_625_216 << 10)),
            ("1Ei", Some(1 << 60)),
            ("1e9", Some(1_000_000_000)),
            ("1E3", Some(1_000)),
            ("12e-1", Some(2)),
            ("1E", Some(1_000_000_000_000_000_000)),
            ("129M", Some(129_000_000)),
            ("2k", Some(2_000)),
            ("1.5Gi", Some(3 << 29)),
            ("1.5", Some(2)),
            (".5", Some(1)),
            ("5.", Some(5)),
            ("100m", Some(1)),
            ("1n", Some(1)),
            ("0e99999", Some(0)),
            ("1e-99999", Some(1)),
            ("+5", Some(5)),
            // As much as there can be.
            ("100Ei", Some(u64::MAX)),
            ("1e40", Some(u64::MAX)),
        ] {
            assert_eq!(whole(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_not_known() {
        let long = "1".repeat(33);
        for text in [
            "",
            ".",
            "-1",
            "-5Gi",
            "++5",
            "Gi",
            "5gi",
            "5 Gi",
            "5Gib",
            "5K",
            "1.2.3",
            "1e",
            "1e1.5",
            "1e+-3",
            "0x10",
            "five",
            "5Gi ",
            "٣",
            &long,
            "1e99999999999",
        ] {
            assert_eq!(whole(text), None, "{text}");
        }
    }
}
