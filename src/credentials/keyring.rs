//! Which credentials the kubelet tries for an image, and in which order (`keyring.go`).
//!
//! Every match is tried, and no anonymous attempt follows a match. What is never here: trying.

mod glob;
#[cfg(test)]
mod tests;
mod url;

use std::collections::{BTreeMap, HashSet};

use super::{Credential, DockerConfig};
use glob::Glob;
use url::Url;

/// The key that serves Docker Hub's images where no key matches them: the host of
/// `https://index.docker.io/v1/`, under which `docker login` stores its credential.
const DOCKER_HUB_KEY: &str = "index.docker.io";

/// No name longer than 253 characters resolves, so nothing is lost where no credential is found
/// for one; and nobody makes a long label and a long glob take the time of their product.
const HOST_MAX: usize = 512;

/// The credentials of several docker configurations, ready to be looked up.
#[derive(Debug)]
pub struct Keyring<'a> {
    /// Descending by text, byte-wise: the kubelet's order.
    keys: Vec<Key<'a>>,
}

#[derive(Debug)]
struct Key<'a> {
    rule: &'a Rule,
    credentials: Vec<(usize, &'a Credential)>,
}

/// A key of a configuration, made ready for matching: every review of a pod with pull secrets has
/// a keyring of its own, and nothing of this changes between them.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// Host and path, without scheme, login and `/v1`.
    text: String,
    /// What it matches; none if it can match nothing.
    pattern: Option<Pattern>,
}

impl Rule {
    /// Of a key as written; none if the kubelet skips it.
    pub(super) fn of(key: &str) -> Option<Self> {
        let text = normalise(key)?;
        Some(Self { pattern: Pattern::parse(&text), text })
    }
}

/// A key, or an entry of a credential provider's `matchImages`, made ready for matching: the
/// kubelet has one rule for both (`URLsMatch`).
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    /// As written, with the port.
    host: String,
    labels: Vec<Glob>,
    port: String,
    path: String,
}

/// A credential that serves an image.
#[derive(Debug, Clone, Copy)]
pub struct Match<'a> {
    /// The index under which `build` was given the configuration.
    pub source: usize,
    /// The normalised key that matched: host and path.
    pub key: &'a str,
    /// What the runtime gets.
    pub credential: &'a Credential,
}

impl<'a> Keyring<'a> {
    /// One keyring of all configurations, given with their source in the order of
    /// `imagePullSecrets`.
    pub fn build(configs: impl IntoIterator<Item = (usize, &'a DockerConfig)>) -> Self {
        let mut by_key = BTreeMap::<&str, Key<'a>>::new();
        for (source, config) in configs {
            for entry in config.entries.iter() {
                let Some(rule) = &entry.rule else { continue };
                let new = || Key { rule, credentials: Vec::new() };
                let key = by_key.entry(&rule.text).or_insert_with(new);
                key.credentials.push((source, &entry.credential));
            }
        }
        Self { keys: by_key.into_values().rev().collect() }
    }

    /// What the kubelet would try for an image of this normalised name (`domain/path`), in its
    /// order. The same credential is there as often as it was given.
    pub fn lookup(&self, name: &str) -> Vec<Match<'_>> {
        let mut found = Vec::new();
        if let Some(url) = Url::parse(name)
            && let Some(target) = Target::of(&url)
        {
            for key in &self.keys {
                if key.rule.pattern.as_ref().is_some_and(|pattern| pattern.matches(&target)) {
                    found.extend(key.matches());
                }
            }
        }
        if found.is_empty() && is_docker_hub(name) {
            let fallback = self.keys.iter().find(|key| key.rule.text == DOCKER_HUB_KEY);
            found.extend(fallback.into_iter().flat_map(Key::matches));
        }
        found
    }

    /// The distinct `host[:port]` that the keys name, in the kubelet's order; keys that can match
    /// nothing are not among them. They are foreign text.
    pub fn hosts(&self) -> Vec<&str> {
        let patterns = self.keys.iter().filter_map(|key| key.rule.pattern.as_ref());
        let mut seen = HashSet::new();
        // Keys of one host need not be neighbours: `a.io:1` sorts between `a.io` and `a.io/x`.
        patterns.map(|pattern| pattern.host.as_str()).filter(|host| seen.insert(*host)).collect()
    }

    /// Whether no configuration had an entry with a usable key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl Key<'_> {
    fn matches(&self) -> impl Iterator<Item = Match<'_>> {
        let one = |&(source, credential)| Match { source, key: &self.rule.text, credential };
        self.credentials.iter().map(one)
    }
}

impl Pattern {
    /// Keys are parsed a second time when they are looked up, after decoding; one that does not
    /// survive it (a decoded `%`, say) matches nothing.
    pub(super) fn parse(key: &str) -> Option<Self> {
        let Url { host, path } = Url::parse(key)?;
        let (name, port) = url::split_port(&host);
        let labels = name.split('.').map(Glob::parse).collect::<Option<_>>()?;
        let port = port.to_owned();
        Some(Self { host, labels, port, path })
    }

    /// Whether an image of this normalised name (`domain/path`) matches.
    pub(super) fn matches_name(&self, name: &str) -> bool {
        let url = Url::parse(name);
        url.as_ref().and_then(Target::of).is_some_and(|target| self.matches(&target))
    }

    /// Label by label for the host, equal for the port, a plain prefix for the path.
    fn matches(&self, target: &Target<'_>) -> bool {
        self.port == target.port
            && target.path.starts_with(&self.path)
            && self.labels.len() == target.labels.len()
            && self.labels.iter().zip(&target.labels).all(|(glob, label)| glob.matches(label))
    }
}

/// An image's name taken apart.
struct Target<'a> {
    labels: Vec<&'a str>,
    port: &'a str,
    path: &'a str,
}

impl<'a> Target<'a> {
    fn of(url: &'a Url) -> Option<Self> {
        let (host, port) = url::split_port(&url.host);
        (url.host.len() <= HOST_MAX).then(|| Self {
            labels: host.split('.').collect(),
            port,
            path: &url.path,
        })
    }
}

/// Whether the kubelet can parse this as a pattern at all (`ParseSchemelessURL`).
pub(super) fn is_url(pattern: &str) -> bool {
    Url::parse(pattern).is_some()
}

/// The key under which the kubelet files an entry; none if it skips the entry.
fn normalise(key: &str) -> Option<String> {
    let Url { host, path } = Url::parse(without_scheme(key))?;
    // Only with the slash at the end: `https://r.io/v2` keeps its path and matches nothing useful.
    let versioned = path.starts_with("/v1/") || path.starts_with("/v2/");
    let path = if versioned { path.get(3..).unwrap_or_default() } else { &path };
    Some(if path == "/" { host } else { host + path })
}

fn without_scheme(key: &str) -> &str {
    key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key)
}

/// The `host[:port]` of a raw key, if the kubelet does not skip it.
pub(super) fn host_of(key: &str) -> Option<String> {
    Url::parse(without_scheme(key)).map(|url| url.host)
}

/// `isDefaultRegistryMatch`: also true of `localhost/app`, whose first segment looks like a user.
fn is_docker_hub(name: &str) -> bool {
    match name.split_once('/') {
        None => !name.is_empty(),
        Some(("docker.io" | DOCKER_HUB_KEY, _)) => true,
        Some((first, _)) => !first.is_empty() && !first.contains(['.', ':']),
    }
}
