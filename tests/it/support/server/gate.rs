//! A gate at which requests wait until the test lets them through.

use std::sync::Arc;

use tokio::sync::watch;

/// Closed or open; clones are the same gate.
#[derive(Clone)]
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
    waiting: Arc<watch::Sender<usize>>,
}

impl Gate {
    /// A gate that nothing passes yet.
    pub fn closed() -> Self {
        Self { open: Arc::new(watch::Sender::new(false)), waiting: Arc::new(watch::Sender::new(0)) }
    }

    /// Lets everything through, now and later.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Holds what comes from now on.
    pub fn close(&self) {
        self.open.send_replace(false);
    }

    /// How many wait now; one that gave up no longer waits.
    pub fn waiting(&self) -> usize {
        *self.waiting.borrow()
    }

    /// Waits, in the test, until that many wait at the gate.
    pub async fn until_waiting(&self, at_least: usize) {
        self.waiting.subscribe().wait_for(|waiting| *waiting >= at_least).await.unwrap();
    }

    /// Waits, in the test, until all have passed or given up.
    pub async fn until_nobody_waits(&self) {
        self.waiting.subscribe().wait_for(|waiting| *waiting == 0).await.unwrap();
    }

    /// Waits, in a server, until the gate is open.
    pub async fn pass(&self) {
        let _here = Waiter::new(&self.waiting);
        self.open.subscribe().wait_for(|open| *open).await.unwrap();
    }
}

struct Waiter<'a>(&'a watch::Sender<usize>);

impl<'a> Waiter<'a> {
    fn new(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|count| *count += 1);
        Self(waiting)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
