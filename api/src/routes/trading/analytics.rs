//! A user's trading in figures.

use axum::{Json, extract::State};
use chrono::Utc;
use jobs::db::trading_views;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    amount::{fixed, money, percent},
    day,
    positions::Worth,
    risk::{self, SettingsView},
    source::{Seen, Source},
};
use crate::{error::ApiResult, extract::Actor, state::AppState};

/// The account; amounts are text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AccountFigures {
    equity: String,
    cash: String,
    buying_power: String,
    last_equity: String,
    portfolio_value: String,
}

/// A user's trading in figures: counts are numbers, money is text with two decimals.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    total_trades: i64,
    /// Trades that closed something.
    closing_trades: i64,
    winning_trades: i64,
    losing_trades: i64,
    /// Since midnight in New York.
    daily_trades: i64,
    total_orders: i64,
    open_orders: i64,
    open_positions: usize,
    active_strategies: i64,
    total_pnl: String,
    realized_pnl: String,
    unrealized_pnl: String,
    /// Realized since midnight in New York, and unrealized.
    daily_pnl: String,
    daily_realized_pnl: String,
    /// Percent of the closing trades, with one decimal.
    win_rate: String,
    account: AccountFigures,
    risk_controls: SettingsView,
    is_agent_running: bool,
    #[serde(rename = "_source")]
    source: Source,
}

/// Returns the caller's trading in figures.
///
/// Without a broker the account's figures are zero, and `_source` says so.
#[utoipa::path(
    get, path = "/api/analytics/summary", operation_id = "analytics_summary", tag = "trading",
    responses((status = 200, body = Summary)), security(("session" = []))
)]
pub(super) async fn summary(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<Summary>> {
    let mut conn = state.pool.acquire().await?;
    let figures = trading_views::figures(&mut conn, actor.user_id, day::start(Utc::now())).await?;
    let rows = trading_views::positions(&mut conn, actor.user_id).await?;
    let risk_controls = risk::read(&mut conn, &actor).await?;
    let seen = Seen::load(&mut conn, &state).await?;
    let account = seen.account().ok();
    let unrealized: Decimal = rows.iter().map(|row| Worth::of(row).gain()).sum();
    let shown = |amount: Option<Decimal>| money(amount.unwrap_or_default());
    let equity = shown(account.map(|account| account.equity));
    Ok(Json(Summary {
        total_trades: figures.fills,
        closing_trades: figures.closing,
        winning_trades: figures.winning,
        losing_trades: figures.losing,
        daily_trades: figures.fills_since,
        total_orders: figures.orders,
        open_orders: figures.open_orders,
        open_positions: rows.len(),
        active_strategies: figures.active_strategies,
        total_pnl: money(figures.realized + unrealized),
        realized_pnl: money(figures.realized),
        unrealized_pnl: money(unrealized),
        daily_pnl: money(figures.realized_since + unrealized),
        daily_realized_pnl: money(figures.realized_since),
        win_rate: fixed(percent(figures.winning.into(), figures.closing.into()), 1),
        account: AccountFigures {
            cash: shown(account.map(|account| account.cash)),
            buying_power: shown(account.map(|account| account.buying_power)),
            last_equity: shown(account.map(|account| account.last_equity)),
            portfolio_value: equity.clone(),
            equity,
        },
        is_agent_running: figures.active_strategies > 0 && !risk_controls.stopped(),
        risk_controls,
        source: seen.source,
    }))
}
