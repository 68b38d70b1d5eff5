//! A registry of the tests' own: good to every repository, until told to misbehave in one.
//!
//! It serves pulls only, from memory, and records every request. Where the protocol matters more
//! than the misbehaviour, use `real_registry`.

pub mod access;
pub mod answer;
pub mod faults;
mod store;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use http::Method;

pub use access::{Access, Logins};
pub use answer::Answer;
use faults::Act;
pub use faults::Fault;
use store::{Route, Store};

use super::images::Image;
use super::server::{ANY_PORT, Greeting, Log, Reply, Seen, Server, body};
use super::tls::Leaf;

/// The registry.
pub struct Registry {
    server: Server,
    state: Arc<State>,
}

struct State {
    access: Access,
    store: Store,
    faults: Mutex<HashMap<String, Vec<Arc<Fault>>>>,
    streamed: Arc<AtomicU64>,
}

impl Registry {
    /// Plain HTTP.
    pub async fn start(access: Access) -> Self {
        Self::launch(ANY_PORT, access, None, Greeting::Serve).await
    }

    /// HTTPS with this certificate, and HTTP/1.1 alone.
    pub async fn start_http1(access: Access, leaf: &Leaf) -> Self {
        let mut tls = rustls::ServerConfig::clone(&leaf.server());
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self::launch(ANY_PORT, access, Some(Arc::new(tls)), Greeting::Serve).await
    }

    /// HTTPS with this certificate.
    pub async fn start_tls(access: Access, leaf: &Leaf) -> Self {
        Self::start_tls_at(ANY_PORT, access, leaf).await
    }

    /// The same at an address that the test has for itself, in a network of its own.
    pub async fn start_tls_at(address: SocketAddr, access: Access, leaf: &Leaf) -> Self {
        Self::launch(address, access, Some(leaf.server()), Greeting::Serve).await
    }

    /// One whose connections come to nothing.
    pub async fn start_mute(greeting: Greeting) -> Self {
        Self::launch(ANY_PORT, Access::anonymous(), None, greeting).await
    }

    async fn launch(
        address: SocketAddr,
        access: Access,
        tls: Option<Arc<rustls::ServerConfig>>,
        greeting: Greeting,
    ) -> Self {
        let state = Arc::new(State {
            access,
            store: Store::default(),
            faults: Mutex::default(),
            streamed: Arc::default(),
        });
        let shared = state.clone();
        let server = Server::start_at(address, tls, greeting, move |seen| {
            let state = shared.clone();
            async move { state.reply(&seen).await }
        })
        .await;
        Self { server, state }
    }

    /// `127.0.0.1:PORT`, as in an image name.
    pub fn host(&self) -> String {
        self.server.host()
    }

    /// `http://127.0.0.1:PORT` or `https://...`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Stores an image under a tag, and gives the name by which it is pulled.
    pub fn add(&self, repository: &str, tag: &str, image: &Image) -> String {
        self.state.store.add(repository, tag, image);
        format!("{}/{repository}:{tag}", self.host())
    }

    /// Takes a tag away; its manifest stays.
    pub fn untag(&self, repository: &str, tag: &str) {
        self.state.store.untag(repository, tag);
    }

    /// Takes a manifest or blob away, and leaves what points to it.
    pub fn lose(&self, repository: &str, digest: &str) {
        self.state.store.lose(repository, digest);
    }

    /// Adds a fault to a repository, or to the ping if the name is empty. The first fault that
    /// fits a request decides.
    pub fn misbehave(&self, repository: &str, fault: Fault) {
        let mut faults = self.state.faults.lock().unwrap();
        faults.entry(repository.to_owned()).or_default().push(Arc::new(fault));
    }

    /// Ends all misbehaviour in a repository.
    pub fn heal(&self, repository: &str) {
        self.state.faults.lock().unwrap().remove(repository);
    }

    /// Every request.
    pub fn log(&self) -> &Log {
        self.server.log()
    }

    /// How many requests were about manifests of a repository.
    pub fn manifest_requests(&self, repository: &str) -> usize {
        let prefix = format!("/v2/{repository}/manifests/");
        self.log().count(|seen| seen.path.starts_with(&prefix))
    }

    /// How many requests of a method were about manifests of a repository.
    pub fn manifest_requests_by(&self, method: &Method, repository: &str) -> usize {
        let prefix = format!("/v2/{repository}/manifests/");
        self.log().count(|seen| seen.method == method && seen.path.starts_with(&prefix))
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    /// How many connections took up a TLS session of another.
    pub fn resumed(&self) -> usize {
        self.server.resumed()
    }

    /// How many bytes of huge bodies went out, socket buffers included.
    pub fn streamed(&self) -> u64 {
        self.state.streamed.load(Ordering::SeqCst)
    }
}

impl State {
    async fn reply(&self, seen: &Seen) -> Reply {
        let (repository, route) = Route::of(&seen.path);
        let faults = self.faults.lock().unwrap().get(&repository).map_or_else(Vec::new, Vec::clone);
        let head = seen.method == Method::HEAD;
        let admission = self.access.check(seen, &repository);
        for fault in faults {
            let challenged = matches!(fault.act, Act::Challenge(_));
            if let (Err(refusal), false) = (&admission, challenged || fault.before_login) {
                return refusal.clone().into_reply(head);
            }
            if !fault.fits(seen, &route) {
                continue;
            }
            match &fault.act {
                Act::Gate(gate) => gate.pass().await,
                Act::Late(by) => tokio::time::sleep(*by).await,
                Act::Challenge(lines) => {
                    if self.access.asks_for_login() && admission.is_ok() {
                        continue;
                    }
                    return Answer::unauthorized(lines).into_reply(head);
                }
                Act::Answer(answer) => return answer.clone().into_reply(head),
                Act::Script(script) => return script(seen).into_reply(head),
                Act::Change(change) => {
                    return change(seen, self.store.answer(&repository, &route)).into_reply(head);
                }
                Act::Hang => std::future::pending::<()>().await,
                Act::HangInBody => {
                    let good = self.store.answer(&repository, &route);
                    let length = good.body.len() as u64;
                    return good.into_reply_with(body::silent(length));
                }
                Act::Drip => {
                    let good = self.store.answer(&repository, &route);
                    let drip = body::drip(good.body.clone());
                    return good.into_reply_with(drip);
                }
                Act::Huge { length, told } => {
                    let good = self.store.answer(&repository, &route);
                    let endless = body::endless(*length, *told, self.streamed.clone());
                    return good.into_reply_with(endless);
                }
                Act::Reset => return Reply::Reset,
                Act::Close => return Reply::Close,
                Act::Garbage => return Reply::Garbage,
            }
        }
        match admission {
            Ok(()) => self.store.answer(&repository, &route).into_reply(head),
            Err(refusal) => refusal.into_reply(head),
        }
    }
}
