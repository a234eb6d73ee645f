//! The stream of trade updates.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::desk::{Desk, buy, resting};

/// How long anything expected may take.
const LIMIT: Duration = Duration::from_secs(20);

struct Listener(WebSocketStream<TcpStream>);

impl Listener {
    async fn connect(desk: &Desk, content_type: Option<&'static str>) -> Self {
        let mut request = format!("ws://{}/stream", desk.address).into_client_request().expect("an address");
        if let Some(content_type) = content_type {
            request.headers_mut().insert("content-type", content_type.parse().expect("a header"));
        }
        let socket = TcpStream::connect(desk.address).await.expect("a connection");
        Self(client_async(request, socket).await.expect("an upgrade").0)
    }

    /// Connects, authenticates and listens.
    async fn listening(desk: &Desk) -> Self {
        let mut listener = Self::connect(desk, None).await;
        let keys = json!({ "action": "authenticate", "data": { "key_id": "key", "secret_key": "secret" } });
        listener.say(&keys).await;
        assert_eq!(listener.hear().await["data"]["status"], "authorized");
        listener.say(&json!({ "action": "listen", "data": { "streams": ["trade_updates"] } })).await;
        assert_eq!(listener.hear().await["data"]["streams"], json!(["trade_updates"]));
        listener
    }

    async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.expect("sent");
    }

    /// Returns the next frame, or `None` at the end of the connection.
    async fn frame(&mut self) -> Option<Message> {
        let frame = tokio::time::timeout(LIMIT, self.0.next()).await.expect("a frame in time");
        frame.and_then(Result::ok).filter(|frame| !frame.is_close())
    }

    /// Returns the next message.
    async fn hear(&mut self) -> Value {
        let frame = self.frame().await.expect("a message");
        serde_json::from_slice(&frame.into_data()).expect("JSON")
    }

    /// Returns event and order status of the next trade update.
    async fn event(&mut self) -> (String, String) {
        let message = self.hear().await;
        assert_eq!(message["stream"], "trade_updates");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&message["data"]["event"]), text(&message["data"]["order"]["status"]))
    }
}

fn event(event: &str, status: &str) -> (String, String) {
    (event.to_owned(), status.to_owned())
}

#[tokio::test]
async fn every_step_of_an_order_is_told_in_binary_frames() {
    let desk = Desk::open().await;
    let mut listener = Listener::listening(&desk).await;
    let order = desk.place(&buy("job-1", 10)).await;
    desk.pass().await;
    assert_eq!(listener.event().await, event("new", "new"));
    let frame = listener.frame().await.expect("a fill");
    assert!(frame.is_binary());
    let fill: Value = serde_json::from_slice(&frame.into_data()).expect("JSON");
    let data = &fill["data"];
    assert_eq!((&data["event"], &data["order"]["id"]), (&json!("fill"), &order["id"]));
    assert_eq!((&data["qty"], &data["position_qty"]), (&json!("10"), &json!("10")));
    for key in ["price", "timestamp", "execution_id"] {
        assert!(data[key].is_string(), "{key}");
    }
    for key in ["created_at", "updated_at", "submitted_at", "order_class", "time_in_force", "client_order_id"]
    {
        assert!(data["order"][key].is_string(), "{key}");
    }
}

#[tokio::test]
async fn text_is_sent_to_who_asks_for_it_and_pings_are_answered() {
    let desk = Desk::open().await;
    let mut listener = Listener::connect(&desk, Some("application/json")).await;
    listener.say(&json!({ "action": "auth", "key": "key", "secret": "wrong" })).await;
    let frame = listener.frame().await.expect("an answer");
    assert!(frame.is_text());
    let answer: Value = serde_json::from_slice(&frame.into_data()).expect("JSON");
    assert_eq!(answer["data"], json!({ "status": "unauthorized", "action": "authenticate" }));
    listener.0.send(Message::Ping("7".into())).await.expect("sent");
    assert_eq!(listener.frame().await, Some(Message::Pong("7".into())));
}

async fn disturb(desk: &Desk, disturb: &Value) {
    let (status, body) = desk.ask(Method::PUT, "/sandbox/stream", Some(disturb)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
}

#[tokio::test]
async fn events_can_come_twice() {
    let desk = Desk::open().await;
    disturb(&desk, &json!({ "duplicate": 1.0 })).await;
    let mut listener = Listener::listening(&desk).await;
    desk.place(&resting("job-1")).await;
    desk.pass().await;
    let first = listener.hear().await;
    assert_eq!(first["data"]["event"], "new");
    assert_eq!(listener.hear().await, first);
}

#[tokio::test]
async fn events_can_come_out_of_order_and_late_ones_still_come() {
    let desk = Desk::open().await;
    disturb(&desk, &json!({ "reorder": 1.0 })).await;
    let mut listener = Listener::listening(&desk).await;
    desk.place(&buy("job-1", 1)).await;
    desk.pass().await;
    assert_eq!(listener.event().await, event("fill", "filled"));
    assert_eq!(listener.event().await, event("new", "new"));
    desk.place(&resting("job-2")).await;
    desk.pass().await;
    assert_eq!(listener.event().await, event("new", "new"));
}

#[tokio::test]
async fn a_connection_can_end_with_an_event_and_the_next_one_works() {
    let desk = Desk::open().await;
    disturb(&desk, &json!({ "drop_connection": 1.0 })).await;
    let mut listener = Listener::listening(&desk).await;
    desk.place(&resting("job-1")).await;
    desk.pass().await;
    assert_eq!(listener.frame().await, None);
    disturb(&desk, &json!({})).await;
    let mut listener = Listener::listening(&desk).await;
    desk.place(&resting("job-2")).await;
    desk.pass().await;
    assert_eq!(listener.event().await, event("new", "new"));
}

#[tokio::test]
async fn the_same_events_are_sent_by_the_server_over_http() {
    let desk = Desk::open().await;
    let mut answer = desk.open_get("/v2/events/trades").await;
    let order = desk.place(&resting("job-1")).await;
    desk.pass().await;
    let mut text = String::new();
    while !text.contains("\n\n") {
        let chunk = tokio::time::timeout(LIMIT, answer.chunk()).await.expect("an event in time");
        text.push_str(&String::from_utf8_lossy(&chunk.expect("a chunk").expect("no end yet")));
    }
    let data = text.trim().strip_prefix("data: ").expect("an event");
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!((&data["event"], &data["order"]["id"]), (&json!("new"), &order["id"]));
}
