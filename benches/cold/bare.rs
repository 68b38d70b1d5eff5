//! The requests that an image needs, and nothing else: over one HTTP/2 connection, in the same
//! order of dependence and with as many at one time.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::images::{Image, media};
use crate::support::tls::Ca;

/// Images of one pod at one time, as pullcheck looks at those of one namespace at one registry.
pub const IMAGES_AT_ONCE: usize = 4;
/// Parts of one image at one time.
const PARTS_AT_ONCE: usize = 4;

/// An image in its repository.
pub struct Wanted {
    pub repository: String,
    pub image: Image,
}

/// A connection to the registry.
#[derive(Clone)]
pub struct Bare {
    sender: SendRequest<Empty<Bytes>>,
    origin: String,
}

impl Bare {
    pub async fn open(ca: &Ca, address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let name = ServerName::from(address.ip());
        let tls = TlsConnector::from(ca.client(true)).connect(name, tcp).await.unwrap();
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, origin: format!("https://{address}") }
    }

    /// HEAD by tag, GET by digest, and then the config and the layers side by side.
    pub async fn image(&self, wanted: &Wanted) {
        let Wanted { repository, image } = wanted;
        self.ask(Method::HEAD, &format!("{repository}/manifests/1.0")).await;
        self.ask(Method::GET, &format!("{repository}/manifests/{}", image.digest())).await;
        let parts = stream::iter(&image.blobs).map(|blob| async move {
            let config = blob.media_type == media::OCI_CONFIG;
            let method = if config { Method::GET } else { Method::HEAD };
            self.ask(method, &format!("{repository}/blobs/{}", blob.digest)).await;
        });
        parts.buffered(PARTS_AT_ONCE).collect::<()>().await;
    }

    /// All images of a pod.
    pub async fn pod(&self, wanted: &[Wanted]) {
        let images = stream::iter(wanted).map(|wanted| self.image(wanted));
        images.buffer_unordered(IMAGES_AT_ONCE).collect::<()>().await;
    }

    async fn ask(&self, method: Method, path: &str) {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/v2/{path}", self.origin))
            .header("accept", media::ACCEPT)
            .body(Empty::new())
            .unwrap();
        let mut sender = self.sender.clone();
        sender.ready().await.unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.into_body().collect().await.unwrap();
    }
}
