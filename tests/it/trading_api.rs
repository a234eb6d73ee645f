//! Trading over HTTP. No worker runs and no broker is asked: tests write down what it would say.

mod access;
pub(crate) mod by_hand;
mod cancelling;
mod idempotency;
mod limits;
mod placing;
mod portfolio;
mod reading;
mod streams;
