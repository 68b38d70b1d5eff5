//! From what is written to the hosts a node would ask for one registry, as containerd's
//! `ConfigureHosts` fills it in. Pure.

#[cfg(test)]
mod tests;

use std::time::Duration;

use http::uri::Authority;

use super::entry::{Capabilities, ClientPair, Entry, Headers, Place};
use crate::image::hub;
use crate::message::printable;
use crate::percent::{encode, is_unreserved};
use crate::registry::scheme::{Spoken, is_local};

/// One host, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// Where it is, or why no request can be sent there.
    pub(super) place: Result<Whereabouts, String>,
    pub(super) capabilities: Capabilities,
    pub(super) tls: Tls,
    pub(super) headers: Headers,
    pub(super) dial_timeout: Option<Duration>,
}

/// Where a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whereabouts {
    pub(super) authority: Authority,
    /// Before the repository in every path.
    pub(super) root: String,
    pub(super) spoken: Spoken,
}

/// What is said of TLS at one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tls {
    pub(super) ca: Vec<std::path::PathBuf>,
    pub(super) clients: Vec<ClientPair>,
    pub(super) skip_verify: bool,
}

/// The hosts for the images of `registry` (`docker.io`, say), in the order in which a node asks
/// them.
pub(super) fn complete(registry: &str, mut entries: Vec<Entry>) -> Vec<Asked> {
    if let Some(last) = entries.last_mut().filter(|last| last.place.host.is_empty()) {
        *last = upstream(registry, std::mem::take(last));
    }
    entries.into_iter().map(asked).collect()
}

/// The registry itself, with what is written of it: everything but where it is and what it can do.
fn upstream(registry: &str, written: Entry) -> Entry {
    let mut entry = Entry { capabilities: Capabilities::default(), ..written };
    let mut scheme = "https";
    let mut host = registry;
    if registry == hub::DOMAIN {
        host = hub::REGISTRY_HOST;
    } else if is_local(registry_host(registry)) {
        let port = port(registry);
        // Some other port than that of https may speak either.
        if !matches!(port, None | Some("443")) {
            scheme = "http";
        }
        if port != Some("80") {
            entry.skip_verify = Some(true);
        }
    }
    let (scheme, host) = (scheme.to_owned(), host.to_owned());
    entry.place = Place { scheme, host, path: "/v2".to_owned() };
    entry
}

fn asked(entry: Entry) -> Asked {
    let explicit = entry.ca.is_some() || !entry.clients.is_empty() || entry.skip_verify.is_some();
    let place = match entry.headers.fault() {
        Some(fault) => Err(fault.to_owned()),
        None => whereabouts(&entry.place, explicit),
    };
    Asked {
        place,
        capabilities: entry.capabilities,
        tls: Tls {
            ca: entry.ca.unwrap_or_default(),
            clients: entry.clients,
            skip_verify: entry.skip_verify.unwrap_or_default(),
        },
        headers: entry.headers,
        dial_timeout: entry.dial_timeout,
    }
}

fn whereabouts(place: &Place, explicit_tls: bool) -> Result<Whereabouts, String> {
    let spoken = match place.scheme.as_str() {
        "https" => Spoken::Https,
        // What is said of TLS is taken at its word first.
        "http" if explicit_tls && port(&place.host) != Some("80") => Spoken::Either,
        "http" => Spoken::Http,
        other => return Err(format!("\"{}\" is no scheme to ask by", printable(other, 20))),
    };
    let host = place.host.strip_suffix(':').unwrap_or(&place.host);
    let no_host = || format!("\"{}\" is no host", printable(host, 60));
    let authority: Authority = host.parse().map_err(|_| no_host())?;
    let port_fits = port(host).is_none_or(|port| port.parse::<u16>().is_ok());
    if authority.host().is_empty() || !port_fits {
        return Err(no_host());
    }
    Ok(Whereabouts { authority, root: escaped(&place.path)?, spoken })
}

/// The path as it goes over the wire.
fn escaped(path: &str) -> Result<String, String> {
    if path.contains(['?', '#', '%']) {
        return Err("its path holds what no path can".to_owned());
    }
    let plain = |byte: u8| is_unreserved(byte) || b"/!$&'()*+,;=:@".contains(&byte);
    let mut text = String::with_capacity(path.len());
    encode(path.as_bytes(), plain, &mut text);
    Ok(text)
}

/// `host[:port]` without its port.
fn registry_host(registry: &str) -> &str {
    match port(registry) {
        Some(port) => registry.get(..registry.len() - port.len() - 1).unwrap_or(registry),
        None => registry,
    }
}

/// The port as written; none in an IPv6 address without one.
fn port(host: &str) -> Option<&str> {
    let (before, port) = host.rsplit_once(':')?;
    let v6 = before.starts_with('[') && !before.ends_with(']');
    (!v6 && !port.is_empty()).then_some(port)
}
