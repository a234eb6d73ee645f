//! Technical indicators over columns of prices, aligned with their input.
//!
//! Every function returns one value a bar, `NaN` before the first bar that has a full
//! window. No value at index t reads an index above t.

pub mod channel;
pub mod means;
pub mod rsi;

pub use channel::{previous_max, previous_min};
pub use means::{PrefixSums, deviation, sma};
pub use rsi::rsi;
