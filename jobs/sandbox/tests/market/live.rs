//! The live data socket.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::served::{Served, stepped};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn receive(socket: &mut Socket) -> Value {
    let received = timeout(Duration::from_secs(10), socket.next()).await.expect("a message in time");
    let message = received.expect("an open socket").expect("a sound message");
    serde_json::from_str(message.to_text().expect("a text")).expect("a message in JSON")
}

async fn send(socket: &mut Socket, message: Value) -> Value {
    socket.send(Message::text(message.to_string())).await.expect("an open socket");
    receive(socket).await
}

async fn connected(served: &Served) -> Socket {
    let (mut socket, _) = connect_async(format!("ws://{}/v2/iex", served.address)).await.expect("a socket");
    assert_eq!(receive(&mut socket).await, json!([{"T": "success", "msg": "connected"}]));
    socket
}

#[tokio::test]
async fn a_socket_asks_for_the_key() {
    let served = Served::start(stepped()).await;
    let mut socket = connected(&served).await;
    let answer = send(&mut socket, json!({"action": "subscribe", "bars": ["AAPL"]})).await;
    assert_eq!(answer, json!([{"T": "error", "code": 401, "msg": "not authenticated"}]));
    let answer = send(&mut socket, json!({"action": "auth", "key": "key", "secret": "wrong"})).await;
    assert_eq!(answer, json!([{"T": "error", "code": 402, "msg": "auth failed"}]));
    let answer = send(&mut socket, json!({"action": "auth", "key": "key", "secret": "secret"})).await;
    assert_eq!(answer, json!([{"T": "success", "msg": "authenticated"}]));
    let answer = send(&mut socket, json!({"action": "auth", "key": "key", "secret": "secret"})).await;
    assert_eq!(answer, json!([{"T": "error", "code": 403, "msg": "already authenticated"}]));
}

#[tokio::test]
async fn bars_come_when_their_minute_has_ended() {
    let served = Served::start(stepped()).await;
    let mut socket = connected(&served).await;
    send(&mut socket, json!({"action": "auth", "key": "key", "secret": "secret"})).await;
    let lists = send(&mut socket, json!({"action": "subscribe", "bars": ["AAPL", "IBM"]})).await;
    assert_eq!(lists[0]["bars"], json!(["AAPL", "IBM"]));
    served.turn_to("2024-03-04T14:33:10Z").await;
    let mut bars = Vec::new();
    while bars.len() < 6 {
        bars.extend(receive(&mut socket).await.as_array().expect("a list").clone());
    }
    let history = served.get("/v2/stocks/bars?symbols=AAPL,IBM&timeframe=1Min&start=2024-03-04").await;
    for symbol in ["AAPL", "IBM"] {
        let live: Vec<_> = bars.iter().filter(|bar| bar["S"] == symbol).collect();
        let past = history["bars"][symbol].as_array().expect("a list");
        assert_eq!(live.len(), past.len(), "{symbol}");
        for (live, past) in live.iter().zip(past) {
            assert_eq!((&live["T"], &live["t"], &live["c"]), (&"b".into(), &past["t"], &past["c"]));
        }
    }
}
