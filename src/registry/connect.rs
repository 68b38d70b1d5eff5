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
use tokio::net::TcpStream;
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
pub(super) use stream::Alive;
use stream::{Duplex, Stream};

/// How long a name is looked for that a proxy will look for again.
const LOOK: Duration = Duration::from_secs(1);

/// Opens connections for one HTTP client. Cloning shares.
#[derive(Clone)]
pub(super) struct Connector(Arc<Way>);

/// What a connector works with.
struct Way {
    parts: Arc<Parts>,
    manner: Manner,
}

/// How connections are made for one host of the operator's configuration, to wherever it leads:
/// containerd follows redirects and asks token servers with the host's own TLS settings.
#[derive(Debug)]
pub(super) struct Manner {
    pub(super) tls: TlsConfigs,
    /// Whether certificates are checked; none is as the name says.
    pub(super) verify: Option<bool>,
    /// The longest wait for a connection, its name's addresses included.
    pub(super) dial_timeout: Option<Duration>,
}

/// What all connectors share.
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
        let way = self.0.clone();
        Box::pin(async move { way.connect(&uri).await.map(TokioIo::new) })
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
    pub(super) fn new(parts: Arc<Parts>, manner: Manner) -> Self {
        Self(Arc::new(Way { parts, manner }))
    }
}

impl Way {
    async fn connect(&self, uri: &Uri) -> Result<Stream, ConnectError> {
        let target = Target::of(uri)?;
        let secure = uri.scheme() != Some(&Scheme::HTTP);
        if let Some(what) = self.parts.address_rule.refusal_as_written(target.host, target.port) {
            return Err(ConnectError::Declined(what));
        }
        let Some(proxy) = self.parts.proxies.of(uri) else {
            let tcp = self.dial(&target, Some(&self.parts.address_rule)).await?;
            return if secure {
                self.secure(Box::new(tcp), uri, &target).await
            } else {
                Ok(Stream::new(Box::new(tcp)))
            };
        };
        if let Some(what) = self.parts.refusal_as_we_see_it(&target).await {
            return Err(ConnectError::Declined(what));
        }
        let to_proxy = self.reach_proxy(&proxy, target.authority).await?;
        if !secure {
            return Ok(Stream::new(to_proxy).through_proxy());
        }
        let tunnel = proxy.tunnel(to_proxy, &target, self.parts.limits.connect).await?;
        self.secure(tunnel, uri, &target).await
    }

    /// A TCP connection, within the time that the operator gives this host.
    async fn dial(
        &self,
        target: &Target<'_>,
        rule: Option<&AddressRule>,
    ) -> Result<TcpStream, ConnectError> {
        let dial = self.parts.dial(target, rule);
        match self.manner.dial_timeout {
            None => dial.await,
            Some(limit) => {
                timeout(limit, dial).await.unwrap_or(Err(ConnectError::TcpTimedOut(limit)))
            }
        }
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
            let config = without_h2(&self.parts.tls.checked);
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
        let trust =
            uri.authority().map_or(Trust::Checked, |authority| self.parts.schemes.trust(authority));
        let checked = match self.manner.verify {
            Some(verify) => verify && trust != Trust::Insecure,
            None => trust == Trust::Checked,
        };
        let tls = &self.manner.tls;
        let config = if checked { &tls.checked } else { &tls.unchecked };
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
        match timeout(self.parts.limits.tls, handshake).await {
            Ok(Ok(tls)) => Ok(tls),
            Ok(Err(error)) => Err(ConnectError::Handshake(HandshakeFailure::of(&error))),
            Err(_) => Err(ConnectError::HandshakeTimedOut(self.parts.limits.tls)),
        }
    }
}

impl Parts {
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
        found.ok()?.iter().find_map(|address| self.address_rule.refusal(*address))
    }
}

/// CONNECT is spoken in HTTP/1.1 only.
fn without_h2(config: &Arc<rustls::ClientConfig>) -> Arc<rustls::ClientConfig> {
    let mut config = rustls::ClientConfig::clone(config);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
