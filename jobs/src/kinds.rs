//! The kinds of jobs: one file each holds payload, policy and handler.

pub mod adopt_order;
pub mod analyze_symbol;
pub mod bulk_operation;
pub mod cancel_order;
pub mod close_position;
pub mod exercise;
pub mod fuse_sources;
pub mod ledger;
pub mod liquidate;
pub mod measure;
pub mod probe_connectors;
pub mod rank_sweep;
pub mod reconcile_positions;
pub mod refresh_market_data;
pub mod replace_order;
pub mod run_backtest;
pub mod run_cycle;
pub mod run_sweep_slice;
pub mod run_walk_forward_window;
pub mod score_sentiment;
pub mod stitch_walk_forward;
pub mod stop_sweep;
pub mod submit_order;
mod sweep_work;
pub mod sync_orders;
pub mod sync_universe;
