//! How many lookups run at one time: for one namespace, at one registry, and in all.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;
use crate::shares::Shares;

/// The bounds on concurrency.
#[derive(Debug)]
pub(super) struct Gate {
    tenants_at_hosts: Shares,
    tenants: Shares,
    hosts: Shares,
    all: Arc<Semaphore>,
}

/// Leave to run; given back on drop.
pub(super) struct Permit {
    _held: [Option<OwnedSemaphorePermit>; 4],
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            tenants_at_hosts: Shares::new(limits.lookups_per_tenant.div_ceil(2)),
            tenants: Shares::new(limits.lookups_per_tenant),
            hosts: Shares::new(limits.lookups_per_registry),
            all: Arc::new(Semaphore::new(limits.lookups)),
        }
    }

    /// Waits for leave to ask `host` on behalf of `tenant`, from the narrowest bound to the widest:
    /// whoever waits for one holds nothing that others need. One registry that hangs takes at most
    /// half of a namespace's share.
    pub(super) async fn enter(&self, tenant: &str, host: &str) -> Permit {
        let order = [
            self.tenants_at_hosts.of(&format!("{tenant}/{host}")),
            self.tenants.of(tenant),
            self.hosts.of(host),
            self.all.clone(),
        ];
        let mut held = [None, None, None, None];
        for (permit, semaphore) in held.iter_mut().zip(order) {
            // The semaphores are never closed, so that this is always a permit.
            *permit = semaphore.acquire_owned().await.ok();
        }
        Permit { _held: held }
    }
}
