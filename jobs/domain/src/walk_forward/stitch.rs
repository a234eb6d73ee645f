//! The tests chained into one curve.

use serde::Serialize;

use crate::metrics::curve_metrics;

/// One curve out of many pieces, and its figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stitched {
    /// Equity at each session's end, money.
    #[serde(skip)]
    pub equity: Vec<f64>,
    /// Sessions.
    pub sessions: usize,
    /// Fraction.
    pub total_return: Option<f64>,
    /// Compound return a year of 252 sessions, fraction.
    pub annualised_return: Option<f64>,
    /// Arithmetic Sharpe ratio, annualised.
    pub sharpe: Option<f64>,
    /// Zero or negative.
    pub max_drawdown: Option<f64>,
    /// Return a year over the deepest drawdown.
    pub calmar: Option<f64>,
}

/// Chains `pieces`, each the growth of the cash it began with, from `initial_cash` on: what a
/// piece ends with is what the next begins with.
///
/// Every piece was simulated with the same cash, so this scales its sizes as if positions had
/// grown with the account.
pub fn stitch(pieces: &[Vec<f64>], initial_cash: f64) -> Stitched {
    let mut equity = Vec::with_capacity(pieces.iter().map(Vec::len).sum());
    let mut begins_with = initial_cash;
    for piece in pieces {
        equity.extend(piece.iter().map(|growth| begins_with * growth));
        begins_with = equity.last().copied().unwrap_or(begins_with);
    }
    let curve = curve_metrics(&[&[initial_cash], equity.as_slice()].concat());
    Stitched {
        sessions: equity.len(),
        total_return: curve.total_return,
        annualised_return: curve.cagr_252,
        sharpe: curve.sharpe_arith_ddof1,
        max_drawdown: curve.max_drawdown,
        calmar: curve.calmar,
        equity,
    }
}
