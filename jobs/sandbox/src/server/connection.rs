//! Connections: each can be cut by the request it carries.

use std::{convert::Infallible, future::Future, pin::pin, time::Duration};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::debug;

use crate::faults::Cut;

/// How long requests under way may take once the server is asked to stop.
const GRACE: Duration = Duration::from_secs(2);
/// How long a listener that can't accept (too many open files) is left alone.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves `app` on `listener` until `stop` is ready.
pub(super) async fn serve(listener: TcpListener, app: Router, stop: impl Future<Output = ()> + Send) {
    let stopping = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, app.clone(), stopping.clone()));
                }
                Err(error) => {
                    debug!(%error, "no connection accepted: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    stopping.cancel();
    let ended = async { while connections.join_next().await.is_some() {} };
    // What is still open then waits for an answer that a fault withholds; dropping aborts it.
    let _ = tokio::time::timeout(GRACE, ended).await;
}

async fn connection(stream: TcpStream, app: Router, stopping: CancellationToken) {
    // Answers are short and a client waits for each.
    let _ = stream.set_nodelay(true);
    let cut = Cut::default();
    let io = TokioIo::new(cut.socket(stream));
    let handle = cut.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(handle.clone());
        let app = app.clone();
        async move { Ok::<_, Infallible>(app.oneshot(request).await.unwrap_or_else(|never| match never {})) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new());
    let mut served = pin!(http.serve_connection(io, service).with_upgrades());
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = cut.asked() => return,
        () = stopping.cancelled() => {
            served.as_mut().graceful_shutdown();
            tokio::select! {
                ended = served.as_mut() => ended,
                () = cut.asked() => return,
            }
        }
    };
    if let Err(error) = ended {
        debug!(%error, "connection ended: {error}");
    }
}
