//! The attempts for one image: with what the pod and the node have, then with what the nodes'
//! credential providers give.

use tokio::time::Instant;

use super::{Gatherer, MOST_CREDENTIALS, not_checked};
use crate::cluster::Freshness;
use crate::facts::{Attempt, Conclusion, Facts, ProviderAnswer, ProviderFact, Unchecked};
use crate::providers::{Age, Lookup};
use crate::resolve::Question;

impl Gatherer {
    /// Asks in a node's order: the credentials of the question, then those of every provider that
    /// is for the image (K pkg/kubelet/images, `makeLookupPullCredentialsFunc`). Only where none
    /// of all these has any does a node ask without one.
    ///
    /// A node runs the providers first, in any case. Here they are run only where the pod's own
    /// credentials do not do, which comes to the same and leaves them in peace.
    pub(super) async fn attempt(
        &self,
        question: &Question,
        freshness: Freshness,
        deadline: Instant,
    ) -> (Vec<Attempt>, Vec<ProviderFact>) {
        let own = question.credentials.as_slice();
        let mut attempts = Vec::new();
        let mut beyond = own.len() > MOST_CREDENTIALS;
        if beyond {
            let first = own.iter().take(MOST_CREDENTIALS).cloned().collect();
            attempts = self.resolver.resolve(&question.with(first), deadline).await;
        } else if !own.is_empty() {
            attempts = self.resolver.resolve(question, deadline).await;
        }
        let mut given = Lookup::default();
        if !attempts.iter().any(Attempt::works) {
            if let Some(providers) = &self.providers {
                let name = question.reference.name();
                let age = match freshness {
                    Freshness::Cached => Age::Any,
                    Freshness::Fresh => Age::Fresh,
                };
                given = providers.lookup(name, &question.tenant, age, deadline).await;
            }
            let room = MOST_CREDENTIALS.saturating_sub(own.len());
            beyond |= given.credentials.len() > room;
            given.credentials.truncate(room);
            if !given.credentials.is_empty() {
                let others = question.with(given.credentials);
                attempts.extend(self.resolver.resolve(&others, deadline).await);
            } else if own.is_empty() && given.open.is_none() {
                // Whether a node would ask without a credential is not known as long as a
                // provider is not back.
                attempts = self.resolver.resolve(question, deadline).await;
            }
        }
        if !attempts.iter().any(Attempt::works) {
            attempts.extend(given.open.map(not_checked));
            if beyond {
                let budget = format!("{MOST_CREDENTIALS} credentials for one image");
                attempts.push(not_checked(Unchecked::Budget(budget)));
            }
        }
        (attempts, given.facts)
    }
}

/// Whether an image fails with what a provider said a while ago.
pub(super) fn rest_on_old_answers(facts: &Facts<'_>) -> bool {
    let old = |fact: &ProviderFact| fact.remembered && fact.answer != ProviderAnswer::Failed;
    facts.images.iter().any(|image| {
        let fails = match image.conclusion() {
            Conclusion::Refused(_) | Conclusion::Absent(_, _) | Conclusion::Broken(_) => true,
            Conclusion::Pulls(_) => !image.attempts.iter().any(Attempt::works),
            _ => false,
        };
        fails && image.providers.iter().any(old)
    })
}
