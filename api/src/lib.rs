//! The HTTP API: authenticates, validates, writes row and job in one transaction, replies.
//!
//! It never does slow or fallible work: it records intent, and workers turn it into
//! effects.

pub mod error;
pub mod event_hub;
pub mod extract;
mod market_gate;
pub mod openapi;
pub mod pagination;
pub mod password;
pub mod plain_text;
mod router;
pub mod routes;
pub mod session;
pub mod state;
mod streams;
mod telemetry;
pub mod throttle;
pub mod timestamp;

pub use router::{Sockets, app, serve, serve_router};
pub use state::AppState;
