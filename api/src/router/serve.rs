//! Serving until told to stop.

use std::{net::SocketAddr, time::Duration};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::state::AppState;

/// How long requests in flight may take after the stop.
const GRACE: Duration = Duration::from_secs(5);

/// Serves the API on `listener` until `shutdown`, then lets requests in flight finish for
/// up to five seconds; streams end at once.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let streams = state.shutdown.clone();
    let app = super::app(state).into_make_service_with_connect_info::<SocketAddr>();
    let stopping = shutdown.clone();
    let stop = async move {
        stopping.cancelled().await;
        streams.cancel();
    };
    let serving = axum::serve(listener, app).with_graceful_shutdown(stop);
    let overdue = async {
        shutdown.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = serving.into_future() => served,
        () = overdue => {
            tracing::warn!("requests still in flight after {} s: closing their connections", GRACE.as_secs());
            Ok(())
        }
    }
}
