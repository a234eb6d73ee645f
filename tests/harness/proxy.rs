//! A TCP proxy in front of a server's unix socket, whose network can fail.
//!
//! The server sees the proxy's own process as its client, so `peer` authentication holds.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinHandle,
};

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// It works.
    Passes,
    /// Nothing gets through and nobody is told; what was sent arrives when it passes again.
    Blackhole,
    /// Connections are reset, and so is each new one.
    Resets,
    /// Statements get through, answers vanish. Such connections are reset when it passes again.
    HalfOpen,
}

/// A running proxy; every connection ends with this value.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    network: Arc<watch::Sender<Network>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port of the loopback interface and connects to `socket`, a unix socket.
    pub async fn start(socket: &Path) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let listener = listener.expect("the loopback interface has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let network = Arc::new(watch::Sender::new(Network::Passes));
        let accepting = tokio::spawn(accept(listener, socket.to_owned(), Arc::clone(&network)));
        Self { address, network, accepting }
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what the network does.
    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        // Connections end at a reset.
        self.network.send_replace(Network::Resets);
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, network: Arc<watch::Sender<Network>>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { return };
        let (socket, network) = (socket.clone(), network.subscribe());
        // It ends with its client, with the server, or at a reset.
        drop(tokio::spawn(carry(client, socket, network)));
    }
}

async fn carry(client: TcpStream, socket: PathBuf, mut network: watch::Receiver<Network>) {
    // Closing it then sends RST, not FIN.
    let _ = client.set_zero_linger();
    // A connection made while nothing gets through waits for better times.
    if network.wait_for(|now| matches!(now, Network::Passes | Network::Resets)).await.is_err()
        || *network.borrow() == Network::Resets
    {
        return;
    }
    let Ok(server) = UnixStream::connect(socket).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump(from_client, to_server, network.clone(), false) => {}
        () = pump(from_server, to_client, network.clone(), true) => {}
        () = doomed(network) => {}
    }
}

/// Copies until an end closes, as far as the network lets it.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut network: watch::Receiver<Network>,
    answers: bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(n @ 1..) = from.read(&mut buffer).await else { return };
        if network.wait_for(|now| *now != Network::Blackhole).await.is_err() {
            return;
        }
        if answers && *network.borrow() == Network::HalfOpen {
            continue;
        }
        if to.write_all(&buffer[..n]).await.is_err() {
            return;
        }
    }
}

/// Returns when the connection must be reset: at once, or because it has lost bytes.
async fn doomed(mut network: watch::Receiver<Network>) {
    let mut lossy = false;
    loop {
        match *network.borrow_and_update() {
            Network::Resets => return,
            Network::Passes if lossy => return,
            Network::HalfOpen => lossy = true,
            Network::Passes | Network::Blackhole => {}
        }
        if network.changed().await.is_err() {
            return;
        }
    }
}
