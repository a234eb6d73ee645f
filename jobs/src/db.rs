//! All SQL of the aggregates: plain functions, the connection first.

pub mod access;
pub mod audit;
pub mod audit_trail;
pub mod backtests;
pub mod bars;
pub mod broker_state;
mod connect;
pub mod events;
pub mod external_limits;
pub mod external_status;
pub mod fills;
pub mod idempotency;
pub mod orders;
pub mod positions;
pub mod reconciliations;
pub mod risk;
pub mod schema;
pub mod sessions;
pub mod sign_ins;
pub mod strategies;
pub mod sweeps;
pub mod trading_views;
pub mod users;
mod word;

pub use connect::{ConnectError, direct, direct_or, pool};
