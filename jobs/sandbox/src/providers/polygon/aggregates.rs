//! Bars of a range, and the bar of the day before.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Refusal, Source, bar, refused, request_id};
use crate::{
    hours,
    prices::{Bar, Direction, Span, Timeframe, find},
};

const DEFAULT_LIMIT: usize = 5_000;
const MOST: usize = 50_000;

/// `GET /v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}`.
pub(super) async fn of_range(
    State(source): State<Source>,
    Path((ticker, multiplier, timespan, from, to)): Path<(String, u32, String, String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let bad = |problem: String| refused(StatusCode::BAD_REQUEST, "ERROR", &problem);
    let (timeframe, base) = timeframe(multiplier, &timespan)
        .ok_or_else(|| bad(format!("the sandbox has no bars of {multiplier} {timespan}")))?;
    let begin = instant(&from, false)
        .ok_or_else(|| bad(format!("Could not parse the time parameter: 'from' {from}")))?;
    let end =
        instant(&to, true).ok_or_else(|| bad(format!("Could not parse the time parameter: 'to' {to}")))?;
    if begin > end {
        return Err(bad("'to' cannot be a time that occurs before 'from'".to_owned()));
    }
    let descending = query.get("sort").is_some_and(|sort| sort == "desc");
    let limit = match query.get("limit").map(|text| text.parse()) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit)) if (1..=MOST).contains(&limit) => limit,
        Some(_) => return Err(bad(format!("limit must be from 1 to {MOST}"))),
    };
    let most = (limit / base).max(1);
    let direction = if descending { Direction::Descending } else { Direction::Ascending };
    let span = Span { from: begin, to: end, direction, limit: most + 1 };
    let now = source.replay.clock.now();
    let prices = source.replay.prices.clone();
    let symbol = ticker.clone();
    // Years of minutes take longer than a task may.
    let found = tokio::task::spawn_blocking(move || prices.bars(&symbol, timeframe, &span, now)).await;
    let mut bars =
        found.map_err(|_| refused(StatusCode::INTERNAL_SERVER_ERROR, "ERROR", "internal error"))?;
    let rest = (bars.len() > most).then(|| bars.split_off(most)[0].start.timestamp_millis().to_string());
    let mut answer = answer(&source, &ticker, bars.iter().map(ranged).collect());
    if let Some(rest) = rest {
        let (from, to) = if descending { (&from, &rest) } else { (&rest, &to) };
        let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let sort = if descending { "desc" } else { "asc" };
        answer["next_url"] = format!(
            "http://{host}/polygon/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}?sort={sort}&limit={limit}"
        )
        .into();
    }
    Ok(Json(answer))
}

/// `GET /v2/aggs/ticker/{ticker}/prev`: the last session before the New York day.
pub(super) async fn of_the_day_before(
    State(source): State<Source>,
    Path(ticker): Path<String>,
) -> Json<Value> {
    let now = source.replay.clock.now();
    let session = hours::last_opened(hours::midnight(hours::new_york(now).date_naive()));
    let found = find(&ticker).and_then(|_| source.replay.prices.daily(&ticker, session.date, now));
    let written = found.map(|daily| {
        let mut written = bar(&daily);
        written["T"] = ticker.clone().into();
        written["t"] = session.close.timestamp_millis().into();
        written["n"] = daily.trades.into();
        written
    });
    Json(answer(&source, &ticker, written.into_iter().collect()))
}

fn answer(source: &Source, ticker: &str, results: Vec<Value>) -> Value {
    let mut answer = json!({
        "ticker": ticker,
        "queryCount": results.len(),
        "resultsCount": results.len(),
        "adjusted": true,
        "status": "OK",
        "request_id": request_id(source, ticker),
        "count": results.len(),
    });
    if !results.is_empty() {
        answer["results"] = results.into();
    }
    answer
}

fn ranged(found: &Bar) -> Value {
    let mut written = bar(found);
    written["t"] = found.start.timestamp_millis().into();
    written["n"] = found.trades.into();
    written
}

/// Returns the length of bars, and how many of the bars that a limit counts make one.
fn timeframe(multiplier: u32, timespan: &str) -> Option<(Timeframe, usize)> {
    let many = usize::try_from(multiplier).ok()?;
    Some(match (multiplier, timespan) {
        (1..=59, "minute") => (Timeframe::Minutes(multiplier), many),
        (1..=23, "hour") => (Timeframe::Minutes(multiplier * 60), many * 60),
        (1, "day") => (Timeframe::Day, 1),
        (1, "week") => (Timeframe::Week, 5),
        (1 | 2 | 3 | 4 | 6 | 12, "month") => (Timeframe::Months(multiplier), many * 21),
        (1 | 2 | 4, "quarter") => (Timeframe::Months(multiplier * 3), many * 63),
        (1, "year") => (Timeframe::Months(12), 252),
        _ => return None,
    })
}

/// Reads a New York date, whose last instant `at_end` asks for, or unix milliseconds.
fn instant(text: &str, at_end: bool) -> Option<DateTime<Utc>> {
    let years = "1990-01-01".parse().ok()?.."2200-01-01".parse::<NaiveDate>().ok()?;
    if let Ok(date) = text.parse::<NaiveDate>() {
        let date = Some(date).filter(|date| years.contains(date))?;
        let end = || hours::midnight(date + Days::new(1)) - TimeDelta::milliseconds(1);
        return Some(if at_end { end() } else { hours::midnight(date) });
    }
    let at = DateTime::from_timestamp_millis(text.parse().ok()?)?;
    Some(at).filter(|at| years.contains(&at.date_naive()))
}
