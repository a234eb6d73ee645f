//! The stocks that can be traded.

use std::collections::HashMap;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde_json::{Value, json};

use crate::{
    error::ApiError,
    exchange::market::Market,
    prices::{LISTINGS, find},
    replay::Replay,
};

/// `GET /v2/assets?status&asset_class&exchange`.
pub(super) async fn list(
    State(replay): State<Replay>,
    Query(parameters): Query<HashMap<String, String>>,
) -> Json<Value> {
    let is = |name: &str, value: &str| {
        parameters.get(name).is_none_or(|wanted| wanted.is_empty() || wanted == "all" || wanted == value)
    };
    let listed = (0..LISTINGS.len()).filter(|place| {
        is("status", "active") && is("asset_class", "us_equity") && is("exchange", LISTINGS[*place].exchange)
    });
    Json(listed.filter_map(|place| written(&replay, place)).collect())
}

/// `GET /v2/assets/{symbol or id}`.
pub(super) async fn one(
    State(replay): State<Replay>,
    Path(symbol_or_id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let found = find(&symbol_or_id).and_then(|place| written(&replay, place));
    found.map(Json).ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, 40_410_000, format!("asset not found for {symbol_or_id}"))
    })
}

fn written(replay: &Replay, place: usize) -> Option<Value> {
    let listing = &LISTINGS[place];
    let asset = replay.asset(listing.symbol)?;
    Some(json!({
        "id": asset.id,
        "class": "us_equity",
        "exchange": asset.exchange,
        "symbol": asset.symbol,
        "name": listing.name,
        "status": "active",
        "tradable": asset.tradable,
        "marginable": asset.marginable,
        "shortable": asset.shortable,
        "easy_to_borrow": asset.shortable,
        "fractionable": asset.fractionable,
        "maintenance_margin_requirement": 30,
        "margin_requirement_long": "30",
        "margin_requirement_short": "30",
        "attributes": [],
    }))
}
