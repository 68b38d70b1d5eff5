//! The client: connections that are kept, bodies that are there, and nothing looked at but the uid.
//! It shares the machine with the servers, so what it spends is theirs.
#![expect(clippy::cast_precision_loss, reason = "figures to be read")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::process;
use super::review::Review;
use crate::support::tls::Ca;
use crate::support::webhook::Webhook;

/// A server under load.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Its process.
    pub id: u32,
    pub address: SocketAddr,
    /// Who signed its certificate.
    pub ca: &'a Ca,
}

impl std::fmt::Debug for Ca {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ca")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

impl<'a> Target<'a> {
    /// This pullcheck.
    pub fn of(webhook: &'a Webhook) -> Self {
        Self { id: webhook.id(), address: webhook.address(), ca: webhook.ca() }
    }
}

/// When a round ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    Passed(Duration),
    Asked(usize),
}

/// Connections to one server: of HTTP/1.1 as many as there are requests at a time, of HTTP/2 one
/// for all, as one API server has it.
pub struct Lanes {
    id: u32,
    lanes: Vec<Lane>,
}

struct Lane {
    sender: Sender,
    head: Head,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// What every request says before its body.
#[derive(Clone)]
struct Head {
    uri: Uri,
    version: Version,
    headers: HeaderMap,
}

/// What a round has come to.
#[derive(Debug)]
pub struct Round {
    /// Of each request, from the shortest to the longest.
    pub took: Vec<Duration>,
    pub passed: Duration,
    /// Processor time of the server.
    pub cpu: Duration,
}

impl Round {
    /// Requests in a second.
    pub fn rate(&self) -> f64 {
        self.took.len() as f64 / self.passed.as_secs_f64()
    }

    /// How long so many of a thousand requests took at most.
    pub fn within(&self, of_a_thousand: usize) -> Duration {
        self.took[place(self.took.len(), of_a_thousand)]
    }
}

/// Where in a list from the shortest to the longest the longest of so many of a thousand stands.
pub fn place(all: usize, of_a_thousand: usize) -> usize {
    (all * of_a_thousand).div_ceil(1_000).clamp(1, all) - 1
}

/// Whether an answer admits the object and says nothing else.
pub fn is_plain(answer: &[u8]) -> bool {
    answer.ends_with(br#""allowed":true}}"#)
}

impl Lanes {
    /// Connects, for so many requests at a time.
    pub async fn open(target: Target<'_>, protocol: Protocol, at_once: usize) -> Self {
        let mut lanes = Vec::new();
        while lanes.len() < at_once {
            let sender = match lanes.first() {
                Some(Lane { sender: Sender::Http2(first), .. }) => Sender::Http2(first.clone()),
                _ => connect(target, protocol).await,
            };
            lanes.push(Lane { sender, head: head(target.address, protocol) });
        }
        Self { id: target.id, lanes }
    }

    /// Sends these reviews over and over, each lane the next when the last was answered.
    pub async fn run(&mut self, reviews: &Arc<[Review]>, until: Until) -> Round {
        let mut work = JoinSet::new();
        let at_once = self.lanes.len();
        let (cpu, begun) = (process::cpu(self.id), Instant::now());
        for (number, lane) in self.lanes.drain(..).enumerate() {
            let until = match until {
                Until::Passed(_) => until,
                Until::Asked(all) => Until::Asked(all.div_ceil(at_once)),
            };
            work.spawn(lane.run(reviews.clone(), number, begun, until));
        }
        let mut took = Vec::new();
        while let Some(ended) = work.join_next().await {
            let (lane, times) = ended.unwrap();
            self.lanes.push(lane);
            took.extend(times);
        }
        let (passed, cpu) = (begun.elapsed(), process::cpu(self.id).saturating_sub(cpu));
        took.sort_unstable();
        Round { took, passed, cpu }
    }

    /// The answer to one review.
    pub async fn ask(&mut self, review: &Review) -> Bytes {
        self.lanes[0].ask(review).await
    }
}

impl Lane {
    async fn run(
        mut self,
        reviews: Arc<[Review]>,
        number: usize,
        begun: Instant,
        until: Until,
    ) -> (Self, Vec<Duration>) {
        let mut times = Vec::with_capacity(1 << 14);
        let mut now = Instant::now();
        for review in reviews.iter().cycle().skip(number % reviews.len()) {
            let ends = match until {
                Until::Passed(time) => now - begun >= time,
                Until::Asked(most) => times.len() >= most,
            };
            if ends {
                break;
            }
            let answer = self.ask(review).await;
            assert!(echoes(&answer, &review.uid), "{answer:?}");
            let then = std::mem::replace(&mut now, Instant::now());
            times.push(now - then);
        }
        (self, times)
    }

    async fn ask(&mut self, review: &Review) -> Bytes {
        let mut request = Request::new(Full::new(review.body.clone()));
        *request.method_mut() = Method::POST;
        let head = self.head.clone();
        *request.uri_mut() = head.uri;
        *request.version_mut() = head.version;
        *request.headers_mut() = head.headers;
        let answer = match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await.unwrap();
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await.unwrap();
                sender.send_request(request).await
            }
        };
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap().to_bytes()
    }
}

/// Both servers have the uid at the same place, the beginning of `response`.
fn echoes(answer: &[u8], uid: &str) -> bool {
    const BEFORE: &str =
        r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":""#;
    answer.get(BEFORE.len()..BEFORE.len() + uid.len()) == Some(uid.as_bytes())
}

async fn connect(target: Target<'_>, protocol: Protocol) -> Sender {
    let tcp = TcpStream::connect(target.address).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let connector = TlsConnector::from(target.ca.client(protocol == Protocol::Http2));
    let name = ServerName::from(target.address.ip());
    let io = TokioIo::new(connector.connect(name, tcp).await.unwrap());
    match protocol {
        Protocol::Http1 => {
            let (sender, connection) = http1::handshake(io).await.unwrap();
            tokio::spawn(connection);
            Sender::Http1(sender)
        }
        Protocol::Http2 => {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
            tokio::spawn(connection);
            Sender::Http2(sender)
        }
    }
}

fn head(address: SocketAddr, protocol: Protocol) -> Head {
    let path = "/validate?timeout=10s";
    let headers = [
        ("accept", "application/json, */*"),
        ("content-type", "application/json"),
        ("user-agent", "kube-apiserver-admission"),
    ];
    let mut headers: HeaderMap = headers
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .into_iter()
        .collect();
    let (version, uri) = match protocol {
        Protocol::Http1 => {
            headers.insert("host", address.to_string().parse().unwrap());
            (Version::HTTP_11, path.to_owned())
        }
        Protocol::Http2 => (Version::HTTP_2, format!("https://{address}{path}")),
    };
    Head { uri: uri.parse().unwrap(), version, headers }
}
