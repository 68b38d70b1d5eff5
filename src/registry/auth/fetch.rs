//! One token from its realm: the OAuth 2 form first, then GET with Basic; anonymously by GET.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method as HttpMethod, StatusCode, Uri};

use super::{Auth, TokenQuestion};
use crate::facts::{Evidence, Outcome, Refusal, RefusedAt, SpecCode, TroubleKind, Unchecked};
use crate::registry::Step;
use crate::registry::budget::Slot;
use crate::registry::form::Form;
use crate::registry::spec_error::{self, ErrorBody};
use crate::registry::token::{LONGEST_ANSWER, Method, Token, parse};
use crate::registry::transport::{Answer, Request};
use crate::registry::trouble::{trouble, unexpected};
use crate::registry::who::{Login, Who};

/// How containerd names itself to token servers, which some of them look at.
const CLIENT_ID: &str = "containerd-client";

impl Auth {
    /// Asks the realm.
    pub(super) async fn fetch(
        &self,
        question: &TokenQuestion,
        who: &Who,
        slot: Option<&Slot>,
    ) -> Step<Arc<Token>> {
        let (Some(login), Some(slot)) = (&who.login, slot) else {
            return self.anonymously(question).await;
        };
        let place = (question.realm.to_string(), login.id);
        let known = match self.methods.get(&who.tenant, &place) {
            None if self.without_form.has(&place.0) => Some(Method::Get),
            known => known.map(|method| **method),
        };
        let ended = match known {
            Some(Method::Get) => self.by_get(question, login, slot, None).await,
            Some(Method::Post) => self.by_post(question, login, &who.tenant, slot, true).await,
            None => self.by_post(question, login, &who.tenant, slot, false).await,
        };
        let host = question.host();
        match &ended {
            Ok((_, method)) => {
                self.methods.insert(&who.tenant, place, *method);
                self.standing.accept(&who.tenant, &host, login.id);
            }
            Err(Outcome::Refused(refusal)) if refusal.at == RefusedAt::Login && !question.aside => {
                self.standing.refuse_login(&who.tenant, &host, login.id, refusal);
            }
            Err(_) => {}
        }
        ended.map(|(token, _)| Arc::new(token))
    }

    async fn anonymously(&self, question: &TokenQuestion) -> Step<Arc<Token>> {
        let mut request = Request::new(HttpMethod::GET, with_query(question)?);
        request.via.clone_from(&question.via);
        let host = question.host();
        let response = self.transport.exchange(&request).await.map_err(|f| f.outcome(&host))?;
        let answer = self.transport.follow(request, response).await?;
        if !answer.status.is_success() {
            let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
            if refused.contains(&answer.status) && !answer.redirected {
                return Err(Outcome::Refused(self.refusal(answer, false).await));
            }
            return Err(unexpected(&answer));
        }
        self.read(answer, Method::Get).await.map(Arc::new)
    }

    /// The OAuth 2 form. `only` says that this realm has taken it from this login before, so that
    /// its refusal is the last word; else a realm that does not take it is asked by GET.
    async fn by_post(
        &self,
        question: &TokenQuestion,
        login: &Login,
        tenant: &Arc<str>,
        slot: &Slot,
        only: bool,
    ) -> Step<(Token, Method)> {
        let mut form = Form::default()
            .with("grant_type", "password")
            .with("client_id", CLIENT_ID)
            .with("username", login.username())
            .with("password", login.password())
            .with("scope", question.scopes.join(" "));
        if let Some(service) = &question.service {
            form = form.with("service", service);
        }
        let mut request = Request::new(HttpMethod::POST, question.realm.clone());
        request.form = Some(Bytes::from(form.into_string()));
        let answer = self.send_login(request, question).await?;
        match answer.status {
            status if status.is_success() => {
                self.read(answer, Method::Post).await.map(|token| (token, Method::Post))
            }
            StatusCode::UNAUTHORIZED => {
                slot.refused();
                let refusal = self.refusal(answer, true).await;
                if only {
                    return Err(Outcome::Refused(refusal));
                }
                slot.may_repeat().map_err(|words| Outcome::NotChecked(Unchecked::Budget(words)))?;
                self.by_get(question, login, slot, Some(refusal)).await
            }
            StatusCode::BAD_REQUEST => self.by_get(question, login, slot, None).await,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                let ended = self.by_get(question, login, slot, None).await;
                if ended.is_ok() {
                    // That is about the realm and not about this login.
                    self.without_form.insert(tenant, question.realm.to_string(), ());
                }
                ended
            }
            StatusCode::FORBIDDEN => Err(self.forbidden(answer, question, login, slot).await),
            _ => Err(unexpected(&answer)),
        }
    }

    /// GET with Basic. `refused` is what the form was answered with, which stays the answer at a
    /// realm that takes nothing but the form.
    async fn by_get(
        &self,
        question: &TokenQuestion,
        login: &Login,
        slot: &Slot,
        refused: Option<Refusal>,
    ) -> Step<(Token, Method)> {
        let mut request = Request::new(HttpMethod::GET, with_query(question)?);
        request.authorization = login.basic();
        let answer = self.send_login(request, question).await?;
        match (answer.status, refused) {
            (status, _) if status.is_success() => {
                self.read(answer, Method::Get).await.map(|token| (token, Method::Get))
            }
            (StatusCode::UNAUTHORIZED, _) => {
                slot.refused();
                Err(Outcome::Refused(self.refusal(answer, true).await))
            }
            (StatusCode::FORBIDDEN, _) => Err(self.forbidden(answer, question, login, slot).await),
            (StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, Some(refusal)) => {
                Err(Outcome::Refused(refusal))
            }
            _ => Err(unexpected(&answer)),
        }
    }

    /// Sends a request that carries a password: once, and never along a redirect.
    async fn send_login(&self, mut request: Request, question: &TokenQuestion) -> Step<Answer> {
        request.once = true;
        request.via.clone_from(&question.via);
        let host = question.host();
        let response = self.transport.exchange(&request).await.map_err(|f| f.outcome(&host))?;
        if response.status().is_redirection() {
            return Err(Outcome::NotChecked(Unchecked::Declined {
                host,
                what: "its token server redirects logins".to_owned(),
            }));
        }
        self.transport.follow(request, response).await
    }

    /// A 403 may be the login or the right to this one repository; a login that was accepted here
    /// lately is not charged for it.
    async fn forbidden(
        &self,
        answer: Answer,
        question: &TokenQuestion,
        login: &Login,
        slot: &Slot,
    ) -> Outcome {
        if !self.standing.is_proven(&question.host(), login.id) {
            slot.refused();
        }
        Outcome::Refused(self.refusal(answer, true).await)
    }

    async fn refusal(&self, answer: Answer, with_login: bool) -> Refusal {
        let (status, host) = (answer.status, answer.host.clone());
        let limit = self.transport.limits.body;
        let body = answer.bytes(spec_error::LONGEST_BODY, limit).await;
        let body = body.map_or_else(|_| ErrorBody::default(), |bytes| spec_error::read(&bytes));
        let at = if status == StatusCode::FORBIDDEN { RefusedAt::Token } else { RefusedAt::Login };
        Refusal {
            at,
            evidence: evidence(status, body.code, host),
            expired: with_login && body.expired,
            no_basic: false,
            // The same token may be wanted by others: who they are is added where it is known.
            incomplete_login: false,
        }
    }

    async fn read(&self, answer: Answer, method: Method) -> Step<Token> {
        let host = answer.host.clone();
        let body = answer
            .bytes(LONGEST_ANSWER, self.transport.limits.body)
            .await
            .map_err(|failure| failure.outcome(&host))?;
        parse(&body, method, jiff::Timestamp::now())
            .map_err(|fault| trouble(TroubleKind::Error, &host, fault.words()))
    }
}

/// The realm with `service` and every scope in its query.
fn with_query(question: &TokenQuestion) -> Step<Uri> {
    let mut form = Form::default();
    if let Some(service) = &question.service {
        form = form.with("service", service);
    }
    for scope in &question.scopes {
        form = form.with("scope", scope);
    }
    let realm = question.realm.to_string();
    let joint = if question.realm.query().is_some() { '&' } else { '?' };
    format!("{realm}{joint}{}", form.into_string()).parse().map_err(|_| {
        trouble(TroubleKind::Error, &question.host(), "its token realm is too long to ask")
    })
}

fn evidence(status: StatusCode, code: Option<SpecCode>, host: String) -> Evidence {
    Evidence::new(status.as_u16(), code, host)
}
