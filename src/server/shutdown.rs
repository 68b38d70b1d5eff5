//! The signal that ends a server, and who gives it.

use tokio::sync::watch;

/// Makes a trigger and the signal that follows it.
pub fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Trigger(sender), Shutdown(receiver))
}

/// Gives the signal; dropping it does too, so that no server outlives whoever could end it.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

impl Trigger {
    /// Gives the signal, once and for all.
    pub fn fire(&self) {
        self.0.send_replace(true);
    }
}

/// The signal, as those see it who wait for it.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// Whether the signal was given.
    pub fn has_fired(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits for the signal; returns at once if it was given before.
    pub async fn fired(&mut self) {
        // An error means that the trigger is gone, which counts as the signal.
        let _ = self.0.wait_for(|fired| *fired).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_hears_the_signal_also_who_listens_late() {
        let (trigger, mut early) = channel();
        let waiting = tokio::spawn(async move { early.fired().await });
        let mut late = Shutdown(trigger.0.subscribe());
        assert!(!late.has_fired());
        trigger.fire();
        assert!(late.has_fired());
        waiting.await.unwrap();
        late.fired().await;
    }

    #[tokio::test]
    async fn a_dropped_trigger_counts_as_the_signal() {
        let (trigger, mut signal) = channel();
        drop(trigger);
        assert!(signal.has_fired());
        signal.fired().await;
    }
}
