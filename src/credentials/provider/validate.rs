//! What the kubelet demands of a provider (`validateCredentialProviderConfig`), every complaint
//! at once.

use std::collections::HashSet;
use std::time::Duration;

use super::config::{Given, Named, Raw, is_not_one_of};
use super::problem::Problem;
use super::{Provider, Version, token};
use crate::credentials::keyring::{self, Pattern};
use crate::go_duration;
use crate::message::printable;

/// All providers of all files; of no use where there is a problem.
pub(super) fn all(raws: &[Raw], problems: &mut Vec<Problem>) -> (Vec<Provider>, Vec<Named>) {
    let mut providers = Vec::new();
    let mut named = Vec::new();
    let mut seen = HashSet::new();
    for raw in raws {
        let mut check = Check { raw, problems };
        let name = check.name(&mut seen);
        providers.extend(check.provider(name));
        if let Some(name) = name {
            let (file, field) = (raw.file.clone(), format!("{}.name", raw.field));
            named.push(Named { file, field, name: name.to_owned() });
        }
    }
    (providers, named)
}

/// One provider and where to complain of it.
pub(super) struct Check<'r, 'p> {
    pub(super) raw: &'r Raw,
    problems: &'p mut Vec<Problem>,
}

impl<'r> Check<'r, '_> {
    /// Notes what is wrong with a field of the provider.
    pub(super) fn wrong(&mut self, field: &str, message: impl Into<String>) {
        let field = format!("{}.{field}", self.raw.field);
        let file = self.raw.file.clone();
        self.problems.push(Problem { file, field, message: message.into() });
    }

    fn provider(&mut self, name: Option<&str>) -> Option<Provider> {
        let match_images = self.match_images();
        let default_cache_duration = self.cache_duration();
        let version = self.version();
        let args = self.args();
        let env = self.env();
        if let Some(raw) = &self.raw.token {
            token::check(self, raw);
        }
        Some(Provider {
            name: name?.to_owned(),
            match_images,
            default_cache_duration: default_cache_duration?,
            version: version?,
            args,
            env,
            needs_token: self.raw.token.is_some(),
        })
    }

    /// The name if an executable may be called that.
    fn name(&mut self, seen: &mut HashSet<&'r str>) -> Option<&'r str> {
        let name: &'r str = match &self.raw.name {
            Given::Is(name) => name,
            Given::Absent => "",
            Given::Wrong => return None,
        };
        let shown = printable(name, 60);
        let fault = match name {
            "" => Some("is missing; name the executable in the folder of the providers".to_owned()),
            "." | ".." => Some(format!("\"{shown}\" is a folder; name an executable")),
            _ if name.contains(['/', '\0']) => {
                Some(format!("\"{shown}\" is a path; write the executable's bare name"))
            }
            _ if name.contains(' ') => {
                Some(format!("\"{shown}\" has a space; rename the executable without one"))
            }
            _ => None,
        };
        if let Some(fault) = fault {
            self.wrong("name", fault);
            return None;
        }
        if !seen.insert(name) {
            self.wrong("name", format!("\"{shown}\" is there twice; give each provider one entry"));
            return None;
        }
        Some(name)
    }

    /// The entries that can match. One that Go parses and whose wildcards are malformed matches
    /// nothing, at the kubelet too.
    fn match_images(&mut self) -> Vec<Pattern> {
        let entries = match &self.raw.match_images {
            Given::Is(entries) => entries.as_slice(),
            Given::Absent => &[],
            Given::Wrong => return Vec::new(),
        };
        if entries.is_empty() {
            self.wrong(
                "matchImages",
                "is empty; list at least one pattern, such as *.corp.example",
            );
        }
        for (index, entry) in entries.iter().enumerate() {
            if !keyring::is_url(entry) {
                let shown = printable(entry, 80);
                self.wrong(
                    &format!("matchImages[{index}]"),
                    format!(
                        "\"{shown}\" cannot be read; write HOST[:PORT][/PATH], * in the host only"
                    ),
                );
            }
        }
        entries.iter().filter_map(|entry| Pattern::parse(entry)).collect()
    }

    fn cache_duration(&mut self) -> Option<Duration> {
        let field = "defaultCacheDuration";
        match &self.raw.default_cache_duration {
            Given::Is(text) => {
                let read = go_duration::parse_signed(text).filter(|(negative, _)| !negative);
                let duration = read.map(|(_, size)| size);
                if duration.is_none() {
                    let shown = printable(text, 40);
                    self.wrong(
                        field,
                        format!("\"{shown}\" is no time of 0 or more; write such as 12h"),
                    );
                }
                duration
            }
            Given::Absent => {
                self.wrong(field, "is missing; write such as 12h, or 0s to keep nothing");
                None
            }
            Given::Wrong => None,
        }
    }

    fn version(&mut self) -> Option<Version> {
        let text = match &self.raw.api_version {
            Given::Is(text) => text.as_str(),
            Given::Absent => "",
            Given::Wrong => return None,
        };
        let found = Version::ALL.into_iter().find(|version| version.as_str() == text);
        if found.is_none() {
            self.wrong("apiVersion", is_not_one_of(text, &Version::ALL.map(Version::as_str)));
        }
        found
    }

    fn args(&mut self) -> Vec<String> {
        let args = self.raw.args.value().cloned().unwrap_or_default();
        for (index, _) in args.iter().enumerate().filter(|(_, arg)| arg.contains('\0')) {
            self.wrong(&format!("args[{index}]"), NUL);
        }
        args
    }

    fn env(&mut self) -> Vec<(String, String)> {
        let env = self.raw.env.value().cloned().unwrap_or_default();
        for (index, (name, value)) in env.iter().enumerate() {
            if name.contains('\0') || value.contains('\0') {
                self.wrong(&format!("env[{index}]"), NUL);
            }
        }
        env
    }
}

/// The kubelet would find out when it starts the plugin.
const NUL: &str = "holds a NUL character, which no process can be given; remove it";
