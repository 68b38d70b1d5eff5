//! From a name to a TCP connection, only to addresses that the rule allows.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{ConnectError, Parts, Target};
use crate::registry::address::AddressRule;
use crate::registry::progress::{Phase, enter};
use crate::registry::scheme::literal;

/// How long one address is tried alone before the next is tried beside it (RFC 8305).
const HEAD_START: Duration = Duration::from_millis(250);
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;

impl Parts {
    /// Connects to the first address that answers. `rule` is `None` for a proxy of the operator's.
    pub(super) async fn dial(
        &self,
        target: &Target<'_>,
        rule: Option<&AddressRule>,
    ) -> Result<TcpStream, ConnectError> {
        let addresses = allowed(self.addresses(target).await?, rule)?;
        enter(Phase::Connect, target.authority);
        let tcp = timeout(self.limits.connect, first_to_answer(&addresses))
            .await
            .map_err(|_| ConnectError::TcpTimedOut(self.limits.connect))?
            .map_err(|error| ConnectError::Tcp(error.kind()))?;
        // Without it small requests wait for acknowledgements; failing to set it only costs time.
        let _ = tcp.set_nodelay(true);
        Ok(tcp)
    }

    async fn addresses(&self, target: &Target<'_>) -> Result<Vec<SocketAddr>, ConnectError> {
        if let Some(address) = literal(target.host) {
            return Ok(vec![SocketAddr::new(address, target.port)]);
        }
        enter(Phase::Dns, target.authority);
        timeout(self.limits.dns, self.resolver.resolve(target.host, target.port))
            .await
            .map_err(|_| ConnectError::ResolveTimedOut(self.limits.dns))?
            .map_err(ConnectError::Resolve)
    }
}

fn allowed(
    addresses: Vec<SocketAddr>,
    rule: Option<&AddressRule>,
) -> Result<Vec<SocketAddr>, ConnectError> {
    let mut refused = None;
    let mut kept = Vec::with_capacity(addresses.len());
    for address in addresses {
        match rule.and_then(|rule| rule.refusal(address)) {
            Some(what) => refused = refused.or(Some(what)),
            None if kept.len() < MOST_ADDRESSES => kept.push(address),
            None => {}
        }
    }
    match (kept.is_empty(), refused) {
        (false, _) => Ok(kept),
        (true, Some(what)) => Err(ConnectError::Declined(what)),
        (true, None) => Err(ConnectError::Resolve(crate::registry::dns::ResolveError::NoSuchName)),
    }
}

/// Tries the addresses in order, each a little after the one before, so that a family without a
/// route costs no more than a moment. The error is that of the first to fail.
async fn first_to_answer(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut waiting = addresses.iter();
    let mut trying = FuturesUnordered::new();
    let mut first_error = None;
    loop {
        match waiting.next() {
            Some(address) => trying.push(TcpStream::connect(*address)),
            None if trying.is_empty() => {
                return Err(first_error.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
            }
            None => {}
        }
        let more = waiting.len() > 0;
        let ended = tokio::select! {
            ended = trying.next() => ended,
            () = sleep(HEAD_START), if more => None,
        };
        match ended {
            Some(Ok(tcp)) => return Ok(tcp),
            Some(Err(error)) => first_error = first_error.or(Some(error)),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allowed_addresses_of_a_name_are_dialled() {
        let both = vec![([127, 0, 0, 1], 1).into(), ([10, 0, 0, 1], 1).into()];
        let rule = AddressRule::default();
        assert_eq!(allowed(both.clone(), Some(&rule)).unwrap(), both[1..]);
        assert_eq!(allowed(both.clone(), None).unwrap(), both);
        let declined = allowed(both[..1].to_vec(), Some(&rule)).unwrap_err();
        assert_eq!(declined, ConnectError::Declined("a loopback address"));
    }

    #[tokio::test]
    async fn an_address_where_nothing_listens_gives_way_to_the_next() {
        let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let live = server.local_addr().unwrap();
        assert_eq!(first_to_answer(&[dead, live]).await.unwrap().peer_addr().unwrap(), live);
        let error = first_to_answer(&[dead, dead]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
