//! Connections: name, address rule, TCP, proxy, TLS, each with its own limit and its own failure.
//! Knows nothing of requests.

mod dial;
mod error;
mod proxy;
mod stream;

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use http::uri::Scheme;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower::Service;

use super::address::{AddressRule, is_oddly_written};
use super::config::Limits;
use super::dns::Resolve;
use super::progress::{Phase, enter};
use super::scheme::{Schemes, Trust, is_too_long, literal};
use super::tls::{HandshakeFailure, TlsConfigs};

pub(super) use error::ConnectError;
pub(super) use proxy::Proxies;
use stream::{Duplex, Stream};

/// How long a name is looked for that a proxy will look for again.
const LOOK: Duration = Duration::from_secs(1);

/// Opens connections for the HTTP client. Cloning shares.
#[derive(Clone)]
pub(super) struct Connector(Arc<Parts>);

/// What a connector works with.
pub(super) struct Parts {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) address_rule: AddressRule,
    pub(super) tls: TlsConfigs,
    pub(super) schemes: Arc<Schemes>,
    pub(super) proxies: Arc<Proxies>,
    pub(super) limits: Limits,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<TokioIo<Stream>, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let parts = self.0.clone();
        Box::pin(async move { parts.connect(&uri).await.map(TokioIo::new) })
    }
}

/// Where a connection goes.
struct Target<'a> {
    /// `host[:port]` as it is shown.
    authority: &'a str,
    /// Name or address, without the brackets of an IPv6 literal.
    host: &'a str,
    port: u16,
}

impl<'a> Target<'a> {
    fn of(uri: &'a Uri) -> Result<Self, ConnectError> {
        let authority = uri.authority().ok_or(ConnectError::NoHost)?;
        if is_too_long(authority.as_str()) {
            return Err(ConnectError::NameTooLong);
        }
        let default = if uri.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
        Ok(Self {
            authority: authority.as_str(),
            host: authority.host().trim_start_matches('[').trim_end_matches(']'),
            port: authority.port_u16().unwrap_or(default),
        })
    }
}

impl Connector {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Parts {
    async fn connect(&self, uri: &Uri) -> Result<Stream, ConnectError> {
        let target = Target::of(uri)?;
        let secure = uri.scheme() != Some(&Scheme::HTTP);
        if let Some(what) = self.address_rule.refusal_as_written(target.host) {
            return Err(ConnectError::Declined(what));
        }
        let Some(proxy) = self.proxies.of(uri) else {
            let tcp = self.dial(&target, Some(&self.address_rule)).await?;
            return if secure {
                self.secure(Box::new(tcp), uri, &target).await
            } else {
                Ok(Stream::new(Box::new(tcp)))
            };
        };
        if let Some(what) = self.refusal_as_we_see_it(&target).await {
            return Err(ConnectError::Declined(what));
        }
        let to_proxy = self.reach_proxy(&proxy, target.authority).await?;
        if !secure {
            return Ok(Stream::new(to_proxy).through_proxy());
        }
        let tunnel = proxy.tunnel(to_proxy, &target, self.limits.connect).await?;
        self.secure(tunnel, uri, &target).await
    }

    /// Why a host that the proxy would look up is not asked for, as far as that can be told from
    /// here. That it cannot be told is no reason: the name may be one that only the proxy knows.
    async fn refusal_as_we_see_it(&self, target: &Target<'_>) -> Option<&'static str> {
        if is_oddly_written(target.host) {
            return Some("an address in an odd spelling");
        }
        if literal(target.host).is_some() {
            return None;
        }
        let limit = self.limits.dns.min(LOOK);
        let found = timeout(limit, self.resolver.resolve(target.host, target.port)).await.ok()?;
        found.ok()?.iter().find_map(|address| self.address_rule.refusal(address.ip()))
    }

    /// A connection to the proxy itself, whose address is the operator's choice.
    async fn reach_proxy(
        &self,
        proxy: &proxy::Proxy,
        shown: &str,
    ) -> Result<Box<dyn Duplex>, ConnectError> {
        let reach = async {
            let target = Target { authority: shown, ..Target::of(proxy.uri())? };
            let tcp = self.dial(&target, None).await?;
            if proxy.uri().scheme() == Some(&Scheme::HTTP) {
                return Ok(Box::new(tcp) as Box<dyn Duplex>);
            }
            let config = without_h2(&self.tls.checked);
            let tls = self.handshake(config, Box::new(tcp), &target).await?;
            Ok(Box::new(tls) as Box<dyn Duplex>)
        };
        reach.await.map_err(|error: ConnectError| error.at_proxy())
    }

    async fn secure(
        &self,
        io: Box<dyn Duplex>,
        uri: &Uri,
        target: &Target<'_>,
    ) -> Result<Stream, ConnectError> {
        let checked =
            uri.authority().is_none_or(|authority| self.schemes.trust(authority) == Trust::Checked);
        let config = if checked { &self.tls.checked } else { &self.tls.unchecked };
        let tls = self.handshake(config.clone(), io, target).await?;
        let h2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = Stream::new(Box::new(tls));
        Ok(if h2 { stream.speaking_h2() } else { stream })
    }

    async fn handshake(
        &self,
        config: Arc<rustls::ClientConfig>,
        io: Box<dyn Duplex>,
        target: &Target<'_>,
    ) -> Result<tokio_rustls::client::TlsStream<Box<dyn Duplex>>, ConnectError> {
        enter(Phase::Tls, target.authority);
        let name = ServerName::try_from(target.host.to_owned()).map_err(|_| {
            ConnectError::Handshake(HandshakeFailure::Tls(
                "no certificate can be for this host name".to_owned(),
            ))
        })?;
        let handshake = TlsConnector::from(config).connect(name, io);
        match timeout(self.limits.tls, handshake).await {
            Ok(Ok(tls)) => Ok(tls),
            Ok(Err(error)) => Err(ConnectError::Handshake(HandshakeFailure::of(&error))),
            Err(_) => Err(ConnectError::HandshakeTimedOut(self.limits.tls)),
        }
    }
}

/// CONNECT is spoken in HTTP/1.1 only.
fn without_h2(config: &Arc<rustls::ClientConfig>) -> Arc<rustls::ClientConfig> {
    let mut config = rustls::ClientConfig::clone(config);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
