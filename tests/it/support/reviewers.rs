//! Many reviews at a time over a few connections that are kept, as an API server sends them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::reviews::Review;
use super::secrets::assert_no_secret;
use super::webhook::{Reviewed, Webhook};

/// No test waits for this; it only turns a hang of the suite into a failure with a name.
const NEVER: Duration = Duration::from_secs(120);

/// One HTTP/2 connection to a webhook; clones share it.
#[derive(Clone)]
pub struct Reviewers {
    sender: SendRequest<Full<Bytes>>,
    url: Arc<str>,
}

impl Reviewers {
    /// Connects. The reviews are answered within `timeout` (`5s`), as the API server asks for it.
    pub async fn of(webhook: &Webhook, timeout: &str) -> Self {
        let tcp = TcpStream::connect(webhook.address()).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let name = ServerName::from(webhook.address().ip());
        let tls = TlsConnector::from(webhook.ca().client(true)).connect(name, tcp).await.unwrap();
        let (sender, connection) =
            handshake(TokioExecutor::new(), TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        let url = format!("https://{}/validate?timeout={timeout}", webhook.address());
        Self { sender, url: url.into() }
    }

    /// Posts one, and checks what holds for every answer.
    pub async fn review(&self, review: &Review) -> Reviewed {
        let request = Request::post(&*self.url)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(review.json().to_string())))
            .unwrap();
        let begun = Instant::now();
        let mut sender = self.sender.clone();
        let exchange = async {
            let (head, body) = sender.send_request(request).await.unwrap().into_parts();
            (head.status, body.collect().await.unwrap().to_bytes())
        };
        let Ok((status, body)) = tokio::time::timeout(NEVER, exchange).await else {
            panic!("no answer to a review in {NEVER:?}");
        };
        let text = String::from_utf8_lossy(&body);
        assert_eq!(status, 200, "{text}");
        assert_no_secret("the answer", &text);
        let json = serde_json::from_slice(&body).unwrap();
        let reviewed = Reviewed { json, elapsed: begun.elapsed() };
        reviewed.assert_well_formed(review.uid());
        reviewed
    }

    /// Posts all of them, so many at a time; what comes back is in no order.
    pub async fn all(
        &self,
        reviews: impl IntoIterator<Item = Review>,
        at_a_time: usize,
    ) -> Vec<Reviewed> {
        let asked = reviews.into_iter().map(|review| async move { self.review(&review).await });
        stream::iter(asked).buffer_unordered(at_a_time).collect().await
    }
}
