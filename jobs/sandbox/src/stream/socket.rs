//! One connection of the stream.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};

use super::StreamState;
use super::protocol::Standing;
use crate::exchange::TradeUpdate;
use crate::msgpack;

/// How long a client may take to accept a frame.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// How long an event that is to come late waits for one to come before it.
const LATEST: Duration = Duration::from_millis(200);

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// JSON in binary frames.
    Binary,
    /// JSON in text frames.
    Text,
    /// MessagePack in binary frames.
    MessagePack,
}

/// A connection and where it stands.
pub(super) struct Connection {
    state: StreamState,
    encoding: Encoding,
    standing: Standing,
    /// An event that is sent after the next one, and when at the latest.
    late: Option<(TradeUpdate, Instant)>,
}

/// The connection is over, whoever ended it.
struct Ended;

impl Connection {
    pub(super) fn new(state: StreamState, encoding: Encoding) -> Self {
        Self { state, encoding, standing: Standing::default(), late: None }
    }

    /// Serves the connection until either side ends it.
    pub(super) async fn run(mut self, mut socket: WebSocket) {
        let mut updates = self.state.trading.subscribe();
        let stopping = self.state.stopping.clone();
        loop {
            let due = self.late.as_ref().map(|(_, at)| *at);
            let wait = async {
                match due {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let step = tokio::select! {
                () = stopping.cancelled() => Err(Ended),
                message = socket.recv() => match message {
                    Some(Ok(message)) => self.answer(&mut socket, &message).await,
                    Some(Err(_)) | None => Err(Ended),
                },
                update = updates.recv() => match update {
                    Ok(update) if self.standing.listens => self.tell(&mut socket, update).await,
                    Ok(_) => Ok(()),
                    Err(RecvError::Lagged(missed)) => {
                        tracing::warn!(missed, "a stream client lags {missed} events behind; cutting it off");
                        Err(Ended)
                    }
                    Err(RecvError::Closed) => Err(Ended),
                },
                () = wait => self.tell_late(&mut socket).await,
            };
            if step.is_err() {
                break;
            }
        }
        // Both sides may be gone already.
        let _ = timeout(SEND_LIMIT, socket.send(Message::Close(None))).await;
    }

    async fn answer(&mut self, socket: &mut WebSocket, message: &Message) -> Result<(), Ended> {
        let read = match message {
            Message::Text(text) => serde_json::from_str(text).ok(),
            Message::Binary(bytes) => serde_json::from_slice(bytes).ok().or_else(|| msgpack::decode(bytes)),
            // The library answers pings itself.
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Close(_) => return Err(Ended),
        };
        // What cannot be read is passed over, as the provider does.
        let Some(message): Option<Value> = read else { return Ok(()) };
        match self.standing.take(&message, &self.state.opens) {
            Some(answer) => self.send(socket, &answer).await,
            None => Ok(()),
        }
    }

    async fn tell(&mut self, socket: &mut WebSocket, update: TradeUpdate) -> Result<(), Ended> {
        let fate = self.state.disturbances.next();
        if fate.drop_connection {
            return Err(Ended);
        }
        if fate.reorder && self.late.is_none() {
            self.late = Some((update, Instant::now() + LATEST));
            return Ok(());
        }
        let times = if fate.duplicate { 2 } else { 1 };
        for _ in 0..times {
            self.send(socket, &wrapped(&update)).await?;
        }
        self.tell_late(socket).await
    }

    async fn tell_late(&mut self, socket: &mut WebSocket) -> Result<(), Ended> {
        match self.late.take() {
            Some((update, _)) => self.send(socket, &wrapped(&update)).await,
            None => Ok(()),
        }
    }

    async fn send(&self, socket: &mut WebSocket, message: &Value) -> Result<(), Ended> {
        let frame = match self.encoding {
            Encoding::Binary => Message::Binary(message.to_string().into()),
            Encoding::Text => Message::Text(message.to_string().into()),
            Encoding::MessagePack => Message::Binary(msgpack::encode(message).into()),
        };
        match timeout(SEND_LIMIT, socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Ended),
        }
    }
}

fn wrapped(update: &TradeUpdate) -> Value {
    json!({ "stream": "trade_updates", "data": *update.data })
}
