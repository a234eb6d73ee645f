//! The event stream over HTTP, and the order it keeps.

pub(crate) mod frames;
mod order;
mod outage;
mod runs;
mod streams;
