//! Prices as whole hundredths of a cent, so that no sum of them rounds.

use rust_decimal::Decimal;

/// A price in hundredths of a cent; a dollar is 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pips(pub i64);

const DOLLAR: i64 = 10_000;
const CENT: i64 = 100;

impl Pips {
    /// Returns the valid price next to `dollars`: whole cents from a dollar on, hundredths of
    /// a cent below. Source: SEC Rule 612, "Minimum pricing increment".
    pub fn rounded(dollars: f64) -> Self {
        let tick = if dollars * DOLLAR as f64 >= DOLLAR as f64 { CENT } else { 1 };
        #[expect(clippy::cast_possible_truncation, reason = "prices are far below 2^63 pips")]
        let ticks = (dollars * DOLLAR as f64 / tick as f64).round() as i64;
        Self((ticks * tick).max(1))
    }

    /// Returns the smallest step of prices at this one.
    #[must_use]
    pub fn tick(self) -> Self {
        Self(if self.0 >= DOLLAR { CENT } else { 1 })
    }

    /// Returns the price in dollars.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / DOLLAR as f64
    }

    /// Returns the price in dollars, without zeros at its end.
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.0, 4).normalize()
    }
}
