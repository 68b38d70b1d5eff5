//! What a 401 and a 403 mean, and how long a refusal stands.

use http::{HeaderValue, Method, StatusCode};

use super::{Authorization, Session};
use crate::facts::{Outcome, Refusal, RefusedAt};
use crate::registry::challenge::Challenges;
use crate::registry::spec_error::{self, ErrorBody};
use crate::registry::transport::Answer;

impl Session<'_> {
    /// The refusal that still stands here, where another host than that of `other` is asked: what
    /// stands there was looked at when it was begun.
    pub(in crate::registry) fn standing_refusal_elsewhere(
        &self,
        other: &Session<'_>,
    ) -> Option<Refusal> {
        if self.is_with(other) {
            return None;
        }
        self.standing_refusal()
    }

    /// The refusal of this credential here that still stands.
    pub(in crate::registry) fn standing_refusal(&self) -> Option<Refusal> {
        let login = self.who.login.as_ref()?;
        let (standing, repository) = (&self.shared.auth.standing, self.reference.repository());
        standing.refused_repository(&self.who.tenant, &self.home, repository, login.id)
    }

    /// How a conversation ended: a refusal stands for a while.
    pub(in crate::registry) fn note_refusal(&self, mut outcome: Outcome) -> Outcome {
        if let Outcome::Refused(refusal) = &mut outcome {
            refusal.incomplete_login = self.who.incomplete;
            // What is refused after a manifest was named or shown is not the repository.
            let admitted = self.shown || self.named.is_some();
            if let Some(login) = self.who.login.as_ref().filter(|_| !admitted) {
                let standing = &self.shared.auth.standing;
                let repository = self.reference.repository();
                let place = (&*self.home, repository);
                standing.refuse_repository(&self.who.tenant, place, login.id, refusal);
            }
        }
        outcome
    }

    /// What a 401 means that no login can change.
    pub(super) fn unauthorized(&self, answer: &Answer) -> Outcome {
        let basic = matches!(self.authorization, Authorization::Basic);
        let at = if basic { RefusedAt::Login } else { RefusedAt::Repository };
        Outcome::Refused(self.refusal(answer, at))
    }

    pub(super) fn refusal(&self, answer: &Answer, at: RefusedAt) -> Refusal {
        let challenges = Challenges::of(&answer.headers);
        let anonymous = self.who.login.is_none();
        let no_basic = anonymous && challenges.basic && challenges.bearer.is_none();
        Refusal {
            // A user name without a password is a login that cannot even be tried.
            at: if no_basic && self.who.incomplete { RefusedAt::Login } else { at },
            evidence: answer.evidence(challenges.code),
            expired: !anonymous && challenges.expired,
            no_basic,
            incomplete_login: false,
        }
    }

    /// What a 403 means. Only to a credential it may mean that it has expired, which a HEAD does
    /// not say: then, once, the same by GET.
    pub(super) async fn forbidden(
        &mut self,
        method: &Method,
        path: &str,
        accept: &HeaderValue,
        answer: Answer,
    ) -> Refusal {
        let mut refusal = self.refusal(&answer, RefusedAt::Repository);
        if method != Method::HEAD {
            self.told = self.error_of(answer).await;
        } else if matches!(self.authorization, Authorization::Bearer(_))
            && self.who.login.is_some()
            && let Ok(again) = self.send(&Method::GET, path, accept).await
        {
            self.told = self.error_of(again).await;
        }
        self.add_told(&mut refusal);
        refusal
    }

    pub(super) fn add_told(&self, refusal: &mut Refusal) {
        if let Some(told) = self.told {
            refusal.evidence.code = refusal.evidence.code.or(told.code);
            refusal.expired |= self.who.login.is_some() && told.expired;
        }
    }

    /// What the registry itself says in the body of a 403.
    pub(super) async fn error_of(&self, answer: Answer) -> Option<ErrorBody> {
        let own = answer.status == StatusCode::FORBIDDEN && !answer.redirected;
        if own { Some(self.error_body(answer).await) } else { None }
    }

    /// The body of an error answer, as far as it can be read.
    pub(in crate::registry) async fn error_body(&self, answer: Answer) -> ErrorBody {
        let limit = self.shared.transport.limits.body;
        let body = answer.bytes(spec_error::LONGEST_BODY, limit).await;
        body.map_or_else(|_| ErrorBody::default(), |bytes| spec_error::read(&bytes))
    }
}
