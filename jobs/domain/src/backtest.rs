//! The back-test engine: decides on each close, fills by the configured rule, keeps the
//! books and reports.
//!
//! Pure and deterministic. Nothing decided on a bar reads a later bar.

mod book;
pub mod config;
mod config_error;
mod direct;
mod event;
mod fills;
mod mask;
mod protection;
mod report;
mod segments;
mod signals;
mod simulation;
mod strategy;
mod sweep;
mod terms;
mod timeline;
mod walk;

pub use config::{Config, ConfigError, Direction, Fees, Fill, Sizing, Slippage, Strategy};
pub use config_error::{MAX_MONEY, MAX_PERIOD, MAX_UNITS};
pub use event::{OrderType, Reason, RoundTrip, Side, TradeEvent};
pub use mask::Mask;
pub use protection::Levels;
pub use report::{BarsUsed, EquityPoint, Report};
pub use signals::Signals;
pub use simulation::Simulation;
pub use sweep::{Cell, Sweep};
pub use terms::{Ask, Configured, Terms};
pub use timeline::SimulationError;

use crate::bars::Series;

/// Names how the engine computes; it changes whenever the same input gives another result, so
/// that no earlier result is taken for the answer.
pub const REVISION: &str = "1";

/// Runs `config` over `series` to the end and returns the report.
///
/// One symbol, long only, without protective levels takes a faster path to the same report
/// as [`Simulation`].
pub fn run(config: &Config, series: &[Series]) -> Result<Report, SimulationError> {
    match series {
        [one] => sweep::one(config, one),
        many => Ok(Simulation::new(config, many)?.finish()),
    }
}
