//! How a session logs in: as its repository asked for last time, or asks for now.

use http::uri::PathAndQuery;
use http::{Method, StatusCode, Uri};

use super::{Authorization, MANIFESTS, Remembered, Session};
use crate::facts::{Outcome, RefusedAt, TroubleKind};
use crate::registry::Step;
use crate::registry::auth::TokenQuestion;
use crate::registry::challenge::{Bearer, Challenges};
use crate::registry::realm::realm;
use crate::registry::scheme::canonical;
use crate::registry::transport::{Answer, Request};
use crate::registry::trouble::trouble;

impl Session<'_> {
    /// Logs in as this repository asked for last time; whether it did.
    pub(super) async fn begin(&mut self) -> Step<bool> {
        let (challenges, tenant) = (&self.shared.challenges, &self.who.tenant);
        let Some(remembered) = challenges.get(tenant, &self.place()) else {
            return Ok(false);
        };
        match self.choose(&remembered.challenges, remembered.secure).await {
            Ok(Some(authorization)) => self.authorization = authorization,
            Ok(None) => {}
            Err(ended) => {
                if matches!(ended, Outcome::Trouble(_)) {
                    // The realm may have moved: the next lookup asks the registry itself.
                    challenges.invalidate(&self.place());
                }
                return Err(ended);
            }
        }
        Ok(true)
    }

    /// Only what every node meets is remembered for all who come: it asks for manifests first.
    fn remember(&self, path: &str, challenges: Challenges, secure: bool) {
        if !path.starts_with(MANIFESTS) {
            return;
        }
        let seen = Remembered { challenges, secure };
        self.shared.challenges.insert(&self.who.tenant, self.place(), seen);
    }

    fn place(&self) -> (String, String) {
        (self.home.to_string(), self.reference.repository().to_owned())
    }

    /// Whether logging in (again) could change this answer.
    pub(super) fn wants_login(&self, answer: &Answer, first: bool) -> bool {
        let stale = matches!(&self.authorization, Authorization::Bearer(granted) if granted.cached);
        match answer.status {
            _ if answer.redirected => false,
            StatusCode::UNAUTHORIZED => first || stale,
            // A kept token may hold rights of yesterday, and ECR Public answers one that it no
            // longer takes with a 400.
            StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => stale,
            _ => false,
        }
    }

    /// Every request with Basic is a login, and takes its turn as one. What a refused HEAD cannot
    /// say is asked within the same turn.
    pub(super) async fn send_basic(
        &mut self,
        path: PathAndQuery,
        mut request: Request,
    ) -> Step<Answer> {
        let Some(login) = self.who.login.clone() else {
            return self.exchange(path, request).await;
        };
        let host = &canonical(&self.authority);
        let slot = self.shared.auth.turn(host, &self.who).await?;
        request.authorization = login.basic();
        request.once = true;
        let answer = self.exchange(path.clone(), request.clone()).await?;
        let Some(slot) = slot.filter(|_| !answer.redirected) else { return Ok(answer) };
        let standing = &self.shared.auth.standing;
        let proven = standing.is_proven(host, login.id);
        match answer.status {
            StatusCode::UNAUTHORIZED => {
                slot.refused();
                // Of a login that was accepted here lately it may be this repository alone.
                if !proven && !self.aside {
                    let refusal = self.refusal(&answer, RefusedAt::Login);
                    standing.refuse_login(&self.who.tenant, host, login.id, &refusal);
                }
            }
            StatusCode::FORBIDDEN => {
                if !proven {
                    slot.refused();
                }
                if request.method == Method::HEAD && slot.may_repeat().is_ok() {
                    request.method = Method::GET;
                    if let Ok(again) = self.exchange(path, request).await {
                        if !proven && again.status == StatusCode::FORBIDDEN {
                            slot.refused();
                        }
                        self.told = self.error_of(again).await;
                    }
                }
                if !self.aside && self.told.is_some_and(|told| told.expired) {
                    // Of the credential, not of this repository.
                    let mut refusal = self.refusal(&answer, RefusedAt::Repository);
                    self.add_told(&mut refusal);
                    standing.refuse_login(&self.who.tenant, host, login.id, &refusal);
                }
            }
            status if status.is_success() => {
                standing.accept(&self.who.tenant, host, login.id);
            }
            _ => {}
        }
        Ok(answer)
    }

    /// Gets what the registry asks for in a 401, or a fresh token in place of a stale one.
    pub(super) async fn log_in(&mut self, path: &str, answer: &Answer) -> Step<()> {
        let challenges = Challenges::of(&answer.headers);
        match self.authorization.clone() {
            Authorization::Basic => Err(self.unauthorized(answer)),
            Authorization::None => {
                let fresh = self.choose(&challenges, answer.secure).await;
                self.remember(path, challenges, answer.secure);
                self.authorization = fresh?.ok_or_else(|| self.unauthorized(answer))?;
                Ok(())
            }
            Authorization::Bearer(sent) => {
                let question = match &challenges.bearer {
                    Some(bearer) => self.question(bearer, answer.secure)?,
                    None => sent.question.clone(),
                };
                if challenges.bearer.is_some() {
                    self.remember(path, challenges, answer.secure);
                }
                if sent.cached {
                    self.shared.auth.drop_token(&sent.question, &self.who);
                } else if question == sent.question {
                    // It was fresh: this is the registry's last word.
                    return Err(self.unauthorized(answer));
                }
                let granted = self.shared.auth.token(&question, &self.who).await?;
                self.authorization = Authorization::Bearer(granted);
                Ok(())
            }
        }
    }

    /// Bearer if it is offered, else Basic if there is something to log in with.
    async fn choose(&self, challenges: &Challenges, secure: bool) -> Step<Option<Authorization>> {
        if let Some(bearer) = &challenges.bearer {
            let question = self.question(bearer, secure)?;
            if let Some(refusal) = self.refused_token(&question) {
                return Err(Outcome::Refused(refusal));
            }
            let granted = self.shared.auth.token(&question, &self.who).await?;
            return Ok(Some(Authorization::Bearer(granted)));
        }
        let basic = challenges.basic && self.who.login.is_some();
        match self.refused_basic().filter(|_| basic) {
            Some(refusal) => Err(Outcome::Refused(refusal)),
            None => Ok(basic.then_some(Authorization::Basic)),
        }
    }

    fn question(&self, bearer: &Bearer, secure: bool) -> Step<TokenQuestion> {
        if bearer.is_too_long() {
            let host = self.authority.as_str();
            return Err(trouble(TroubleKind::Error, host, "its challenge is too long"));
        }
        let realm = realm(bearer.realm.as_deref(), secure)
            .map_err(|fault| fault.outcome(self.authority.as_str()))?;
        Ok(self.question_at(realm, bearer.service.clone(), bearer.scopes.clone()))
    }

    /// The token of a realm with these scopes and the one that every pull from here needs.
    pub(super) fn question_at(
        &self,
        realm: Uri,
        service: Option<String>,
        mut scopes: Vec<String>,
    ) -> TokenQuestion {
        scopes.push(format!("repository:{}:pull", self.reference.repository()));
        scopes.sort();
        scopes.dedup();
        let via = self.endpoint.via.clone();
        TokenQuestion { realm, service, scopes, via, aside: self.aside }
    }
}
