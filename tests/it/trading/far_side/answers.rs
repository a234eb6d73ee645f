//! What the broker answers.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{
        Path, Query, State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::Utc;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Fate, Shared, now, refusal, silence};

pub(super) async fn place(State(far): State<Shared>, Json(body): Json<Value>) -> Response {
    let fate = far.book().fates.pop_front();
    match fate {
        None => {}
        Some(Fate::NeverArrives) => return silence().await,
        Some(Fate::Refused(status, body)) => {
            far.book().posts.push(String::from("refused"));
            let status = StatusCode::from_u16(status).expect("a status of this test is valid");
            return (status, Json(body)).into_response();
        }
        Some(Fate::AnswerLost) => {
            let _ = far.book().take(&body);
            return silence().await;
        }
        Some(Fate::Nonsense(nonsense)) => {
            let _ = far.book().take(&body);
            return Json(nonsense).into_response();
        }
        Some(Fate::Held) => {
            far.book().held += 1;
            far.release.acquire().await.expect("the semaphore stays open").forget();
        }
    }
    let taken = far.book().take(&body);
    match taken {
        Ok(order) => Json(order).into_response(),
        Err(refusal) => *refusal,
    }
}

pub(super) async fn list(
    State(far): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let mut book = far.book();
    book.lists += 1;
    if let Some(nonsense) = book.nonsense.get("/v2/orders") {
        return Json(nonsense).into_response();
    }
    let ended = ["filled", "canceled", "expired", "replaced", "rejected"];
    let is_open = |order: &&Value| !ended.contains(&order["status"].as_str().unwrap_or_default());
    let wanted: Vec<&Value> = match query.get("status").map(String::as_str) {
        Some("all") => book.orders.iter().collect(),
        Some("closed") => book.orders.iter().filter(|order| !is_open(order)).collect(),
        _ => book.orders.iter().filter(is_open).collect(),
    };
    Json(json!(wanted)).into_response()
}

pub(super) async fn one(State(far): State<Shared>, Path(id): Path<String>) -> Response {
    let mut book = far.book();
    match book.find(&id) {
        Some(order) => Json(order.clone()).into_response(),
        None => refusal(404, 40_410_000, "order not found"),
    }
}

pub(super) async fn by_client_id(
    State(far): State<Shared>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let mut book = far.book();
    book.lookups += 1;
    if let Some(nonsense) = book.nonsense.get("/v2/orders:by_client_order_id") {
        return Json(nonsense).into_response();
    }
    let id = query.get("client_order_id").cloned().unwrap_or_default();
    let found = book.orders.iter().find(|order| order["client_order_id"] == id).cloned();
    match found {
        Some(order) => Json(order).into_response(),
        None => refusal(404, 40_410_000, "order not found"),
    }
}

pub(super) async fn cancel(State(far): State<Shared>, Path(id): Path<String>) -> Response {
    let mut book = far.book();
    book.cancels += 1;
    let slow = book.slow_cancels;
    let Some(order) = book.find(&id) else { return refusal(404, 40_410_000, "order not found") };
    let status = order["status"].as_str().unwrap_or_default().to_owned();
    if ["filled", "canceled", "expired", "replaced", "rejected"].contains(&status.as_str()) {
        let message = format!("order is already in \"{status}\" state");
        return refusal(422, 42_210_000, &message);
    }
    order["status"] = json!(if slow { "pending_cancel" } else { "canceled" });
    order["updated_at"] = json!(now());
    order["canceled_at"] = json!(now());
    StatusCode::NO_CONTENT.into_response()
}

pub(super) async fn replace(
    State(far): State<Shared>,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let fate = far.book().fates.pop_front();
    match fate {
        Some(Fate::NeverArrives) => silence().await,
        Some(Fate::Refused(status, body)) => {
            let status = StatusCode::from_u16(status).expect("a status of this test is valid");
            (status, Json(body)).into_response()
        }
        Some(Fate::AnswerLost) => {
            let _ = exchange(&far, &id, &body);
            silence().await
        }
        _ => exchange(&far, &id, &body),
    }
}

/// Puts an order in the place of another.
fn exchange(far: &Shared, id: &str, body: &Value) -> Response {
    let mut book = far.book();
    let Some(old) = book.find(id) else { return refusal(404, 40_410_000, "order not found") };
    let mut wanted = old.clone();
    wanted["client_order_id"] = body["client_order_id"].clone();
    for field in ["qty", "limit_price", "stop_price", "time_in_force"] {
        if !body[field].is_null() {
            wanted[field] = body[field].clone();
        }
    }
    let mut new = match book.take(&wanted) {
        Ok(new) => new,
        Err(refusal) => return *refusal,
    };
    new["replaces"] = json!(id);
    let new_id = new["id"].clone();
    let old = book.find(id).expect("it was found before");
    old["status"] = json!("replaced");
    old["replaced_by"] = new_id;
    old["updated_at"] = json!(now());
    Json(new).into_response()
}

pub(super) async fn account(State(far): State<Shared>) -> Response {
    let book = far.book();
    if let Some(nonsense) = book.nonsense.get("/v2/account") {
        return Json(nonsense).into_response();
    }
    let equity = book.equity.unwrap_or(Decimal::from(100_000)).to_string();
    Json(json!({
        "id": Uuid::nil(), "account_number": "PA1", "status": "ACTIVE", "currency": "USD",
        "cash": equity, "equity": equity, "last_equity": "100000", "buying_power": "200000",
        "long_market_value": "0", "short_market_value": "0", "shorting_enabled": true,
        "pattern_day_trader": false, "daytrade_count": 0, "trading_blocked": false,
        "account_blocked": false, "trade_suspended_by_user": false,
    }))
    .into_response()
}

pub(super) async fn clock() -> Response {
    let later = |hours| (Utc::now() + chrono::TimeDelta::hours(hours)).to_rfc3339();
    Json(json!({ "timestamp": now(), "is_open": true, "next_open": later(20), "next_close": later(3) }))
        .into_response()
}

pub(super) async fn positions(State(far): State<Shared>) -> Response {
    let book = far.book();
    if let Some(nonsense) = book.nonsense.get("/v2/positions") {
        return Json(nonsense).into_response();
    }
    let position = |(symbol, (qty, average)): (&String, &(Decimal, Decimal))| {
        json!({
            "symbol": symbol, "asset_id": Uuid::nil(), "side": if qty.is_sign_negative() { "short" } else { "long" },
            "qty": qty.to_string(), "qty_available": qty.to_string(), "avg_entry_price": average.to_string(),
            "current_price": average.to_string(), "market_value": (qty * average).to_string(),
            "cost_basis": (qty * average).to_string(), "unrealized_pl": "0",
        })
    };
    Json(book.positions.iter().map(position).collect::<Vec<_>>()).into_response()
}

pub(super) async fn asset(State(far): State<Shared>, Path(symbol): Path<String>) -> Response {
    if let Some(nonsense) = far.book().nonsense.get("/v2/assets") {
        return Json(nonsense).into_response();
    }
    if far.book().unknown.contains(&symbol) {
        return refusal(404, 40_410_000, "asset not found");
    }
    Json(json!({
        "id": Uuid::nil(), "class": "us_equity", "exchange": "NYSE", "symbol": symbol, "name": symbol,
        "status": "active", "tradable": true, "marginable": true, "shortable": true, "fractionable": true,
    }))
    .into_response()
}

pub(super) async fn price(Path(symbol): Path<String>) -> Response {
    Json(json!({ "symbol": symbol, "trade": { "t": now(), "x": "V", "p": 100, "s": 1 } })).into_response()
}

pub(super) async fn stream(State(far): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| speak(far, socket))
}

async fn speak(far: Shared, mut socket: WebSocket) {
    let (mut events, mut hangups) = (far.events.subscribe(), far.hangups.subscribe());
    let mut listening = false;
    loop {
        let answer = tokio::select! {
            _ = hangups.recv() => break,
            event = events.recv() => match event {
                Ok(event) if listening => event,
                Ok(_) => continue,
                Err(_) => break,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) if text.contains("authenticate") => {
                    let data = json!({ "status": "authorized", "action": "authenticate" });
                    json!({ "stream": "authorization", "data": data }).to_string()
                }
                Some(Ok(Message::Text(text))) if text.contains("listen") => {
                    listening = true;
                    far.listeners.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    json!({ "stream": "listening", "data": { "streams": ["trade_updates"] } }).to_string()
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => break,
            },
        };
        if socket.send(Message::Text(answer.into())).await.is_err() {
            break;
        }
    }
    if listening {
        far.listeners.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
    }
}
