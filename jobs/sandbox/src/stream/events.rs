//! Trade updates as server-sent events, for clients that prefer them to a socket.
//!
//! Only what happens from the request on is told; `since` and `until` of the provider, which
//! replay the past, are not.

use std::convert::Infallible;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use futures::stream::unfold;
use serde_json::Value;
use tokio::sync::broadcast::Receiver;

use super::StreamState;
use crate::exchange::TradeUpdate;

pub(super) async fn events(
    State(state): State<StreamState>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let updates = state.trading.subscribe();
    let told = unfold((state, updates), |(state, mut updates)| async move {
        let update = next(&state, &mut updates).await?;
        Some((Ok(event(&update)), (state, updates)))
    });
    Sse::new(told).keep_alive(KeepAlive::default())
}

/// Returns the next update, or `None` when the server stops or the client lags too far behind.
async fn next(state: &StreamState, updates: &mut Receiver<TradeUpdate>) -> Option<TradeUpdate> {
    tokio::select! {
        () = state.stopping.cancelled() => None,
        update = updates.recv() => update.ok(),
    }
}

fn event(update: &TradeUpdate) -> Event {
    let mut data = (*update.data).clone();
    if let Value::Object(fields) = &mut data {
        let at = fields.get("timestamp").cloned().unwrap_or_default();
        let id = fields.get("execution_id").cloned().unwrap_or_default();
        fields.insert("at".to_owned(), at);
        fields.insert("event_id".to_owned(), id);
    }
    Event::default().data(data.to_string())
}
