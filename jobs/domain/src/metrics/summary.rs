//! All figures of one run, with the conventions they were worked out by.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::curve::{CurveMetrics, PERIODS_PER_YEAR, compound, with_deviation};
use super::defined;
use super::trades::{TradeMetrics, trade_metrics};
use crate::backtest::{RoundTrip, TradeEvent};

/// The conventions behind the figures, stated with them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Conventions {
    /// Periods a year of every annualised figure.
    pub periods_per_year: f64,
    /// Degrees of freedom taken off in deviations.
    pub ddof: u8,
    /// Risk-free rate a year, fraction.
    pub risk_free: f64,
}

impl Default for Conventions {
    fn default() -> Self {
        Self { periods_per_year: PERIODS_PER_YEAR, ddof: 1, risk_free: 0.0 }
    }
}

/// The figures of one run. Fractions (0.01 = 1 %) and money; `None` is undefined.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Metrics {
    /// What the figures assume.
    pub conventions: Conventions,
    /// Equity at the end over the initial cash, less one.
    pub total_return: Option<f64>,
    /// (end/start)^(365.25 / calendar days) - 1; only from one year of sessions on, since a
    /// shorter run says nothing about a year.
    pub cagr: Option<f64>,
    /// (end/start)^(252 / sessions) - 1, for any length.
    pub annualised_return: Option<f64>,
    /// Deviation of daily returns, annualised.
    pub annualised_volatility: Option<f64>,
    /// Arithmetic Sharpe ratio: mean over deviation of daily returns, annualised.
    pub sharpe: Option<f64>,
    /// Compounded Sharpe ratio: annualised return over the compounded volatility. Source:
    /// backtesting.py, `_stats.py`.
    pub sharpe_compounded: Option<f64>,
    /// sqrt((variance + (1 + g)^2)^252 - (1 + g)^504), with g the geometric mean return.
    pub volatility_compounded: Option<f64>,
    /// Sortino ratio, arithmetic.
    pub sortino: Option<f64>,
    /// Annualised return over the deepest drawdown.
    pub calmar: Option<f64>,
    /// Deepest drawdown, zero or negative.
    pub max_drawdown: Option<f64>,
    /// Part of the sessions that ended with a position, 0 to 1.
    pub exposure_time: Option<f64>,
    /// Highest point of the curve, money.
    pub equity_peak: Option<f64>,
    /// All fees paid, money.
    pub fees_paid: f64,
    /// What slippage cost, money.
    pub slippage_paid: f64,
    /// Number of fills.
    pub fills: usize,
    /// All figures of the curve under their source's names.
    pub curve: CurveMetrics,
    /// All figures of the closed trades.
    pub trades: TradeMetrics,
}

impl Metrics {
    /// Works out the figures of a run that started with `initial_cash`.
    ///
    /// `equity` and `exposure` hold one value for each of `dates`.
    pub fn new(
        dates: &[NaiveDate],
        equity: &[f64],
        exposure: &[f64],
        events: &[TradeEvent],
        trades: &[RoundTrip],
        initial_cash: f64,
    ) -> Self {
        let (curve, deviation) = with_deviation(equity);
        let days = match (dates.first(), dates.last()) {
            (Some(&first), Some(&last)) => (last - first).num_days(),
            _ => 0,
        };
        let growth = equity.last().map(|last| last / initial_cash);
        let (volatility_compounded, sharpe_compounded) = compounded(deviation, curve.cagr_252);
        let invested = exposure.iter().filter(|&&value| value > 0.0).count();
        Self {
            conventions: Conventions::default(),
            total_return: growth.and_then(|growth| defined(growth - 1.0)),
            cagr: growth
                .filter(|_| equity.len() as f64 >= PERIODS_PER_YEAR && days > 0)
                .and_then(|growth| defined(compound(growth, 365.25 / days as f64))),
            annualised_return: curve.cagr_252,
            annualised_volatility: curve.annual_vol_ddof1,
            sharpe: curve.sharpe_arith_ddof1,
            sharpe_compounded,
            volatility_compounded,
            sortino: curve.sortino,
            calmar: curve.calmar,
            max_drawdown: curve.max_drawdown,
            exposure_time: defined(invested as f64 / exposure.len() as f64),
            equity_peak: equity.iter().copied().reduce(f64::max).and_then(defined),
            fees_paid: events.iter().map(|event| event.fees).sum(),
            slippage_paid: events.iter().map(|event| event.slippage).sum(),
            fills: events.len(),
            trades: trade_metrics(trades, days),
            curve,
        }
    }
}

/// Returns the compounded volatility and the Sharpe ratio by it, from the deviation of the
/// returns a period.
fn compounded(deviation: f64, annual_return: Option<f64>) -> (Option<f64>, Option<f64>) {
    let Some(annual_return) = annual_return else { return (None, None) };
    let growth = (1.0 + annual_return).powf(1.0 / PERIODS_PER_YEAR);
    let mean_square = deviation * deviation + growth * growth;
    let volatility = (mean_square.powf(PERIODS_PER_YEAR) - growth.powf(2.0 * PERIODS_PER_YEAR)).sqrt();
    (defined(volatility), defined(annual_return / volatility))
}
