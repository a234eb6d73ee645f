//! Back-test runs over HTTP and in the database. No worker runs: tests take its steps by hand.

mod access;
pub(crate) mod by_hand;
mod quotas;
mod reading;
mod submitting;
mod transitions;
