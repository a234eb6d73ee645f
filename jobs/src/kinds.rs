//! The kinds of jobs: one file each holds payload, policy and handler.

pub mod bulk_operation;
pub mod exercise;
pub mod ledger;
pub mod measure;
pub mod rank_sweep;
pub mod run_backtest;
pub mod run_sweep_slice;
pub mod run_walk_forward_window;
pub mod stitch_walk_forward;
pub mod stop_sweep;
mod sweep_work;
