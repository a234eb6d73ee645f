//! The account: figures, configuration, activities, portfolio history.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;

use super::TradingState;
use super::query::{Given, Parameters};
use crate::error::ApiError;
use crate::exchange::{ActivityQuery, HistoryQuery, Refusal};

type Answer = Result<Json<Value>, ApiError>;

pub(super) fn routes() -> Router<TradingState> {
    Router::new()
        .route("/v2/account", get(account))
        .route("/v2/account/configurations", get(configurations).patch(configure))
        .route("/v2/account/activities", get(activities))
        .route("/v2/account/activities/{activity_type}", get(activities_of))
        .route("/v2/account/portfolio/history", get(history))
}

async fn account(State(state): State<TradingState>) -> Json<Value> {
    Json(state.act(|exchange, market| exchange.account(market)))
}

async fn configurations(State(state): State<TradingState>) -> Json<Value> {
    Json(state.act(|exchange, _| exchange.configurations()))
}

async fn configure(State(state): State<TradingState>, body: Bytes) -> Answer {
    let body: Value = serde_json::from_slice(&body).map_err(|_| Refusal::body())?;
    Ok(Json(state.act(|exchange, _| exchange.configure(&body))?))
}

async fn activities(State(state): State<TradingState>, Query(given): Parameters) -> Answer {
    let given = Given(&given);
    let types = given.text("activity_types").unwrap_or_default().split(',');
    let types = types.filter(|text| !text.is_empty()).map(str::to_uppercase).collect();
    let query = activity_query(given, types)?;
    Ok(Json(state.act(|exchange, _| exchange.activities(&query))))
}

async fn activities_of(
    State(state): State<TradingState>,
    Path(activity_type): Path<String>,
    Query(given): Parameters,
) -> Answer {
    let query = activity_query(Given(&given), vec![activity_type.to_uppercase()])?;
    Ok(Json(state.act(|exchange, _| exchange.activities(&query))))
}

async fn history(State(state): State<TradingState>, Query(given): Parameters) -> Answer {
    let given = Given(&given);
    let period = given.text("period").unwrap_or("1M").to_owned();
    let short = matches!(period.as_str(), "1D" | "2D" | "3D" | "4D" | "5D" | "6D");
    let timeframe = given.text("timeframe").unwrap_or(if short { "5Min" } else { "1D" }).to_owned();
    let query = HistoryQuery { period, timeframe, start: given.time("start")?, end: given.time("end")? };
    Ok(Json(state.act(|exchange, market| exchange.portfolio_history(market, &query))?))
}

fn activity_query(given: Given<'_>, types: Vec<String>) -> Result<ActivityQuery, Refusal> {
    Ok(ActivityQuery {
        types,
        date: given.parsed("date")?,
        after: given.time("after")?,
        until: given.time("until")?,
        ascending: given.ascending()?,
        page_size: given.count("page_size", 100, 100)?,
        page_token: given.text("page_token").map(str::to_owned),
    })
}
