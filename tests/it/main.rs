//! Tests against the real API, worker and database; one binary, since linking is slow.

mod admin;
mod analyst;
mod architecture;
mod auth;
mod autonomous_api;
mod backtests;
mod broker;
mod connector;
mod cycle;
mod data_api;
mod errors;
mod events;
mod fusion;
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
mod universe;
