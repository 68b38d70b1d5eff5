//! One HTTP exchange, and the redirects after it. Knows nothing of registries or tokens.

mod answer;
mod failure;
mod redirect;

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, LOCATION, PROXY_AUTHORIZATION, USER_AGENT,
};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Method, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

use super::Step;
use super::config::Limits;
use super::connect::{Connector, Proxies};
use super::progress::{self, Phase, enter};
use super::scheme::Schemes;
use super::trouble::trouble;
use crate::facts::TroubleKind;

pub(super) use answer::{Answer, BodyFailure};
pub(super) use failure::Failure;

/// Redirects followed for one request, as containerd does.
const MOST_REDIRECTS: usize = 9;
/// How long an idle connection is kept: less than the 60 seconds after which common load balancers
/// close it, perhaps while a request is on its way.
const IDLE: Duration = Duration::from_secs(50);
/// Idle connections kept to one host.
const IDLE_PER_HOST: usize = 16;
/// Bytes of a body that an HTTP/2 server may send unasked: of a layer that is asked for its headers
/// alone, no more than these come.
const WINDOW: u32 = 256 * 1024;
/// How often an HTTP/2 connection in use is asked whether it still lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Bytes of an answer's headers.
const LONGEST_HEADERS: usize = 64 * 1024;

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
        Self { method, uri, accept: None, authorization: None, form: None, once: false }
    }

    fn authority(&self) -> String {
        self.uri.authority().map(ToString::to_string).unwrap_or_default()
    }
}

/// Sends requests over pooled connections.
#[derive(Debug)]
pub(super) struct Transport {
    client: Client<Connector, Full<Bytes>>,
    proxies: Arc<Proxies>,
    schemes: Arc<Schemes>,
    user_agent: HeaderValue,
    pub(super) limits: Limits,
}

impl Transport {
    pub(super) fn new(
        connector: Connector,
        proxies: Arc<Proxies>,
        schemes: Arc<Schemes>,
        user_agent: HeaderValue,
        limits: Limits,
    ) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .http1_max_buf_size(LONGEST_HEADERS)
            .http2_initial_stream_window_size(WINDOW)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .http2_keep_alive_timeout(limits.connect)
            .build(connector);
        Self { client, proxies, schemes, user_agent, limits }
    }

    /// Asks a registry, by whichever scheme it is spoken to, and follows its redirects.
    pub(super) async fn ask(
        &self,
        authority: &Authority,
        path: PathAndQuery,
        mut request: Request,
    ) -> Step<Answer> {
        let schemes = self.schemes.candidates(authority).await;
        let mut left = schemes.len();
        for scheme in schemes {
            left -= 1;
            request.uri = uri(scheme.clone(), authority.clone(), path.clone())?;
            match self.exchange(&request).await {
                Ok(response) => {
                    self.schemes.remember(authority, &scheme).await;
                    return self.follow(request, response).await;
                }
                Err(failure) if left > 0 && failure.may_be_plain_http(authority) => {}
                Err(failure) => {
                    self.schemes.forget(authority).await;
                    return Err(failure.outcome(authority.as_str()));
                }
            }
        }
        Err(trouble(TroubleKind::Error, authority.as_str(), "no scheme to ask it by"))
    }

    /// Follows the redirects of an answer. No credential goes along.
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
            request.uri = redirect::target(&request.uri, response.headers().get(LOCATION))
                .map_err(|fault| fault.outcome(&host))?;
            request.authorization = None;
            let next = request.authority();
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
        enter(Phase::Request, &authority);
        let answer = self.client.request(http);
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => return answer.map_err(|error| Failure::of(&error)),
            // Until then the limits of connecting hold.
            _ = connection.wait_for_connection_metadata() => enter(Phase::Request, &authority),
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
        headers.insert(USER_AGENT, self.user_agent.clone());
        if let Some(accept) = &request.accept {
            headers.insert(ACCEPT, accept.clone());
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
