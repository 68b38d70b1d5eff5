//! One lookup's conversation with one registry: asking, logging in when asked to, asking again.

use std::sync::Arc;

use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method, StatusCode};

use super::Step;
use super::auth::{Granted, TokenQuestion};
use super::challenge::{Bearer, Challenges};
use super::client::Shared;
use super::crew::Crew;
use super::hosts::Endpoint;
use super::memory::Key;
use super::realm::realm;
use super::scheme::canonical;
use super::spec_error::{self, ErrorBody};
use super::transport::{Answer, Request};
use super::trouble::{trouble, unexpected};
use super::who::Who;
use crate::facts::{Descriptor, Outcome, Refusal, RefusedAt, TroubleKind};
use crate::glob::any_matches;
use crate::image::{Digest, Reference};

/// What every manifest question accepts: exactly containerd's list.
pub(super) const ACCEPT: HeaderValue = HeaderValue::from_static(
    "application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, \
     application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, */*",
);

/// What manifests are asked for below.
const MANIFESTS: &str = "manifests/";

/// What is sent along.
#[derive(Debug, Clone)]
enum Authorization {
    /// Nothing: the registry has not asked.
    None,
    Bearer(Granted),
    Basic,
}

/// How a repository asked for a login, so that the next lookup need not be asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remembered {
    challenges: Challenges,
    secure: bool,
}

impl Remembered {
    /// Bytes that it takes in memory.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.challenges.bearer.as_ref().map_or(0, Bearer::size)
    }
}

/// A conversation about one repository with one host. A clone goes on from where it is.
#[derive(Clone)]
pub(super) struct Session<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) reference: &'a Reference,
    pub(super) authority: Authority,
    endpoint: Arc<Endpoint>,
    /// All hosts that may be asked for the same.
    pub(super) crew: Arc<Crew>,
    /// What is learnt here belongs to this place.
    pub(super) home: Arc<str>,
    pub(super) who: Who,
    authorization: Authorization,
    /// Something was asked.
    begun: bool,
    /// A node does not ask what is asked here now.
    aside: bool,
    /// The registry has shown a manifest to this credential.
    pub(super) shown: bool,
    /// The manifest that the registry has named, and that is then asked for by its digest.
    pub(super) named: Option<Descriptor>,
    /// What the registry said in the body of its last 403.
    told: Option<ErrorBody>,
}

impl<'a> Session<'a> {
    /// A conversation that has not begun.
    pub(super) fn new(
        shared: &'a Arc<Shared>,
        reference: &'a Reference,
        endpoint: &Arc<Endpoint>,
        crew: &Arc<Crew>,
        who: Who,
    ) -> Self {
        Self {
            shared,
            reference,
            authority: endpoint.authority.clone(),
            endpoint: endpoint.clone(),
            crew: crew.clone(),
            home: endpoint.home().into(),
            who,
            authorization: Authorization::None,
            begun: false,
            aside: false,
            shown: false,
            named: None,
            told: None,
        }
    }

    /// The same with another host; this one's own goes on from where it is.
    pub(super) fn at(&self, endpoint: &Arc<Endpoint>) -> Session<'a> {
        if Arc::ptr_eq(endpoint, &self.endpoint) {
            return self.clone();
        }
        Self::new(self.shared, self.reference, endpoint, &self.crew, self.who.clone())
    }

    /// The refusal that still stands here, where another host than that of `other` is asked: what
    /// stands there was looked at when it was begun.
    pub(super) async fn standing_refusal_elsewhere(&self, other: &Session<'_>) -> Option<Refusal> {
        if Arc::ptr_eq(&self.endpoint, &other.endpoint) {
            return None;
        }
        self.standing_refusal().await
    }

    /// The refusal of this credential here that still stands.
    pub(super) async fn standing_refusal(&self) -> Option<Refusal> {
        let login = self.who.login.as_ref()?;
        let (standing, repository) = (&self.shared.auth.standing, self.reference.repository());
        standing.refused_repository(&self.home, repository, login.id).await
    }

    /// How a conversation ended: a refusal stands for a while.
    pub(super) async fn note_refusal(&self, mut outcome: Outcome) -> Outcome {
        if let Outcome::Refused(refusal) = &mut outcome {
            refusal.incomplete_login = self.who.incomplete;
            // What is refused after a manifest was named or shown is not the repository.
            let admitted = self.shown || self.named.is_some();
            if let Some(login) = self.who.login.as_ref().filter(|_| !admitted) {
                let standing = &self.shared.auth.standing;
                let repository = self.reference.repository();
                standing.refuse_repository(&self.home, repository, login.id, refusal).await;
            }
        }
        outcome
    }

    /// What is remembered of a digest belongs to this conversation's host and credential.
    pub(super) fn key(&self, digest: &Digest) -> Key {
        Key {
            host: self.home.clone(),
            repository: self.reference.repository().into(),
            digest: digest.clone(),
            who: self.who.id(),
        }
    }

    /// Whether what is asked for here is fetched here from elsewhere, says the operator.
    pub(super) fn is_pull_through(&self) -> bool {
        let listed = &self.shared.pull_through;
        [self.reference.registry(), self.authority.as_str()]
            .iter()
            .any(|host| any_matches(listed, host))
    }

    /// Whether every request is a login.
    pub(super) fn is_basic(&self) -> bool {
        matches!(self.authorization, Authorization::Basic)
    }

    /// Logs in as this repository asked for last time, if it did.
    async fn begin(&mut self) -> Step<()> {
        let Some(remembered) = self.shared.challenges.get(&self.place()).await else {
            return Ok(());
        };
        match self.choose(&remembered.challenges, remembered.secure).await {
            Ok(Some(authorization)) => self.authorization = authorization,
            Ok(None) => {}
            Err(ended) => {
                if matches!(ended, Outcome::Trouble(_)) {
                    // The realm may have moved: the next lookup asks the registry itself.
                    self.shared.challenges.invalidate(&self.place()).await;
                }
                return Err(ended);
            }
        }
        Ok(())
    }

    /// Only what every node meets is remembered for all who come: it asks for manifests first.
    async fn remember(&self, path: &str, challenges: Challenges, secure: bool) {
        if !path.starts_with(MANIFESTS) {
            return;
        }
        let seen = Remembered { challenges, secure };
        self.shared.challenges.insert(self.place(), seen).await;
    }

    fn place(&self) -> (String, String) {
        (self.home.to_string(), self.reference.repository().to_owned())
    }

    /// Asks for a path below this repository, logging in if the registry wants it. What comes
    /// back is never 401 or 403, and never an error from behind a redirect.
    pub(super) async fn ask(&mut self, method: Method, path: &str) -> Step<Answer> {
        self.ask_for(method, path, &ACCEPT).await
    }

    /// The same, for what is of another type.
    pub(super) async fn ask_for(
        &mut self,
        method: Method,
        path: &str,
        accept: &HeaderValue,
    ) -> Step<Answer> {
        let answer = self.try_for(&method, path, accept).await?;
        match answer.status {
            status if answer.redirected && !status.is_success() => Err(unexpected(&answer)),
            StatusCode::UNAUTHORIZED => Err(self.unauthorized(&answer)),
            StatusCode::FORBIDDEN => {
                Err(Outcome::Refused(self.forbidden(&method, path, accept, answer).await))
            }
            _ => Ok(answer),
        }
    }

    /// Asks, logging in if the registry wants it. What comes back may be any answer.
    pub(super) async fn try_for(
        &mut self,
        method: &Method,
        path: &str,
        accept: &HeaderValue,
    ) -> Step<Answer> {
        if !self.begun {
            self.begun = true;
            // Where a node begins with a blob, nothing has asked it for a login yet.
            if self.shown || path.starts_with(MANIFESTS) {
                self.begin().await?;
            }
        }
        self.told = None;
        self.aside = is_aside(method, path);
        let mut answer = self.send(method, path, accept).await?;
        // Once to log in, and once more if that was with a kept token that is no longer taken.
        for first in [true, false] {
            if self.wants_login(&answer, first) {
                self.log_in(path, &answer).await?;
                answer = self.send(method, path, accept).await?;
            }
        }
        Ok(answer)
    }

    /// Asks by HEAD for a blob, which a node asks for by GET: unless the answer is good enough,
    /// that starts as if nothing had been asked.
    pub(super) async fn try_head(&mut self, path: &str, accept: &HeaderValue) -> Step<Answer> {
        let unasked = matches!(self.authorization, Authorization::None);
        let ended = self.try_for(&Method::HEAD, path, accept).await;
        if unasked && !ended.as_ref().is_ok_and(|answer| answer.status.is_success()) {
            self.authorization = Authorization::None;
        }
        ended
    }

    /// Whether logging in (again) could change this answer.
    fn wants_login(&self, answer: &Answer, first: bool) -> bool {
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

    async fn send(&mut self, method: &Method, path: &str, accept: &HeaderValue) -> Step<Answer> {
        let whole = self.endpoint.path(self.reference.repository(), path);
        let path: PathAndQuery = whole.parse().map_err(|_| {
            trouble(TroubleKind::Error, self.authority.as_str(), "the path has no valid address")
        })?;
        let mut request = Request::new(method.clone(), http::Uri::default());
        request.accept = Some(accept.clone());
        request.via.clone_from(&self.endpoint.via);
        match &self.authorization {
            Authorization::None => {}
            Authorization::Bearer(granted) => request.authorization = granted.token.header(),
            Authorization::Basic => return self.send_basic(path, request).await,
        }
        self.exchange(path, request).await
    }

    async fn exchange(&self, path: PathAndQuery, request: Request) -> Step<Answer> {
        let (transport, spoken) = (&self.shared.transport, self.endpoint.spoken);
        transport.ask(&self.authority, spoken, path, request).await
    }

    /// Every request with Basic is a login, and takes its turn as one. What a refused HEAD cannot
    /// say is asked within the same turn.
    async fn send_basic(&mut self, path: PathAndQuery, mut request: Request) -> Step<Answer> {
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
                    standing.refuse_login(host, login.id, &refusal).await;
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
                    standing.refuse_login(host, login.id, &refusal).await;
                }
            }
            status if status.is_success() => standing.accept(host, login.id).await,
            _ => {}
        }
        Ok(answer)
    }

    /// Gets what the registry asks for in a 401, or a fresh token in place of a stale one.
    async fn log_in(&mut self, path: &str, answer: &Answer) -> Step<()> {
        let challenges = Challenges::of(&answer.headers);
        match self.authorization.clone() {
            Authorization::Basic => Err(self.unauthorized(answer)),
            Authorization::None => {
                let fresh = self.choose(&challenges, answer.secure).await;
                self.remember(path, challenges, answer.secure).await;
                self.authorization = fresh?.ok_or_else(|| self.unauthorized(answer))?;
                Ok(())
            }
            Authorization::Bearer(sent) => {
                let question = match &challenges.bearer {
                    Some(bearer) => self.question(bearer, answer.secure)?,
                    None => sent.question.clone(),
                };
                if challenges.bearer.is_some() {
                    self.remember(path, challenges, answer.secure).await;
                }
                if sent.cached {
                    self.shared.auth.drop_token(&sent.question, &self.who).await;
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

    /// The path below the repository of what lies at `path` of this host.
    pub(super) fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(&format!("{}/{}/", self.endpoint.root, self.reference.repository()))
    }

    /// Bearer if it is offered, else Basic if there is something to log in with.
    async fn choose(&self, challenges: &Challenges, secure: bool) -> Step<Option<Authorization>> {
        if let Some(bearer) = &challenges.bearer {
            let question = self.question(bearer, secure)?;
            let granted = self.shared.auth.token(&question, &self.who).await?;
            return Ok(Some(Authorization::Bearer(granted)));
        }
        Ok((challenges.basic && self.who.login.is_some()).then_some(Authorization::Basic))
    }

    fn question(&self, bearer: &Bearer, secure: bool) -> Step<TokenQuestion> {
        if bearer.is_too_long() {
            let host = self.authority.as_str();
            return Err(trouble(TroubleKind::Error, host, "its challenge is too long"));
        }
        let realm = realm(bearer.realm.as_deref(), secure)
            .map_err(|fault| fault.outcome(self.authority.as_str()))?;
        let mut scopes = bearer.scopes.clone();
        scopes.push(format!("repository:{}:pull", self.reference.repository()));
        scopes.sort();
        scopes.dedup();
        let via = self.endpoint.via.clone();
        let (service, aside) = (bearer.service.clone(), self.aside);
        Ok(TokenQuestion { realm, service, scopes, via, aside })
    }

    /// What a 401 means that no login can change.
    fn unauthorized(&self, answer: &Answer) -> Outcome {
        let basic = matches!(self.authorization, Authorization::Basic);
        let at = if basic { RefusedAt::Login } else { RefusedAt::Repository };
        Outcome::Refused(self.refusal(answer, at))
    }

    fn refusal(&self, answer: &Answer, at: RefusedAt) -> Refusal {
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
    async fn forbidden(
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

    fn add_told(&self, refusal: &mut Refusal) {
        if let Some(told) = self.told {
            refusal.evidence.code = refusal.evidence.code.or(told.code);
            refusal.expired |= self.who.login.is_some() && told.expired;
        }
    }

    /// What the registry itself says in the body of a 403.
    async fn error_of(&self, answer: Answer) -> Option<ErrorBody> {
        let own = answer.status == StatusCode::FORBIDDEN && !answer.redirected;
        if own { Some(self.error_body(answer).await) } else { None }
    }

    /// The body of an error answer, as far as it can be read.
    pub(super) async fn error_body(&self, answer: Answer) -> ErrorBody {
        let limit = self.shared.transport.limits.body;
        let body = answer.bytes(spec_error::LONGEST_BODY, limit).await;
        body.map_or_else(|_| ErrorBody::default(), |bytes| spec_error::read(&bytes))
    }
}

/// Whether no node asks this: it asks for blobs by GET, and for no list of tags. That a login is
/// wanted or refused there is no reason to speak of it anywhere else.
fn is_aside(method: &Method, path: &str) -> bool {
    let blob = method == Method::HEAD && path.starts_with("blobs/");
    blob || path.starts_with("tags/")
}
