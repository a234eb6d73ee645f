//! Many parameter sets over one symbol, at the least cost for each.
//!
//! What the sets share is worked out once: prefix sums, each distinct mean, running sums of
//! the closes' returns, extremes of blocks of closes. A set then costs one comparison of two
//! columns and a visit to its trades.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::config::{Config, Strategy};
use super::direct;
use super::event::{Reason, RoundTrip, Side};
use super::segments::{Curve, Shared};
use super::signals::Signals;
use super::simulation::Simulation;
use super::terms::Configured;
use super::timeline::{SimulationError, check};
use super::walk::{Walk, supports};
use crate::bars::Series;
use crate::indicators::PrefixSums;
use crate::metrics::defined;

/// The figures of one parameter set; those of [`crate::metrics::Metrics`] under the same names.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The rule with its parameters.
    pub strategy: Strategy,
    /// Equity at the end, money.
    pub final_equity: f64,
    /// Equity at the end over the initial cash, less one.
    pub total_return: f64,
    /// Deepest drawdown, zero or negative.
    pub max_drawdown: f64,
    /// Arithmetic Sharpe ratio, annualised.
    pub sharpe: Option<f64>,
    /// Closed round trips.
    pub trades: usize,
    /// Those with a profit net of fees.
    pub winning: usize,
    /// Whether a position is open at the end.
    pub open: bool,
}

/// A sweep over one symbol; shared between threads.
#[derive(Debug)]
pub struct Sweep<'a> {
    config: Config,
    terms: Configured,
    series: &'a Series,
    shared: Shared,
    means: BTreeMap<usize, Vec<f64>>,
}

impl<'a> Sweep<'a> {
    /// Prepares a sweep of `config`, whose strategy is replaced by those evaluated, with the
    /// moving means of `windows` ready. Refuses what [`Simulation::new`] refuses.
    pub fn new(config: &Config, series: &'a Series, windows: &[usize]) -> Result<Self, SimulationError> {
        config.validate()?;
        check(series)?;
        let sums = PrefixSums::new(&series.close);
        let mut means = BTreeMap::new();
        for &window in windows {
            means.entry(window).or_insert_with(|| sums.sma(window));
        }
        Ok(Self {
            terms: Configured::new(config),
            shared: Shared::new(&series.close),
            config: config.clone(),
            series,
            means,
        })
    }

    /// Returns the figures of `strategy`, and puts its closed trades into `trades`, whose
    /// former content is dropped.
    ///
    /// A crossover of two prepared means costs least; with protective levels or shorts the
    /// event path runs instead, with the same result.
    pub fn evaluate(&self, strategy: Strategy, trades: &mut Vec<RoundTrip>) -> Result<Cell, SimulationError> {
        let config = Config { strategy, ..self.config.clone() };
        config.validate()?;
        trades.clear();
        if !supports(&config) {
            return self.by_events(&config, trades);
        }
        let signals = match strategy {
            Strategy::MovingAverageCrossover { fast, slow } => {
                match (self.means.get(&fast), self.means.get(&slow)) {
                    (Some(fast), Some(slow)) => Signals::crossover(fast, slow),
                    _ => Signals::new(&strategy, self.series),
                }
            }
            _ => Signals::new(&strategy, self.series),
        };
        Ok(self.by_legs(&config, &signals, trades))
    }

    fn by_legs(&self, config: &Config, signals: &Signals, trades: &mut Vec<RoundTrip>) -> Cell {
        let series = self.series;
        let first = config.first_decision.unwrap_or_else(|| config.strategy.warm_up());
        let mut curve = Curve::new(&self.shared, &series.close, config.initial_cash);
        let (mut open, mut winning) = (false, 0);
        for leg in Walk::new(config, &self.terms, series, signals, first) {
            let end = leg.exit.map_or(series.len(), |exit| exit.bar);
            curve.hold(leg.entry, end, leg.quantity, leg.cash_held);
            let Some(exit) = leg.exit else {
                open = true;
                break;
            };
            curve.leave(exit.bar, exit.cash);
            let gross = leg.quantity * (exit.price - leg.entry_price);
            let pnl = gross - leg.entry_fees - exit.fees;
            winning += usize::from(pnl > 0.0);
            trades.push(RoundTrip {
                symbol: 0,
                side: Side::Buy,
                quantity: leg.quantity,
                entry_bar: leg.entry,
                exit_bar: exit.bar,
                entry_date: series.dates[leg.entry],
                exit_date: series.dates[exit.bar],
                entry_price: leg.entry_price,
                exit_price: exit.price,
                entry_fees: leg.entry_fees,
                exit_fees: exit.fees,
                pnl,
                return_fraction: pnl / (leg.quantity * leg.entry_price),
                closed_by: Some(if exit.at_end { Reason::CloseAtEnd } else { Reason::Exit }),
            });
        }
        let figures = curve.figures(series.len());
        Cell {
            strategy: config.strategy,
            final_equity: figures.last,
            total_return: figures.last / config.initial_cash - 1.0,
            max_drawdown: figures.max_drawdown,
            sharpe: figures.sharpe.and_then(defined),
            trades: trades.len(),
            winning,
            open,
        }
    }

    fn by_events(&self, config: &Config, trades: &mut Vec<RoundTrip>) -> Result<Cell, SimulationError> {
        let report = Simulation::new(config, std::slice::from_ref(self.series))?.finish();
        let final_equity = report.final_equity().unwrap_or(config.initial_cash);
        *trades = report.trades;
        Ok(Cell {
            strategy: config.strategy,
            final_equity,
            total_return: final_equity / config.initial_cash - 1.0,
            max_drawdown: report.metrics.max_drawdown.unwrap_or_default(),
            sharpe: report.metrics.sharpe,
            trades: trades.len(),
            winning: report.metrics.trades.winning,
            open: !report.open_positions.is_empty(),
        })
    }
}

/// Runs `config` over one checked series by the path that costs least.
pub(crate) fn one(config: &Config, series: &Series) -> Result<super::Report, SimulationError> {
    config.validate()?;
    check(series)?;
    if supports(config) {
        Ok(direct::run(config, series))
    } else {
        Ok(Simulation::new(config, std::slice::from_ref(series))?.finish())
    }
}
