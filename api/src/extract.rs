//! Extractors: who calls, from where, with what.
//!
//! Handlers take them in the order `Actor`, `Id`, `Page` or `Query`, `Body`: axum runs
//! them in order, so that nobody learns anything before having signed in.

mod actor;
mod body;
mod client;
mod id;
mod operator;
mod query;

pub use actor::Actor;
pub use body::Body;
pub(crate) use body::{holds_nul, is_json, limit_json};
pub use client::{Client, RequestId};
pub use id::{Id, Name};
pub use operator::{Capability, May, Operator, may};
pub use query::Query;
