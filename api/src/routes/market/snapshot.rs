//! Quotes with where they come from, by symbol.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use jobs::{connector::Fallback, db::market_cache::QuoteRow};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    fresh::{self, Asker},
    symbols::SymbolsQuery,
    worth::{change, change_percent, number, stale},
};
use crate::{
    error::ApiResult,
    extract::{Actor, Query},
    state::AppState,
    timestamp,
};

/// A connector that was asked before the one that answered.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::routes) struct QuoteFallback {
    provider: String,
    reason: String,
}

/// Returns who was asked before, in order.
pub(in crate::routes) fn fallbacks(row: &QuoteRow) -> Vec<QuoteFallback> {
    let told = row.fallbacks.iter().cloned();
    told.map(|Fallback { provider, reason }| QuoteFallback { provider, reason }).collect()
}

/// A symbol's last quote and where it comes from. All figures are null when nobody knows them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SymbolSnapshot {
    symbol: String,
    price: Option<f64>,
    previous_close: Option<f64>,
    /// The price less the last close.
    change: Option<f64>,
    /// The same in percent of the last close.
    change_percent: Option<f64>,
    open: Option<f64>,
    high: Option<f64>,
    low: Option<f64>,
    volume: Option<f64>,
    /// Who gave it.
    provider: Option<String>,
    /// When it was so, by the market's clock.
    as_of: Option<String>,
    /// When it was asked for.
    fetched_at: Option<String>,
    /// Whether there is none, or it was asked for more than 60 s ago.
    stale: bool,
    /// Who was asked before, in order.
    fallbacks: Vec<QuoteFallback>,
}

impl SymbolSnapshot {
    fn new(symbol: &str, row: Option<&QuoteRow>) -> Self {
        Self {
            symbol: symbol.to_owned(),
            price: number(row.map(|row| row.price)),
            previous_close: number(row.and_then(|row| row.previous_close)),
            change: number(row.and_then(change)),
            change_percent: number(row.and_then(change_percent)),
            open: number(row.and_then(|row| row.open)),
            high: number(row.and_then(|row| row.high)),
            low: number(row.and_then(|row| row.low)),
            volume: number(row.and_then(|row| row.volume)),
            provider: row.map(|row| row.provider.clone()),
            as_of: row.map(|row| timestamp::text(row.as_of)),
            fetched_at: row.map(|row| timestamp::text(row.fetched_at)),
            stale: stale(row),
            fallbacks: row.map(fallbacks).unwrap_or_default(),
        }
    }
}

/// Returns the last quotes of up to 50 symbols with where they come from, by symbol. Waits up to
/// 2 s for workers to refresh those that are older than 60 s.
#[utoipa::path(
    get, path = "/api/market/snapshot", operation_id = "market_snapshot", tag = "data",
    params(SymbolsQuery),
    responses((status = 200, body = BTreeMap<String, SymbolSnapshot>)), security(("session" = []))
)]
pub(super) async fn snapshot(
    actor: Actor,
    Query(query): Query<SymbolsQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<BTreeMap<String, SymbolSnapshot>>> {
    let symbols = query.required()?;
    let found = fresh::quotes(&state, &symbols, Asker::user(&actor)).await?;
    let shown = symbols.into_iter().map(|symbol| {
        let view = SymbolSnapshot::new(&symbol, found.get(&symbol));
        (symbol, view)
    });
    Ok(Json(shown.collect()))
}
