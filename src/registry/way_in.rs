//! How a host has lately let somebody in, so that another of its repositories need not refuse them
//! first.
//!
//! A challenge belongs to the repository that it was given for: on a host that strangers share, one
//! of them may name a token server of its own. What was learnt at one repository is therefore kept
//! by namespace, host and credential. The credential goes nowhere that it has not been taken to
//! before at that host's own word, and whom a hostile repository leads astray is the namespace that
//! asked for it. What comes of such a guess is in `session/guess.rs`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;

use super::fair::Fair;
use super::identity::CredentialId;
use super::who::Who;

/// How long a way in is remembered.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);
/// Bytes of all of them.
const MOST: u64 = 2 * 1024 * 1024;

/// What a registry let somebody in with.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum WayIn {
    /// A token of this realm, which the host itself has named.
    Token { realm: Uri, service: Option<String> },
    /// User name and password.
    Basic,
    /// What is good for one repository here is not for the next.
    Various,
}

/// Who was let in, and where.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Guest {
    tenant: Arc<str>,
    host: Arc<str>,
    who: CredentialId,
}

/// The ways in that are remembered.
pub(super) struct WaysIn(Fair<Guest, WayIn>);

impl fmt::Debug for WaysIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A realm may come with a query, which is nobody's business.
        f.write_str("WaysIn(..)")
    }
}

impl WaysIn {
    pub(super) fn new() -> Self {
        let size = |guest: &Guest, way: &WayIn| {
            let WayIn::Token { realm, service } = way else { return guest.size() };
            let realm = realm.path().len() + realm.query().map_or(0, str::len);
            guest.size() + realm + service.as_ref().map_or(0, String::len)
        };
        Self(Fair::new(MOST, size, |_| REMEMBERED))
    }

    /// How this host has let them in.
    pub(super) fn of(&self, who: &Who, host: &Arc<str>) -> Option<WayIn> {
        self.0.get(&who.tenant, &Guest::of(who, host)).map(|way| (**way).clone())
    }

    /// This host has let them in. What it has once let them in with is not renewed by that, so that
    /// it is asked itself from time to time.
    pub(super) fn keep(&self, who: &Who, host: &Arc<str>, way: WayIn) {
        match self.of(who, host) {
            None => self.0.insert(&who.tenant, Guest::of(who, host), way),
            Some(known) if known == way || known == WayIn::Various => {}
            Some(_) => self.give_up(who, host),
        }
    }

    /// A guess from one repository to another came to nothing here.
    pub(super) fn give_up(&self, who: &Who, host: &Arc<str>) {
        self.0.insert(&who.tenant, Guest::of(who, host), WayIn::Various);
    }
}

impl Guest {
    fn of(who: &Who, host: &Arc<str>) -> Self {
        Self { tenant: who.tenant.clone(), host: host.clone(), who: who.id() }
    }

    fn size(&self) -> usize {
        self.tenant.len() + self.host.len()
    }
}
