//! Reading trades: the fills, as people keep books of them.

use axum::{Json, extract::State};
use chrono::{DateTime, NaiveDate, Utc};
use jobs::db::trading_views::{self, Outcome, TradeFilter, TradeRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    amount::{number, text},
    orders::symbol,
};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Query},
    pagination::{MAX_LIMIT, Page, PageQuery, Paged},
    state::AppState,
    timestamp,
};

/// A trade. Amounts are text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TradeView {
    id: Uuid,
    order_id: Uuid,
    symbol: String,
    side: String,
    quantity: String,
    /// Of one share.
    price: String,
    /// What it gained, if it closed something.
    pnl: Option<String>,
    strategy_id: Option<Uuid>,
    strategy_name: Option<String>,
    /// Always `completed`: what is not yet filled is an order.
    status: &'static str,
    executed_at: String,
    /// Why there was an order, unless its owner asked for it.
    notes: Option<String>,
    trace_id: Option<String>,
}

impl From<TradeRow> for TradeView {
    fn from(trade: TradeRow) -> Self {
        Self {
            notes: notes(&trade.origin).map(str::to_owned),
            id: trade.fill_id,
            order_id: trade.order_id,
            symbol: trade.symbol,
            side: trade.side,
            quantity: text(trade.qty),
            price: text(trade.price),
            pnl: trade.realized_pnl.map(text),
            strategy_id: trade.strategy_id,
            strategy_name: trade.strategy_name,
            status: "completed",
            executed_at: timestamp::text(trade.occurred_at),
            trace_id: trade.trace_id,
        }
    }
}

fn notes(origin: &str) -> Option<&'static str> {
    match origin {
        "close" => Some("closed a position"),
        "liquidation" => Some("closed in a liquidation"),
        "cycle" => Some("decided by a strategy"),
        "broker" => Some("a leg of a bracket order"),
        _ => None,
    }
}

/// A trade in numbers, with its order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnrichedTrade {
    #[serde(flatten)]
    trade: TradeView,
    /// Quantity times price.
    value: f64,
    /// What it gained in percent of what had been paid, if it closed something.
    pnl_percent: Option<f64>,
    order_type: String,
    order_status: String,
}

impl EnrichedTrade {
    fn new(trade: TradeRow) -> Self {
        let value = trade.qty * trade.price;
        let pnl_percent = trade.realized_pnl.map(|pnl| {
            // Sold for `value`, bought for what is left of it without the gain; the other way
            // round when a short sale is bought back.
            let paid = if trade.side == "sell" { value - pnl } else { value + pnl };
            number(super::amount::percent(pnl, paid))
        });
        Self {
            value: number(value),
            pnl_percent,
            order_type: trade.order_type.clone(),
            order_status: trade.order_status.clone(),
            trade: trade.into(),
        }
    }
}

/// What a search for trades found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EnrichedTrades {
    /// Newest first.
    trades: Vec<EnrichedTrade>,
    /// How many there are on all pages.
    total: i64,
}

/// How many to skip.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Skip {
    /// Skips this many; prefer the cursor.
    #[param(minimum = 0)]
    offset: Option<i64>,
}

/// Which trades to find.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct TradesQuery {
    /// Most trades of the reply, 1 to 500; 20 unless said.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// Skips this many.
    #[param(minimum = 0)]
    offset: Option<i64>,
    symbol: Option<String>,
    strategy_id: Option<String>,
    /// `profit`, `loss` or `all`.
    pnl_direction: Option<String>,
    /// The first day, or the first moment.
    start_date: Option<String>,
    /// The last day, or the moment before which.
    end_date: Option<String>,
}

/// Returns the caller's trades, newest first.
///
/// When another page follows, the headers `X-Next-Cursor` and `Link` say where it starts.
#[utoipa::path(
    get, path = "/api/trades", operation_id = "list_trades", tag = "trading", params(PageQuery, Skip),
    responses((status = 200, body = [TradeView])), security(("session" = []))
)]
pub(super) async fn list(
    actor: Actor,
    page: Page,
    Query(skip): Query<Skip>,
    State(state): State<AppState>,
) -> ApiResult<Paged<TradeView>> {
    let limit = page.limit(50);
    let offset = offset(skip.offset)?;
    let mut conn = state.pool.acquire().await?;
    let found =
        trading_views::trades_page(&mut conn, actor.user_id, page.after()?, offset, limit + 1).await?;
    Ok(page.reply(found, limit, |trade| (trade.occurred_at, trade.fill_id))?.map(TradeView::from))
}

/// Finds trades of the caller, newest first, and says how many there are.
#[utoipa::path(
    get, path = "/api/trades/enriched", operation_id = "find_trades", tag = "trading", params(TradesQuery),
    responses((status = 200, body = EnrichedTrades)), security(("session" = []))
)]
pub(super) async fn enriched(
    actor: Actor,
    Query(query): Query<TradesQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<EnrichedTrades>> {
    let (limit, offset) = (limit(query.limit)?, offset(query.offset)?);
    let symbol = symbol(query.symbol.as_deref())?;
    let strategy_id = match given(query.strategy_id.as_deref()).map(str::parse::<Uuid>) {
        None => None,
        Some(Ok(id)) => Some(id),
        // Names no strategy, so nothing was traded for it.
        Some(Err(_)) => return Ok(Json(EnrichedTrades { trades: Vec::new(), total: 0 })),
    };
    let filter = TradeFilter {
        symbol: symbol.as_deref(),
        strategy_id,
        outcome: outcome(query.pnl_direction.as_deref())?,
        from: moment("startDate", query.start_date.as_deref(), 0)?,
        until: moment("endDate", query.end_date.as_deref(), 1)?,
    };
    let mut conn = state.pool.acquire().await?;
    let total = trading_views::count_trades(&mut conn, actor.user_id, filter).await?;
    let trades = trading_views::trades(&mut conn, actor.user_id, filter, offset, limit).await?;
    Ok(Json(EnrichedTrades { trades: trades.into_iter().map(EnrichedTrade::new).collect(), total }))
}

fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn limit(sent: Option<i64>) -> ApiResult<i64> {
    let limit = sent.unwrap_or(20);
    if (1..=MAX_LIMIT).contains(&limit) {
        return Ok(limit);
    }
    let message = format!("limit must be between 1 and {MAX_LIMIT}, not {limit}");
    Err(ApiError::bad_request(codes::INVALID_QUERY, message))
}

fn offset(sent: Option<i64>) -> ApiResult<i64> {
    let offset = sent.unwrap_or(0);
    if offset >= 0 {
        return Ok(offset);
    }
    Err(ApiError::bad_request(codes::INVALID_QUERY, format!("offset must be 0 or more, not {offset}")))
}

fn outcome(word: Option<&str>) -> ApiResult<Option<Outcome>> {
    match given(word) {
        None | Some("all") => Ok(None),
        Some("profit") => Ok(Some(Outcome::Profit)),
        Some("loss") => Ok(Some(Outcome::Loss)),
        Some(other) => {
            let message = format!("pnlDirection {other:?} is unknown, use profit, loss or all");
            Err(ApiError::bad_request(codes::INVALID_QUERY, message))
        }
    }
}

/// Returns the moment that `sent` names: a time, or midnight UTC of the day `days` after a date.
fn moment(name: &str, sent: Option<&str>, days: u64) -> ApiResult<Option<DateTime<Utc>>> {
    let Some(text) = given(sent) else { return Ok(None) };
    let time = text.parse::<DateTime<Utc>>().ok().or_else(|| {
        let date: NaiveDate = text.parse().ok()?;
        Some(date.checked_add_days(chrono::Days::new(days))?.and_time(chrono::NaiveTime::MIN).and_utc())
    });
    let sane = |time: &DateTime<Utc>| (0..=9999).contains(&chrono::Datelike::year(time));
    time.filter(sane).map(Some).ok_or_else(|| {
        let message = format!("{name} {text:.40?} is neither a date nor a time");
        ApiError::bad_request(codes::INVALID_QUERY, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_date_includes_its_day() {
        let of = |text, days| moment("endDate", Some(text), days).ok().flatten().map(timestamp::text);
        assert_eq!(of("2026-01-31", 1).as_deref(), Some("2026-02-01T00:00:00.000Z"));
        assert_eq!(of("2026-01-31", 0).as_deref(), Some("2026-01-31T00:00:00.000Z"));
        assert_eq!(of("2026-01-31T10:00:00Z", 1).as_deref(), Some("2026-01-31T10:00:00.000Z"));
        for text in ["2026-02-30", "soon", "+262142-12-31", "-0001-01-01"] {
            assert!(moment("endDate", Some(text), 1).is_err(), "{text}");
        }
        assert!(matches!(moment("endDate", Some(" "), 1), Ok(None)));
    }
}
