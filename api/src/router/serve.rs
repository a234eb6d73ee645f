//! Serving until told to stop.
//!
//! The accept loop is our own: a client gets a limited time to send a request's head, and a
//! process holds a limited number of connections; more wait in the system's backlog.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Extension, Router, extract::ConnectInfo};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tower::Layer;

use crate::state::AppState;

/// How long requests in flight may take after the stop.
const GRACE: Duration = Duration::from_secs(5);
/// Most bytes of a request's head, and of what a connection keeps unwritten.
const BUFFER: usize = 64 * 1024;
/// The pause after the system refused another connection, for example for want of handles.
const BREATH: Duration = Duration::from_millis(200);

/// What client connections may cost.
#[derive(Debug, Clone)]
pub struct Sockets {
    /// How many may be open at once.
    pub most: usize,
    /// The longest time for a request's head, and the longest idling between two requests.
    pub header_timeout: Duration,
    /// Shows how many are open.
    pub open: Gauge,
}

/// Serves the API on `listener` until `shutdown`, then lets requests in flight finish for
/// up to five seconds; streams end at once.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let streams = state.shutdown.clone();
    let sockets = Sockets {
        most: state.config.api.max_sockets,
        header_timeout: Duration::from_millis(state.config.api.header_timeout_ms),
        open: state.telemetry.sockets.clone(),
    };
    let stop = async {
        shutdown.cancelled().await;
        streams.cancel();
    };
    let serving = serve_router(listener, super::app(state), sockets, shutdown.clone());
    tokio::join!(serving, stop);
    Ok(())
}

/// Serves `router` on `listener` as [`serve`] does, without the API's streams.
pub async fn serve_router(
    listener: TcpListener,
    router: Router,
    sockets: Sockets,
    shutdown: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(sockets.most));
    // No HTTP/2: browsers speak it under TLS only, which ends at the proxy.
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(sockets.header_timeout).max_buf_size(BUFFER);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer, place) = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &places) => accepted,
        };
        let service = TowerToHyperService::new(Extension(ConnectInfo(peer)).layer(router.clone()));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        let open = Open::new(&sockets.open, place);
        connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(open);
        });
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = sleep(GRACE) => {
            tracing::warn!("requests still in flight after {} s: closing their connections", GRACE.as_secs());
        }
    }
    connections.shutdown().await;
}

/// Waits for a free place, then for a client.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let place = places.clone().acquire_owned().await.expect("the places are never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Replies and events are small and wanted at once.
                let _ = stream.set_nodelay(true);
                return (stream, peer, place);
            }
            // The client went away while it waited.
            Err(error) if is_clients_own(error.kind()) => {}
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection; trying again");
                sleep(BREATH).await;
            }
        }
    }
}

fn is_clients_own(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(kind, ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// One open connection and its place, until dropped.
struct Open {
    gauge: Gauge,
    _place: OwnedSemaphorePermit,
}

impl Open {
    fn new(gauge: &Gauge, place: OwnedSemaphorePermit) -> Self {
        gauge.inc();
        Self { gauge: gauge.clone(), _place: place }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}
