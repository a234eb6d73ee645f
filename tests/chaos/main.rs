//! Faults on purpose: what the queue promises, held while processes, database and network fail.
//!
//! The small tier runs with every `cargo test`, in three minutes or so. The full tier takes ten
//! without the orders, which have not been timed in full:
//!
//! ```sh
//! CAPSTAN_CHAOS=full cargo test --test chaos -- --test-threads=1
//! ```
//!
//! The seed is printed at the start; `CAPSTAN_CHAOS_SEED=<n>` repeats the same blows (not the same
//! schedule: the operating system has a say in it). Each promise has a control beside it, in which
//! a mistake is made on purpose and the same check must notice it.

mod blows;
mod cancel_and_kill;
mod clocks;
mod crash_loop;
mod crash_points;
mod cut_off;
mod cycles;
mod database_stops;
mod disk_full;
mod effects;
mod fleet;
mod frozen;
mod leadership;
mod model;
mod orders;
mod server;
mod stopping;
mod tier;
