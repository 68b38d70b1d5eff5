//! Proxies: which one, and the tunnel through it. Never a registry's credential.

use std::fmt;
use std::time::Duration;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{ConnectError, Duplex, Target};
use crate::registry::config::ProxyRule;
use crate::registry::progress::{Phase, enter};
use crate::registry::scheme::is_local;

/// Bytes of a proxy's answer to CONNECT that are read.
const LONGEST_ANSWER: usize = 8 * 1024;

/// Which proxy a request goes through.
pub(in crate::registry) struct Proxies(Option<Matcher>);

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proxies")
    }
}

impl Proxies {
    pub(in crate::registry) fn new(rule: &ProxyRule) -> Self {
        Self(match rule {
            ProxyRule::Never => None,
            ProxyRule::Environment => Some(Matcher::from_env()),
            ProxyRule::Fixed { https, http, no_proxy } => Some(
                Matcher::builder()
                    .https(https.as_str())
                    .http(http.as_str())
                    .no(no_proxy.as_str())
                    .build(),
            ),
        })
    }

    /// The proxy for this request; none for localhost, as in Go's `httpproxy`.
    pub(super) fn of(&self, uri: &Uri) -> Option<Proxy> {
        if uri.host().is_none_or(is_local) {
            return None;
        }
        self.0.as_ref()?.intercept(uri).map(Proxy)
    }

    /// The proxy's own login for a plain request that it will read.
    pub(in crate::registry) fn authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        self.of(uri)?.0.basic_auth().cloned()
    }
}

/// One proxy.
pub(super) struct Proxy(Intercept);

impl Proxy {
    pub(super) fn uri(&self) -> &Uri {
        self.0.uri()
    }

    /// Asks the proxy for a tunnel to the target.
    pub(super) async fn tunnel(
        &self,
        mut io: Box<dyn Duplex>,
        target: &Target<'_>,
        limit: Duration,
    ) -> Result<Box<dyn Duplex>, ConnectError> {
        enter(Phase::Connect, target.authority);
        let ask = async {
            io.write_all(&self.connect_request(target)).await?;
            io.flush().await?;
            read_answer(&mut io).await
        };
        let answer = match timeout(limit, ask).await {
            Err(_) => return Err(ConnectError::Proxy("the proxy does not answer".to_owned())),
            Ok(Err(_)) => {
                let words = "the proxy closed the connection".to_owned();
                return Err(ConnectError::Proxy(words));
            }
            Ok(Ok(answer)) => answer,
        };
        match status_of(&answer) {
            Some(200..300) => Ok(io),
            Some(407) => Err(ConnectError::Proxy("the proxy wants a login (407)".to_owned())),
            Some(status) => {
                Err(ConnectError::Proxy(format!("the proxy refuses the way ({status})")))
            }
            None => Err(ConnectError::Proxy("the proxy does not speak HTTP".to_owned())),
        }
    }

    fn connect_request(&self, target: &Target<'_>) -> Vec<u8> {
        let host = target.host;
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let to = format!("{host}:{}", target.port);
        let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n").into_bytes();
        if let Some(login) = self.0.basic_auth() {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(login.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request
    }
}

/// Reads to the end of the headers. Nothing follows them before we speak: the client opens TLS.
async fn read_answer(io: &mut Box<dyn Duplex>) -> std::io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= LONGEST_ANSWER {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        if io.read_buf(&mut answer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(answer)
}

fn status_of(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/1."))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_status_line_is_read_and_nothing_else_is_taken_for_one() {
        assert_eq!(status_of(b"HTTP/1.1 200 Connection established\r\n\r\n"), Some(200));
        assert_eq!(status_of(b"HTTP/1.0 407 x\r\nA: b\r\n\r\n"), Some(407));
        assert_eq!(status_of(b"SSH-2.0-x\r\n\r\n"), None);
        assert_eq!(status_of(b"HTTP/1.1 \xff\r\n\r\n"), None);
    }

    #[test]
    fn localhost_and_exempt_hosts_go_direct() {
        let proxies = Proxies::new(&ProxyRule::Fixed {
            https: "http://proxy.test:3128".to_owned(),
            http: String::new(),
            no_proxy: "direct.test".to_owned(),
        });
        for (uri, expected) in [
            ("https://reg.test/", true),
            ("http://reg.test/", false),
            ("https://direct.test/", false),
            ("https://sub.direct.test/", false),
            ("https://localhost:5000/", false),
            ("https://127.0.0.1/", false),
            ("https://[::1]:5000/", false),
        ] {
            assert_eq!(proxies.of(&uri.parse().unwrap()).is_some(), expected, "{uri}");
        }
    }
}
