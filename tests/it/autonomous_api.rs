//! The agent over HTTP: its switches, its decisions, what may be bought. Unless a test says so no
//! worker runs: tests write down what one would.

mod access;
mod analyze;
mod by_hand;
mod candidates;
mod control;
mod decisions;
mod enriched;
mod execute;
mod feed;
mod orders;
mod switch;
