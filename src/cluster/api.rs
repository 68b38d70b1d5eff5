//! One request to the API server: bounded in time, size and number, its failures in our own words.
//!
//! kube's own `request` is not used on purpose: it logs the whole answer when that is not what was
//! expected, and these answers are Secrets.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::request::Builder;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use kube::Client;
use kube::client::Body;
use moka::future::Cache;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::ClusterOptions;
use crate::facts::Obstacle;

/// The largest answer read: a Secret holds up to 1 MiB, in base64 and with its metadata.
const LARGEST: usize = 4 << 20;
/// Namespaces whose questions are counted; a count that is evicted starts again.
const COUNTED_NAMESPACES: u64 = 10_000;

/// Why there is no object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The API server says that it does not exist.
    Absent,
    /// pullcheck has no right to it.
    Forbidden,
    /// Anything else, in our own words.
    Trouble(String),
}

impl From<Failure> for Obstacle {
    /// What does not exist where it must is trouble, too.
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Absent => Self::Trouble("API server answered 404".to_owned()),
            Failure::Forbidden => Self::Forbidden,
            Failure::Trouble(why) => Self::Trouble(why),
        }
    }
}

/// What came of sending an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// It is stored; the object as it is now.
    Stored(Vec<u8>),
    /// 409: it exists already, or is no longer as it was when it was read.
    Conflict,
}

/// How an object is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    /// A new object, to its collection.
    Create,
    /// The whole object in place of the old one. With `metadata.resourceVersion` only if that is
    /// still the old one's.
    Replace,
    /// An RFC 6902 patch.
    JsonPatch,
}

impl Sending {
    fn request(self, path: &str) -> Builder {
        let (method, content_type) = match self {
            Self::Create => (Method::POST, "application/json"),
            Self::Replace => (Method::PUT, "application/json"),
            Self::JsonPatch => (Method::PATCH, "application/json-patch+json"),
        };
        Request::builder().method(method).uri(path).header(CONTENT_TYPE, content_type)
    }
}

/// How much of an object is wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Accept {
    Object,
    Metadata,
    MetadataList,
}

impl Accept {
    const fn header(self) -> &'static str {
        match self {
            Self::Object => "application/json",
            Self::Metadata => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            Self::MetadataList => {
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
            }
        }
    }
}

/// The API server.
pub(super) struct Api {
    client: Client,
    call_limit: Duration,
    pub(super) all: Arc<Semaphore>,
    per_namespace: Cache<String, Arc<Semaphore>>,
    share: usize,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("call_limit", &self.call_limit).finish_non_exhaustive()
    }
}

impl Api {
    pub(super) fn new(client: Client, options: &ClusterOptions) -> Self {
        Self {
            client,
            call_limit: options.call_limit,
            all: Arc::new(Semaphore::new(options.concurrency.max(1))),
            per_namespace: Cache::new(COUNTED_NAMESPACES),
            share: options.concurrency_per_namespace.max(1),
        }
    }

    /// Reads one object, and says how many bytes it was.
    ///
    /// `path` must be made of checked names only. `namespace` is whose share it counts against.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        namespace: &str,
        path: &str,
        accept: Accept,
    ) -> Result<(T, usize), Failure> {
        let mut waiting = true;
        let answer = timeout(self.call_limit, async {
            let _turn = self.turn(namespace).await;
            waiting = false;
            self.fetch(path, accept, LARGEST).await
        });
        let bytes = match answer.await {
            Ok(answer) => answer?,
            Err(_) => return Err(self.out_of_time(waiting)),
        };
        match serde_json::from_slice(&bytes) {
            Ok(object) => Ok((object, bytes.len())),
            Err(_) => Err(trouble("API server answered with something that was not asked for")),
        }
    }

    fn out_of_time(&self, waiting: bool) -> Failure {
        if !waiting {
            return timed_out(self.call_limit);
        }
        let limit = words(self.call_limit);
        Failure::Trouble(format!(
            "too many questions to the API server at once, no turn in {limit}"
        ))
    }

    /// Waits for a place: first the namespace's own, so that its queue takes nobody else's.
    async fn turn(&self, namespace: &str) -> Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)> {
        let share = self.share;
        let own = self
            .per_namespace
            .get_with_by_ref(namespace, async { Arc::new(Semaphore::new(share)) })
            .await;
        let own = own.acquire_owned().await.ok()?;
        Some((own, Arc::clone(&self.all).acquire_owned().await.ok()?))
    }

    /// Reads a whole answer of at most `largest` bytes within `limit`. It counts against nobody's
    /// share: it is not on behalf of a review.
    pub(super) async fn page(
        &self,
        path: &str,
        accept: Accept,
        largest: usize,
        limit: Duration,
    ) -> Result<Vec<u8>, Failure> {
        match timeout(limit, self.fetch(path, accept, largest)).await {
            Ok(answer) => answer,
            Err(_) => Err(timed_out(limit)),
        }
    }

    /// Opens an answer that goes on, whose beginning must come within `limit`.
    pub(super) async fn open(
        &self,
        path: &str,
        accept: Accept,
        limit: Duration,
    ) -> Result<Body, Failure> {
        match timeout(limit, self.ask(path, accept)).await {
            Ok(response) => Ok(response?.into_body()),
            Err(_) => Err(timed_out(limit)),
        }
    }

    /// Sends an object, within `limit`. It counts against nobody's share, and `path` must be made
    /// of checked names only.
    pub(super) async fn write(
        &self,
        how: Sending,
        path: &str,
        object: Vec<u8>,
        limit: Duration,
    ) -> Result<Written, Failure> {
        let request = how.request(path).header(ACCEPT, Accept::Object.header());
        let sent = async {
            let response = self.send(request, object.into()).await?;
            if response.status() == StatusCode::CONFLICT {
                return Ok(Written::Conflict);
            }
            Ok(Written::Stored(whole(accepted(response)?, LARGEST).await?))
        };
        match timeout(limit, sent).await {
            Ok(written) => written,
            Err(_) => Err(timed_out(limit)),
        }
    }

    async fn fetch(&self, path: &str, accept: Accept, largest: usize) -> Result<Vec<u8>, Failure> {
        whole(self.ask(path, accept).await?, largest).await
    }

    async fn ask(&self, path: &str, accept: Accept) -> Result<Response<Body>, Failure> {
        let request = Request::get(path).header(ACCEPT, accept.header());
        accepted(self.send(request, Body::empty()).await?)
    }

    async fn send(&self, request: Builder, body: Body) -> Result<Response<Body>, Failure> {
        let request =
            request.body(body).map_err(|_| trouble("no request can be made for this name"))?;
        self.client.send(request).await.map_err(|error| failed(&error))
    }
}

/// The answer, if it is what was asked for.
fn accepted(response: Response<Body>) -> Result<Response<Body>, Failure> {
    match response.status() {
        StatusCode::OK | StatusCode::CREATED => Ok(response),
        StatusCode::NOT_FOUND => Err(Failure::Absent),
        StatusCode::FORBIDDEN => Err(Failure::Forbidden),
        StatusCode::UNAUTHORIZED => {
            Err(trouble("API server did not accept pullcheck's own login (401)"))
        }
        status => {
            let status = status.as_u16();
            Err(Failure::Trouble(format!("API server answered {status}")))
        }
    }
}

/// Its body, of at most `largest` bytes.
async fn whole(response: Response<Body>, largest: usize) -> Result<Vec<u8>, Failure> {
    match Limited::new(response.into_body(), largest).collect().await {
        Ok(body) => Ok(body.to_bytes().into()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let megabytes = largest >> 20;
            Err(Failure::Trouble(format!("API server's answer was larger than {megabytes} MiB")))
        }
        Err(_) => Err(trouble(BROKEN_OFF)),
    }
}

/// Why an answer that has begun does not end.
pub(super) const BROKEN_OFF: &str = "API server broke off its answer";

fn timed_out(limit: Duration) -> Failure {
    Failure::Trouble(format!("API server timed out after {}", words(limit)))
}

fn trouble(why: &str) -> Failure {
    Failure::Trouble(why.to_owned())
}

/// Why no answer came, without a word of the error's own: it may hold addresses and more.
fn failed(error: &kube::Error) -> Failure {
    if matches!(error, kube::Error::Auth(_)) {
        return trouble("pullcheck's own credentials for the API server cannot be read");
    }
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return trouble("API server's TLS certificate or handshake was not accepted");
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            match error.kind() {
                io::ErrorKind::ConnectionRefused => {
                    return trouble("API server refused the connection");
                }
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                    return trouble("API server reset the connection");
                }
                _ => {}
            }
            // An `io::Error` leaves what it wraps out of its chain of sources.
            if let Some(inner) = error.get_ref() {
                next = Some(inner);
                continue;
            }
        }
        next = error.source();
    }
    trouble("API server could not be reached")
}

/// `2 s`, `150 ms`.
fn words(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}
