//! Tests that need real processes: kills, signals, and a database that goes away.

mod crash;
mod database_loss;
mod dev;
mod fleet;
mod orphan;
mod stop;
