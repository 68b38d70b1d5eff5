//! One connection before many: a host that speaks HTTP/2 needs no second one, and whether it does is
//! known when the first is open. Of many requests that find none, one goes ahead; knows nothing of
//! requests beyond where they go.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::uri::{Authority, Scheme};
use http::{Extensions, Uri};
use hyper_util::client::legacy::connect::Connected;
use moka::sync::Cache;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::registry::connect::Alive;
use crate::registry::progress::{Phase, enter};

/// How long the others wait for the first. Whoever has waited so long goes by itself: a host that
/// hangs costs nobody more than this.
const HEAD_START: Duration = Duration::from_millis(500);
/// How long it is remembered that a host speaks HTTP/1.1.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);
/// Hosts remembered.
const HOSTS: u64 = 10_000;

/// The doors of all hosts of one pool.
#[derive(Clone)]
pub(super) struct Doors(Cache<Authority, Arc<Door>>);

impl fmt::Debug for Doors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Doors")
    }
}

/// What is known of the connections to one host.
#[derive(Default)]
struct Door(Mutex<State>);

#[derive(Default)]
struct State {
    /// The last one that takes many requests at a time.
    shared: Weak<Alive>,
    /// They take one request each.
    single: bool,
    /// Ends when the one who went ahead has a connection, or none.
    ahead: Option<watch::Receiver<()>>,
}

/// The right to go ahead; whoever waits goes on when it is dropped.
pub(super) struct Ahead {
    door: Arc<Door>,
    _ends: watch::Sender<()>,
}

/// What somebody finds at a door.
enum Found {
    /// Nothing to wait for.
    Open,
    Ahead(Ahead),
    Wait(watch::Receiver<()>),
}

impl Doors {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(HOSTS).time_to_live(REMEMBERED).build())
    }

    /// Waits where somebody else is about to open a connection that may do for this request too.
    pub(super) async fn pass(&self, uri: &Uri) -> Option<Ahead> {
        // Over plain HTTP only HTTP/1.1 is spoken.
        let authority = uri.authority().filter(|_| uri.scheme() == Some(&Scheme::HTTPS))?;
        let door = self.0.get_with_by_ref(authority, Arc::default);
        match door.knock() {
            Found::Open => None,
            Found::Ahead(ahead) => Some(ahead),
            Found::Wait(mut ends) => {
                enter(Phase::Connect, authority.as_str());
                // An error says that it has ended, which is what is waited for.
                let _ = timeout(HEAD_START, ends.changed()).await;
                None
            }
        }
    }
}

impl Door {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knock(self: &Arc<Self>) -> Found {
        let mut state = self.state();
        if state.single || state.shared.strong_count() > 0 {
            return Found::Open;
        }
        if let Some(ahead) = state.ahead.as_ref().filter(|ahead| ahead.has_changed().is_ok()) {
            return Found::Wait(ahead.clone());
        }
        let (sender, receiver) = watch::channel(());
        state.ahead = Some(receiver);
        Found::Ahead(Ahead { door: self.clone(), _ends: sender })
    }
}

impl Ahead {
    /// A connection is there.
    pub(super) fn arrived(self, connected: Option<&Connected>) {
        let Some(connected) = connected else { return };
        let mut extensions = Extensions::new();
        connected.get_extras(&mut extensions);
        let mut state = self.door.state();
        state.single = !connected.is_negotiated_h2();
        state.shared = extensions.remove::<Weak<Alive>>().unwrap_or_default();
    }
}
