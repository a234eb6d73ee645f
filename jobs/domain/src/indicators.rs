//! Technical indicators over columns of prices, aligned with their input.
//!
//! Every function returns one value a bar, `NaN` before the first bar that has a full
//! window. No value at index t reads an index above t.

pub mod channel;
pub mod directional;
pub mod macd;
pub mod means;
#[cfg(test)]
mod prefixes;
pub mod rsi;
pub mod smoothing;

pub use channel::{previous_max, previous_min};
pub use directional::{Directional, atr, directional, true_range};
pub use macd::{Macd, macd};
pub use means::{PrefixSums, deviation, sma};
pub use rsi::rsi;
pub use smoothing::{ema, wilder};
