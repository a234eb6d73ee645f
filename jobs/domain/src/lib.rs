//! Pure rules of the trading domain: orders, risk gates, positions, reconciliation, market
//! hours, the back-test engine, indicators, performance figures, the exchange calendar, and the
//! continuation of price series.
//!
//! Nothing here does IO, sees a clock, or is async; the same input gives the same bytes.

pub mod backtest;
pub mod backtest_request;
pub mod bars;
pub mod calendar;
pub mod continuation;
pub mod cycle;
pub mod decision;
pub mod fusion;
pub mod grid;
pub mod indicators;
pub mod market_hours;
pub mod metrics;
pub mod order;
pub mod positions;
pub mod reconciliation;
pub mod risk;
pub mod sentiment;
pub mod technical;
pub mod universe;
pub mod walk_forward;
