//! What is to be done about the certificates in the Secret: nothing on most days.
//!
//! Each answer depends only on what the Secret holds, on the names that are wanted and on `now`,
//! so replicas that look at the same Secret come to the same answer.

use std::time::{Duration, SystemTime};

use super::authority::DAY;
use super::{Certificate, Kept, is_accepted};

/// How long an authority of the Secret lasts, in days.
pub(super) const AUTHORITY_DAYS: u16 = 365;

/// How long a serving certificate of the Secret lasts, in days.
pub(super) const SERVING_DAYS: u16 = 90;

/// A serving certificate is renewed when so much of it is left.
const RENEWED: Duration = days(30);

/// An authority gets its successor when so much of it is left: more than any certificate that it
/// issues until then lasts.
const SUCCEEDED: Duration = days(120);

/// The next thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A new authority that no other vouches for, and a serving certificate under it.
    Begin(Why),
    /// The next authority, vouched for by the present one, and a serving certificate under it.
    Succeed,
    /// A new serving certificate under the present authority.
    Renew(Why),
    /// Nothing but to leave out authorities under which nobody serves any more, and whatever else
    /// is in their place.
    Tidy,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nothing is there.
    Absent,
    /// What is there is damaged, or does not go together.
    Damaged,
    /// It ends soon, or has ended.
    Expiring,
    /// It begins later than now: somebody's clock is wrong.
    NotYet,
    /// It lacks a name that is wanted.
    Names,
}

impl Why {
    /// In words, for the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "nothing was there",
            Self::Damaged => "what was there is damaged",
            Self::Expiring => "it ends soon",
            Self::NotYet => "it begins later than now, check the clocks of the nodes",
            Self::Names => "a name was missing",
        }
    }
}

impl Step {
    /// What it makes, and why, for the log.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Begin(why) => ("a new authority and a new serving certificate", why.as_str()),
            Self::Succeed => ("the next authority and a new serving certificate", "it ends soon"),
            Self::Renew(why) => ("a new serving certificate", why.as_str()),
            Self::Tidy => ("the list of authorities", "nobody serves under some of them any more"),
        }
    }
}

/// What to do about what is kept; `None` is nothing.
pub fn next(kept: &Kept, names: &[String], now: SystemTime) -> Option<Step> {
    let Some((authority, _)) = kept.issuer() else {
        return Some(Step::Begin(if kept.is_empty() { Why::Absent } else { Why::Damaged }));
    };
    if let Some(why) = outside(authority, Duration::ZERO, now) {
        // It can vouch for nothing.
        return Some(Step::Begin(why));
    }
    if outside(authority, SUCCEEDED, now).is_some() {
        return Some(Step::Succeed);
    }
    if let Some(why) = renewal(kept.chain(), authority, names, now) {
        return Some(Step::Renew(why));
    }
    (!kept.is_tidy(now)).then_some(Step::Tidy)
}

fn renewal(
    chain: &[Certificate],
    authority: &Certificate,
    names: &[String],
    now: SystemTime,
) -> Option<Why> {
    let Some(leaf) = chain.first() else { return Some(Why::Damaged) };
    if let Some(why) = outside(leaf, RENEWED, now) {
        return Some(why);
    }
    if !names.iter().all(|name| leaf.names.contains(name)) {
        return Some(Why::Names);
    }
    let anybody = std::slice::from_ref(authority);
    let host = names.first().map(|name| name.replacen("*.", "any.", 1));
    let accepted = host.is_some_and(|host| is_accepted(chain, anybody, &host, now));
    (!accepted).then_some(Why::Damaged)
}

/// Whether it does not hold now, or not for `left` from now on.
fn outside(certificate: &Certificate, left: Duration, now: SystemTime) -> Option<Why> {
    if certificate.not_before > now {
        return Some(Why::NotYet);
    }
    (certificate.not_after < now + left).then_some(Why::Expiring)
}

/// Whether certificates under `authority` may still be in use, now that `issuer`, made at `made`,
/// issues them.
pub(super) fn stays(
    authority: &Certificate,
    issuer: &Certificate,
    made: SystemTime,
    now: SystemTime,
) -> bool {
    let is_issuer = authority.der == issuer.der;
    // By then the last one that could have been issued under it has ended.
    let in_use = now <= made + days(SERVING_DAYS) && authority.not_after >= now;
    is_issuer || in_use
}

const fn days(number: u16) -> Duration {
    Duration::from_secs(DAY.as_secs() * number as u64)
}

#[cfg(test)]
mod tests;
