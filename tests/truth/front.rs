//! What stands at the addresses of the test's network.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};

/// Passes connections to an address on to `host`, which listens elsewhere on loopback.
pub async fn pass_on(address: &str, host: String) {
    let listener = TcpListener::bind(address).await.unwrap();
    let host: Arc<str> = host.into();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            let host = host.clone();
            tokio::spawn(async move {
                let Ok(mut to) = TcpStream::connect(&*host).await else { return };
                if copy_bidirectional(&mut from, &mut to).await.is_err() {
                    // A reset is passed on as one.
                    let _ = from.set_zero_linger();
                }
            });
        }
    });
}

/// An address that swallows every attempt to connect: the queue of a socket that nobody accepts
/// from is full, and Linux drops what would be added.
pub struct Swallow {
    _socket: tokio::net::TcpListener,
    _first: Vec<tokio::task::JoinHandle<std::io::Result<TcpStream>>>,
}

impl Swallow {
    pub async fn at(address: &str) -> Self {
        let address: SocketAddr = address.parse().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(address).unwrap();
        let socket = socket.listen(0).unwrap();
        let first = TcpStream::connect(address).await;
        // These find the queue full, and prove it by not coming back; one may still get in.
        let more = (0..2).map(|_| tokio::spawn(TcpStream::connect(address)));
        let held = tokio::spawn(async move { first });
        Self { _socket: socket, _first: more.chain([held]).collect() }
    }
}

/// How the name server answers for what the hosts file does not have.
const SILENT: &[u8] = b"\x06silent\x04test";
const BROKEN: &[u8] = b"\x06broken\x04test";

const NO_SUCH_NAME: u8 = 3;
const SERVER_FAILURE: u8 = 2;

/// A name server that knows no name; it never answers for one, and fails for another.
pub async fn name_server(address: IpAddr) {
    let socket = UdpSocket::bind((address, 53)).await.unwrap();
    tokio::spawn(async move {
        let mut packet = [0; 1500];
        loop {
            // An error is a client's that did not wait for an answer.
            let Ok((length, client)) = socket.recv_from(&mut packet).await else { continue };
            let Some(question) = packet.get_mut(..length).filter(|it| it.len() > 12) else {
                continue;
            };
            let asks = |name: &[u8]| {
                question[12..].windows(name.len()).any(|it| it.eq_ignore_ascii_case(name))
            };
            if asks(SILENT) {
                continue;
            }
            let code = if asks(BROKEN) { SERVER_FAILURE } else { NO_SUCH_NAME };
            // An answer with recursion; without what an extended question adds to itself.
            question[2] |= 0x80;
            question[3] = 0x80 | code;
            question[10..12].fill(0);
            let end = end_of_question(question);
            let _ = socket.send_to(&question[..end], client).await;
        }
    });
}

/// Where the only question ends: labels, type and class.
fn end_of_question(packet: &[u8]) -> usize {
    let mut at = 12;
    while let Some(length) = packet.get(at).copied().filter(|length| *length > 0) {
        at += usize::from(length) + 1;
    }
    (at + 5).min(packet.len())
}
