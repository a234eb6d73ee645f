//! Trades and quotes of a range, in pages.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde_json::Value;

use super::{
    pages::{self, Item},
    query::Parameters,
    shapes,
};
use crate::{
    error::ApiError,
    prices::{LISTINGS, Listing, Tick, find},
    replay::Replay,
};

/// `GET /v2/stocks/trades`.
pub(crate) async fn trades(
    State(replay): State<Replay>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Value>, ApiError> {
    pages::of_many(replay, &parameters, "trades", items(shapes::trade)).await
}

/// `GET /v2/stocks/quotes`.
pub(crate) async fn quotes(
    State(replay): State<Replay>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Value>, ApiError> {
    pages::of_many(replay, &parameters, "quotes", items(shapes::quote)).await
}

/// `GET /v2/stocks/{symbol}/trades`.
pub(crate) async fn trades_of_one(
    State(replay): State<Replay>,
    Path(symbol): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Value>, ApiError> {
    pages::of_one(replay, &symbol, parameters, "trades", items(shapes::trade)).await
}

/// `GET /v2/stocks/{symbol}/quotes`.
pub(crate) async fn quotes_of_one(
    State(replay): State<Replay>,
    Path(symbol): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Value>, ApiError> {
    pages::of_one(replay, &symbol, parameters, "quotes", items(shapes::quote)).await
}

fn items(shape: fn(&Listing, &Tick) -> Value) -> impl pages::Items {
    move |prices, symbol, span, now| {
        let Some(place) = find(symbol) else { return Vec::new() };
        let ticks = prices.ticks(symbol, span, now);
        ticks.iter().map(|tick| Item { at: tick.at, written: shape(&LISTINGS[place], tick) }).collect()
    }
}
