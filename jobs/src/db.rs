//! All SQL of the aggregates: plain functions, the connection first.

pub mod access;
pub mod audit;
pub mod audit_trail;
pub mod backtests;
pub mod bars;
mod connect;
pub mod events;
pub mod schema;
pub mod sessions;
pub mod sign_ins;
pub mod strategies;
pub mod sweeps;
pub mod users;

pub use connect::{ConnectError, pool};
