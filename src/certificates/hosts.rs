//! What a certificate can name.

use std::net::IpAddr;

use super::MintError;

/// A name that a certificate can hold and a client can ask for.
///
/// rcgen takes any ASCII as a DNS name; a certificate for `https://host:8443` would be accepted by
/// nobody, and nobody would say why.
pub fn checked(host: &str) -> Result<&str, MintError> {
    if host.parse::<IpAddr>().is_ok() {
        return Ok(host);
    }
    let name = host.strip_prefix("*.").unwrap_or(host);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let fits = name.len() <= 253 && name.split('.').all(label);
    // Four numbers with dots that are no address would be taken for a name that nobody can ask for.
    let numeric =
        name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if fits && !numeric { Ok(host) } else { Err(MintError::Host(host.chars().take(64).collect())) }
}
