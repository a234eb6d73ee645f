//! One quote for anybody: limited by address, and never more than one job a symbol.

use std::time::Instant;

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    fresh::{self, Asker},
    symbols::Symbol,
    worth::{change, change_percent, number, stale},
};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::Client,
    state::AppState,
    throttle, timestamp,
};

/// Requests that one address may make in a minute.
const TURNS: u32 = 120;

/// A quote in one-letter words; null is what nobody knows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StockQuote {
    /// The price.
    c: Option<f64>,
    /// The price less the last close.
    d: Option<f64>,
    /// The same in percent.
    dp: Option<f64>,
    /// The day's highest price.
    h: Option<f64>,
    /// The day's lowest price.
    l: Option<f64>,
    /// The day's first price.
    o: Option<f64>,
    /// The last close.
    pc: Option<f64>,
    /// When it was so, in seconds of Unix time.
    t: Option<i64>,
    symbol: String,
    provider: Option<String>,
    fetched_at: Option<String>,
    /// Whether there is none, or it was asked for more than 60 s ago.
    stale: bool,
}

/// Returns a symbol's last quote to anybody; assets of the universe are refreshed for it.
#[utoipa::path(
    get, path = "/api/stock/quote/{symbol}", operation_id = "stock_quote", tag = "data",
    params(("symbol" = String, Path, description = "Ticker")),
    responses(
        (status = 200, body = StockQuote),
        (status = 400, description = "It is no symbol."),
        (status = 429, description = "The address has asked too often."))
)]
pub(super) async fn quote(
    client: Client,
    Symbol(symbol): Symbol,
    State(state): State<AppState>,
) -> ApiResult<Json<StockQuote>> {
    let address = client.address.map(throttle::network).unwrap_or_default();
    state.market_gate.turn(&format!("address:{address}"), TURNS, Instant::now()).map_err(|wait| {
        let seconds = wait.as_secs() + 1;
        let message = format!("{TURNS} quotes a minute are given to one address: try again in {seconds} s");
        ApiError::new(codes::TOO_MANY_REQUESTS, message).retry_after(seconds)
    })?;
    let asker = Asker::Anybody(client.trace_id.as_deref());
    let found = fresh::quotes(&state, std::slice::from_ref(&symbol), asker).await?;
    let row = found.get(&symbol);
    Ok(Json(StockQuote {
        c: number(row.map(|row| row.price)),
        d: number(row.and_then(change)),
        dp: number(row.and_then(change_percent)),
        h: number(row.and_then(|row| row.high)),
        l: number(row.and_then(|row| row.low)),
        o: number(row.and_then(|row| row.open)),
        pc: number(row.and_then(|row| row.previous_close)),
        t: row.map(|row| row.as_of.timestamp()),
        provider: row.map(|row| row.provider.clone()),
        fetched_at: row.map(|row| timestamp::text(row.fetched_at)),
        stale: stale(row),
        symbol,
    }))
}
