//! The kinds of jobs: one file each holds payload, policy and handler.

pub mod exercise;
pub mod measure;
pub mod run_backtest;
