//! The figures of a finished run, as they are stored and sent.

use domain::backtest::Report;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The contract's `resultsSummary`. `None` means "undefined", such as a ratio without trades.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Compound annual growth, a fraction (0.1 = 10 %); undefined below a year of sessions.
    pub cagr: Option<f64>,
    /// Last equity against the starting cash, percent.
    pub total_return_pct: f64,
    /// Largest fall from a peak, percent, zero or more.
    pub max_drawdown_pct: f64,
    /// Annualised, no risk-free rate.
    pub sharpe_ratio: Option<f64>,
    /// Annualised, no risk-free rate.
    pub sortino_ratio: Option<f64>,
    /// Growth a year over the largest drawdown.
    pub calmar_ratio: Option<f64>,
    /// Compound growth a year whatever the length of the run, percent.
    #[serde(default)]
    pub annualised_return_pct: Option<f64>,
    /// Equity at the end, money.
    #[serde(default)]
    pub final_equity: Option<f64>,
    /// All fees, money.
    #[serde(default)]
    pub fees_paid: f64,
    /// What slippage cost, money.
    #[serde(default)]
    pub slippage_paid: f64,
    /// The figures of the closed trades.
    #[serde(flatten)]
    pub trades: TradeFigures,
}

/// The part of a [`Summary`] that is about closed round trips.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TradeFigures {
    /// Closed round trips.
    pub total_trades: usize,
    /// Those with a profit after fees.
    #[serde(default)]
    pub winning_trades: usize,
    /// The others.
    #[serde(default)]
    pub losing_trades: usize,
    /// Winners among the closed trades, percent; 0 without trades.
    pub win_rate_pct: f64,
    /// Gains over losses.
    pub profit_factor: Option<f64>,
    /// Mean return of the winners, percent, zero or more.
    pub avg_win_pct: f64,
    /// Mean return of the losers, percent, zero or less.
    pub avg_loss_pct: f64,
    /// Mean profit of a trade, money.
    pub expectancy: Option<f64>,
    /// Closed trades in an average month.
    pub trades_per_month: Option<f64>,
    /// Mean calendar days from opening to closing.
    pub avg_holding_period_days: Option<f64>,
    /// Positions still open at the end; they are not among the trades.
    #[serde(default)]
    pub open_positions: usize,
    /// Orders filled.
    #[serde(default)]
    pub fills: usize,
}

impl Summary {
    /// Returns the figures of `report` in the contract's units.
    ///
    /// Where the contract wants a number and the figure is undefined, it is 0.
    pub fn new(report: &Report) -> Self {
        let metrics = &report.metrics;
        let trades = &metrics.trades;
        let percent = |fraction: Option<f64>| 100.0 * fraction.unwrap_or(0.0);
        Self {
            cagr: metrics.cagr,
            annualised_return_pct: metrics.annualised_return.map(|fraction| 100.0 * fraction),
            total_return_pct: percent(metrics.total_return),
            // The engine's is zero or negative.
            max_drawdown_pct: percent(metrics.max_drawdown).abs(),
            sharpe_ratio: metrics.sharpe,
            sortino_ratio: metrics.sortino,
            calmar_ratio: metrics.calmar,
            final_equity: report.final_equity(),
            fees_paid: metrics.fees_paid,
            slippage_paid: metrics.slippage_paid,
            trades: TradeFigures {
                total_trades: trades.total,
                winning_trades: trades.winning,
                losing_trades: trades.losing,
                win_rate_pct: percent(trades.win_rate),
                profit_factor: trades.profit_factor,
                avg_win_pct: percent(trades.average_win),
                avg_loss_pct: percent(trades.average_loss),
                expectancy: trades.expectancy,
                trades_per_month: trades.per_month,
                avg_holding_period_days: trades.average_holding_days,
                open_positions: report.open_positions.len(),
                fills: metrics.fills,
            },
        }
    }

    /// Returns what a strategy shows of its latest run: defined numbers only, percents as such.
    pub(super) fn performance(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("totalReturn".into(), self.total_return_pct.into());
        shown.insert("winRate".into(), self.trades.win_rate_pct.into());
        shown.insert("maxDrawdown".into(), self.max_drawdown_pct.into());
        shown.insert("totalTrades".into(), self.trades.total_trades.into());
        if let Some(sharpe) = self.sharpe_ratio {
            shown.insert("sharpeRatio".into(), sharpe.into());
        }
        Value::Object(shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_one_flat_object_with_nulls_where_undefined() {
        let json = serde_json::to_value(Summary::default()).expect("plain numbers serialise");
        assert_eq!(json["totalTrades"], 0);
        assert_eq!(json["sharpeRatio"], Value::Null);
        assert_eq!(json["totalReturnPct"], 0.0);
        let back: Summary = serde_json::from_value(json).expect("what was written is read");
        assert_eq!(back, Summary::default());
    }
}
