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
        Self {
            strangers: limits.fair.then(|| Strangers {
                tenants_at_hosts: Shares::new(each.div_ceil(4)),
                tenants: Shares::new((3 * each).div_ceil(4)),
                all: Arc::new(Semaphore::new(lookups.div_ceil(2))),
                aside: Arc::new(Semaphore::new(aside / 2)),
            }),
            tenants_at_hosts: Shares::new(each.div_ceil(2)),
            tenants: Shares::new(each),
            hosts: Shares::new(limits.lookups_per_registry),
            all: Arc::new(Semaphore::new(lookups)),
            aside: Arc::new(Semaphore::new(aside)),
        }
    }

    /// Waits for leave to ask `host` on behalf of `tenant`, from the narrowest bound to the widest:
    /// whoever waits for one holds nothing that others need. One registry that hangs takes at most
    /// half of a namespace's share, and all that have not answered lately three quarters.
    pub(super) async fn enter(&self, tenant: &str, host: &str, lively: &Lively) -> Permit<'_> {
        let pair = format!("{tenant}/{host}");
        let strangers = self.strangers.as_ref();
        // A host may answer while somebody waits for it.
        let stranger = async |of: fn(&Strangers, &str, &str) -> Arc<Semaphore>| {
            let strangers = strangers.filter(|_| !lively.knows(host))?;
            let permit = of(strangers, tenant, &pair).acquire_owned().await.ok()?;
            (!lively.knows(host)).then_some(permit)
        };
        // The semaphores are never closed, so that there is always a permit.
        let (mut own, mut turn) = (Vec::with_capacity(4), Vec::with_capacity(3));
        turn.extend(stranger(|strangers, _, pair| strangers.tenants_at_hosts.of(pair)).await);
        own.extend(stranger(|strangers, tenant, _| strangers.tenants.of(tenant)).await);
        for share in [self.tenants_at_hosts.of(&pair), self.tenants.of(tenant), self.hosts.of(host)]
        {
            own.extend(share.acquire_owned().await.ok());
        }
        turn.extend(stranger(|strangers, _, _| strangers.all.clone()).await);
        let is_stranger = !lively.knows(host);
        turn.extend(self.all.clone().acquire_owned().await.ok());
        let strangers = strangers.filter(|_| is_stranger).map(|strangers| &strangers.aside);
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
