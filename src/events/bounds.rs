//! How many Events there may be: buckets of tokens, one for all and one for each namespace.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// For all namespaces: so many at once, and one more in every such period.
const ALL: Rate = Rate { burst: 50, period: Duration::from_secs(1) };
/// For one namespace: the rest is for the others.
const EACH: Rate = Rate { burst: 10, period: Duration::from_secs(30) };
/// Namespaces that are counted at one time.
const NAMESPACES: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: u32,
    period: Duration,
}

/// Tokens, as the moment at which the bucket will be full.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_at: Instant,
}

impl Bucket {
    fn has_one(self, rate: Rate, now: Instant) -> bool {
        let missing = self.full_at.saturating_duration_since(now);
        missing <= rate.period * rate.burst.saturating_sub(1)
    }

    fn take(&mut self, rate: Rate, now: Instant) {
        self.full_at = self.full_at.max(now) + rate.period;
    }
}

/// Every bucket.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    all: Option<Bucket>,
    each: HashMap<Box<str>, Bucket>,
}

impl Bounds {
    /// Takes a token of this namespace and one of all, or none.
    pub(super) fn allow(&mut self, namespace: &str, now: Instant) -> bool {
        if self.each.len() >= NAMESPACES {
            // A full bucket says no more than none.
            self.each.retain(|_, bucket| bucket.full_at > now);
            if self.each.len() >= NAMESPACES {
                return false;
            }
        }
        let full = Bucket { full_at: now };
        let all = self.all.get_or_insert(full);
        let own = self.each.entry(namespace.into()).or_insert(full);
        if !all.has_one(ALL, now) || !own.has_one(EACH, now) {
            return false;
        }
        all.take(ALL, now);
        own.take(EACH, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(bounds: &mut Bounds, namespace: &str, now: Instant, tries: u32) -> u32 {
        (0..tries).map(|_| u32::from(bounds.allow(namespace, now))).sum()
    }

    #[test]
    fn a_namespace_has_a_burst_and_then_one_in_each_period() {
        let now = Instant::now();
        let mut bounds = Bounds::default();
        assert_eq!(allowed(&mut bounds, "shop", now, 100), EACH.burst);
        assert_eq!(allowed(&mut bounds, "shop", now + EACH.period, 100), 1);
        assert_eq!(allowed(&mut bounds, "shop", now + EACH.period * 1_000, 100), EACH.burst);
    }

    #[test]
    fn one_namespace_takes_nothing_of_anothers() {
        let now = Instant::now();
        let mut bounds = Bounds::default();
        allowed(&mut bounds, "loud", now, 1_000);
        assert_eq!(allowed(&mut bounds, "shop", now, 100), EACH.burst);
    }

    #[test]
    fn many_namespaces_together_have_a_bound_too() {
        let now = Instant::now();
        let mut bounds = Bounds::default();
        let of = |n: u32, bounds: &mut Bounds| allowed(bounds, &format!("pr-{n}"), now, 2);
        let sum: u32 = (0..1_000).map(|n| of(n, &mut bounds)).sum();
        assert_eq!(sum, ALL.burst);
    }

    #[test]
    fn namespaces_beyond_the_bound_wait_until_others_are_quiet() {
        let now = Instant::now();
        let mut bounds = Bounds::default();
        for n in 0..NAMESPACES {
            bounds.each.insert(n.to_string().into(), Bucket { full_at: now + EACH.period });
        }
        assert!(!bounds.allow("shop", now));
        assert!(bounds.allow("shop", now + EACH.period));
        assert_eq!(bounds.each.len(), 1);
    }
}
