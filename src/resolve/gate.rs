//! How many lookups run at one time: for one namespace, at one registry, and in all.
//!
//! Whoever can create a pod can make us ask hosts that hang, as many as there are names. So hosts
//! that have not answered lately leave a part of every bound to those that have; and a lookup that
//! has run for a while steps aside, so that what hangs keeps its place for a moment only.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::Limits;
use super::lively::Lively;
use crate::shares::Shares;

/// How long a lookup keeps a place that others wait for. Most end sooner.
const TURN: Duration = Duration::from_secs(1);
/// Places aside for each of those that are waited for.
const ASIDE: usize = 4;

/// The bounds on concurrency.
#[derive(Debug)]
pub(super) struct Gate {
    /// What those have to themselves that have not answered lately; none where all are the same.
    strangers: Option<Strangers>,
    tenants_at_hosts: Shares,
    tenants: Shares,
    hosts: Shares,
    all: Arc<Semaphore>,
    aside: Arc<Semaphore>,
}

/// The same bounds, narrower, for all hosts that have not answered lately.
#[derive(Debug)]
struct Strangers {
    tenants_at_hosts: Shares,
    tenants: Shares,
    all: Arc<Semaphore>,
    aside: Arc<Semaphore>,
}

/// Leave to run; given back on drop.
pub(super) struct Permit<'a> {
    /// Kept to the end.
    _own: Vec<OwnedSemaphorePermit>,
    /// Those that everybody waits for, and where to go instead.
    turn: Vec<OwnedSemaphorePermit>,
    aside: Vec<&'a Arc<Semaphore>>,
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        let (lookups, each) = (limits.lookups, limits.lookups_per_tenant);
        // Nobody steps aside where all lookups are one person's: that would be more than asked for.
        let aside = if limits.fair { ASIDE * lookups } else { 0 };
        // One registry may then have all of them, as a rule it is the only one; no more are under
        // way than objects are judged, so that one that hangs takes no more than its objects would.
        let (at_host, host) = if limits.fair {
            (each.div_ceil(2), limits.lookups_per_registry)
        } else {
            (each, lookups)
        };
        Self {
            strangers: limits.fair.then(|| Strangers {
                tenants_at_hosts: Shares::new(each.div_ceil(4)),
                tenants: Shares::new((3 * each).div_ceil(4)),
                all: Arc::new(Semaphore::new(lookups.div_ceil(2))),
                aside: Arc::new(Semaphore::new(aside / 2)),
            }),
            tenants_at_hosts: Shares::new(at_host),
            tenants: Shares::new(each),
            hosts: Shares::new(host),
            all: Arc::new(Semaphore::new(lookups)),
            aside: Arc::new(Semaphore::new(aside)),
        }
    }

    /// Waits for leave to ask `host` on behalf of `tenant`. A host may answer while somebody waits
    /// for it as for a stranger, who then holds and waits for nothing of the strangers' any more.
    pub(super) async fn enter(&self, tenant: &str, host: &str, lively: &Lively) -> Permit<'_> {
        if let Some(strangers) = &self.strangers {
            tokio::select! {
                biased;
                () = lively.until_known(host) => {}
                permit = self.wait(Some(strangers), tenant, host) => return permit,
            }
        }
        self.wait(None, tenant, host).await
    }

    /// Waits from the narrowest bound to the widest: whoever waits for one holds nothing that
    /// others need. One registry that hangs takes at most half of a namespace's share, and all that
    /// have not answered lately three quarters.
    async fn wait<'a>(
        &'a self,
        strangers: Option<&'a Strangers>,
        tenant: &str,
        host: &str,
    ) -> Permit<'a> {
        let pair = format!("{tenant}/{host}");
        // The semaphores are never closed, so that there is always a permit.
        let (mut own, mut turn) = (Vec::with_capacity(4), Vec::with_capacity(3));
        if let Some(strangers) = strangers {
            turn.extend(strangers.tenants_at_hosts.of(&pair).acquire_owned().await.ok());
            own.extend(strangers.tenants.of(tenant).acquire_owned().await.ok());
        }
        for share in [self.tenants_at_hosts.of(&pair), self.tenants.of(tenant), self.hosts.of(host)]
        {
            own.extend(share.acquire_owned().await.ok());
        }
        if let Some(strangers) = strangers {
            turn.extend(strangers.all.clone().acquire_owned().await.ok());
        }
        turn.extend(self.all.clone().acquire_owned().await.ok());
        let strangers = strangers.map(|strangers| &strangers.aside);
        let aside = strangers.into_iter().chain([&self.aside]).collect();
        Permit { _own: own, turn, aside }
    }
}

impl Permit<'_> {
    /// Runs a lookup, for a while in everybody's way and then, if there is room, aside.
    pub(super) async fn run<F: Future>(mut self, lookup: F) -> F::Output {
        let mut lookup = pin!(lookup);
        let aside = async {
            sleep(TURN).await;
            let mut aside = Vec::with_capacity(2);
            for room in &self.aside {
                aside.extend((*room).clone().acquire_owned().await.ok());
            }
            aside
        };
        let _aside = tokio::select! {
            biased;
            ended = &mut lookup => return ended,
            aside = aside => aside,
        };
        self.turn.clear();
        lookup.await
    }
}

#[cfg(test)]
mod tests;
