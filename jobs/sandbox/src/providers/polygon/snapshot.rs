//! Snapshots: the day, the minute, the day before, the last trade and the quote.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Refusal, Source, bar, refused, request_id};
use crate::{
    hours,
    prices::{LISTINGS, find},
};

/// `GET /v2/snapshot/locale/us/markets/stocks/tickers/{ticker}`.
pub(super) async fn of_one(
    State(source): State<Source>,
    Path(ticker): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let found = written(&source, &ticker, source.replay.clock.now());
    let found = found.ok_or_else(|| refused(StatusCode::NOT_FOUND, "NOT_FOUND", "Ticker not found."))?;
    Ok(Json(json!({ "status": "OK", "request_id": request_id(&source, &ticker), "ticker": found })))
}

/// `GET /v2/snapshot/locale/us/markets/stocks/tickers?tickers=`: all of them when none is named.
pub(super) async fn of_many(
    State(source): State<Source>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    let now = source.replay.clock.now();
    let named = query.get("tickers").filter(|named| !named.is_empty());
    let symbols: Vec<&str> = named.map_or_else(
        || LISTINGS.iter().map(|listing| listing.symbol).collect(),
        |named| named.split(',').map(str::trim).collect(),
    );
    let found: Vec<_> = symbols.into_iter().filter_map(|symbol| written(&source, symbol, now)).collect();
    let id = request_id(&source, "tickers");
    Json(json!({ "status": "OK", "request_id": id, "count": found.len(), "tickers": found }))
}

fn written(source: &Source, ticker: &str, now: DateTime<Utc>) -> Option<Value> {
    let symbol = LISTINGS[find(ticker)?].symbol;
    let prices = &source.replay.prices;
    let session = hours::last_opened(now);
    let before = hours::last_opened(session.open - TimeDelta::seconds(1));
    let tick = prices.tick(symbol, now)?;
    let previous = prices.daily(symbol, before.date, now)?;
    let changed = tick.price.dollars() - previous.close.dollars();
    let none = || json!({ "o": 0, "h": 0, "l": 0, "c": 0, "v": 0, "vw": 0 });
    let day = prices.daily(symbol, session.date, now);
    let minute = prices.last_minute(symbol, now).map(|last| {
        let mut written = bar(&last);
        written["t"] = last.start.timestamp_millis().into();
        written["n"] = last.trades.into();
        written["av"] = day.map_or(0, |day| day.volume).into();
        written
    });
    let nanos = tick.at.timestamp_nanos_opt()?;
    Some(json!({
        "ticker": symbol,
        "todaysChange": (changed * 1e4).round() / 1e4,
        "todaysChangePerc": (changed / previous.close.dollars() * 1e6).round() / 1e4,
        "updated": nanos,
        "day": day.as_ref().map_or_else(none, bar),
        "min": minute,
        "prevDay": bar(&previous),
        "lastTrade": {
            "p": tick.price.dollars(),
            "s": tick.size,
            "t": nanos,
            "x": 15,
            "c": [0],
            "i": tick.id.to_string(),
        },
        "lastQuote": {
            "p": tick.bid.dollars(),
            "s": tick.bid_lots,
            "P": tick.ask.dollars(),
            "S": tick.ask_lots,
            "t": nanos,
        },
    }))
}
