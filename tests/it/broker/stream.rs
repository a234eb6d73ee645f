//! The stream of order events over a real WebSocket.

use std::time::Duration;

use axum::{
    Router,
    extract::ws::{Message, WebSocket, WebSocketUpgrade},
    routing::any,
};
use futures::StreamExt;
use jobs::{
    broker::{
        Broker, StreamError, TradeEventKind, TradeStream,
        alpaca::{Alpaca, AlpacaOptions},
    },
    external::ExternalMetrics,
};
use serde_json::{Value, json};
use suites::TestDatabase;
use tokio::{net::TcpListener, task::JoinHandle};

use super::{KEY, SECRET, options, order_json};

/// A far side that authenticates, then sends its messages and keeps or ends the connection.
pub(super) struct Far {
    pub(super) url: String,
    task: JoinHandle<()>,
}

impl Drop for Far {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) async fn far(messages: Vec<Message>, stays: bool) -> Far {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback interface has a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
    let serve = move |upgrade: WebSocketUpgrade| {
        let messages = messages.clone();
        async move { upgrade.on_upgrade(move |socket| speak(socket, messages, stays)) }
    };
    let router = Router::new().route("/stream", any(serve));
    let task = tokio::spawn(async move {
        axum::serve(listener, router).await.expect("serving ends only with the test");
    });
    Far { url, task }
}

async fn speak(mut socket: WebSocket, messages: Vec<Message>, stays: bool) {
    let heard = async |socket: &mut WebSocket| -> Value {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).expect("the client speaks JSON"),
            other => panic!("{other:?} is not what a client says"),
        }
    };
    let said = heard(&mut socket).await;
    let known = said == json!({"action": "authenticate", "data": {"key_id": KEY, "secret_key": SECRET}});
    let status = if known { "authorized" } else { "unauthorized" };
    let answer = json!({"stream": "authorization", "data": {"status": status, "action": "authenticate"}});
    socket.send(binary(&answer)).await.expect("the client is there");
    if !known {
        return;
    }
    let said = heard(&mut socket).await;
    assert_eq!(said, json!({"action": "listen", "data": {"streams": ["trade_updates"]}}));
    let answer = json!({"stream": "listening", "data": {"streams": ["trade_updates"]}});
    socket.send(binary(&answer)).await.expect("the client is there");
    for message in messages {
        socket.send(message).await.expect("the client is there");
    }
    if stays {
        // A peer that neither reads nor writes answers no ping.
        std::future::pending::<()>().await;
    }
}

fn binary(value: &Value) -> Message {
    Message::Binary(value.to_string().into_bytes().into())
}

fn event(kind: &str, order: &Value) -> Value {
    json!({"stream": "trade_updates", "data": {"event": kind, "execution_id": "e1", "order": order,
        "timestamp": "2026-03-02T15:04:06.5Z", "price": "187.5", "qty": "10", "position_qty": "10"}})
}

async fn connect(options: AlpacaOptions) -> Result<Box<dyn TradeStream>, StreamError> {
    let database = TestDatabase::create().await;
    let broker =
        Alpaca::new(options, &database.pool, &ExternalMetrics::default()).expect("a loopback URL is fine");
    broker.trade_updates().await
}

#[tokio::test]
async fn events_arrive_in_order_from_binary_and_text_frames_and_nonsense_is_skipped_over() {
    let order = order_json("o1", "2026-03-02T15:04:05Z");
    let far = far(
        vec![
            binary(&event("new", &order)),
            binary(&json!({"stream": "something_else", "data": {}})),
            Message::Text("no json".into()),
            binary(&event("fill", &json!({"id": 5}))),
            Message::Ping(Vec::new().into()),
            Message::Text(event("fill", &order).to_string().into()),
        ],
        false,
    )
    .await;
    let mut stream = connect(options(&far.url)).await.expect("the stream is there");
    let first = stream.next().await.expect("an event");
    assert_eq!((first.kind, first.order.id.as_str()), (TradeEventKind::New, "o1"));
    for _ in 0..2 {
        let malformed = stream.next().await;
        assert!(matches!(malformed, Err(StreamError::Malformed { .. })), "{malformed:?}");
    }
    let last = stream.next().await.expect("an event");
    assert_eq!((last.kind, last.qty.map(|qty| qty.to_string())), (TradeEventKind::Fill, Some("10".into())));
    assert_eq!(last.raw["position_qty"], "10");
    let ended = stream.next().await;
    assert!(matches!(ended, Err(StreamError::Closed { .. })), "{ended:?}");
}

#[tokio::test]
async fn a_wrong_key_is_told_from_a_missing_server() {
    let far = far(vec![], true).await;
    let mut wrong = options(&far.url);
    wrong.secret = "wrong".into();
    assert_eq!(connect(wrong).await.err(), Some(StreamError::Unauthorized));
    let gone = options("http://127.0.0.1:1");
    let gone = connect(gone).await.err();
    assert!(matches!(gone, Some(StreamError::NotConnected { .. })), "{gone:?}");
}

#[tokio::test]
async fn a_stream_that_answers_no_ping_is_given_up() {
    let far = far(vec![], true).await;
    let mut options = options(&far.url);
    options.stream_silence = Duration::from_millis(300);
    let mut stream = connect(options).await.expect("the stream is there");
    let silent = stream.next().await;
    assert!(matches!(silent, Err(StreamError::Silent { .. })), "{silent:?}");
}
