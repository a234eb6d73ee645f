//! The market as a whole.

use axum::{Json, extract::State};
use chrono::Utc;
use domain::fusion::{self, Components, Intelligence, MarketQuote, MarketSignal, Quality, Signal};
use jobs::db::{
    data_views,
    market_cache::{self, QuoteRow},
    news,
};
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::ApiResult,
    extract::Actor,
    routes::market::{symbols, worth::number},
    state::AppState,
    timestamp,
};

/// Quotes that were asked for longer ago do not speak of the market as it is. Seconds.
const RECENT_S: f64 = 900.0;

/// Parts of the whole, 0 to 1; 0.5 where nothing is known.
#[derive(Debug, Serialize, ToSchema)]
struct MarketComponents {
    momentum: f64,
    volatility: f64,
    sentiment: f64,
    volume: f64,
}

/// Something worth a word.
#[derive(Debug, Serialize, ToSchema)]
struct IntelligenceSignal {
    /// `bullish`, `bearish` or `neutral`.
    #[schema(value_type = String)]
    r#type: Signal,
    source: String,
    message: String,
    /// 0 to 1.
    strength: f64,
    timestamp: String,
}

impl From<MarketSignal> for IntelligenceSignal {
    fn from(signal: MarketSignal) -> Self {
        let MarketSignal { kind, source, message, strength, timestamp } = signal;
        Self { r#type: kind, source, message, strength, timestamp: timestamp::text(timestamp) }
    }
}

/// The market as a whole.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MarketIntelligence {
    /// 0 to 1.
    overall: f64,
    components: MarketComponents,
    signals: Vec<IntelligenceSignal>,
    /// `excellent`, `good`, `fair` or `poor`, by the number of parts that are known.
    #[schema(value_type = String)]
    data_quality: Quality,
    active_sources: usize,
    total_sources: usize,
    last_updated: String,
}

impl From<Intelligence> for MarketIntelligence {
    fn from(whole: Intelligence) -> Self {
        let Components { momentum, volatility, sentiment, volume } = whole.components;
        Self {
            overall: whole.overall,
            components: MarketComponents { momentum, volatility, sentiment, volume },
            signals: whole.signals.into_iter().map(IntelligenceSignal::from).collect(),
            data_quality: whole.data_quality,
            active_sources: whole.active_sources,
            total_sources: whole.total_sources,
            last_updated: timestamp::text(whole.last_updated),
        }
    }
}

fn told(row: QuoteRow, usual_volume: Option<f64>) -> Option<MarketQuote> {
    Some(MarketQuote {
        price: row.price.to_f64()?,
        previous_close: number(row.previous_close),
        high: number(row.high),
        low: number(row.low),
        volume: number(row.volume),
        usual_volume,
        symbol: row.symbol,
    })
}

/// Returns what the quotes of the last quarter of an hour and the news of the last day say of the
/// market; what is not known counts as neutral and lowers the quality.
#[utoipa::path(
    get, path = "/api/fusion/intelligence", operation_id = "fusion_intelligence", tag = "data",
    responses((status = 200, body = MarketIntelligence)), security(("session" = []))
)]
pub(super) async fn intelligence(
    actor: Actor,
    State(state): State<AppState>,
) -> ApiResult<Json<MarketIntelligence>> {
    let _ = actor;
    let most = i64::try_from(symbols::MOST).unwrap_or(i64::MAX);
    let mut conn = state.pool.acquire().await?;
    let symbols = data_views::newest_symbols(&mut conn, most).await?;
    let rows = market_cache::quotes(&mut conn, &symbols).await?;
    let usual = data_views::usual_volumes(&mut conn, &symbols).await?;
    let news = news::newest_sentiments(&mut conn, &symbols).await?;
    drop(conn);
    let quotes: Vec<MarketQuote> = rows
        .into_iter()
        .filter(|row| row.age_s <= RECENT_S)
        .filter_map(|row| {
            let usual = usual.get(&row.symbol).copied();
            told(row, usual)
        })
        .collect();
    let scores: Vec<(String, f64, f64)> = news
        .into_iter()
        .filter_map(|row| Some((row.symbol, row.score.to_f64()?, row.confidence.to_f64()?)))
        .collect();
    Ok(Json(fusion::intelligence(&quotes, &scores, Utc::now()).into()))
}
