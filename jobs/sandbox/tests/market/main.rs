//! The market half of the sandbox, over its socket: prices, gate, clock and faults.

mod bars;
mod exchange;
mod faults;
mod gate;
mod live;
mod providers;
mod reference;
mod served;
