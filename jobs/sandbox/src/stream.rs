//! The `trade_updates` stream: order events over a WebSocket at `/stream`.
//!
//! JSON in binary frames as the provider's paper stream sends it, in text frames for a client
//! that asks for JSON (`Content-Type: application/json`), MessagePack for one that asks for it.
//! There is no replay: who was away reconciles over the trading API. A client that lags too far
//! behind is cut off.

mod disturbance;
mod events;
mod protocol;
mod socket;

use std::sync::Arc;

use axum::Router;
use axum::extract::{State, WebSocketUpgrade};
use axum::http::{HeaderMap, header::CONTENT_TYPE};
use axum::response::Response;
use axum::routing::{any, get};
use tokio_util::sync::CancellationToken;

pub use self::disturbance::{Disturb, Disturbances};
use self::socket::{Connection, Encoding};
use crate::trading::TradingState;

/// Whether a key id and a secret open the stream.
pub type Opens = Arc<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// What every connection of the stream needs.
#[derive(Clone)]
pub struct StreamState {
    /// Where the events come from.
    pub trading: TradingState,
    /// Whether a key id and a secret open the stream.
    pub opens: Opens,
    /// How the stream misbehaves; may be set at any time.
    pub disturbances: Disturbances,
    /// Ends every connection when cancelled.
    pub stopping: CancellationToken,
}

impl std::fmt::Debug for StreamState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamState").field("disturbances", &self.disturbances).finish_non_exhaustive()
    }
}

/// Returns the routes of the stream: the socket, which checks the keys itself in the client's
/// first message, and the server-sent events, which leave that to the gate before them.
pub fn router(state: StreamState) -> Router {
    Router::new()
        .route("/stream", any(upgrade))
        .route("/v2/events/trades", get(events::events))
        .with_state(state)
}

async fn upgrade(
    State(state): State<StreamState>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let asked = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let encoding = match asked {
        "application/msgpack" => Encoding::MessagePack,
        "application/json" => Encoding::Text,
        _ => Encoding::Binary,
    };
    upgrade.on_upgrade(move |socket| Connection::new(state, encoding).run(socket))
}
