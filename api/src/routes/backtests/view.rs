//! Runs and their results in the contract's shapes.

use chrono::{NaiveDate, NaiveTime};
use jobs::db::backtests::{EquityPoint, Run, Summary, Trade};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::timestamp;

/// A run.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "0190a3c4-0000-7000-8000-000000000001", "status": "DONE", "progress": 100,
    "universe": ["AAPL", "MSFT"], "startDate": "2024-01-01", "endDate": "2024-01-31",
    "initialCash": 10000.0, "resultsSummary": {"totalReturnPct": 1.2, "totalTrades": 2}
}))]
pub(super) struct RunView {
    id: Uuid,
    /// `QUEUED`, `RUNNING`, `DONE`, `FAILED` or `CANCELLED`.
    status: &'static str,
    /// 0 to 100.
    progress: i16,
    strategy_id: Option<Uuid>,
    /// SHA-256 over everything that affects the result.
    strategy_config_hash: String,
    /// As sent, and under `effective` what the engine trades by.
    #[schema(value_type = Object)]
    strategy_config: Value,
    universe: Vec<String>,
    /// Whether nobody named symbols, so that the default ones are tested.
    universe_defaulted: bool,
    broker: Value,
    timeframe: Value,
    /// As sent.
    start_date: Value,
    /// As sent.
    end_date: Value,
    initial_cash: f64,
    #[schema(value_type = Object)]
    fees_model: Value,
    #[schema(value_type = Object)]
    slippage_model: Value,
    execution_price_rule: Value,
    data_source: Value,
    /// Settings that were sent and that a back-test does not model or does not know.
    #[schema(value_type = Vec<String>)]
    not_modelled: Value,
    /// What the bars are and where they come from, once done.
    #[schema(value_type = Option<Object>)]
    provenance: Option<Value>,
    /// The figures, once done; null stands for undefined.
    #[schema(value_type = Option<Object>)]
    results_summary: Option<Value>,
    /// The figures for charts and tables: finite numbers only, 0 for undefined. Present once done.
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<ResultsView>,
    /// What the figures show, in words.
    interpretation: Option<String>,
    /// `ENGINE_REJECTED`, `NO_DATA`, `TIMEOUT`, `CANCELLED`, `INTERNAL`, `CRASHED` or
    /// `RESULT_OUT_OF_RANGE`, for a run that ended without results.
    error_code: Option<String>,
    error_message: Option<String>,
    runtime_ms: Option<i32>,
    /// The earlier identical run that this one was answered from.
    reused_from: Option<Uuid>,
    job_id: Uuid,
    created_at: String,
    updated_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
}

/// The figures of a finished run as the screens read them. Percents and money, all finite.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultsView {
    /// Percent.
    total_return: f64,
    /// Percent; for a run below a year the compounded rate, which says little.
    annualized_return: f64,
    sharpe_ratio: f64,
    /// Percent, zero or more.
    max_drawdown: f64,
    /// Percent.
    win_rate: f64,
    profit_factor: f64,
    total_trades: usize,
    winning_trades: usize,
    losing_trades: usize,
    /// Percent.
    average_win: f64,
    /// Percent.
    average_loss: f64,
    /// At most 1000 points spread evenly; empty in lists. All are at `/equity`.
    equity_curve: Vec<PointView>,
    /// The first 1000 fills; empty in lists. All are at `/trades`.
    trades: Vec<TradeView>,
}

/// A point of the equity curve. Money.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PointView {
    /// The session's date at 00:00 UTC.
    ts: String,
    /// The same as `ts`.
    date: String,
    equity: f64,
    cash: f64,
    /// Value of the positions, longs and shorts both positive.
    exposure: f64,
}

/// A fill.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TradeView {
    id: String,
    run_id: Uuid,
    /// The session's date at 00:00 UTC.
    ts: String,
    /// The same as `ts`.
    timestamp: String,
    symbol: String,
    /// `buy` or `sell`.
    side: String,
    qty: f64,
    price: f64,
    /// Profit of the round trip that this fill closes; null for one that opens.
    pnl: Option<f64>,
    /// `entry`, `exit`, `stop_loss`, `take_profit` or `close_at_end`.
    reason: String,
    /// `market`, `stop` or `limit`.
    order_type: String,
    fees: f64,
    slippage: f64,
    position_after: f64,
    cash_after: f64,
}

impl RunView {
    /// Returns the view without points and trades, as for lists.
    pub(super) fn new(run: Run) -> Self {
        let results = summary_of(&run).map(|summary| ResultsView::new(&summary));
        let sent = |key: &str| run.request.get(key).cloned().unwrap_or(Value::Null);
        let object = |key: &str| match sent(key) {
            Value::Null => json!({}),
            value => value,
        };
        Self {
            strategy_config: object("strategyConfig"),
            universe_defaulted: sent("universeDefaulted") == true,
            broker: sent("broker"),
            timeframe: sent("timeframe"),
            start_date: sent("startDate"),
            end_date: sent("endDate"),
            fees_model: object("feesModel"),
            slippage_model: object("slippageModel"),
            execution_price_rule: sent("executionPriceRule"),
            data_source: sent("dataSource"),
            not_modelled: match sent("notModelled") {
                Value::Null => json!([]),
                list => list,
            },
            id: run.id,
            status: run.status.as_str(),
            progress: run.progress,
            strategy_id: run.strategy_id,
            strategy_config_hash: run.config_hash,
            universe: run.universe,
            initial_cash: number(run.initial_cash),
            provenance: run.provenance,
            results_summary: run.results_summary,
            results,
            interpretation: run.interpretation,
            error_code: run.error_code,
            error_message: run.error_message,
            runtime_ms: run.runtime_ms,
            reused_from: run.reused_from,
            job_id: run.job_id,
            created_at: timestamp::text(run.created_at),
            updated_at: timestamp::text(run.updated_at),
            started_at: run.started_at.map(timestamp::text),
            finished_at: run.finished_at.map(timestamp::text),
        }
    }

    /// Adds points and trades to the results, when there are results.
    pub(super) fn with_rows(mut self, points: Vec<PointView>, trades: Vec<TradeView>) -> Self {
        if let Some(results) = &mut self.results {
            results.equity_curve = points;
            results.trades = trades;
        }
        self
    }
}

/// Returns the figures of a finished run.
pub(super) fn summary_of(run: &Run) -> Option<Summary> {
    let summary = run.results_summary.clone()?;
    match serde_json::from_value(summary) {
        Ok(summary) => Some(summary),
        Err(error) => {
            tracing::error!(backtest.id = %run.id, %error, "the summary of run {} can't be read", run.id);
            None
        }
    }
}

impl ResultsView {
    fn new(summary: &Summary) -> Self {
        let trades = &summary.trades;
        Self {
            total_return: finite(Some(summary.total_return_pct)),
            annualized_return: finite(
                summary.cagr.map(|cagr| 100.0 * cagr).or(summary.annualised_return_pct),
            ),
            sharpe_ratio: finite(summary.sharpe_ratio),
            max_drawdown: finite(Some(summary.max_drawdown_pct)),
            win_rate: finite(Some(trades.win_rate_pct)),
            profit_factor: finite(trades.profit_factor),
            total_trades: trades.total_trades,
            winning_trades: trades.winning_trades,
            losing_trades: trades.losing_trades,
            average_win: finite(Some(trades.avg_win_pct)),
            average_loss: finite(Some(trades.avg_loss_pct)),
            equity_curve: Vec::new(),
            trades: Vec::new(),
        }
    }
}

impl PointView {
    pub(super) fn new(point: &EquityPoint) -> Self {
        let ts = session(point.date);
        Self {
            date: ts.clone(),
            ts,
            equity: number(point.equity),
            cash: number(point.cash),
            exposure: number(point.exposure),
        }
    }
}

impl TradeView {
    /// `run` is the run that was asked about, which may have reused the trade.
    pub(super) fn new(run: Uuid, trade: Trade) -> Self {
        let ts = session(trade.date);
        Self {
            id: format!("{run}-{}", trade.seq),
            run_id: run,
            timestamp: ts.clone(),
            ts,
            symbol: trade.symbol,
            side: trade.side,
            qty: number(trade.qty),
            price: number(trade.price),
            pnl: trade.pnl.map(number),
            reason: trade.reason,
            order_type: trade.order_type,
            fees: number(trade.fees),
            slippage: number(trade.slippage),
            position_after: number(trade.position_after),
            cash_after: number(trade.cash_after),
        }
    }
}

/// Clients show percents and ratios without asking whether there is a number.
fn finite(value: Option<f64>) -> f64 {
    value.filter(|value| value.is_finite()).unwrap_or(0.0)
}

fn number(value: Decimal) -> f64 {
    value.to_f64().unwrap_or_default()
}

fn session(date: NaiveDate) -> String {
    timestamp::text(date.and_time(NaiveTime::MIN).and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_figures_are_shown_as_zero_and_never_as_null() {
        let view = ResultsView::new(&Summary { sharpe_ratio: Some(f64::NAN), ..Summary::default() });
        let json = serde_json::to_value(view).expect("plain numbers serialise");
        for key in ["annualizedReturn", "sharpeRatio", "maxDrawdown", "winRate", "profitFactor"] {
            assert_eq!(json[key], 0.0, "{key}");
        }
    }

    #[test]
    fn a_session_is_a_time_in_the_contracts_form() {
        let date = NaiveDate::from_ymd_opt(2024, 1, 2).expect("a date");
        assert_eq!(session(date), "2024-01-02T00:00:00.000Z");
    }
}
