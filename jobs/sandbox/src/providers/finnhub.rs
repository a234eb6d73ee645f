//! Finnhub's quote and company news.
//!
//! An unknown symbol is no refusal: its quote is made of zeros. Candles are for payers, and
//! refused.

use std::collections::HashMap;

use axum::{
    Json, Router,
    extract::{Query, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{Days, NaiveDate, TimeDelta};
use serde_json::{Value, json};

use super::{Refusal, Source, in_header, in_query};
use crate::{
    hours,
    market_data::news,
    prices::{LISTINGS, find},
};

/// How far back news go for those who don't pay.
const FURTHEST_DAYS: u64 = 365;

/// Returns the routes.
pub(super) fn router(source: Source) -> Router {
    Router::new()
        .route("/quote", get(quote))
        .route("/company-news", get(company_news))
        .route(
            "/stock/candle",
            get(async || refused(StatusCode::FORBIDDEN, "You don't have access to this resource.")),
        )
        .fallback(async || refused(StatusCode::NOT_FOUND, "Endpoint not found"))
        .layer(middleware::from_fn_with_state(source.clone(), admit))
        .with_state(source)
}

async fn admit(State(source): State<Source>, request: Request, next: Next) -> Response {
    let key = in_query(&request, "token").or_else(|| in_header(request.headers(), "x-finnhub-token"));
    match key {
        Some(key) if key == &*source.key => next.run(request).await,
        Some(_) => refused(StatusCode::UNAUTHORIZED, "Invalid API key").into_response(),
        None => refused(StatusCode::UNAUTHORIZED, "Please use an API key.").into_response(),
    }
}

fn refused(status: StatusCode, problem: &str) -> Refusal {
    Refusal::json(status, &json!({ "error": problem }))
}

fn symbol(query: &HashMap<String, String>) -> Result<&str, Refusal> {
    let given = query.get("symbol").map(String::as_str).filter(|symbol| !symbol.is_empty());
    given.ok_or_else(|| refused(StatusCode::UNPROCESSABLE_ENTITY, "Missing parameters: symbol"))
}

/// `GET /quote?symbol=`.
async fn quote(
    State(source): State<Source>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, Refusal> {
    let none = json!({ "c": 0, "d": null, "dp": null, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0 });
    Ok(Json(known_quote(&source, symbol(&query)?).unwrap_or(none)))
}

fn known_quote(source: &Source, symbol: &str) -> Option<Value> {
    let (prices, now) = (&source.replay.prices, source.replay.clock.now());
    let tick = prices.tick(symbol, now)?;
    let session = hours::last_opened(now);
    let before = prices.previous_close(symbol, session.open)?.dollars();
    let day = prices.daily(symbol, session.date, now);
    let current = tick.price;
    let changed = current.dollars() - before;
    Some(json!({
        "c": current.dollars(),
        "d": (changed * 1e4).round() / 1e4,
        "dp": (changed / before * 1e6).round() / 1e4,
        "h": day.map_or(current, |day| day.high.max(current)).dollars(),
        "l": day.map_or(current, |day| day.low.min(current)).dollars(),
        "o": day.map_or(current, |day| day.open).dollars(),
        "pc": before,
        "t": tick.at.timestamp(),
    }))
}

/// `GET /company-news?symbol=&from=&to=`, newest first; both dates are included.
async fn company_news(
    State(source): State<Source>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, Refusal> {
    let symbol = symbol(&query)?;
    let date = |name: &str| {
        let read = query.get(name).and_then(|text| text.parse::<NaiveDate>().ok());
        read.ok_or_else(|| {
            refused(StatusCode::UNPROCESSABLE_ENTITY, &format!("Missing or invalid parameter: {name}"))
        })
    };
    let now = source.replay.clock.now();
    let today = hours::new_york(now).date_naive();
    let from = date("from")?.max(today - Days::new(FURTHEST_DAYS));
    let to = date("to")?.min(today);
    let Some(place) = find(symbol).filter(|_| from <= to) else { return Ok(Json(json!([]))) };
    let symbols = [LISTINGS[place].symbol.to_owned()];
    let end = (hours::midnight(to + Days::new(1)) - TimeDelta::seconds(1)).min(now);
    let items = news::items(&source.replay.prices, &symbols, hours::midnight(from), end);
    Ok(Json(items.iter().rev().map(written).collect()))
}

fn written(item: &news::Item) -> Value {
    json!({
        "category": "company",
        "datetime": item.at.timestamp(),
        "headline": item.headline(),
        "id": item.number,
        "image": "",
        "related": item.listing.symbol,
        "source": "simulated",
        "summary": item.summary(),
        "url": item.url(),
    })
}
