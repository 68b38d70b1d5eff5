//! Names that Kubernetes gives by the rules of DNS, in lower case (K
//! apimachinery/pkg/util/validation). Pure.

/// A label, as names of namespaces are.
pub fn is_label(name: &str) -> bool {
    name.len() <= 63 && is_part(name)
}

/// A subdomain: labels with dots between them, as the names of most objects are. Only the whole is
/// bounded in length.
pub fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_part)
}

fn is_part(name: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::{is_label, is_subdomain};

    #[test]
    fn a_label_is_a_subdomain_without_dots_and_shorter() {
        for name in ["a", "0", "a-b", "x--y", &"a".repeat(63)] {
            assert!(is_label(name) && is_subdomain(name), "{name}");
        }
        for name in ["a.b", &"a".repeat(64), &"a".repeat(253)] {
            assert!(!is_label(name) && is_subdomain(name), "{name}");
        }
        let neither = ["", "-a", "a-", "A", "a_b", "a/b", "..", "a..b", ".a", "\u{e4}"];
        for name in neither.into_iter().chain([&*"a".repeat(254)]) {
            assert!(!is_label(name) && !is_subdomain(name), "{name}");
        }
    }
}
