//! Quotes with what all sources say about them.

use std::collections::HashMap;

use axum::{Json, extract::State};
use jobs::db::{
    data_views,
    fusion::{self, Analysis},
    market_cache::{self, QuoteRow},
    news::{self, Sentiment},
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    error::ApiResult,
    extract::{Actor, Query},
    routes::market::{
        symbols::{self, SymbolsQuery},
        worth::{change, change_percent, number, stale},
    },
    state::AppState,
    timestamp,
};

/// How the news speak of a symbol.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FusedSentiment {
    /// -1 to 1.
    score: Option<f64>,
    /// 0 to 1.
    confidence: Option<f64>,
    /// `up`, `down` or `neutral`.
    trend: String,
    as_of: String,
}

/// What all sources say about a symbol.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct FusedScore {
    /// -1 to 1.
    score: Option<f64>,
    /// `bullish`, `bearish` or `neutral`.
    signal: String,
    /// 0 to 1.
    confidence: Option<f64>,
    /// How far the sources agree, 0 to 1.
    agreement: Option<f64>,
    /// `excellent`, `good`, `fair` or `poor`.
    quality: String,
    /// How much each source weighed.
    #[schema(value_type = Object)]
    weights: Value,
    /// Sources that gave nothing, and why.
    #[schema(value_type = [Object])]
    missing: Value,
    created_at: String,
}

/// A symbol, with what is known of it; null is what nobody knows.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FusedQuote {
    symbol: String,
    price: Option<f64>,
    change: Option<f64>,
    change_percent: Option<f64>,
    volume: Option<f64>,
    high: Option<f64>,
    low: Option<f64>,
    provider: Option<String>,
    as_of: Option<String>,
    stale: bool,
    sentiment: Option<FusedSentiment>,
    fused: Option<FusedScore>,
}

impl FusedQuote {
    fn new(symbol: String, row: Option<&QuoteRow>, news: Option<Sentiment>, all: Option<Analysis>) -> Self {
        Self {
            symbol,
            price: number(row.map(|row| row.price)),
            change: number(row.and_then(change)),
            change_percent: number(row.and_then(change_percent)),
            volume: number(row.and_then(|row| row.volume)),
            high: number(row.and_then(|row| row.high)),
            low: number(row.and_then(|row| row.low)),
            provider: row.map(|row| row.provider.clone()),
            as_of: row.map(|row| timestamp::text(row.as_of)),
            stale: stale(row),
            sentiment: news.map(|row| FusedSentiment {
                score: number(Some(row.score)),
                confidence: number(Some(row.confidence)),
                trend: row.trend,
                as_of: timestamp::text(row.as_of),
            }),
            fused: all.map(|row| FusedScore {
                score: number(Some(row.score)),
                signal: row.signal,
                confidence: number(Some(row.confidence)),
                agreement: number(Some(row.agreement)),
                quality: row.quality,
                weights: row.weights,
                missing: row.missing,
                created_at: timestamp::text(row.created_at),
            }),
        }
    }
}

/// Returns quotes with the news' and all sources' word on them: of the symbols named, or of the up
/// to 50 that workers looked at last. Nothing is refreshed for it.
#[utoipa::path(
    get, path = "/api/fusion/market-data", operation_id = "fusion_market_data", tag = "data",
    params(SymbolsQuery),
    responses((status = 200, body = [FusedQuote])), security(("session" = []))
)]
pub(super) async fn market_data(
    actor: Actor,
    Query(query): Query<SymbolsQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<FusedQuote>>> {
    let _ = actor;
    let mut symbols = query.optional()?;
    let mut conn = state.pool.acquire().await?;
    if symbols.is_empty() {
        let most = i64::try_from(symbols::MOST).unwrap_or(i64::MAX);
        symbols = data_views::newest_symbols(&mut conn, most).await?;
    }
    let quotes = market_cache::quotes(&mut conn, &symbols).await?;
    let news = news::newest_sentiments(&mut conn, &symbols).await?;
    let mut news: HashMap<_, _> = news.into_iter().map(|row| (row.symbol.clone(), row)).collect();
    let all = fusion::newest(&mut conn, &symbols).await?;
    let mut all: HashMap<_, _> = all.into_iter().map(|row| (row.symbol.clone(), row)).collect();
    let shown = symbols.into_iter().map(|symbol| {
        let row = quotes.iter().find(|row| row.symbol == symbol);
        let (news, fused) = (news.remove(&symbol), all.remove(&symbol));
        FusedQuote::new(symbol, row, news, fused)
    });
    Ok(Json(shown.collect()))
}
