//! What a re-run case gave.

use domain::backtest::{Report, RoundTrip};
use domain::metrics::{CurveMetrics, curve_metrics};
use serde::Serialize;

/// The equity curve and the trades a public engine would list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    /// One point a bar.
    pub equity: Vec<f64>,
    /// In closing order; whether an open one is among them depends on the engine.
    pub trades: Vec<RoundTrip>,
}

impl Outcome {
    /// Returns the closed trades of `report`, and with `open` those still open after them.
    pub(super) fn new(report: Report, open: bool) -> Self {
        let mut trades = report.trades;
        if open {
            trades.extend(report.open_positions);
        }
        Self { equity: report.equity, trades }
    }
}

/// The line printed for a case.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Line<'a> {
    pub id: &'a str,
    pub final_equity: Option<f64>,
    pub n_trades: usize,
    pub trades: Vec<TradeLine>,
    pub curve_metrics: CurveMetrics,
}

/// A trade of that line; `size` is negative for a short one.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TradeLine {
    pub entry_date: String,
    pub exit_date: String,
    pub entry_price: f64,
    pub exit_price: f64,
    pub size: f64,
    pub pnl: f64,
}

impl<'a> Line<'a> {
    /// Returns the line of case `id`.
    pub(super) fn new(id: &'a str, outcome: &Outcome) -> Self {
        let trades = outcome.trades.iter().map(|trade| TradeLine {
            entry_date: trade.entry_date.to_string(),
            exit_date: trade.exit_date.to_string(),
            entry_price: trade.entry_price,
            exit_price: trade.exit_price,
            size: trade.signed_quantity(),
            pnl: trade.pnl,
        });
        Self {
            id,
            final_equity: outcome.equity.last().copied(),
            n_trades: outcome.trades.len(),
            trades: trades.collect(),
            curve_metrics: curve_metrics(&outcome.equity),
        }
    }
}
