//! A registry that has every image: made of its name, when it is asked for. By plain HTTP and on a
//! thread of its own, because it is asked hundreds of thousands of times.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::images::{Blob, digest, media};

/// Layers that all images of a repository have, and those of its own.
const SHARED_LAYERS: usize = 4;
const OWN_LAYERS: usize = 1;
/// Bytes of each, as the manifest says.
const LAYER: usize = 12_345_678;

/// The registry.
pub struct AllImages {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

#[derive(Default)]
struct Store {
    /// By repository and tag.
    manifests: HashMap<String, Bytes>,
    /// By digest.
    configs: HashMap<String, Bytes>,
}

impl AllImages {
    /// Starts it; it lives as long as the process.
    pub fn start() -> Self {
        let asked = Arc::<AtomicUsize>::default();
        let (tell, told) = mpsc::channel();
        let count = asked.clone();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                serve(listener, count).await;
            });
        });
        Self { address: told.recv().unwrap(), asked }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// The name of one of them, a thousand in a repository.
    pub fn image(&self, number: usize) -> String {
        let (repository, tag) = (number / 1_000, number % 1_000);
        format!("{}/team-{repository}/service:1.24.{tag}", self.address)
    }
}

async fn serve(listener: TcpListener, asked: Arc<AtomicUsize>) {
    let store = Arc::<Mutex<Store>>::default();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (store, asked) = (store.clone(), asked.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            asked.fetch_add(1, Ordering::Relaxed);
            let answer = store.lock().unwrap().answer(request.method(), request.uri().path());
            async move { Ok::<_, Infallible>(answer) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl Store {
    fn answer(&mut self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        let head = method == Method::HEAD;
        if let Some((repository, tag)) = path.split_once("/manifests/") {
            let name = format!("{repository}:{tag}");
            if !tag.contains(':') && !self.manifests.contains_key(&name) {
                self.make(repository, name.clone());
            }
            // By digest it is asked for after its tag.
            let Some(manifest) = self.manifests.get(&name) else { return status(404) };
            return body(head, media::OCI_MANIFEST, manifest.clone());
        }
        match path.rsplit_once('/') {
            Some((_, digest)) if self.configs.contains_key(digest) => {
                body(head, "application/octet-stream", self.configs[digest].clone())
            }
            Some(_) if head => {
                Response::builder().header("content-length", LAYER).body(Full::default()).unwrap()
            }
            _ => status(404),
        }
    }

    fn make(&mut self, repository: &str, name: String) {
        let layers: Vec<String> = (0..SHARED_LAYERS)
            .map(|number| digest(format!("{repository} {number}").as_bytes()))
            .chain((0..OWN_LAYERS).map(|number| digest(format!("{name} {number}").as_bytes())))
            .collect();
        let config = json!({
            "os": "linux",
            "architecture": "amd64",
            "config": { "Cmd": [name] },
            "rootfs": { "type": "layers", "diff_ids": layers },
        });
        let config = Blob::new(media::OCI_CONFIG, config.to_string());
        let layers: Vec<Value> = layers
            .iter()
            .map(|digest| json!({ "mediaType": media::OCI_LAYER, "digest": digest, "size": LAYER }))
            .collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media::OCI_MANIFEST,
            "config": config.descriptor(),
            "layers": layers,
        });
        let manifest = Blob::new(media::OCI_MANIFEST, manifest.to_string());
        self.configs.insert(config.digest, config.bytes);
        let (repository, _) = name.rsplit_once(':').unwrap();
        self.manifests.insert(format!("{repository}:{}", manifest.digest), manifest.bytes.clone());
        self.manifests.insert(name, manifest.bytes);
    }
}

fn body(head: bool, media_type: &str, bytes: Bytes) -> Response<Full<Bytes>> {
    let answer = Response::builder()
        .header("content-type", media_type)
        .header("docker-content-digest", digest(&bytes));
    if head {
        answer.header("content-length", bytes.len()).body(Full::default()).unwrap()
    } else {
        answer.body(Full::new(bytes)).unwrap()
    }
}

fn status(code: u16) -> Response<Full<Bytes>> {
    Response::builder().status(code).body(Full::default()).unwrap()
}
