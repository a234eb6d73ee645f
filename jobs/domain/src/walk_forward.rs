//! Walk-forward analysis: choose parameters on one stretch of sessions, test the choice on the
//! sessions that follow, move on, and chain what the tests returned.
//!
//! No choice sees a bar of its test, and no test sees a bar after its end.
//!
//! Source of the method: Pardo (2008), "The Evaluation and Optimization of Trading Strategies",
//! 2nd edition, chapter 11.

mod overfitting;
mod piece;
mod plan;
mod stitch;
#[cfg(test)]
mod tests;

pub use overfitting::{Overfitting, ParameterSpread, Stability, Verdict, Window, judge};
pub use piece::{Piece, between, run_piece};
pub use plan::{MAX_WINDOWS, Plan, Stretch};
pub use stitch::{Stitched, stitch};
