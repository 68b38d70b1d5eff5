//! How many lookups may be begun and wait: at one registry, and at all that have not answered
//! lately. What one of them makes wait must not leave others without room to begin.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;
use super::lively::Lively;
use crate::shares::Shares;

/// The bounds on what waits, narrower than those of the flights.
#[derive(Debug)]
pub(super) struct Queue {
    /// Those of everybody who has not answered lately: one namespace's, and all.
    strangers: Option<(Shares, Arc<Semaphore>)>,
    tenants_at_hosts: Shares,
    hosts: Shares,
}

/// A place in the queue; given back on drop.
#[derive(Debug)]
pub(super) struct Place {
    _held: Vec<OwnedSemaphorePermit>,
}

impl Queue {
    pub(super) fn new(limits: &Limits) -> Self {
        let (all, each) = (limits.begun, limits.begun_per_tenant);
        let strangers =
            || (Shares::new((3 * each).div_ceil(4)), Arc::new(Semaphore::new(all.div_ceil(2))));
        let (each, all) =
            if limits.fair { (each.div_ceil(2), all.div_ceil(2)) } else { (each, all) };
        Self {
            strangers: limits.fair.then(strangers),
            tenants_at_hosts: Shares::new(each),
            hosts: Shares::new(all),
        }
    }

    /// A place for a lookup at `host` on behalf of `tenant`, if there is one.
    pub(super) fn take(&self, tenant: &str, host: &str, lively: &Lively) -> Option<Place> {
        let mut shares =
            vec![self.tenants_at_hosts.of(&format!("{tenant}/{host}")), self.hosts.of(host)];
        if let Some((tenants, all)) = self.strangers.as_ref().filter(|_| !lively.knows(host)) {
            shares.extend([tenants.of(tenant), all.clone()]);
        }
        let held = shares.into_iter().map(|share| share.try_acquire_owned().ok());
        held.collect::<Option<_>>().map(|held| Place { _held: held })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Content, Found, Outcome, Unread};
    use crate::image::{Algorithm, Digest};

    fn queue(begun: usize, begun_per_tenant: usize, fair: bool) -> Queue {
        Queue::new(&Limits { begun, begun_per_tenant, fair, ..Limits::default() })
    }

    fn answered(lively: &Lively, host: &str) {
        let digest = Digest::of(Algorithm::Sha256, b"x");
        let content = Content::Unread(Unread::Quota);
        lively.note(host, &Outcome::Found(Found { digest, quota: None, content }));
    }

    #[test]
    fn one_registry_takes_half_of_a_namespaces_places_and_half_of_all() {
        let (queue, lively) = (queue(16, 8, true), Lively::new());
        answered(&lively, "dead.test");
        let held: Vec<_> = (0..8).map_while(|_| queue.take("a", "dead.test", &lively)).collect();
        assert_eq!(held.len(), 4);
        let others: Vec<_> = ["b", "c"]
            .iter()
            .flat_map(|tenant| (0..8).map_while(|_| queue.take(tenant, "dead.test", &lively)))
            .collect();
        assert_eq!(held.len() + others.len(), 8);
        assert!(queue.take("a", "other.test", &lively).is_some());
    }

    #[test]
    fn hosts_without_an_answer_leave_room_for_the_others() {
        let (queue, lively) = (queue(16, 8, true), Lively::new());
        let held: Vec<_> =
            (0..16).map_while(|n| queue.take("a", &format!("h{n}.test"), &lively)).collect();
        assert_eq!(held.len(), 6, "three quarters of its own");
        let more: Vec<_> =
            (0..16).map_while(|n| queue.take("b", &format!("h{n}.test"), &lively)).collect();
        assert_eq!(held.len() + more.len(), 8, "half of all");
        assert!(queue.take("c", "good.test", &lively).is_none());
        answered(&lively, "good.test");
        assert!(queue.take("c", "good.test", &lively).is_some());
        drop(held);
        assert!(queue.take("c", "new.test", &lively).is_some());
    }

    #[test]
    fn where_all_is_one_persons_there_are_no_shares() {
        let (queue, lively) = (queue(8, 8, false), Lively::new());
        let held: Vec<_> = (0..9).map_while(|_| queue.take("a", "h.test", &lively)).collect();
        assert_eq!(held.len(), 8);
    }
}
