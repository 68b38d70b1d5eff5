//! One lookup's conversation with one registry: asking, logging in when asked to, asking again.

mod guess;
mod login;
mod refusal;

use std::sync::Arc;

use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method, StatusCode};

use super::Step;
use super::auth::Granted;
use super::breaker::{Asking, Place};
use super::challenge::{Bearer, Challenges};
use super::client::Shared;
use super::crew::Crew;
use super::hosts::Endpoint;
use super::memory::Key;
use super::spec_error::ErrorBody;
use super::transport::{Answer, Request};
use super::trouble::{trouble, unexpected};
use super::who::Who;
use crate::facts::{Descriptor, Outcome, TroubleKind};
use crate::glob::any_matches;
use crate::image::{Digest, Reference};
use guess::Tried;

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
    /// What came of a guess.
    tried: Option<Tried>,
    /// A node does not ask what is asked here now.
    aside: bool,
    /// The registry has shown a manifest to this credential.
    pub(super) shown: bool,
    /// The manifest that the registry has named, and that is then asked for by its digest.
    pub(super) named: Option<Descriptor>,
    /// What the registry said in the body of its last 403.
    told: Option<ErrorBody>,
    /// Leave to ask, where it is this conversation that must have it.
    asking: Option<Arc<Asking>>,
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
            tried: None,
            aside: false,
            shown: false,
            named: None,
            told: None,
            asking: None,
        }
    }

    /// Takes leave to ask this host, unless it fails too often to be asked now. What comes of it
    /// is to be [noted](Self::note_end).
    pub(super) fn take_leave(&mut self) -> Step<()> {
        let machine = self.endpoint.machine();
        let place = Place { key: &machine, authority: self.authority.as_str() };
        let repository = self.reference.repository();
        self.asking = Some(self.shared.breakers.ask(place, repository, &self.who)?);
        Ok(())
    }

    /// The same, unless `other`, which has leave, is with the same host.
    pub(super) fn take_leave_elsewhere(&mut self, other: &Session<'_>) -> Step<()> {
        if self.is_with(other) { Ok(()) } else { self.take_leave() }
    }

    /// Whether both are with the same host.
    pub(super) fn is_with(&self, other: &Session<'_>) -> bool {
        Arc::ptr_eq(&self.endpoint, &other.endpoint)
    }

    /// What is said instead of asking this host now.
    pub(super) fn refusal_to_ask(&self) -> Option<Outcome> {
        let machine = self.endpoint.machine();
        let place = Place { key: &machine, authority: self.authority.as_str() };
        self.shared.breakers.refusal(place, &self.who)
    }

    /// How asking this host ended. That another host failed, which was asked for a part of the
    /// same image, is nothing to this one.
    pub(super) fn note_end(&self, outcome: &Outcome) {
        let Some(asking) = &self.asking else { return };
        match outcome {
            Outcome::Trouble(trouble) if self.crew.is_another(&self.endpoint, &trouble.host) => {
                asking.answered();
            }
            outcome => asking.ended(outcome),
        }
    }

    /// This host has answered, whatever it said.
    pub(super) fn note_answer(&self) {
        if let Some(asking) = &self.asking {
            asking.answered();
        }
    }

    /// The same with another host; this one's own goes on from where it is.
    pub(super) fn at(&self, endpoint: &Arc<Endpoint>) -> Session<'a> {
        if Arc::ptr_eq(endpoint, &self.endpoint) {
            return self.clone();
        }
        Self::new(self.shared, self.reference, endpoint, &self.crew, self.who.clone())
    }

    /// What is remembered of a digest belongs to this conversation's host and credential.
    pub(super) fn key(&self, digest: &Digest) -> Key {
        Key::of(&self.home, self.reference.repository(), digest, self.who.id())
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
        let ended = self.converse(method, path, accept).await;
        // Its token server may have been asked alone.
        if let (Err(Outcome::Trouble(_)), Some(asking)) = (&ended, &self.asking) {
            asking.sent();
        }
        ended
    }

    async fn converse(
        &mut self,
        method: &Method,
        path: &str,
        accept: &HeaderValue,
    ) -> Step<Answer> {
        let mut guessed = None;
        if !self.begun {
            self.begun = true;
            // Where a node begins with a blob, nothing has asked it for a login yet.
            if (self.shown || path.starts_with(MANIFESTS)) && !self.begin().await? {
                guessed = self.as_elsewhere(method, path, accept).await?;
            }
        }
        self.told = None;
        self.aside = is_aside(method, path);
        let mut answer = match guessed {
            Some(answer) => answer,
            None => self.send(method, path, accept).await?,
        };
        // Once to log in, and once more if that was with a kept token that is no longer taken.
        for first in [true, false] {
            if self.wants_login(&answer, first) {
                self.log_in(path, &answer).await?;
                answer = self.send(method, path, accept).await?;
            }
        }
        if answer.status.is_success() && path.starts_with(MANIFESTS) {
            self.note_way_in();
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
        if let Some(asking) = &self.asking {
            asking.sent();
        }
        transport.ask(&self.authority, spoken, path, request).await
    }

    /// The path below the repository of what lies at `path` of this host.
    pub(super) fn below<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(&format!("{}/{}/", self.endpoint.root, self.reference.repository()))
    }
}

/// Whether no node asks this: it asks for blobs by GET, and for no list of tags. That a login is
/// wanted or refused there is no reason to speak of it anywhere else.
fn is_aside(method: &Method, path: &str) -> bool {
    let blob = method == Method::HEAD && path.starts_with("blobs/");
    blob || path.starts_with("tags/")
}
