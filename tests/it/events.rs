//! The event stream over HTTP, and the order it keeps.

mod frames;
mod order;
mod outage;
mod runs;
mod streams;
