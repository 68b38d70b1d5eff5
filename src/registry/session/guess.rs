//! Asking a repository as its host has let the same credential in elsewhere, before it has said how
//! it wants to be asked.
//!
//! Only good news comes of that. Whatever else is answered, the registry is asked as if nothing were
//! known, as a node asks it: here it may want no login, or another.

use http::{HeaderValue, Method, StatusCode};

use super::{Authorization, Session};
use crate::facts::{Outcome, Refusal, RefusedAt};
use crate::registry::Step;
use crate::registry::auth::TokenQuestion;
use crate::registry::transport::Answer;
use crate::registry::way_in::WayIn;

/// What a guess was refused with. It is not sent a second time if the registry asks for the same.
#[derive(Debug, Clone)]
pub(super) enum Tried {
    Token(TokenQuestion, Refusal),
    Basic(Refusal),
}

impl Session<'_> {
    /// The answer to a guess, if it counts.
    ///
    /// # Errors
    /// The registry cannot be reached, which it could not be otherwise either.
    pub(super) async fn as_elsewhere(
        &mut self,
        method: &Method,
        path: &str,
        accept: &HeaderValue,
    ) -> Step<Option<Answer>> {
        // No node asks for it: a login that is refused now speaks for itself alone.
        self.aside = true;
        self.authorization = match self.shared.ways_in.of(&self.who, &self.home) {
            None | Some(WayIn::Various) => return Ok(None),
            Some(WayIn::Basic) => Authorization::Basic,
            Some(WayIn::Token { realm, service }) => {
                let question = self.question_at(realm, service, Vec::new());
                match self.shared.auth.token(&question, &self.who).await {
                    Ok(granted) => Authorization::Bearer(granted),
                    Err(ended) => {
                        if let Outcome::Refused(refusal) = ended {
                            self.tried = Some(Tried::Token(question, refusal));
                        }
                        self.shared.ways_in.give_up(&self.who, &self.home);
                        return Ok(None);
                    }
                }
            }
        };
        match self.send(method, path, accept).await {
            Ok(answer) if counts(answer.status) => return Ok(Some(answer)),
            Ok(answer) => self.learn(&answer),
            Err(ended @ Outcome::Trouble(_)) => return Err(ended),
            Err(_) => {}
        }
        self.authorization = Authorization::None;
        Ok(None)
    }

    fn learn(&mut self, answer: &Answer) {
        let asked_otherwise =
            [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
        if !asked_otherwise.contains(&answer.status) {
            return;
        }
        if self.is_basic() && answer.status == StatusCode::UNAUTHORIZED {
            self.tried = Some(Tried::Basic(self.refusal(answer, RefusedAt::Login)));
        }
        self.shared.ways_in.give_up(&self.who, &self.home);
    }

    /// Remembers what the registry has just let this credential in with.
    pub(super) fn note_way_in(&self) {
        let way = match &self.authorization {
            Authorization::None => return,
            Authorization::Basic => WayIn::Basic,
            Authorization::Bearer(granted) => WayIn::Token {
                realm: granted.question.realm.clone(),
                service: granted.question.service.clone(),
            },
        };
        self.shared.ways_in.keep(&self.who, &self.home, way);
    }

    /// The refusal of a guess at this token, which the registry now asks for; of another token where
    /// the login itself was refused. As of every login that a node would try, that then stands.
    pub(super) fn refused_token(&self, question: &TokenQuestion) -> Option<Refusal> {
        let Some(Tried::Token(tried, refusal)) = &self.tried else { return None };
        match &self.who.login {
            Some(login) if refusal.at == RefusedAt::Login && tried.host() == question.host() => {
                if !question.aside {
                    let standing = &self.shared.auth.standing;
                    let (tenant, host) = (&self.who.tenant, question.host());
                    standing.refuse_login(tenant, &host, login.id, refusal);
                }
                Some(refusal.clone())
            }
            _ => (tried == question).then(|| refusal.clone()),
        }
    }

    /// The same for Basic.
    pub(super) fn refused_basic(&self) -> Option<Refusal> {
        match &self.tried {
            Some(Tried::Basic(refusal)) => Some(refusal.clone()),
            _ => None,
        }
    }
}

/// Whether an answer would be the same whoever asks.
fn counts(status: StatusCode) -> bool {
    status.is_success() || status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}
