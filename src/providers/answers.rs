//! Answers and for what and how long they hold, as the kubelet's cache keeps them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Answer;
use crate::credentials::provider::CacheKeyType;

/// Longest that anything is kept; the clock cannot add any number of years.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What an answer holds for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Of {
    Image(Box<str>),
    /// What of the name is before the first `/` (K `parseRegistry`).
    Registry(Box<str>),
    Global,
    /// A failure, which is about one image.
    Failure(Box<str>),
}

impl Of {
    /// What an answer about this image holds for.
    pub(super) fn new(key_type: CacheKeyType, name: &str) -> Self {
        match key_type {
            CacheKeyType::Image => Self::Image(name.into()),
            CacheKeyType::Registry => Self::Registry(registry(name).into()),
            CacheKeyType::Global => Self::Global,
        }
    }
}

pub(super) fn registry(name: &str) -> &str {
    name.split_once('/').map_or(name, |(registry, _)| registry)
}

/// The answers that are kept; those that have ended make place.
#[derive(Debug)]
pub(super) struct Answers {
    kept: Mutex<HashMap<(usize, Of), Kept>>,
    most: usize,
}

#[derive(Debug)]
struct Kept {
    answer: Answer,
    obtained: Instant,
    until: Instant,
}

impl Answers {
    pub(super) fn new(most: usize) -> Self {
        Self { kept: Mutex::default(), most }
    }

    /// A provider's answer for an image and when it was obtained: the image's own first, then the
    /// registry's, then the one for all (K `getCachedCredentials`). None from before `not_before`.
    pub(super) fn get(
        &self,
        provider: usize,
        name: &str,
        not_before: Option<Instant>,
    ) -> Option<(Answer, Instant)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let own = [
            Of::new(CacheKeyType::Image, name),
            Of::new(CacheKeyType::Registry, name),
            Of::Global,
            Of::Failure(name.into()),
        ];
        own.into_iter().find_map(|of| {
            let kept = kept.get(&(provider, of))?;
            let new_enough = not_before.is_none_or(|not_before| kept.obtained >= not_before);
            // The kubelet's answers hold up to and at the moment of their end.
            (now <= kept.until && new_enough).then(|| (kept.answer.clone(), kept.obtained))
        })
    }

    /// Keeps an answer that was obtained now.
    pub(super) fn keep(&self, provider: usize, of: Of, answer: &Answer, lifetime: Duration) {
        if lifetime.is_zero() {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let obtained = Instant::now();
        if kept.len() >= self.most {
            kept.retain(|_, kept| obtained <= kept.until);
        }
        if kept.len() >= self.most {
            let first = kept.iter().min_by_key(|(_, kept)| kept.until).map(|(key, _)| key.clone());
            first.map(|key| kept.remove(&key));
        }
        let until = obtained + lifetime.min(LONGEST);
        kept.insert((provider, of), Kept { answer: answer.clone(), obtained, until });
    }
}
