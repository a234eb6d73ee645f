//! What the news say about symbols.

use axum::{Json, extract::State};
use jobs::db::news::{self, Sentiment};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::window::given;
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Query},
    routes::trading::amount::number,
    state::AppState,
    timestamp,
};

/// The most symbols of a request.
const MOST_SYMBOLS: usize = 50;
/// The most scores of a reply.
const MOST: i64 = 200;

/// Of which symbols.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SentimentQuery {
    /// Symbols, joined by commas; at most 50. All that have a score unless sent.
    #[param(example = "AAPL,MSFT")]
    symbols: Option<String>,
}

/// A score of one source about one symbol.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SentimentView {
    id: Uuid,
    source_id: String,
    source_name: String,
    symbol: String,
    /// -1 to 1.
    score: f64,
    /// 0 to 1.
    confidence: f64,
    /// How many articles it was made from.
    articles: i32,
    /// `up`, `down` or `neutral`.
    trend: String,
    explanation: String,
    timestamp: String,
}

impl From<Sentiment> for SentimentView {
    fn from(row: Sentiment) -> Self {
        Self {
            id: row.sentiment_id,
            source_id: row.source.clone(),
            source_name: row.source,
            symbol: row.symbol,
            score: number(row.score),
            confidence: number(row.confidence),
            articles: row.articles,
            trend: row.trend,
            explanation: row.explanation,
            timestamp: timestamp::text(row.as_of),
        }
    }
}

/// Returns the newest score of every source about the symbols; those without news are absent.
#[utoipa::path(
    get, path = "/api/ai/sentiment", operation_id = "sentiment", tag = "autonomous", params(SentimentQuery),
    responses((status = 200, body = [SentimentView])), security(("session" = []))
)]
pub(super) async fn sentiment(
    _actor: Actor,
    Query(query): Query<SentimentQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<SentimentView>>> {
    let Some(symbols) = symbols(query.symbols.as_deref())? else { return Ok(Json(Vec::new())) };
    let mut conn = state.pool.acquire().await?;
    let rows = news::sentiments(&mut conn, &symbols, MOST).await?;
    Ok(Json(rows.into_iter().map(SentimentView::from).collect()))
}

/// Returns the symbols asked for, none for all; `None` when only commas were sent.
fn symbols(sent: Option<&str>) -> ApiResult<Option<Vec<String>>> {
    let Some(sent) = given(sent) else { return Ok(Some(Vec::new())) };
    let names = sent.split(',').map(str::trim).filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(str::to_ascii_uppercase).collect();
    if names.len() > MOST_SYMBOLS {
        let message = format!("{} symbols are asked for, at most {MOST_SYMBOLS} are allowed", names.len());
        return Err(ApiError::bad_request(codes::INVALID_QUERY, message));
    }
    Ok((!names.is_empty() && !names.iter().any(|name| name.contains('\0'))).then_some(names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_read_from_a_list_with_commas() {
        for (sent, expected) in [
            (None, Some(vec![])),
            (Some(""), Some(vec![])),
            (Some("aapl, MSFT,"), Some(vec!["AAPL", "MSFT"])),
            (Some(",,"), None),
            (Some("A\0B"), None),
        ] {
            let expected = expected.map(|all: Vec<&str>| all.into_iter().map(str::to_owned).collect());
            assert_eq!(symbols(sent).expect("a list"), expected, "{sent:?}");
        }
        assert!(symbols(Some(&"A,".repeat(51))).is_err());
    }
}
