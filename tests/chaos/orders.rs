//! Orders at a broker that fails: the simulated exchange, workers and database as processes, hit
//! and stopped, and the exchange's ledger as the witness.
//!
//! The promise is one effect: the exchange has exactly the orders that were asked for, each once,
//! and our records say of each what the exchange says.

mod controls;
mod crash_points;
mod delivered_twice;
mod desk;
mod everything;
mod exchange_killed;
mod lost_answers;
mod outage;
mod stopped_after_post;
mod verdict;
