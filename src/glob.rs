//! Wildcard patterns of the configuration: `*` is any run of characters, `?` any one.
//!
//! Plain values without I/O; knows nothing else of ours. What a pattern decides is not said here.

use std::fmt;

use wildmatch::WildMatch;

/// A pattern over a whole string, case-sensitive; `*` crosses every character, `/` and `.` too.
#[derive(Clone, PartialEq)]
pub struct Glob(WildMatch);

impl Glob {
    /// Every string is a pattern; there are no escapes.
    pub fn new(pattern: &str) -> Self {
        Self(WildMatch::new(pattern))
    }

    /// Whether the pattern covers all of `text`.
    pub fn matches(&self, text: &str) -> bool {
        self.0.matches(text)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({})", self.0)
    }
}

/// Whether any of the patterns covers `text`.
pub fn any_matches(globs: &[Glob], text: &str) -> bool {
    globs.iter().any(|glob| glob.matches(text))
}

/// A pattern over an image as written or over its normalised name.
///
/// Wildcards before the first `/` stay before it: `*.corp.example/*` must not cover
/// `evil.example/x.corp.example/y`, nor `nginx*` the host `nginx.evil.example`. After it they cross
/// `/`. A pattern that names no tag or digest covers all of them; `*` alone covers every image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageGlob {
    head: Glob,
    rest: Option<Glob>,
    all: bool,
    versioned: bool,
}

impl ImageGlob {
    /// Every string is a pattern.
    pub fn new(pattern: &str) -> Self {
        let (head, rest) = match pattern.split_once('/') {
            Some((head, rest)) => (head, Some(Glob::new(rest))),
            None => (pattern, None),
        };
        Self {
            head: Glob::new(head),
            rest,
            all: pattern == "*",
            versioned: pattern != without_version(pattern),
        }
    }

    /// Whether the pattern covers this spelling of an image.
    pub fn matches(&self, image: &str) -> bool {
        if self.all {
            return true;
        }
        let image = if self.versioned { image } else { without_version(image) };
        match (&self.rest, image.split_once('/')) {
            (Some(rest), Some((head, path))) => self.head.matches(head) && rest.matches(path),
            (None, None) => self.head.matches(image),
            _ => false,
        }
    }
}

/// The name without `@digest` and `:tag`; a port before a `/` stays.
fn without_version(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}

/// A registry, or a part of one: a host pattern, and below it a pattern for the start of the path.
///
/// The host pattern never reaches into the path, and a path pattern ends where a path segment
/// ends: `ghcr.io/acme` covers `ghcr.io/acme/api` and not `ghcr.io/acme-evil/api`.
#[derive(Debug, Clone, PartialEq)]
pub struct RegistryGlob {
    host: Glob,
    path: Option<[Glob; 2]>,
}

impl RegistryGlob {
    /// Every string is a pattern; a `/` at the end says nothing.
    pub fn new(pattern: &str) -> Self {
        let pattern = pattern.trim_end_matches('/');
        match pattern.split_once('/') {
            Some((host, path)) => Self {
                host: Glob::new(host),
                path: Some([Glob::new(path), Glob::new(&format!("{path}/*"))]),
            },
            None => Self { host: Glob::new(pattern), path: None },
        }
    }

    /// The pattern of its host.
    pub fn host(&self) -> &Glob {
        &self.host
    }

    /// Whether the pattern covers a normalised repository, `host[:port]/path` without tag or
    /// digest.
    pub fn matches(&self, repository: &str) -> bool {
        let (host, path) = repository.split_once('/').unwrap_or((repository, ""));
        self.host.matches(host)
            && self.path.as_ref().is_none_or(|globs| globs.iter().any(|glob| glob.matches(path)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Glob, ImageGlob, RegistryGlob};

    #[test]
    fn a_star_is_any_run_and_a_question_mark_any_one() {
        let user = Glob::new("system:serviceaccount:argocd:*");
        assert!(user.matches("system:serviceaccount:argocd:application-controller"));
        assert!(!user.matches("system:serviceaccount:argocd-evil:x"));
        assert!(Glob::new("team-?").matches("team-a"));
        assert!(!Glob::new("team-?").matches("team-ab"));
        assert!(!Glob::new("prod").matches("prod-2"));
    }

    #[test]
    fn image_patterns_cover_what_they_say() {
        for (pattern, image, covered) in [
            ("*", "ghcr.io/acme/api:1", true),
            ("*", "nginx", true),
            ("nginx", "nginx", true),
            ("nginx", "nginx:1.27", true),
            ("nginx", "nginx@sha256:00", true),
            ("nginx", "nginx-unprivileged", false),
            ("nginx:*", "nginx", false),
            ("nginx:1.*", "nginx:1.27", true),
            ("nginx:1.*", "nginx:2.0", false),
            ("ghcr.io/acme/api", "ghcr.io/acme/api:v2", true),
            ("ghcr.io/acme/api", "ghcr.io/acme/api/tool:v2", false),
            ("ghcr.io/acme/*", "ghcr.io/acme/api/tool:v2", true),
            ("ghcr.io/acme/*:v2", "ghcr.io/acme/api:v2", true),
            ("ghcr.io/acme/*:v2", "ghcr.io/acme/api:v3", false),
            ("reg.example:5000/a", "reg.example:5000/a:1", true),
            ("reg.example:5000/a", "reg.example:5001/a:1", false),
            ("*/pause", "registry.k8s.io/pause:3.10", true),
        ] {
            assert_eq!(ImageGlob::new(pattern).matches(image), covered, "{pattern} on {image}");
        }
    }

    #[test]
    fn wildcards_of_a_host_never_reach_into_the_path() {
        assert!(ImageGlob::new("*.corp.example/*").matches("eu.corp.example/team/app:1"));
        assert!(!ImageGlob::new("*.corp.example/*").matches("evil.example/x.corp.example/y"));
        assert!(!ImageGlob::new("nginx*").matches("nginx.evil.example/x"));
        assert!(RegistryGlob::new("*.corp.example").matches("eu.corp.example/team/app"));
        assert!(!RegistryGlob::new("*.corp.example").matches("evil.example/x.corp.example"));
    }

    #[test]
    fn a_registry_path_ends_where_a_segment_ends() {
        for pattern in ["ghcr.io/acme", "ghcr.io/acme/", "ghcr.io/ac*e"] {
            let registry = RegistryGlob::new(pattern);
            assert!(registry.matches("ghcr.io/acme/api"), "{pattern}");
            assert!(registry.matches("ghcr.io/acme"), "{pattern}");
            assert!(!registry.matches("ghcr.io/acme-evil/api"), "{pattern}");
            assert!(!registry.matches("ghcr.io"), "{pattern}");
        }
        assert!(RegistryGlob::new("ghcr.io/acme-*").matches("ghcr.io/acme-eu/api"));
        assert!(!RegistryGlob::new("ghcr.io").matches("ghcr.io.evil.example/api"));
        assert!(!RegistryGlob::new("reg.example").matches("reg.example:5000/api"));
    }
}
