//! What was last known: bars, trades, quotes, and all of it as a snapshot.

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::{
    query::{self, Parameters},
    shapes,
};
use crate::{
    error::ApiError,
    hours,
    prices::{LISTINGS, Listing, Prices, find},
    replay::Replay,
};

type Answer = Result<Json<Value>, ApiError>;
type Known = fn(&Prices, &Listing, DateTime<Utc>) -> Option<Value>;

/// `GET /v2/stocks/bars/latest`: the last full minute of several symbols.
pub(crate) async fn bars(State(replay): State<Replay>, Query(parameters): Query<Parameters>) -> Answer {
    Ok(Json(json!({ "bars": of_many(&replay, &parameters, last_bar)? })))
}

/// `GET /v2/stocks/trades/latest`: the last trade of several symbols.
pub(crate) async fn trades(State(replay): State<Replay>, Query(parameters): Query<Parameters>) -> Answer {
    Ok(Json(json!({ "trades": of_many(&replay, &parameters, last_trade)? })))
}

/// `GET /v2/stocks/quotes/latest`: the quote of several symbols.
pub(crate) async fn quotes(State(replay): State<Replay>, Query(parameters): Query<Parameters>) -> Answer {
    Ok(Json(json!({ "quotes": of_many(&replay, &parameters, last_quote)? })))
}

/// `GET /v2/stocks/snapshots`: snapshots of several symbols, without a wrapper.
pub(crate) async fn snapshots(State(replay): State<Replay>, Query(parameters): Query<Parameters>) -> Answer {
    Ok(Json(Value::Object(of_many(&replay, &parameters, whole)?)))
}

/// `GET /v2/stocks/{symbol}/bars/latest`.
pub(crate) async fn bar(State(replay): State<Replay>, Path(symbol): Path<String>) -> Answer {
    of_one(&replay, &symbol, "bar", last_bar)
}

/// `GET /v2/stocks/{symbol}/trades/latest`.
pub(crate) async fn trade(State(replay): State<Replay>, Path(symbol): Path<String>) -> Answer {
    of_one(&replay, &symbol, "trade", last_trade)
}

/// `GET /v2/stocks/{symbol}/quotes/latest`.
pub(crate) async fn quote(State(replay): State<Replay>, Path(symbol): Path<String>) -> Answer {
    of_one(&replay, &symbol, "quote", last_quote)
}

/// `GET /v2/stocks/{symbol}/snapshot`: the five parts, beside the symbol.
pub(crate) async fn snapshot(State(replay): State<Replay>, Path(symbol): Path<String>) -> Answer {
    let (listing, mut found) = known(&replay, &symbol, "snapshot", whole)?;
    found["symbol"] = listing.symbol.into();
    Ok(Json(found))
}

fn of_many(replay: &Replay, parameters: &Parameters, what: Known) -> Result<Map<String, Value>, ApiError> {
    query::feed_and_adjustment(parameters)?;
    let now = replay.clock.now();
    let symbols = query::symbols(parameters)?;
    let known = symbols.into_iter().filter_map(|symbol| {
        let found = what(&replay.prices, &LISTINGS[find(&symbol)?], now)?;
        Some((symbol, found))
    });
    Ok(known.collect())
}

fn of_one(replay: &Replay, symbol: &str, name: &str, what: Known) -> Answer {
    let (listing, found) = known(replay, symbol, name, what)?;
    Ok(Json(json!({ "symbol": listing.symbol, name: found })))
}

fn known(
    replay: &Replay,
    symbol: &str,
    name: &str,
    what: Known,
) -> Result<(&'static Listing, Value), ApiError> {
    let found = find(symbol).and_then(|place| {
        let listing = &LISTINGS[place];
        Some((listing, what(&replay.prices, listing, replay.clock.now())?))
    });
    found.ok_or_else(|| ApiError::plain(StatusCode::NOT_FOUND, format!("no {name} found for {symbol}")))
}

fn last_bar(prices: &Prices, listing: &Listing, now: DateTime<Utc>) -> Option<Value> {
    prices.last_minute(listing.symbol, now).map(|bar| shapes::bar(&bar))
}

fn last_trade(prices: &Prices, listing: &Listing, now: DateTime<Utc>) -> Option<Value> {
    prices.tick(listing.symbol, now).map(|tick| shapes::trade(listing, &tick))
}

fn last_quote(prices: &Prices, listing: &Listing, now: DateTime<Utc>) -> Option<Value> {
    prices.tick(listing.symbol, now).map(|tick| shapes::quote(listing, &tick))
}

fn whole(prices: &Prices, listing: &Listing, now: DateTime<Utc>) -> Option<Value> {
    let session = hours::last_opened(now);
    let before = hours::last_opened(session.open - chrono::TimeDelta::seconds(1));
    let daily = |session: hours::Session| {
        prices.daily(listing.symbol, session.date, now).map(|bar| shapes::bar(&bar))
    };
    Some(json!({
        "latestTrade": last_trade(prices, listing, now)?,
        "latestQuote": last_quote(prices, listing, now)?,
        "minuteBar": last_bar(prices, listing, now),
        "dailyBar": daily(session),
        "prevDailyBar": daily(before),
    }))
}
