//! Performance figures of an equity curve and of its trades.
//!
//! A figure that is undefined (nothing to divide by, too few points) is `None`; none is
//! ever `NaN` or infinite. Ratios are fractions (0.01 = 1 %), money is in the quote currency.

pub mod curve;
mod distribution;
mod summary;
pub mod trades;

pub use curve::{CurveMetrics, PERIODS_PER_YEAR, curve_metrics};
pub use summary::{Conventions, Metrics};
pub use trades::{TradeMetrics, trade_metrics};

/// Returns `value` when it is a number one can show.
pub(crate) fn defined(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
