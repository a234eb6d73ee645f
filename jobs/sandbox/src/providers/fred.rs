//! FRED's series and observations; every figure is invented and the titles say so.
//!
//! An observation is known from its publication on, weeks after the period it is about. XML comes
//! unless JSON is asked for.

mod series;

use std::collections::HashMap;

use axum::{
    Json, Router,
    extract::{Query, Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use serde_json::{Map, Value, json};

use super::{Refusal, Source, in_query};
use crate::hours;
use series::Series;

type Parameters = HashMap<String, String>;

const MOST: usize = 100_000;

/// Returns the routes.
pub(super) fn router(source: Source) -> Router {
    Router::new()
        .route("/series", get(one_series))
        .route("/series/observations", get(observations))
        .fallback(async || Refusal::text(StatusCode::NOT_FOUND, "text/html", "<html>404 Not Found</html>"))
        .layer(middleware::from_fn_with_state(source.clone(), admit))
        .with_state(source)
}

async fn admit(State(source): State<Source>, request: Request, next: Next) -> Response {
    let json = in_query(&request, "file_type") == Some("json");
    match in_query(&request, "api_key") {
        Some(key) if key == &*source.key => next.run(request).await,
        Some(_) => refused(json, "The value for variable api_key is not registered.").into_response(),
        None => refused(json, "Variable api_key is not set.").into_response(),
    }
}

fn refused(json: bool, problem: &str) -> Refusal {
    let message = format!("Bad Request.  {problem}");
    if json {
        return Refusal::json(
            StatusCode::BAD_REQUEST,
            &json!({ "error_code": 400, "error_message": message }),
        );
    }
    let body =
        format!("<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n<error code=\"400\" message=\"{message}\"/>\n");
    Refusal::text(StatusCode::BAD_REQUEST, "text/xml", body)
}

/// What every question says.
struct Asked {
    series: &'static Series,
    json: bool,
    today: NaiveDate,
    /// The last instant whose knowledge is asked for.
    known: DateTime<Utc>,
    realtime: (NaiveDate, NaiveDate),
}

fn asked(source: &Source, query: &Parameters) -> Result<Asked, Refusal> {
    let json = query.get("file_type").is_some_and(|kind| kind == "json");
    let id = query.get("series_id").ok_or_else(|| refused(json, "Variable series_id is not set."))?;
    let series = series::find(id).ok_or_else(|| refused(json, "The series does not exist."))?;
    let now = source.replay.clock.now();
    let today = hours::new_york(now).date_naive();
    let start = date(query, "realtime_start", json)?.unwrap_or(today).min(today);
    let end = date(query, "realtime_end", json)?.unwrap_or(today).min(today);
    let known = if end < today { hours::midnight(end + Days::new(1)) } else { now };
    Ok(Asked { series, json, today, known, realtime: (start, end) })
}

fn date(query: &Parameters, name: &str, json: bool) -> Result<Option<NaiveDate>, Refusal> {
    let Some(text) = query.get(name) else { return Ok(None) };
    let known = text.parse().ok().filter(|date: &NaiveDate| (1700..=9999).contains(&date.year()));
    known.map(Some).ok_or_else(|| refused(json, &format!("Variable {name} is not a date of YYYY-MM-DD.")))
}

/// `GET /series?series_id=`.
async fn one_series(
    State(source): State<Source>,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    let asked = asked(&source, &query)?;
    let series = asked.series;
    let (start, end) = asked.realtime;
    let known = series.known(source.seed, asked.known);
    let updated =
        known.last().map(|last| hours::new_york(last.published).format("%Y-%m-%d %H:%M:%S%:z").to_string());
    let written = json!({
        "id": series.id,
        "realtime_start": start,
        "realtime_end": end,
        "title": series.title,
        "observation_start": known.first().map(|first| first.date),
        "observation_end": known.last().map(|last| last.date),
        "frequency": series.frequency.name(),
        "frequency_short": series.frequency.short(),
        "units": series.units,
        "units_short": series.units,
        "seasonal_adjustment": "Simulated",
        "seasonal_adjustment_short": "SIM",
        "last_updated": updated,
        "popularity": 0,
        "notes": "Simulated by the Capstan sandbox; no figure is a fact about the economy.",
    });
    let head = json!({ "realtime_start": start, "realtime_end": end });
    Ok(answer(asked.json, head, ("seriess", "series"), vec![written]))
}

/// `GET /series/observations?series_id=`: oldest first unless `sort_order=desc`.
async fn observations(
    State(source): State<Source>,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    let asked = asked(&source, &query)?;
    let json = asked.json;
    let number = |name: &str, default: usize| match query.get(name).map(|text| text.parse()) {
        None => Ok(default),
        Some(Ok(number)) if number <= MOST => Ok(number),
        Some(_) => Err(refused(json, &format!("Variable {name} is not from 0 to {MOST}."))),
    };
    let (limit, offset) = (number("limit", MOST)?.max(1), number("offset", 0)?);
    let from = date(&query, "observation_start", json)?;
    let to = date(&query, "observation_end", json)?.unwrap_or(asked.today);
    let units = query.get("units").map_or("lin", String::as_str);
    let frequency = query.get("frequency").map(String::as_str);
    if frequency.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(asked.series.frequency.short())) {
        return Err(refused(json, "The sandbox has this series at its own frequency only."));
    }
    let known = asked.series.known(source.seed, asked.known);
    let values = series::in_units(&known, units, asked.series.frequency)
        .ok_or_else(|| refused(json, "Value of units is not one of: lin, chg, ch1, pch, pc1, pca, log."))?;
    let (start, end) = asked.realtime;
    let mut rows: Vec<Value> = known
        .iter()
        .zip(values)
        .filter(|(one, _)| from.is_none_or(|from| from <= one.date) && one.date <= to)
        .map(|(one, value)| {
            let value = value.map_or_else(|| ".".to_owned(), |value| series::written(value, units));
            json!({ "realtime_start": start, "realtime_end": end, "date": one.date, "value": value })
        })
        .collect();
    let descending = query.get("sort_order").is_some_and(|order| order == "desc");
    if descending {
        rows.reverse();
    }
    let head = json!({
        "realtime_start": start,
        "realtime_end": end,
        "observation_start": from.unwrap_or(NaiveDate::from_ymd_opt(1776, 7, 4).expect("a calendar date")),
        "observation_end": to,
        "units": units,
        "output_type": 1,
        "file_type": if json { "json" } else { "xml" },
        "order_by": "observation_date",
        "sort_order": if descending { "desc" } else { "asc" },
        "count": rows.len(),
        "offset": offset,
        "limit": limit,
    });
    let rows = rows.into_iter().skip(offset).take(limit).collect();
    Ok(answer(json, head, ("observations", "observation"), rows))
}

fn answer(json: bool, mut head: Value, names: (&str, &str), rows: Vec<Value>) -> Response {
    if json {
        head[names.0] = rows.into();
        return Json(head).into_response();
    }
    let empty = Map::new();
    let attributes = |value: &Value| {
        let keys = value.as_object().unwrap_or(&empty).iter();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        keys.map(|(key, value)| format!(" {key}=\"{}\"", text(value))).collect::<Vec<_>>().concat()
    };
    let lines: Vec<String> =
        rows.iter().map(|row| format!("  <{}{}/>\n", names.1, attributes(row))).collect();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n<{0}{1}>\n{2}</{0}>\n",
        names.0,
        attributes(&head),
        lines.concat()
    );
    ([(header::CONTENT_TYPE, "text/xml; charset=UTF-8")], body).into_response()
}
