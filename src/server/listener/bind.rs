//! Opens a listening socket, or says what stands in the way.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

/// Why an address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({why}); {}", fix(why))]
pub struct BindError {
    address: SocketAddr,
    why: io::Error,
}

fn fix(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "stop what listens there, or choose another port",
        io::ErrorKind::AddrNotAvailable => "choose an address of this machine, or [::] for all",
        io::ErrorKind::PermissionDenied => "choose a port from 1024 on",
        _ => "choose another address",
    }
}

/// Listens on `address`.
///
/// `[::]` also takes IPv4 connections; where the machine has no IPv6, it means `0.0.0.0`.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    match TcpListener::bind(address).await {
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && lacks_ipv6(&error).await => {
            let address = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
            TcpListener::bind(address).await.map_err(|why| BindError { address, why })
        }
        bound => bound.map_err(|why| BindError { address, why }),
    }
}

/// Whether `error` came from a machine without IPv6, where no socket of that family can be had, or
/// one for no port at all.
async fn lacks_ipv6(error: &io::Error) -> bool {
    if matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied) {
        return false;
    }
    let any = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
    TcpListener::bind(any).await.is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_addresses_can_be_listened_on_whether_there_is_ipv6_or_not() {
        let listener = bind("[::]:0".parse().unwrap()).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connected = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
        connected.unwrap();
    }

    #[tokio::test]
    async fn a_taken_port_is_named_with_a_fix() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let message = bind(address).await.unwrap_err().to_string();
        assert!(message.starts_with(&format!("cannot listen on {address} (")), "{message}");
        assert!(
            message.ends_with("; stop what listens there, or choose another port"),
            "{message}"
        );
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_named_with_a_fix() {
        let message = bind("192.0.2.1:0".parse().unwrap()).await.unwrap_err().to_string();
        assert!(
            message.ends_with("; choose an address of this machine, or [::] for all"),
            "{message}"
        );
    }

    #[test]
    fn every_error_has_a_fix() {
        let error =
            |kind| BindError { address: "[::]:443".parse().unwrap(), why: io::Error::from(kind) };
        let denied = error(io::ErrorKind::PermissionDenied).to_string();
        assert!(denied.ends_with("; choose a port from 1024 on"), "{denied}");
        let other = error(io::ErrorKind::Other).to_string();
        assert!(other.ends_with("; choose another address"), "{other}");
    }
}
