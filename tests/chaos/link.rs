//! A way to a server that can be taken away: connections pass through here.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// They pass.
    Open,
    /// New ones are refused, as where nothing listens; the others are reset.
    Down,
    /// They stay, and nothing passes: as where the other side has vanished. They are reset when
    /// that is over, for nobody knows them any more.
    Silent,
}

/// The way.
pub struct Link {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    task: JoinHandle<()>,
    /// Bound and never listened on: while nothing listens, nobody else gets the port.
    _port: TcpSocket,
}

impl Link {
    /// One that leads to `target`, `127.0.0.1:PORT`.
    pub fn to(target: &str) -> Self {
        let port = TcpSocket::new_v4().unwrap();
        port.set_reuseaddr(true).unwrap();
        port.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = port.local_addr().unwrap();
        let state = Arc::new(watch::Sender::new(State::Open));
        let target = target.parse().unwrap();
        let task = tokio::spawn(accept(listen(address), target, state.subscribe()));
        Self { address, state, task, _port: port }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn down(&self) {
        self.state.send_replace(State::Down);
    }

    pub fn silent(&self) {
        self.state.send_replace(State::Silent);
    }

    pub fn open(&self) {
        self.state.send_replace(State::Open);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(1024).unwrap()
}

async fn accept(first: TcpListener, target: SocketAddr, mut state: watch::Receiver<State>) {
    let address = first.local_addr().unwrap();
    let mut listener = Some(first);
    loop {
        let now = *state.borrow_and_update();
        if now == State::Down {
            listener = None;
            if state.changed().await.is_err() {
                return;
            }
            continue;
        }
        let listening = listener.get_or_insert_with(|| listen(address));
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return },
            accepted = listening.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                tokio::spawn(pass(stream, target, state.clone(), now));
            }
        }
    }
}

/// One connection, until the state is another than it was begun in.
async fn pass(mut near: TcpStream, target: SocketAddr, state: watch::Receiver<State>, now: State) {
    let mut far = None;
    let copy = async {
        if now == State::Silent {
            std::future::pending::<()>().await;
        }
        let far = far.insert(TcpStream::connect(target).await?);
        near.set_nodelay(true)?;
        far.set_nodelay(true)?;
        tokio::io::copy_bidirectional(&mut near, far).await.map(|_| ())
    };
    let mut changes = state.clone();
    let over: io::Result<()> = tokio::select! {
        ended = copy => ended,
        _ = changes.wait_for(|state| *state != now) => Err(io::ErrorKind::Interrupted.into()),
    };
    if over.is_ok() {
        return;
    }
    let mut changes = state.clone();
    let _ = changes.wait_for(|state| *state != State::Silent).await;
    let _ = near.set_zero_linger();
    if let Some(far) = far {
        let _ = far.set_zero_linger();
    }
}
