//! The subcommands, one file each.

pub mod admin;
pub mod api;
pub mod backtest;
pub mod bench;
pub mod db;
pub mod dev;
pub mod migrate;
pub mod sandbox;
pub mod worker;
