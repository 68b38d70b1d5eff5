//! How single values are spelled. Each function gives the value, or what is wrong with the text
//! and what would be right.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use jiff::fmt::friendly::SpanParser;

use super::problem::quoted;
use crate::causes::{self, Code};
use crate::certificates::checked_host;
use crate::dns_name::{is_label, is_subdomain};
use crate::glob::{Glob, ImageGlob, RegistryGlob};
use crate::image::Platform;
use crate::image::platform::PlatformError;
use crate::near_miss::nearest;
use crate::nodes::quantity;
use crate::nodes::{Runtime, RuntimeError};

#[cfg(test)]
mod tests;

/// What is wrong, in words.
pub(super) type Parsed<T> = Result<T, String>;

/// Shortest and longest time that makes sense for a review.
const TIMEOUTS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(600)];
/// Most images looked at together.
const MOST_JOBS: usize = 1024;
/// Longest pattern; matching costs its length times that of the name.
const LONGEST_PATTERN: usize = 512;

/// One of a few words.
pub(super) fn word<T: Copy>(words: &[(&str, T)]) -> impl Fn(&str) -> Parsed<T> {
    move |text| {
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            unknown(text, &names, &format!("write {}", one_of(&names)))
        })
    }
}

/// `X is not known; did you mean Y?`, or else what the advice says.
pub(super) fn unknown(text: &str, known: &[&str], advice: &str) -> String {
    let plain = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
    let near = known
        .iter()
        .find(|name| plain(name) == plain(text))
        .copied()
        .or_else(|| nearest(text, known.iter().copied()));
    match near {
        Some(near) => format!("{} is not known; did you mean {near}?", quoted(text)),
        None => format!("{} is not known; {advice}", quoted(text)),
    }
}

fn one_of(names: &[&str]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let join = match names.len() - index {
            _ if index == 0 => "",
            1 => " or ",
            _ => ", ",
        };
        let _ = write!(text, "{join}{name}");
    }
    text
}

/// A code of the catalogue.
pub(super) fn code(text: &str) -> Parsed<Code> {
    Code::find(text).ok_or_else(|| {
        let codes: Vec<&str> = causes::ALL.iter().map(|cause| cause.code.as_str()).collect();
        unknown(text, &codes, "the cause codes are listed in docs/causes.md")
    })
}

/// A time with its unit.
pub(super) fn timeout(text: &str) -> Parsed<Duration> {
    let advice = "write a time with its unit, such as 5s or 500ms";
    if text.parse::<f64>().is_ok() {
        return Err(format!("{} has no unit; {advice}", quoted(text)));
    }
    let time = SpanParser::new()
        .parse_unsigned_duration(text)
        .map_err(|_| format!("{} is not a time; {advice}", quoted(text)))?;
    let [shortest, longest] = TIMEOUTS;
    if time < shortest || time > longest {
        return Err(format!("{} is out of range; write 100ms to 10m", quoted(text)));
    }
    Ok(time)
}

/// How many images together.
pub(super) fn jobs(text: &str) -> Parsed<NonZeroUsize> {
    text.parse::<NonZeroUsize>()
        .ok()
        .filter(|jobs| jobs.get() <= MOST_JOBS)
        .ok_or_else(|| format!("{} is no number of 1 to {MOST_JOBS}", quoted(text)))
}

/// A part of one.
pub(super) fn share(text: &str) -> Parsed<f64> {
    text.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| {
        format!("{} is no share; write a number of 0 to 1, such as 0.5", quoted(text))
    })
}

/// A number of bytes, as Kubernetes writes quantities.
pub(super) fn size(text: &str) -> Parsed<u64> {
    // A thousandth of a byte is a quantity too.
    let bytes = !text.ends_with(['n', 'u', 'm']);
    quantity::whole(text).filter(|size| bytes && *size > 0).ok_or_else(|| {
        format!("{} is no size; write bytes with a suffix, such as 500Mi or 2Gi", quoted(text))
    })
}

/// A file's name.
pub(super) fn path(text: &str) -> Parsed<PathBuf> {
    if text.is_empty() || text.contains('\0') {
        return Err("is empty; name a file or leave the setting out".to_owned());
    }
    Ok(PathBuf::from(text))
}

/// An address to listen on; `:8443` is every address.
pub(super) fn listen(text: &str) -> Parsed<SocketAddr> {
    let full = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
    full.parse().map_err(|_| {
        format!(
            "{} is no address and port; write such as [::]:8443 or 127.0.0.1:8443",
            quoted(text)
        )
    })
}

/// A platform that nodes have.
pub(super) fn platform(text: &str) -> Parsed<Platform> {
    text.parse().map_err(|error: PlatformError| format!("{}: {error}", quoted(text)))
}

/// A container runtime that nodes have.
pub(super) fn runtime(text: &str) -> Parsed<Runtime> {
    text.parse().map_err(|error: RuntimeError| format!("{}: {error}", quoted(text)))
}

/// An address range; a single address is a range of one.
pub(super) fn address_range(text: &str) -> Parsed<IpNet> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address));
    }
    let range: IpNet = text
        .parse()
        .map_err(|_| format!("{} is no address range; write such as 10.0.0.0/8", quoted(text)))?;
    if range != range.trunc() {
        return Err(format!(
            "{} has bits beyond its prefix; write {} or the one address {}",
            quoted(text),
            range.trunc(),
            range.addr(),
        ));
    }
    Ok(range)
}

/// What `private` stands for: RFC 1918, carriers' ranges (RFC 6598) and unique local addresses
/// (RFC 4193).
const PRIVATE: [&str; 5] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/// An address range that is refused, or the word for all private ones.
pub(super) fn denied_ranges(text: &str) -> Parsed<Vec<IpNet>> {
    if text == "private" {
        return PRIVATE.into_iter().map(address_range).collect();
    }
    match address_range(text) {
        Ok(range) => Ok(vec![range]),
        Err(message) if text.contains(['.', ':']) => Err(message),
        Err(_) => Err(unknown(text, &["private"], "write such as 10.0.0.0/8, or private")),
    }
}

/// A port, or the first and last of a range.
pub(super) fn ports(text: &str) -> Parsed<RangeInclusive<u16>> {
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(format!("{} is no port; write such as 443 or 5000-5010", quoted(text))),
    }
}

/// A registry's `host[:port]`, without wildcards.
pub(super) fn host(text: &str) -> Parsed<String> {
    let host = host_text(text, "HOST[:PORT]")?;
    if host.contains(['*', '?']) {
        return Err(format!("{} has wildcards, which are not allowed here", quoted(text)));
    }
    Ok(host.to_owned())
}

/// A pattern for a registry's `host[:port]`.
pub(super) fn host_glob(text: &str) -> Parsed<Glob> {
    host_text(text, "HOST[:PORT]").map(Glob::new)
}

/// The text if it can be a host and port. One that holds an `@` is not quoted: what is before it
/// may be a password.
fn host_text<'a>(text: &'a str, form: &str) -> Parsed<&'a str> {
    if text.contains('@') {
        return Err(format!("holds an @; write {form} without user, password or digest"));
    }
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let bare = bare.split_once('/').map_or(bare, |(host, _)| host);
    if bare != text && is_host(bare) {
        return Err(format!("{} is more than a host; write {bare}", quoted(text)));
    }
    if !is_host(text) {
        return Err(format!("{} is no host; write {form}", quoted(text)));
    }
    Ok(text)
}

fn is_host(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '*' | '?');
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((ip, port)) => {
            if ip.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            ("v6", port)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port_is_fine = match port.strip_prefix(':') {
        Some(port) => port == "*" || port.parse::<u16>().is_ok_and(|port| port > 0),
        None => port.is_empty(),
    };
    let length = 1..=LONGEST_PATTERN;
    port_is_fine && length.contains(&host.len()) && host.chars().all(allowed)
}

/// A registry, or a registry and the start of a path.
pub(super) fn registry_glob(text: &str) -> Parsed<RegistryGlob> {
    let form = "HOST[:PORT][/PATH]";
    if let Some((_, rest)) = text.split_once("://") {
        let right = if rest.contains('@') { form.to_owned() } else { quoted(rest) };
        return Err(format!("is a URL; write {right}"));
    }
    let (host, path) = match text.trim_end_matches('/').split_once('/') {
        Some((host, path)) => (host, Some(path)),
        None => (text.trim_end_matches('/'), None),
    };
    host_text(host, form)?;
    if let Some(path) = path {
        if path.contains([':', '@']) {
            return Err(format!("names a tag or digest; write {form} without it"));
        }
        if path.len() > LONGEST_PATTERN || path.split('/').any(|part| !is_plain(part)) {
            return Err(format!("{} is no registry; write {form}", quoted(text)));
        }
    }
    Ok(RegistryGlob::new(text))
}

/// A pattern for images.
pub(super) fn image_glob(text: &str) -> Parsed<ImageGlob> {
    let is_host_only = !text.contains('/')
        && text.split(':').next().is_some_and(|name| name.contains('.') || name == "localhost");
    if text.contains("://") {
        return Err("is a URL; write an image without the scheme".to_owned());
    }
    if is_host_only {
        return Err(format!("{} names no image, only a host; write {text}/*", quoted(text)));
    }
    plain(text).map(ImageGlob::new)
}

/// A pattern for user names, which may hold spaces.
pub(super) fn user_glob(text: &str) -> Parsed<Glob> {
    let fits = |c: char| !c.is_control();
    if text.trim().is_empty() || text.len() > LONGEST_PATTERN || !text.chars().all(fits) {
        return Err(format!("{} is empty or too long for a user", quoted(text)));
    }
    Ok(Glob::new(text))
}

/// A pattern for namespaces.
pub(super) fn namespace_glob(text: &str) -> Parsed<Glob> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-*?".contains(c);
    if text.is_empty() || text.len() > 63 || !text.chars().all(fits) {
        return Err(format!("{} can be no namespace", quoted(text)));
    }
    Ok(Glob::new(text))
}

/// A namespace's name.
pub(super) fn namespace(text: &str) -> Parsed<String> {
    if !is_label(text) {
        return Err(format!(
            "{} can be no namespace; write lower case letters, digits and inner dashes",
            quoted(text)
        ));
    }
    Ok(text.to_owned())
}

/// The name of an object that is a DNS subdomain.
pub(super) fn object(text: &str) -> Parsed<String> {
    if !is_subdomain(text) {
        return Err(format!(
            "{} can be no object; write lower case letters, digits and inner dashes and dots",
            quoted(text)
        ));
    }
    Ok(text.to_owned())
}

/// An object in a namespace.
pub(super) fn namespaced(text: &str) -> Parsed<(String, String)> {
    let Some((namespace, name)) = text.split_once('/') else {
        return Err(format!("{} names no namespace; write NAMESPACE/NAME", quoted(text)));
    };
    Ok((self::namespace(namespace)?, object(name)?))
}

/// A name for a certificate, as certificates spell it.
pub(super) fn certificate_host(text: &str) -> Parsed<String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let host = checked_host(text).map_err(|_| {
        format!("{} is no DNS name or IP address; write it without scheme and port", quoted(text))
    })?;
    Ok(host.to_ascii_lowercase())
}

fn plain(text: &str) -> Parsed<&str> {
    if text.len() <= LONGEST_PATTERN && is_plain(text) {
        return Ok(text);
    }
    Err(format!("{} is empty, too long, or holds spaces", quoted(text)))
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}
