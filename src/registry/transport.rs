//! One HTTP exchange, and the redirects after it. Knows nothing of registries or tokens.

mod answer;
mod door;
mod failure;
mod redirect;
mod way;

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, PROXY_AUTHORIZATION, USER_AGENT,
};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::capture_connection;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

use super::Step;
use super::config::Limits;
use super::connect::{Manner, Parts, Proxies};
use super::hosts::{Headers, Material};
use super::progress::{self, Phase, enter};
use super::scheme::{Schemes, Spoken};
use super::trouble::trouble;
use crate::facts::TroubleKind;

pub(super) use answer::{Answer, BodyFailure};
pub(super) use failure::Failure;
use way::{Pool, Ways};
pub(super) use way::{Via, ViaId};

/// Redirects followed for one request, as containerd does.
const MOST_REDIRECTS: usize = 9;
/// One request, before it has a connection.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) accept: Option<HeaderValue>,
    pub(super) authorization: Option<HeaderValue>,
    /// A form to post.
    pub(super) form: Option<Bytes>,
    /// It carries a password: sent once, whatever happens.
    pub(super) once: bool,
    /// How the host that it is sent for is spoken to; none is as everybody is.
    pub(super) via: Option<Arc<Via>>,
    /// The headers that the operator wants sent there do not go along: another host is asked.
    strayed: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Forms hold passwords, and queries whatever somebody signed.
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &self.authority())
            .field("path", &self.uri.path())
            .finish_non_exhaustive()
    }
}

impl Request {
    /// A request without accept header, authorization or body.
    pub(super) fn new(method: Method, uri: Uri) -> Self {
        Self {
            method,
            uri,
            accept: None,
            authorization: None,
            form: None,
            once: false,
            via: None,
            strayed: false,
        }
    }

    fn authority(&self) -> String {
        self.uri.authority().map(ToString::to_string).unwrap_or_default()
    }
}

/// Sends requests over pooled connections.
#[derive(Debug)]
pub(super) struct Transport {
    pool: Pool,
    ways: Ways,
    proxies: Arc<Proxies>,
    schemes: Arc<Schemes>,
    user_agent: HeaderValue,
    pub(super) limits: Limits,
}

impl Transport {
    pub(super) fn new(parts: Parts, user_agent: HeaderValue) -> Self {
        let (proxies, schemes) = (parts.proxies.clone(), parts.schemes.clone());
        let (limits, parts) = (parts.limits, Arc::new(parts));
        let manner = Manner { tls: parts.tls.clone(), verify: None, dial_timeout: None };
        let pool = way::pool(&parts, manner, &limits);
        Self { pool, ways: Ways::new(parts), proxies, schemes, user_agent, limits }
    }

    /// How a host with these settings is spoken to.
    ///
    /// # Errors
    /// What of its certificates is of no use.
    pub(super) fn via(
        &self,
        material: &Material,
        dial_timeout: Option<Duration>,
        headers: Headers,
    ) -> Result<Via, String> {
        self.ways.via(material, dial_timeout, headers)
    }

    /// Asks a registry, by whichever scheme it is spoken to, and follows its redirects.
    pub(super) async fn ask(
        &self,
        authority: &Authority,
        spoken: Spoken,
        path: PathAndQuery,
        mut request: Request,
    ) -> Step<Answer> {
        let schemes = self.schemes.candidates(authority, spoken).await;
        let mut left = schemes.len();
        for scheme in schemes {
            left -= 1;
            request.uri = uri(scheme.clone(), authority.clone(), path.clone())?;
            match self.exchange(&request).await {
                Ok(response) => {
                    self.schemes.remember(authority, spoken, &scheme).await;
                    return self.follow(request, response).await;
                }
                Err(failure) if left > 0 && failure.may_be_plain_http(authority) => {}
                Err(failure) => {
                    self.schemes.forget(authority, spoken).await;
                    return Err(failure.outcome(authority.as_str()));
                }
            }
        }
        Err(trouble(TroubleKind::Error, authority.as_str(), "no scheme to ask it by"))
    }

    /// Follows the redirects of an answer. No credential goes along, and what the operator wants
    /// sent to a host stays there: it may be one.
    pub(super) async fn follow(
        &self,
        mut request: Request,
        mut response: Response<Incoming>,
    ) -> Step<Answer> {
        let secure = request.uri.scheme() == Some(&Scheme::HTTPS);
        for hop in 0..=MOST_REDIRECTS {
            let host = request.authority();
            if !redirect::is_redirect(response.status()) {
                return Ok(Answer::new(response, host, secure, hop > 0));
            }
            if hop == MOST_REDIRECTS {
                break;
            }
            let to = redirect::target(&request.uri, response.headers().get(LOCATION))
                .map_err(|fault| fault.outcome(&host))?;
            let from = std::mem::replace(&mut request.uri, to);
            request.authorization = None;
            let next = request.authority();
            request.strayed |= next != host || from.scheme() != request.uri.scheme();
            response = self.exchange(&request).await.map_err(|failure| failure.outcome(&next))?;
        }
        Err(trouble(TroubleKind::Error, &request.authority(), "more than 9 redirects"))
    }

    /// Sends one request and waits for the headers of its answer. A request that the connection
    /// lost before any byte of an answer is sent once more, unless it carries a password.
    pub(super) async fn exchange(&self, request: &Request) -> Result<Response<Incoming>, Failure> {
        match self.exchange_once(request).await {
            Err(Failure::Broken) if !request.once => self.exchange_once(request).await,
            ended => ended,
        }
    }

    async fn exchange_once(&self, request: &Request) -> Result<Response<Incoming>, Failure> {
        progress::spend().map_err(Failure::OverBudget)?;
        let authority = request.authority();
        let mut http = self.build(request);
        let mut connection = capture_connection(&mut http);
        let pool = request.via.as_ref().map_or(&self.pool, |via| &via.pool);
        let ahead = pool.doors.pass(&request.uri).await;
        enter(Phase::Request, &authority);
        let connected = async {
            let connected = connection.wait_for_connection_metadata().await;
            if let Some(ahead) = ahead {
                ahead.arrived(connected.as_ref());
            }
        };
        let answer = pool.client.request(http);
        tokio::pin!(answer);
        tokio::select! {
            biased;
            // Until then the limits of connecting hold.
            () = connected => enter(Phase::Request, &authority),
            answer = &mut answer => return answer.map_err(|error| Failure::of(&error)),
        }
        match timeout(self.limits.headers, answer).await {
            Ok(answer) => answer.map_err(|error| Failure::of(&error)),
            Err(_) => Err(Failure::TimedOut(self.limits.headers)),
        }
    }

    fn build(&self, request: &Request) -> http::Request<Full<Bytes>> {
        let mut http = http::Request::new(Full::new(request.form.clone().unwrap_or_default()));
        *http.method_mut() = request.method.clone();
        *http.uri_mut() = request.uri.clone();
        let headers = http.headers_mut();
        if let Some(via) = request.via.as_ref().filter(|_| !request.strayed) {
            headers.clone_from(via.headers.map());
        }
        headers.entry(USER_AGENT).or_insert_with(|| self.user_agent.clone());
        if let Some(accept) = &request.accept {
            headers.append(ACCEPT, accept.clone());
        }
        if let Some(authorization) = &request.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if request.form.is_some() {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, form);
        }
        // Inside a tunnel the proxy has had its login, and must not see this request.
        if request.uri.scheme() == Some(&Scheme::HTTP)
            && let Some(login) = self.proxies.authorization(&request.uri)
        {
            headers.insert(PROXY_AUTHORIZATION, login);
        }
        http
    }
}

fn uri(scheme: Scheme, authority: Authority, path: PathAndQuery) -> Step<Uri> {
    let host = authority.to_string();
    Uri::builder()
        .scheme(scheme)
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(|_| trouble(TroubleKind::Error, &host, "the request has no valid address"))
}
