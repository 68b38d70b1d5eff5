//! What can be a label at all (apimachinery/pkg/api/validate/content/kube.go). A requirement with
//! anything else matches no node, whatever its operator.

/// Longest name of a key, and longest value.
const LONGEST: usize = 63;
/// Longest key: a DNS subdomain, a slash, a name.
pub(super) const LONGEST_KEY: usize = 253 + 1 + LONGEST;

/// `IsLabelKey`.
pub(super) fn is_key(text: &str) -> bool {
    match text.split_once('/') {
        None => is_name(text),
        Some((prefix, name)) => is_subdomain(prefix) && is_name(name),
    }
}

/// `IsLabelValue`: a name or nothing.
pub(super) fn is_value(text: &str) -> bool {
    text.is_empty() || is_name(text)
}

fn is_name(text: &str) -> bool {
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    text.len() <= LONGEST && is_framed(text, u8::is_ascii_alphanumeric, inner)
}

fn is_subdomain(text: &str) -> bool {
    let end = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let inner = |byte: &u8| end(byte) || *byte == b'-';
    text.len() <= 253 && text.split('.').all(|label| is_framed(label, end, inner))
}

/// Whether the text is of `inner` bytes, its first and last of `end`.
fn is_framed(text: &str, end: impl Fn(&u8) -> bool, inner: impl Fn(&u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(&end) && bytes.last().is_some_and(&end) && bytes.iter().all(inner)
}

#[cfg(test)]
mod tests {
    use super::{is_key, is_value};

    #[test]
    fn keys_and_values_are_those_that_kubernetes_takes() {
        let longest = "a".repeat(63);
        let too_long = "a".repeat(64);
        for name in ["a", "0", "A-b_c.D", "123-abc", &longest] {
            assert!(is_key(name) && is_value(name), "{name}");
            assert!(is_key(&format!("example.com/{name}")), "{name}");
        }
        for name in ["-a", "a-", "_a", "a.", "a b", "ä", "a/b/c", "a\n", &too_long] {
            assert!(!is_key(name) && !is_value(name), "{name}");
        }
        assert!(is_value("") && !is_key(""));
        assert!(!is_value("example.com/a"));
        for key in ["/a", "a/", "Example.com/a", "-a.b/c", "a..b/c", "a_b/c"] {
            assert!(!is_key(key), "{key}");
        }
        assert!(!is_key(&format!("{}/a", "a".repeat(254))));
    }
}
