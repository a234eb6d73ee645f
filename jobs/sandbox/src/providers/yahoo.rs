//! Yahoo's chart, version 8.
//!
//! Times are unix seconds. A day's is the opening, of the running day the last trade's. Prices are
//! adjusted for splits and dividends already, so `adjclose` repeats `close`.

mod span;

use std::collections::HashMap;

use axum::{
    Json, Router,
    extract::{Path, Query, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Offset, Utc};
use serde_json::{Value, json};

use super::{Refusal, Source, refusal::too_often, user_agent};
use crate::{
    hours,
    prices::{Bar, LISTINGS, Pips, find},
};
use span::Interval;

/// Returns the routes.
pub(super) fn router(source: Source) -> Router {
    Router::new()
        .route("/v8/finance/chart/{symbol}", get(chart))
        .fallback(async || refused(StatusCode::NOT_FOUND, "Not Found", "no such endpoint"))
        .layer(middleware::from_fn(admit))
        .with_state(source)
}

async fn admit(request: Request, next: Next) -> Response {
    if user_agent(&request).is_none() {
        return too_often().into_response();
    }
    next.run(request).await
}

fn refused(status: StatusCode, code: &str, problem: &str) -> Refusal {
    let error = json!({ "code": code, "description": problem });
    Refusal::json(status, &json!({ "chart": { "result": null, "error": error } }))
}

/// `GET /v8/finance/chart/{symbol}`.
async fn chart(
    State(source): State<Source>,
    Path(symbol): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, Refusal> {
    let place = find(&symbol).ok_or_else(|| {
        refused(StatusCode::NOT_FOUND, "Not Found", "No data found, symbol may be delisted")
    })?;
    let symbol = LISTINGS[place].symbol;
    let now = source.replay.clock.now();
    let bad = |problem: String| refused(StatusCode::UNPROCESSABLE_ENTITY, "Unprocessable Entity", &problem);
    let interval = query.get("interval").map_or("1d", String::as_str);
    let interval =
        Interval::read(interval).ok_or_else(|| bad(format!("Invalid input - interval={interval}")))?;
    let (from, to) = span::of(&query, now).map_err(bad)?;
    interval.check(from, to, now).map_err(bad)?;
    let prices = source.replay.prices.clone();
    // Years of bars take longer than a task may.
    let found = tokio::task::spawn_blocking(move || interval.bars(&prices, symbol, from, to, now)).await;
    let bars = found.map_err(|_| refused(StatusCode::INTERNAL_SERVER_ERROR, "Internal", "internal error"))?;
    Ok(Json(written(&source, place, interval, &bars, now)))
}

fn written(source: &Source, place: usize, interval: Interval, bars: &[Bar], now: DateTime<Utc>) -> Value {
    let (prices, listing) = (&source.replay.prices, &LISTINGS[place]);
    let tick = prices.tick(listing.symbol, now);
    let first = bars.first().map_or(now, |bar| bar.start);
    let before = prices.previous_close(listing.symbol, first).map(Pips::dollars);
    let last = tick.map(|tick| tick.at);
    let mut result = json!({
        "meta": {
            "currency": "USD",
            "symbol": listing.symbol,
            "exchangeName": if listing.exchange == "NASDAQ" { "NMS" } else { "NYQ" },
            "instrumentType": "EQUITY",
            "longName": listing.name,
            "regularMarketTime": last.map(|at| at.timestamp()),
            "regularMarketPrice": tick.map(|tick| tick.price.dollars()),
            "chartPreviousClose": before,
            "gmtoffset": hours::new_york(now).offset().fix().local_minus_utc(),
            "timezone": "America/New_York",
            "exchangeTimezoneName": "America/New_York",
            "dataGranularity": interval.name(),
            "range": "",
        },
        "indicators": { "quote": [{}], "adjclose": [{}] },
    });
    if !bars.is_empty() {
        let times: Vec<i64> =
            bars.iter().map(|bar| interval.time(bar.start, last.unwrap_or(now)).timestamp()).collect();
        let column = |of: fn(&Bar) -> f64| bars.iter().map(of).collect::<Vec<_>>();
        result["timestamp"] = times.into();
        result["indicators"] = json!({
            "quote": [{
                "open": column(|bar| bar.open.dollars()),
                "high": column(|bar| bar.high.dollars()),
                "low": column(|bar| bar.low.dollars()),
                "close": column(|bar| bar.close.dollars()),
                "volume": bars.iter().map(|bar| bar.volume).collect::<Vec<_>>(),
            }],
            "adjclose": [{ "adjclose": column(|bar| bar.close.dollars()) }],
        });
    }
    json!({ "chart": { "result": [result], "error": null } })
}
