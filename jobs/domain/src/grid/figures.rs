//! The figures of one combination, and the one of them that decides its rank.

use serde::{Deserialize, Serialize};

use crate::{
    backtest::{Cell, Report},
    metrics::{PERIODS_PER_YEAR, defined},
};

/// The figures of one combination. Fractions; `None` is undefined.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Equity at the end over the initial cash, less one.
    pub total_return: f64,
    /// Arithmetic Sharpe ratio, annualised; none without a deviation, as when nothing is traded.
    pub sharpe: Option<f64>,
    /// Deepest drawdown, zero or negative.
    pub max_drawdown: f64,
    /// Return a year, (1 + total)^(252 / returns) - 1, over the deepest drawdown. Source: Young (1991).
    pub calmar: Option<f64>,
    /// Closed round trips.
    pub trades: usize,
    /// Those with a profit net of fees.
    pub winning: usize,
    /// Whether a position is open at the end.
    pub open: bool,
}

impl Figures {
    /// Takes the figures of a sweep's cell over `sessions`.
    pub(super) fn of_cell(cell: &Cell, sessions: usize) -> Self {
        Self {
            total_return: cell.total_return,
            sharpe: cell.sharpe,
            max_drawdown: cell.max_drawdown,
            calmar: calmar(cell.total_return, cell.max_drawdown, sessions),
            trades: cell.trades,
            winning: cell.winning,
            open: cell.open,
        }
    }

    /// Takes the figures of a whole report.
    pub(super) fn of_report(report: &Report) -> Self {
        let total_return = report.metrics.total_return.unwrap_or_default();
        let max_drawdown = report.metrics.max_drawdown.unwrap_or_default();
        Self {
            total_return,
            sharpe: report.metrics.sharpe,
            max_drawdown,
            calmar: calmar(total_return, max_drawdown, report.dates.len()),
            trades: report.trades.len(),
            winning: report.metrics.trades.winning,
            open: !report.open_positions.is_empty(),
        }
    }
}

fn calmar(total_return: f64, max_drawdown: f64, sessions: usize) -> Option<f64> {
    let growth = 1.0 + total_return;
    if sessions < 2 || growth < 0.0 || max_drawdown >= 0.0 {
        return None;
    }
    defined((growth.powf(PERIODS_PER_YEAR / (sessions - 1) as f64) - 1.0) / -max_drawdown)
}

/// What combinations are ranked by; higher is better in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RankBy {
    /// The arithmetic Sharpe ratio.
    #[default]
    Sharpe,
    /// The return over the whole range.
    TotalReturn,
    /// Return a year over the deepest drawdown.
    Calmar,
    /// The shallowest drawdown first.
    MaxDrawdown,
    /// The part of closed trades with a profit.
    WinRate,
}

impl RankBy {
    /// Every figure that can be ranked by.
    pub const ALL: [Self; 5] =
        [Self::Sharpe, Self::TotalReturn, Self::Calmar, Self::MaxDrawdown, Self::WinRate];

    /// Returns the client's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sharpe => "sharpe",
            Self::TotalReturn => "totalReturn",
            Self::Calmar => "calmar",
            Self::MaxDrawdown => "maxDrawdown",
            Self::WinRate => "winRate",
        }
    }

    /// Returns the figure that `word` names, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str().eq_ignore_ascii_case(word))
    }

    /// Returns the figure, higher is better; `None` when it is undefined.
    pub fn score(self, figures: &Figures) -> Option<f64> {
        match self {
            Self::Sharpe => figures.sharpe.and_then(defined),
            Self::TotalReturn => defined(figures.total_return),
            Self::Calmar => figures.calmar.and_then(defined),
            Self::MaxDrawdown => defined(figures.max_drawdown),
            Self::WinRate => defined(figures.winning as f64 / figures.trades as f64),
        }
    }
}
