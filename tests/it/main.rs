//! Tests against the real API, worker and database; one binary, since linking is slow.

mod admin;
mod architecture;
mod auth;
mod backtests;
mod broker;
mod errors;
mod events;
mod harness;
mod http;
mod market_data;
mod metrics;
mod openapi;
mod pooler;
mod processes;
mod queue;
mod strategies;
mod sweeps;
mod trading;
mod trading_api;
