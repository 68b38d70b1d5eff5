//! Login budgets: so that nobody's account is locked through us. Knows user names only as ids.
//!
//! Every login holds a slot while its requests are on their way, and every slot counts as a
//! refusal until it ends, so that the limits hold however many logins are tried at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::future::Cache;
use moka::policy::EvictionPolicy;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::identity::UserId;

/// The window that refused logins are counted in.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Refused logins of one user name, in one namespace, at one realm host.
const PER_USER: usize = 3;
/// Refused logins in one namespace at one realm host.
const PER_HOST: usize = 10;
/// (namespace, realm host) pairs kept.
const PAIRS: u64 = 65_536;

/// The budgets of every namespace.
#[derive(Debug)]
pub(super) struct Budgets {
    pairs: Cache<(Arc<str>, String), Arc<Pair>>,
}

/// What one namespace did at one realm host.
#[derive(Debug, Default)]
struct Pair {
    users: Mutex<HashMap<UserId, Counter>>,
    /// A slot was freed.
    freed: Notify,
}

#[derive(Debug, Default)]
struct Counter {
    in_flight: usize,
    refused: Vec<Instant>,
}

impl Counter {
    fn taken(&self) -> usize {
        self.in_flight + self.refused.len()
    }
}

/// Whether a login may be sent now.
enum Admission {
    Granted,
    /// Others are on their way, and how they end decides.
    Wait,
    /// Used up; in our own words.
    Exhausted(String),
}

/// The right to send one login. Given back when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    pair: Arc<Pair>,
    user: UserId,
}

impl Budgets {
    pub(super) fn new() -> Self {
        let pairs = Cache::builder()
            .max_capacity(PAIRS)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(WINDOW)
            .build();
        Self { pairs }
    }

    /// Waits until this login may be sent. A credential that is not yet `proven` good at this host
    /// goes alone, so that what the first login of a batch learns spares the others.
    ///
    /// # Errors
    /// The budget is used up; says which one.
    pub(super) async fn admit(
        &self,
        tenant: &Arc<str>,
        host: &str,
        user: UserId,
        proven: bool,
    ) -> Result<Slot, String> {
        let key = (tenant.clone(), host.to_owned());
        let pair = self.pairs.get_with(key, async { Arc::default() }).await;
        loop {
            let freed = pair.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            match pair.admit(user, proven, Instant::now()) {
                Admission::Granted => return Ok(Slot { pair: pair.clone(), user }),
                Admission::Exhausted(words) => return Err(words),
                Admission::Wait => freed.await,
            }
        }
    }
}

impl Pair {
    fn users(&self) -> MutexGuard<'_, HashMap<UserId, Counter>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, user: UserId, proven: bool, now: Instant) -> Admission {
        let mut users = self.users();
        for counter in users.values_mut() {
            counter.refused.retain(|refused| now.duration_since(*refused) < WINDOW);
        }
        users.retain(|_, counter| counter.taken() > 0);
        let refused_here: usize = users.values().map(|counter| counter.refused.len()).sum();
        let taken_here: usize = users.values().map(Counter::taken).sum();
        let (in_flight, refused) =
            users.get(&user).map_or((0, 0), |counter| (counter.in_flight, counter.refused.len()));
        if refused >= PER_USER {
            return Admission::Exhausted(used_up(PER_USER, "for this user name"));
        }
        if refused_here >= PER_HOST {
            return Admission::Exhausted(used_up(PER_HOST, "at this host"));
        }
        let full = in_flight + refused >= PER_USER || taken_here >= PER_HOST;
        if full || (!proven && in_flight > 0) {
            return Admission::Wait;
        }
        users.entry(user).or_default().in_flight += 1;
        Admission::Granted
    }
}

fn used_up(count: usize, of: &str) -> String {
    format!("{count} refused logins {of} in {} minutes", WINDOW.as_secs() / 60)
}

impl Slot {
    /// A request of this login was refused.
    pub(super) fn refused(&self) {
        let mut users = self.pair.users();
        users.entry(self.user).or_default().refused.push(Instant::now());
    }

    /// Whether one more request of this login may be sent after a refused one.
    ///
    /// # Errors
    /// It would pass the budget; says which one.
    pub(super) fn may_repeat(&self) -> Result<(), String> {
        let users = self.pair.users();
        if users.get(&self.user).is_some_and(|counter| counter.taken() > PER_USER) {
            return Err(used_up(PER_USER, "for this user name"));
        }
        if users.values().map(Counter::taken).sum::<usize>() > PER_HOST {
            return Err(used_up(PER_HOST, "at this host"));
        }
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(counter) = self.pair.users().get_mut(&self.user) {
            counter.in_flight = counter.in_flight.saturating_sub(1);
        }
        self.pair.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Credential;
    use crate::registry::identity::Identities;

    fn user(name: &str) -> UserId {
        // One key for the whole process: ids under different keys never meet.
        static IDS: std::sync::OnceLock<Identities> = std::sync::OnceLock::new();
        IDS.get_or_init(|| Identities::new().unwrap()).user(&Credential::new(name, "x"))
    }

    async fn refuse(budgets: &Budgets, tenant: &str, name: &str) -> Result<(), String> {
        budgets
            .admit(&tenant.into(), "auth.test", user(name), false)
            .await
            .map(|slot| slot.refused())
    }

    #[tokio::test]
    async fn the_fourth_login_of_a_user_name_is_one_too_many() {
        let budgets = Budgets::new();
        for _ in 0..3 {
            refuse(&budgets, "shop", "ada").await.unwrap();
        }
        let words = refuse(&budgets, "shop", "ada").await.unwrap_err();
        assert_eq!(words, "3 refused logins for this user name in 15 minutes");
        refuse(&budgets, "other", "ada").await.unwrap();
        refuse(&budgets, "shop", "bob").await.unwrap();
    }

    #[test]
    fn refusals_are_forgotten_when_the_window_has_passed() {
        let pair = Pair::default();
        let now = Instant::now();
        pair.users().entry(user("ada")).or_default().refused = vec![now; 3];
        let refused = pair.admit(user("ada"), false, now + WINDOW / 2);
        assert!(matches!(refused, Admission::Exhausted(_)));
        assert!(matches!(pair.admit(user("ada"), false, now + WINDOW), Admission::Granted));
    }

    #[tokio::test]
    async fn many_user_names_share_the_budget_of_a_host() {
        let budgets = Budgets::new();
        for index in 0..10 {
            refuse(&budgets, "shop", &format!("user{index}")).await.unwrap();
        }
        let words = refuse(&budgets, "shop", "one-more").await.unwrap_err();
        assert_eq!(words, "10 refused logins at this host in 15 minutes");
    }

    #[tokio::test]
    async fn a_login_that_succeeds_is_not_counted() {
        let budgets = Budgets::new();
        for _ in 0..50 {
            budgets.admit(&"shop".into(), "auth.test", user("ada"), false).await.unwrap();
        }
    }

    #[tokio::test]
    async fn untried_credentials_go_one_at_a_time_and_proven_ones_together() {
        let budgets = Budgets::new();
        let tenant: Arc<str> = "shop".into();
        let admit = |proven| budgets.admit(&tenant, "auth.test", user("ada"), proven);
        let first = admit(true).await.unwrap();
        let second = admit(true).await.unwrap();
        let alone = admit(false);
        tokio::pin!(alone);
        assert!(futures_util::poll!(&mut alone).is_pending());
        drop(first);
        assert!(futures_util::poll!(&mut alone).is_pending());
        drop(second);
        assert!(futures_util::poll!(&mut alone).is_ready());
    }

    #[tokio::test]
    async fn logins_on_their_way_count_until_they_end() {
        let budgets = Budgets::new();
        let tenant: Arc<str> = "shop".into();
        let admit = || budgets.admit(&tenant, "auth.test", user("ada"), true);
        let slots = [admit().await.unwrap(), admit().await.unwrap(), admit().await.unwrap()];
        let fourth = admit();
        tokio::pin!(fourth);
        assert!(futures_util::poll!(&mut fourth).is_pending());
        for slot in &slots {
            slot.refused();
        }
        assert!(slots.iter().all(|slot| slot.may_repeat().is_err()));
        drop(slots);
        assert!(matches!(futures_util::poll!(&mut fourth), std::task::Poll::Ready(Err(_))));
    }

    #[tokio::test]
    async fn a_second_request_of_one_login_needs_room_in_the_budget() {
        let budgets = Budgets::new();
        let tenant: Arc<str> = "shop".into();
        let slot = budgets.admit(&tenant, "auth.test", user("ada"), false).await.unwrap();
        for fits in [true, true, false] {
            slot.refused();
            assert_eq!(slot.may_repeat().is_ok(), fits);
        }
    }
}
