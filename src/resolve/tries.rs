//! What a node would try for one question, and what is kept of each try.

use std::sync::Arc;

use tokio::time::Instant;

use super::lifetime::Answer;
use super::{Key, Question, Shared};
use crate::credentials::Credential;
use crate::facts::{Attempt, CredentialSource, Descriptor, EntryFact, Outcome};
use crate::registry::Kept;

/// One attempt to be made.
pub(super) struct Try<'a> {
    source: Option<&'a CredentialSource>,
    pub(super) credential: Option<&'a Credential>,
}

impl Try<'_> {
    pub(super) fn attempt(
        &self,
        (outcome, entries): (Outcome, Vec<EntryFact>),
        remembered: bool,
    ) -> Attempt {
        Attempt {
            source: self.source.cloned(),
            anonymous: self.credential.is_none(),
            outcome,
            entries,
            remembered,
            stale: None,
        }
    }
}

/// What a node would try: every credential in order, or one anonymous attempt if there is none.
/// An empty credential is an anonymous attempt as well.
pub(super) fn tries(question: &Question) -> impl Iterator<Item = Try<'_>> {
    let anonymous =
        question.credentials.is_empty().then_some(Try { source: None, credential: None });
    let named = question.credentials.iter().map(|(source, credential)| Try {
        source: Some(source),
        credential: (!credential.is_anonymous()).then_some(credential),
    });
    anonymous.into_iter().chain(named)
}

impl Shared {
    /// What the answer to one try belongs to; that of an index's entry, where one is given.
    pub(super) fn key(
        &self,
        question: &Question,
        next: &Try<'_>,
        entry: Option<Arc<Descriptor>>,
    ) -> Key {
        let credential = self.client.credential_id(next.credential);
        let image = &question.reference;
        let reference = match &entry {
            Some(entry) => image.by_digest(entry.digest.clone()),
            None => image.clone(),
        };
        Key { reference, credential, entry }
    }

    /// The answer that is kept, unless it is older than the question takes.
    pub(super) fn kept(
        &self,
        question: &Question,
        key: &Key,
        now: Instant,
    ) -> Option<Arc<Kept<Key, Answer>>> {
        let answer = self.answers.get(&question.tenant, key)?;
        let old = !answer.is_fresh(now) || (question.anew && answer.is_old_content(key));
        (!old).then_some(answer)
    }
}
