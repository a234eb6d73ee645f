//! Bars of a range, in pages.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde_json::Value;

use super::{
    pages::{self, Item},
    query::{self, Parameters, bad},
    shapes,
};
use crate::{
    error::ApiError,
    prices::{Timeframe, TimeframeError},
    replay::Replay,
};

/// `GET /v2/stocks/bars`: bars of several symbols, the limit counting all of them.
pub(crate) async fn of_many(
    State(replay): State<Replay>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Value>, ApiError> {
    let timeframe = timeframe(&parameters)?;
    pages::of_many(replay, &parameters, "bars", items(timeframe)).await
}

/// `GET /v2/stocks/{symbol}/bars`: bars of one symbol; `null` when there are none.
pub(crate) async fn of_one(
    State(replay): State<Replay>,
    Path(symbol): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Value>, ApiError> {
    let timeframe = timeframe(&parameters)?;
    pages::of_one(replay, &symbol, parameters, "bars", items(timeframe)).await
}

fn timeframe(parameters: &Parameters) -> Result<Timeframe, ApiError> {
    let text = query::given(parameters, "timeframe").ok_or_else(|| bad("timeframe is required"))?;
    text.parse().map_err(|error: TimeframeError| bad(error.to_string()))
}

fn items(timeframe: Timeframe) -> impl pages::Items {
    move |prices, symbol, span, now| {
        let bars = prices.bars(symbol, timeframe, span, now);
        bars.iter().map(|bar| Item { at: bar.start, written: shapes::bar(bar) }).collect()
    }
}
