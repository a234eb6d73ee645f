//! The test of one choice on the sessions that follow.

use chrono::NaiveDate;

use crate::{
    backtest::{self, Config, SimulationError},
    bars::Series,
    grid::{Figures, RankBy},
    metrics::{CurveMetrics, curve_metrics},
};

/// What a test returned.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// The sessions of the test.
    pub dates: Vec<NaiveDate>,
    /// Equity over the initial cash at each session's end.
    pub growth: Vec<f64>,
    /// The figures of the test's sessions alone.
    pub figures: Figures,
}

impl Piece {
    /// Returns a test that stays in cash on `dates`.
    pub fn in_cash(dates: Vec<NaiveDate>) -> Self {
        let growth = vec![1.0; dates.len()];
        Self { figures: figures(&growth, 0, 0), dates, growth }
    }

    /// Returns the figure that combinations were ranked by.
    pub fn score(&self, by: RankBy) -> Option<f64> {
        by.score(&self.figures)
    }
}

/// Returns the bars of `series` from `from` to `to`, both included.
#[must_use]
pub fn between(series: &Series, from: NaiveDate, to: NaiveDate) -> Series {
    let start = series.dates.partition_point(|date| *date < from);
    let end = series.dates.partition_point(|date| *date <= to).max(start);
    Series {
        symbol: series.symbol.clone(),
        dates: series.dates[start..end].to_vec(),
        open: series.open[start..end].to_vec(),
        high: series.high[start..end].to_vec(),
        low: series.low[start..end].to_vec(),
        close: series.close[start..end].to_vec(),
        volume: series.volume[start..end].to_vec(),
        provenance: series.provenance[start..end].to_vec(),
    }
}

/// Runs `config` over the sessions of `series` from `test_start` on.
///
/// The bars before it only warm the indicators up: the test begins in cash and takes its first
/// decision on its first close, or later for a symbol with fewer bars before the test than the
/// others. Open positions are sold at the last close, so that every cost counts.
pub fn run_piece(
    config: &Config,
    series: &[Series],
    test_start: NaiveDate,
) -> Result<Piece, SimulationError> {
    let before = |one: &Series| one.dates.partition_point(|date| *date < test_start);
    let lead = series.iter().map(before).max().unwrap_or_default();
    let config = Config {
        first_decision: Some(lead.max(config.strategy.warm_up())),
        close_at_end: true,
        ..config.clone()
    };
    let report = backtest::run(&config, series)?;
    let start = report.dates.partition_point(|date| *date < test_start);
    let growth: Vec<f64> = report.equity[start..].iter().map(|equity| equity / config.initial_cash).collect();
    let winning = report.trades.iter().filter(|trade| trade.pnl > 0.0).count();
    Ok(Piece {
        dates: report.dates[start..].to_vec(),
        figures: figures(&growth, report.trades.len(), winning),
        growth,
    })
}

/// The first return is that of the first session, from the cash before it.
fn figures(growth: &[f64], trades: usize, winning: usize) -> Figures {
    let curve: CurveMetrics = curve_metrics(&[&[1.0], growth].concat());
    Figures {
        total_return: curve.total_return.unwrap_or_default(),
        sharpe: curve.sharpe_arith_ddof1,
        max_drawdown: curve.max_drawdown.unwrap_or_default(),
        calmar: curve.calmar,
        trades,
        winning,
        open: false,
    }
}
