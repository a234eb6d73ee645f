//! The account, and what a user's part of it is worth.
//!
//! There is one account for the whole deployment; positions and results are the caller's own.

use axum::{Json, extract::State};
use jobs::db::trading_views::{self, PositionRow};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    amount::{number, percent},
    day,
    positions::Worth,
    source::{Seen, Source},
};
use crate::{
    error::{ApiError, ApiResult},
    extract::Actor,
    state::AppState,
    timestamp,
};

/// Returns the broker's account in its own shape, with `_source`.
#[utoipa::path(
    get, path = "/api/trading/account", operation_id = "account", tag = "trading",
    responses(
        (status = 200, body = Object),
        (status = 503, description = "The broker is not configured or has never been reached.")),
    security(("session" = []))
)]
pub(super) async fn account(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<Value>> {
    let _ = actor;
    let seen = Seen::load(&mut *state.pool.acquire().await?, &state).await?;
    let mut account = seen.account()?.raw.clone();
    let source = serde_json::to_value(&seen.source).map_err(ApiError::internal)?;
    if let Some(fields) = account.as_object_mut() {
        fields.insert("_source".to_owned(), source);
    }
    Ok(Json(account))
}

/// Returns the broker's account in its own shape.
#[utoipa::path(
    get, path = "/api/alpaca/account", operation_id = "brokers_account", tag = "trading",
    responses(
        (status = 200, body = Object),
        (status = 503, description = "The broker is not configured or has never been reached.")),
    security(("session" = []))
)]
pub(super) async fn brokers(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<Value>> {
    let _ = actor;
    let seen = Seen::load(&mut *state.pool.acquire().await?, &state).await?;
    Ok(Json(seen.account()?.raw.clone()))
}

/// The account in numbers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PortfolioView {
    total_equity: f64,
    total_cash: f64,
    /// Equity now less equity at the last close.
    #[serde(rename = "todayPnL")]
    today_pnl: f64,
    /// The caller's.
    total_positions: usize,
    /// The caller's.
    total_position_value: f64,
    buying_power: f64,
    portfolio_value: f64,
    last_equity: f64,
    account_status: String,
    daytrade_count: u32,
    pattern_day_trader: bool,
    #[serde(rename = "_source")]
    source: Source,
}

/// Returns the account and the caller's positions in numbers.
#[utoipa::path(
    get, path = "/api/portfolio/snapshot", operation_id = "portfolio_snapshot", tag = "trading",
    responses(
        (status = 200, body = PortfolioView),
        (status = 503, description = "The broker is not configured or has never been reached.")),
    security(("session" = []))
)]
pub(super) async fn portfolio(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<PortfolioView>> {
    let mut conn = state.pool.acquire().await?;
    let seen = Seen::load(&mut conn, &state).await?;
    let account = seen.account()?;
    let rows = trading_views::positions(&mut conn, actor.user_id).await?;
    Ok(Json(PortfolioView {
        total_equity: number(account.equity),
        total_cash: number(account.cash),
        today_pnl: number(account.equity - account.last_equity),
        total_positions: rows.len(),
        total_position_value: number(rows.iter().map(|row| Worth::of(row).value).sum()),
        buying_power: number(account.buying_power),
        portfolio_value: number(account.equity),
        last_equity: number(account.last_equity),
        account_status: account.status.clone(),
        daytrade_count: account.daytrade_count,
        pattern_day_trader: account.pattern_day_trader,
        source: seen.source.clone(),
    }))
}

/// A position of a snapshot.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SnapshotPosition {
    id: String,
    symbol: String,
    side: &'static str,
    /// Shares, also of a short position above zero.
    qty: f64,
    entry_price: f64,
    current_price: f64,
    market_value: f64,
    unrealized_pl: f64,
    unrealized_pl_pct: f64,
    cost_basis: f64,
    asset_class: String,
}

impl SnapshotPosition {
    fn new(row: &PositionRow) -> Self {
        let worth = Worth::of(row);
        let class = row.raw.as_ref().and_then(|raw| raw["asset_class"].as_str());
        Self {
            id: row.symbol.clone(),
            symbol: row.symbol.clone(),
            side: if row.qty.is_sign_negative() { "short" } else { "long" },
            qty: number(row.qty.abs()),
            entry_price: number(row.avg_entry_price),
            current_price: number(worth.price),
            market_value: number(worth.value),
            unrealized_pl: number(worth.gain()),
            unrealized_pl_pct: number(percent(worth.gain(), worth.cost)),
            cost_basis: number(worth.cost),
            asset_class: class.unwrap_or("us_equity").to_owned(),
        }
    }
}

/// Account and positions at one time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SnapshotView {
    total_equity: f64,
    buying_power: f64,
    cash: f64,
    portfolio_value: f64,
    /// Equity now less equity at the last close.
    daily_pl: f64,
    daily_pl_pct: f64,
    /// The caller's gains, realized or not.
    total_pl: f64,
    /// The same in percent of what the positions cost.
    total_pl_pct: f64,
    /// The caller's, by symbol.
    positions: Vec<SnapshotPosition>,
    timestamp: String,
    position_count: usize,
    long_positions: usize,
    short_positions: usize,
    total_realized_pl: f64,
    total_unrealized_pl: f64,
    #[serde(rename = "_source")]
    source: Source,
}

/// Returns the account and the caller's positions at one time.
#[utoipa::path(
    get, path = "/api/positions/snapshot", operation_id = "positions_snapshot", tag = "trading",
    responses(
        (status = 200, body = SnapshotView),
        (status = 503, description = "The broker is not configured or has never been reached.")),
    security(("session" = []))
)]
pub(super) async fn snapshot(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<SnapshotView>> {
    let mut conn = state.pool.acquire().await?;
    let seen = Seen::load(&mut conn, &state).await?;
    let account = seen.account()?.clone();
    let rows = trading_views::positions(&mut conn, actor.user_id).await?;
    let figures = trading_views::figures(&mut conn, actor.user_id, day::start(chrono::Utc::now())).await?;
    let unrealized: Decimal = rows.iter().map(|row| Worth::of(row).gain()).sum();
    let cost: Decimal = rows.iter().map(|row| Worth::of(row).cost.abs()).sum();
    let short = rows.iter().filter(|row| row.qty.is_sign_negative()).count();
    let daily = account.equity - account.last_equity;
    let total = figures.realized + unrealized;
    Ok(Json(SnapshotView {
        total_equity: number(account.equity),
        buying_power: number(account.buying_power),
        cash: number(account.cash),
        portfolio_value: number(account.equity),
        daily_pl: number(daily),
        daily_pl_pct: number(percent(daily, account.last_equity)),
        total_pl: number(total),
        total_pl_pct: number(percent(total, cost)),
        positions: rows.iter().map(SnapshotPosition::new).collect(),
        timestamp: timestamp::now(),
        position_count: rows.len(),
        long_positions: rows.len() - short,
        short_positions: short,
        total_realized_pl: number(figures.realized),
        total_unrealized_pl: number(unrealized),
        source: seen.source,
    }))
}
