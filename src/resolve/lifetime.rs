//! How long each kind of answer is good for.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::time::Instant;

use super::Key;
use crate::facts::{Content, Found, ImageConfig, Outcome, TroubleKind};
use crate::registry::CredentialId;

/// A tag that was found: it can move or go, and missing that for a while harms nobody, as long as
/// nobody is denied for what it led to ([`Answer::is_old_content`]).
pub(super) const FOUND_BY_TAG: Duration = Duration::from_secs(5 * 60);
/// A digest that was found: it can only be deleted.
pub(super) const FOUND_BY_DIGEST: Duration = Duration::from_secs(60 * 60);
/// Absence, and refusal without a credential, which often means absence: a denial must not rest
/// on one older than this, because images are pushed seconds later.
pub(super) const ABSENT: Duration = Duration::from_secs(5);
/// A refused credential: asking again could lock the account.
const REFUSED: Duration = Duration::from_secs(5 * 60);
/// A damaged image: somebody is pushing it again.
const INVALID: Duration = Duration::from_secs(10);
/// A failure of our own view.
const TROUBLE: Duration = Duration::from_secs(5);
/// How old a tag's answer may be that stands in for a registry which fails: a tag moves with the
/// next build, and an outage that lasts longer is one that people should read of.
pub(super) const STALE_BY_TAG: Duration = Duration::from_secs(60 * 60);
/// The same of a digest, which never moves: as long as what was verified by it is kept.
pub(super) const STALE_BY_DIGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// A good answer is asked for again in the last one of so many parts of its time: early enough for
/// a slow registry, and late enough to be no second load.
const LAST_PART: u32 = 5;

/// How long to use an answer to a question with this credential. `age` is how long ago the
/// registry said that it has no such thing, if it did: explaining that takes time too.
pub(super) fn of(key: &Key, outcome: &Outcome, age: Option<Duration>) -> Duration {
    let absent = ABSENT.saturating_sub(age.unwrap_or_default());
    match outcome {
        // A part that is not there is an absence too, and may be pushed any moment.
        Outcome::Found(found) if has_damage(found) => ABSENT,
        Outcome::Found(found) if is_odd(found) => INVALID,
        Outcome::Found(_) if key.reference.digest().is_some() => FOUND_BY_DIGEST,
        Outcome::Found(_) => FOUND_BY_TAG,
        Outcome::Absent(_) => absent,
        // No credential was refused, so none is at risk.
        Outcome::Refused(refusal)
            if key.credential == CredentialId::ANONYMOUS || refusal.incomplete_login =>
        {
            absent
        }
        Outcome::Refused(_) => REFUSED,
        Outcome::Invalid(_) => INVALID,
        Outcome::Broken(_) => ABSENT,
        // Until when it is not asked again is the breakers' to know, and others' answers end it.
        Outcome::Trouble(trouble) if trouble.kind == TroubleKind::RateLimited => TROUBLE,
        // Until it is asked again, but no longer than what it has just said.
        Outcome::Trouble(trouble) => trouble.retry_after.unwrap_or(TROUBLE).min(TROUBLE),
        // A budget belongs to one namespace, and what was declined cost nothing.
        Outcome::NotChecked(_) => Duration::ZERO,
    }
}

/// How long an answer may stand in for a registry that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GoodFor {
    /// It could be held against an image.
    Nothing,
    /// As long as that of a tag.
    Tag,
    /// As long as that of a digest.
    Digest,
}

impl GoodFor {
    fn of(key: &Key, outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Found(found) if has_damage(found) || is_odd(found) => Self::Nothing,
            Outcome::Found(_) if key.reference.digest().is_some() => Self::Digest,
            Outcome::Found(_) => Self::Tag,
            _ => Self::Nothing,
        }
    }

    fn time(self) -> Option<Duration> {
        match self {
            Self::Nothing => None,
            Self::Tag => Some(STALE_BY_TAG),
            Self::Digest => Some(STALE_BY_DIGEST),
        }
    }
}

/// Some of it is not there, which not every runtime minds.
fn has_damage(found: &Found) -> bool {
    matches!(&found.content, Content::Image(image) if image.behind_inline.is_some())
}

/// Its parts do not go together, which not every runtime minds.
fn is_odd(found: &Found) -> bool {
    matches!(&found.content, Content::Image(image) if matches!(image.config, ImageConfig::OtherLayers { .. }))
}

/// An answer and how long it is good for.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    /// When the registry was asked.
    pub(super) asked: Instant,
    /// Until when it is used without asking again.
    until: Instant,
    /// How long that was, in milliseconds.
    fresh: u32,
    /// How long it stays good where the registry fails.
    good: GoodFor,
    /// It is near its end, and was asked for again.
    pub(super) followed: AtomicBool,
    /// Where this is but trouble: what the registry said before.
    pub(super) before: Option<Box<Good>>,
}

/// What a registry said when all was well.
#[derive(Debug, Clone)]
pub(super) struct Good {
    pub(super) outcome: Outcome,
    pub(super) asked: Instant,
    most: Duration,
}

impl Answer {
    /// An answer that has just come. `age` as for [`of`].
    pub(super) fn new(key: &Key, outcome: Outcome, asked: Instant, age: Option<Duration>) -> Self {
        let fresh = of(key, &outcome, age);
        let good = GoodFor::of(key, &outcome);
        let (until, followed) = (Instant::now() + fresh, AtomicBool::new(false));
        // The longest is an hour.
        let fresh = u32::try_from(fresh.as_millis()).unwrap_or(u32::MAX);
        Self { outcome, asked, until, fresh, good, followed, before: None }
    }

    /// Whether it may be used without asking again.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now < self.until
    }

    /// Whether the registry was asked for this later than for `other`, and said something.
    pub(super) fn is_later_word_than(&self, other: &Self) -> bool {
        self.asked > other.asked && !matches!(self.outcome, Outcome::Trouble(_))
    }

    /// Whether it is good and in the last part of its time.
    pub(super) fn is_near_its_end(&self, now: Instant) -> bool {
        let fresh = Duration::from_millis(self.fresh.into());
        self.good != GoodFor::Nothing && now + fresh / LAST_PART >= self.until
    }

    /// What may be said where the registry fails, and is not too old for that.
    pub(super) fn good(&self, now: Instant) -> Option<Good> {
        if self.good_until()? <= now {
            return None;
        }
        let own = || {
            let (outcome, asked, most) = (self.outcome.clone(), self.asked, self.good.time()?);
            Some(Good { outcome, asked, most })
        };
        self.before.as_deref().cloned().or_else(own)
    }

    fn good_until(&self) -> Option<Instant> {
        match self.before.as_deref() {
            Some(good) => Some(good.asked + good.most),
            None => Some(self.asked + self.good.time()?),
        }
    }

    /// Whether it is content that a tag led to, and the tag may lead elsewhere by now: what this
    /// lacks is an absence as well, and too old to deny for. A refused credential is another
    /// matter, its answer stands.
    pub(super) fn is_old_content(&self, key: &Key) -> bool {
        key.reference.digest().is_none()
            && matches!(self.outcome, Outcome::Found(_) | Outcome::Broken(_) | Outcome::Invalid(_))
            && self.asked.elapsed() >= ABSENT
    }
}

/// How long an answer is kept in all, from now.
pub(super) fn in_all(answer: &Answer) -> Duration {
    let until = answer.good_until().map_or(answer.until, |good| good.max(answer.until));
    until.saturating_duration_since(Instant::now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Credential;
    use crate::facts::{Absent, Evidence, Missing, Refusal, RefusedAt, Trouble};
    use crate::image::Reference;
    use crate::registry::{ClientConfig, RegistryClient};

    fn key(credential: CredentialId) -> Key {
        Key { reference: Reference::parse("nginx:1").unwrap(), credential, entry: None }
    }

    fn evidence() -> Evidence {
        Evidence::new(404, None, "r.io")
    }

    #[test]
    fn a_denial_never_rests_on_an_absence_older_than_five_seconds() {
        let absent = Outcome::Absent(Absent {
            what: Missing::Tag,
            evidence: evidence(),
            suggestion: None,
            listed: false,
            no_tags: false,
            served_by_get: false,
        });
        let refused = Outcome::Refused(Refusal {
            at: RefusedAt::Repository,
            evidence: evidence(),
            expired: false,
            no_basic: false,
            incomplete_login: false,
        });
        let five = Duration::from_secs(5);
        assert!(of(&key(CredentialId::ANONYMOUS), &absent, None) <= five);
        assert!(of(&key(CredentialId::ANONYMOUS), &refused, None) <= five);
        let explained = Some(Duration::from_secs(3));
        assert_eq!(of(&key(CredentialId::ANONYMOUS), &absent, explained).as_secs(), 2);
        assert!(of(&key(CredentialId::ANONYMOUS), &absent, Some(five)).is_zero());
        let client = RegistryClient::new(ClientConfig::default()).unwrap();
        let named = client.credential_id(Some(&Credential::new("u", "p")));
        assert_eq!(of(&key(named), &refused, None), Duration::from_secs(300));
    }

    #[test]
    fn a_limit_is_kept_no_longer_than_other_trouble_whatever_time_it_names() {
        let limited = |retry_after| {
            Outcome::Trouble(Trouble {
                kind: TroubleKind::RateLimited,
                host: "r.io".to_owned(),
                detail: "429".to_owned(),
                waited: None,
                retry_after,
            })
        };
        let lifetime = |after| of(&key(CredentialId::ANONYMOUS), &limited(after), None).as_secs();
        assert_eq!(lifetime(None), 5);
        assert_eq!(lifetime(Some(Duration::ZERO)), 5);
        assert_eq!(lifetime(Some(Duration::from_secs(60))), 5);
    }
}
