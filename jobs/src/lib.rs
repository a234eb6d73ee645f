//! What Capstan can do, how it is retried, and where its data lives.
//!
//! Everything that the API and the workers share is a row in Postgres or a type here.
//! The API uses payload types, [`queue::enqueue`], [`cancel`] and the reads in [`db`];
//! handlers are private to this crate.

pub mod analyst;
pub mod broker;
pub mod config;
pub mod connector;
pub mod cycle;
pub mod db;
pub mod environment;
pub mod external;
mod failpoint;
mod handler;
pub mod housekeeping;
pub mod job;
pub mod kinds;
pub mod market_data;
pub mod queue;
mod registry;
pub mod telemetry;
mod trade_stream;
pub mod trading;

pub use environment::Environment;
pub use job::Job;
pub use queue::settle::cancel;
pub use registry::{PayloadError, Registry};
