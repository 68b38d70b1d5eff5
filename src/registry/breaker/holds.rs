//! Until when a host wants to be left alone (`Retry-After`), and by whom. Pure: the time comes in.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Asker;
use crate::facts::{Trouble, TroubleKind};
use crate::registry::identity::CredentialId;

/// Longest that a host is obeyed: one that says a year by mistake is asked again all the same.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// Most that is kept of one host; by then it is left alone by everybody.
const MOST: usize = 16;

/// What a host has said of when to come again.
#[derive(Debug, Default)]
pub(super) struct Holds(Vec<Hold>);

#[derive(Debug)]
struct Hold {
    asker: Asker,
    /// How the host put it.
    kind: TroubleKind,
    detail: String,
    told: Instant,
    until: Instant,
}

impl Hold {
    /// A limit is an account's (or that of our address, where there is none); that a host is not
    /// there now may be about what one namespace asks for.
    fn is_for(&self, asker: &Asker) -> bool {
        match self.kind {
            TroubleKind::RateLimited => self.asker.id == asker.id,
            _ => self.asker.tenant == asker.tenant,
        }
    }

    /// Whether the host has told the same to somebody else altogether.
    fn agrees_with(&self, other: &Self) -> bool {
        let limits = [self, other].map(|hold| hold.kind == TroubleKind::RateLimited);
        match limits {
            [true, true] => {
                self.asker.id != other.asker.id && self.asker.tenant != other.asker.tenant
            }
            [false, false] => self.asker.tenant != other.asker.tenant,
            _ => false,
        }
    }
}

impl Holds {
    /// The host has told `asker` to come again after `wait`.
    pub(super) fn add(&mut self, asker: &Asker, trouble: &Trouble, wait: Duration, now: Instant) {
        let until = now + wait.min(LONGEST);
        self.0.retain(|hold| hold.until > now);
        let kind = trouble.kind;
        let same = |hold: &&mut Hold| hold.kind == kind && hold.is_for(asker);
        if let Some(hold) = self.0.iter_mut().find(same) {
            hold.until = hold.until.max(until);
            hold.told = now;
        } else if self.0.len() < MOST {
            let (asker, detail) = (asker.clone(), trouble.detail.clone());
            self.0.push(Hold { asker, kind, detail, told: now, until });
        }
    }

    /// What is said to `asker` instead of asking the host `authority`, which has answered nobody
    /// since `answered`.
    pub(super) fn trouble(
        &self,
        asker: &Asker,
        authority: &str,
        answered: Option<Instant>,
        now: Instant,
    ) -> Option<Trouble> {
        let in_force = || self.0.iter().filter(|hold| hold.until > now);
        let own = in_force().filter(|hold| hold.is_for(asker)).max_by_key(|hold| hold.until);
        // What it has told two strangers, and nobody anything else since, is for everybody.
        let fresh = || in_force().filter(|hold| answered.is_none_or(|then| hold.told > then));
        let everybodys = || {
            let agreed = |hold: &&Hold| fresh().any(|other| hold.agrees_with(other));
            fresh().filter(agreed).min_by_key(|hold| hold.until)
        };
        let hold = own.or_else(everybodys)?;
        Some(Trouble {
            kind: hold.kind,
            host: authority.to_owned(),
            detail: hold.detail.clone(),
            waited: None,
            retry_after: Some(hold.until.saturating_duration_since(now)),
        })
    }
}

impl Asker {
    pub(super) fn new(tenant: Arc<str>, id: CredentialId) -> Self {
        Self { tenant, id }
    }
}
