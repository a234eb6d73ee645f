//! The live socket: trades, quotes and bars as the replay reaches them.
//!
//! JSON in text frames, or MessagePack in binary ones when the request says so. Each message is
//! a list. How many connections an account has is not counted.

mod feed;
mod subscription;

use std::time::Duration;

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderMap, header},
    response::Response,
};
use serde_json::{Value, json};
use tokio::time::{Instant, interval, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::{gate::Gate, msgpack, replay::Replay};
use feed::Feed;
use subscription::Subscription;

/// How long a client may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the replay is looked at, in its own time.
const LOOK: Duration = Duration::from_secs(1);
/// How often at most, in the world's.
const LOOK_AT_MOST: Duration = Duration::from_millis(50);

/// What the sockets need.
#[derive(Debug, Clone)]
pub struct Live {
    replay: Replay,
    gate: Gate,
    stopping: CancellationToken,
}

impl Live {
    /// Returns the sockets of `replay` for clients that `gate` knows, open until `stopping`.
    pub fn new(replay: Replay, gate: Gate, stopping: CancellationToken) -> Self {
        Self { replay, gate, stopping }
    }
}

/// `GET /v2/{feed}`: the socket. All feeds carry the same.
pub(crate) async fn connect(
    State(live): State<Live>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let packed = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/msgpack");
    upgrade.on_upgrade(move |socket| async move {
        let stopping = live.stopping.clone();
        let mut wire = Wire { socket, packed };
        tokio::select! {
            () = talk(&live, &mut wire) => {}
            () = stopping.cancelled() => {}
        }
    })
}

/// A socket and how messages are written on it.
struct Wire {
    socket: WebSocket,
    packed: bool,
}

/// The client is gone.
struct Gone;

impl Wire {
    async fn send(&mut self, items: Vec<Value>) -> Result<(), Gone> {
        let list = Value::Array(items);
        let message = if self.packed {
            Message::Binary(msgpack::encode(&list).into())
        } else {
            Message::Text(list.to_string().into())
        };
        self.socket.send(message).await.map_err(|_| Gone)
    }

    async fn fail(&mut self, code: u16, message: &str) -> Result<(), Gone> {
        self.send(vec![json!({ "T": "error", "code": code, "msg": message })]).await
    }

    /// Returns the next message; `Err(Gone)` when none will come, `Ok(None)` for an unreadable one.
    async fn receive(&mut self) -> Result<Option<Value>, Gone> {
        loop {
            match self.socket.recv().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).ok()),
                Some(Ok(Message::Binary(bytes))) => {
                    return Ok(msgpack::decode(&bytes).or_else(|| serde_json::from_slice(&bytes).ok()));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
            }
        }
    }
}

async fn talk(live: &Live, wire: &mut Wire) {
    // A client that is gone needs no answer.
    let _ = converse(live, wire).await;
}

async fn converse(live: &Live, wire: &mut Wire) -> Result<(), Gone> {
    wire.send(vec![json!({ "T": "success", "msg": "connected" })]).await?;
    let Ok(known) = timeout_at(Instant::now() + PATIENCE, authenticate(live, wire)).await else {
        return wire.fail(404, "auth timeout").await;
    };
    known?;
    let mut wanted = Subscription::default();
    let mut feed = Feed::from(live.replay.clone());
    let mut moves = live.replay.clock.moves();
    let every = live.replay.clock.pace().takes(LOOK).unwrap_or(Duration::from_hours(1));
    let mut looks = interval(every.max(LOOK_AT_MOST));
    loop {
        tokio::select! {
            message = wire.receive() => answer(wire, &mut wanted, message?).await?,
            _ = looks.tick() => {}
            turned = moves.changed() => turned.map_err(|_| Gone)?,
        }
        let news = feed.news(&wanted);
        if !news.is_empty() {
            wire.send(news).await?;
        }
    }
}

async fn authenticate(live: &Live, wire: &mut Wire) -> Result<(), Gone> {
    loop {
        let Some(message) = wire.receive().await? else {
            wire.fail(400, "invalid syntax").await?;
            continue;
        };
        if message["action"] != "auth" {
            wire.fail(401, "not authenticated").await?;
            continue;
        }
        let text = |key: &str| message[key].as_str().unwrap_or_default();
        if live.gate.opens(text("key"), text("secret")) {
            return wire.send(vec![json!({ "T": "success", "msg": "authenticated" })]).await;
        }
        wire.fail(402, "auth failed").await?;
    }
}

async fn answer(wire: &mut Wire, wanted: &mut Subscription, message: Option<Value>) -> Result<(), Gone> {
    let Some(message) = message else { return wire.fail(400, "invalid syntax").await };
    let changed = match message["action"].as_str() {
        Some("subscribe") => wanted.add(&message),
        Some("unsubscribe") => wanted.remove(&message),
        Some("auth") => return wire.fail(403, "already authenticated").await,
        _ => None,
    };
    match changed {
        Some(()) => wire.send(vec![wanted.written()]).await,
        None => wire.fail(400, "invalid syntax").await,
    }
}
