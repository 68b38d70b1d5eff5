//! Work under way, shared by everybody who wants its answer, and bounded for each namespace.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The flights begun, by what their answers are expected to hold for.
#[derive(Debug)]
pub struct Flights<K, W, A> {
    begun: Mutex<Begun<K, W, A>>,
    most: usize,
    most_per_tenant: usize,
}

#[derive(Debug)]
struct Begun<K, W, A> {
    by_key: HashMap<K, Arc<Flight<W, A>>>,
    /// How many each namespace has begun; none is kept at nought.
    by_tenant: HashMap<Arc<str>, usize>,
    all: usize,
}

/// One of them.
#[derive(Debug)]
pub struct Flight<W, A> {
    /// What is done, and how far it came.
    pub work: W,
    /// The namespace on whose behalf it was begun.
    pub tenant: Arc<str>,
    answer: watch::Receiver<Option<A>>,
}

impl<K, W, A> Flights<K, W, A>
where
    K: Clone + Eq + Hash + Send + 'static,
    W: Send + Sync + 'static,
    A: Clone + Send + Sync + 'static,
{
    /// At most so many at one time, over all and for one namespace.
    pub fn new(most: usize, most_per_tenant: usize) -> Arc<Self> {
        let begun = Begun { by_key: HashMap::new(), by_tenant: HashMap::new(), all: 0 };
        Arc::new(Self { begun: Mutex::new(begun), most, most_per_tenant })
    }

    /// The flight for `key` if `joins` says so of it. Else one that does `work` as `run` has it,
    /// in a task of its own, which later comers meet instead; `None` when too many are under way,
    /// or `run` has no leave to.
    pub fn join_or_start<F, R>(
        self: &Arc<Self>,
        key: K,
        tenant: &Arc<str>,
        joins: impl FnOnce(&Flight<W, A>) -> bool,
        work: W,
        run: impl FnOnce() -> Option<R>,
    ) -> Option<Arc<Flight<W, A>>>
    where
        F: Future<Output = A> + Send + 'static,
        R: FnOnce(Arc<Flight<W, A>>) -> F,
    {
        let mut begun = self.begun();
        if let Some(flight) = begun.by_key.get(&key).filter(|flight| joins(flight)) {
            return Some(flight.clone());
        }
        let own = begun.by_tenant.get(tenant).copied().unwrap_or_default();
        if begun.all >= self.most || own >= self.most_per_tenant {
            return None;
        }
        let run = run()?;
        let (sender, answer) = watch::channel(None);
        let flight = Arc::new(Flight { work, tenant: tenant.clone(), answer });
        begun.all += 1;
        begun.by_tenant.insert(tenant.clone(), own + 1);
        begun.by_key.insert(key.clone(), flight.clone());
        drop(begun);
        let landing = Landing { flights: self.clone(), key, flight: flight.clone() };
        let running = run(flight.clone());
        tokio::spawn(async move {
            let answer = running.await;
            // Off the list before anybody hears of it: who asks next must not join what is over.
            drop(landing);
            sender.send_replace(Some(answer));
        });
        Some(flight)
    }
}

impl<K: Clone + Eq + Hash, W, A> Flights<K, W, A> {
    /// Calls `begin` and makes `flight` the one that whoever asks for `key` meets; unless another
    /// one is met there that `leads`, which is then to be followed.
    pub fn lead(
        &self,
        key: &K,
        flight: &Arc<Flight<W, A>>,
        leads: impl FnOnce(&Flight<W, A>) -> bool,
        begin: impl FnOnce(),
    ) -> Option<Arc<Flight<W, A>>> {
        let mut begun = self.begun();
        let met = begun.by_key.get(key).filter(|met| !Arc::ptr_eq(met, flight));
        if let Some(other) = met.filter(|other| leads(other)) {
            return Some(other.clone());
        }
        begin();
        begun.by_key.insert(key.clone(), flight.clone());
        None
    }
}

impl<K, W, A> Flights<K, W, A> {
    /// Whether half of what `tenant` may begin is under way, or half of all.
    pub fn is_half_full(&self, tenant: &str) -> bool {
        let begun = self.begun();
        let own = begun.by_tenant.get(tenant).copied().unwrap_or_default();
        2 * begun.all >= self.most || 2 * own >= self.most_per_tenant
    }

    /// How many are under way.
    #[cfg(test)]
    pub fn under_way(&self) -> usize {
        self.begun().all
    }

    fn begun(&self) -> MutexGuard<'_, Begun<K, W, A>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W, A: Clone> Flight<W, A> {
    /// Waits for the answer; `None` if the task ended without one: a panic.
    pub async fn landed(&self) -> Option<A> {
        let mut answer = self.answer.clone();
        let landed = answer.wait_for(Option::is_some).await;
        landed.ok().and_then(|answer| answer.clone())
    }
}

/// Takes the flight off the list however its task ends.
struct Landing<K: Eq + Hash, W, A> {
    flights: Arc<Flights<K, W, A>>,
    key: K,
    flight: Arc<Flight<W, A>>,
}

impl<K: Eq + Hash, W, A> Drop for Landing<K, W, A> {
    fn drop(&mut self) {
        let mut begun = self.flights.begun();
        begun.all = begun.all.saturating_sub(1);
        if let Some(own) = begun.by_tenant.get_mut(&self.flight.tenant) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                begun.by_tenant.remove(&self.flight.tenant);
            }
        }
        // One that was not joined may have been followed by another in the meantime.
        if begun.by_key.get(&self.key).is_some_and(|flight| Arc::ptr_eq(flight, &self.flight)) {
            begun.by_key.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    type Work = Flights<&'static str, u8, u8>;
    type Joined = (Arc<Flight<u8, u8>>, oneshot::Sender<u8>);

    /// Joins whatever is there, or begins a flight that answers what it is sent, and panics where
    /// nothing comes.
    fn join(flights: &Arc<Work>, key: &'static str, tenant: &str, joins: bool) -> Option<Joined> {
        let (sender, answer) = oneshot::channel();
        let run = async |_| answer.await.unwrap();
        flights
            .join_or_start(key, &tenant.into(), |_| joins, 0, || Some(run))
            .map(|flight| (flight, sender))
    }

    fn counts(flights: &Work) -> (usize, usize, usize) {
        let begun = flights.begun();
        (begun.all, begun.by_key.len(), begun.by_tenant.len())
    }

    #[tokio::test]
    async fn who_joins_hears_the_same_and_what_has_landed_is_not_joined() {
        let flights = Work::new(8, 8);
        let (first, answer) = join(&flights, "a", "one", true).unwrap();
        let (second, _) = join(&flights, "a", "two", true).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(counts(&flights), (1, 1, 1));
        answer.send(7).unwrap();
        assert_eq!(second.landed().await, Some(7));
        assert_eq!(counts(&flights), (0, 0, 0), "off the list before anybody hears of it");
        assert_eq!(first.landed().await, Some(7));
    }

    #[tokio::test]
    async fn who_joins_asks_for_no_leave_and_who_gets_none_begins_nothing() {
        let flights = Work::new(8, 8);
        let (first, _answer) = join(&flights, "a", "one", true).unwrap();
        let leave = || -> Option<fn(_) -> std::future::Ready<u8>> { panic!("it joins") };
        let joined = flights.join_or_start("a", &"two".into(), |_| true, 0, leave).unwrap();
        assert!(Arc::ptr_eq(&first, &joined));
        let none = || None::<fn(_) -> std::future::Ready<u8>>;
        assert!(flights.join_or_start("b", &"two".into(), |_| true, 0, none).is_none());
        assert_eq!(counts(&flights), (1, 1, 1));
    }

    #[tokio::test]
    async fn a_panic_ends_a_flight_without_an_answer() {
        let flights = Work::new(8, 8);
        let (flight, answer) = join(&flights, "a", "one", true).unwrap();
        drop(answer);
        assert_eq!(flight.landed().await, None);
        assert_eq!(counts(&flights), (0, 0, 0));
    }

    #[tokio::test]
    async fn both_bounds_hold_and_what_lands_makes_room() {
        let flights = Work::new(3, 2);
        let (flight, answer) = join(&flights, "a", "one", true).unwrap();
        let _b = join(&flights, "b", "one", true).unwrap();
        assert!(join(&flights, "c", "one", true).is_none(), "its namespace has two");
        assert!(join(&flights, "a", "one", true).is_some(), "joining needs no room");
        let _c = join(&flights, "c", "two", true).unwrap();
        assert!(join(&flights, "d", "two", true).is_none(), "there are three");
        answer.send(0).unwrap();
        flight.landed().await;
        assert!(join(&flights, "d", "two", true).is_some());
    }

    #[tokio::test]
    async fn of_many_for_one_key_the_first_to_lead_is_followed_and_met_by_all() {
        let flights = Work::new(8, 8);
        let (first, answer) = join(&flights, "a", "one", true).unwrap();
        let (second, _later) = join(&flights, "a", "two", false).unwrap();
        let leads = |met: &Flight<u8, u8>| std::ptr::eq(met, first.as_ref());
        assert!(flights.lead(&"a", &first, leads, || ()).is_none(), "nobody leads yet");
        assert!(Arc::ptr_eq(&first, &join(&flights, "a", "three", true).unwrap().0));
        let mut begun = false;
        let followed = flights.lead(&"a", &second, leads, || begun = true).unwrap();
        assert!(Arc::ptr_eq(&first, &followed) && !begun);
        answer.send(7).unwrap();
        assert_eq!(followed.landed().await, Some(7));
        assert!(flights.lead(&"a", &second, leads, || begun = true).is_none() && begun);
    }

    #[tokio::test]
    async fn a_flight_that_was_followed_leaves_the_later_one_on_the_list() {
        let flights = Work::new(8, 8);
        let (first, answer) = join(&flights, "a", "one", true).unwrap();
        let (second, _later) = join(&flights, "a", "two", false).unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        answer.send(1).unwrap();
        assert_eq!(first.landed().await, Some(1));
        let (third, _) = join(&flights, "a", "three", true).unwrap();
        assert!(Arc::ptr_eq(&second, &third));
        assert_eq!(counts(&flights), (1, 1, 1));
    }
}
