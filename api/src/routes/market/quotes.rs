//! Quotes as a plain list.

use axum::{Json, extract::State};
use jobs::db::market_cache::QuoteRow;
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

/// A symbol's last quote; null is what nobody knows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct QuoteItem {
    symbol: String,
    price: Option<f64>,
    change: Option<f64>,
    change_percent: Option<f64>,
    volume: Option<f64>,
    high: Option<f64>,
    low: Option<f64>,
    open: Option<f64>,
    provider: Option<String>,
    as_of: Option<String>,
    /// Whether there is none, or it was asked for more than 60 s ago.
    stale: bool,
}

impl QuoteItem {
    fn new(symbol: String, row: Option<&QuoteRow>) -> Self {
        Self {
            symbol,
            price: number(row.map(|row| row.price)),
            change: number(row.and_then(change)),
            change_percent: number(row.and_then(change_percent)),
            volume: number(row.and_then(|row| row.volume)),
            high: number(row.and_then(|row| row.high)),
            low: number(row.and_then(|row| row.low)),
            open: number(row.and_then(|row| row.open)),
            provider: row.map(|row| row.provider.clone()),
            as_of: row.map(|row| timestamp::text(row.as_of)),
            stale: stale(row),
        }
    }
}

/// Returns the last quotes of up to 50 symbols, in the order they are named. Waits as the snapshot
/// does.
#[utoipa::path(
    get, path = "/api/market/quotes", operation_id = "market_quotes", tag = "data",
    params(SymbolsQuery),
    responses((status = 200, body = [QuoteItem])), security(("session" = []))
)]
pub(super) async fn quotes(
    actor: Actor,
    Query(query): Query<SymbolsQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<QuoteItem>>> {
    let symbols = query.required()?;
    let found = fresh::quotes(&state, &symbols, Asker::user(&actor)).await?;
    let shown = symbols.into_iter().map(|symbol| {
        let row = found.get(&symbol);
        QuoteItem::new(symbol, row)
    });
    Ok(Json(shown.collect()))
}
