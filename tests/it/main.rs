//! Tests against the real API, worker and database; one binary, since linking is slow.

mod architecture;
mod auth;
mod backtests;
mod errors;
mod events;
mod harness;
mod market_data;
mod openapi;
mod processes;
mod queue;
mod strategies;
