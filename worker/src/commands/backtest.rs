//! `capstan backtest`: back-tests on CSV files, without a queue or a database.

mod bars_file;
mod case;
mod evaluate;
#[cfg(test)]
mod golden;
mod options;
mod outcome;
mod peers;
mod replay;
mod single;
mod sweep;
mod timing;

use clap::Subcommand;

/// What `capstan backtest` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum BacktestArgs {
    /// Runs one strategy over one CSV file and prints its figures and trades.
    Run(single::RunArgs),
    /// Re-runs cases of a golden file and prints one JSON object a case.
    Replay(replay::ReplayArgs),
    /// Runs a grid of moving-average crossovers over one CSV file, on all cores.
    Sweep(sweep::SweepArgs),
    /// Runs the technical analyst over the shipped bars, beside buying and holding.
    Evaluate(evaluate::EvaluateArgs),
}

/// Runs the subcommand; prints to standard output.
pub fn run(args: BacktestArgs) -> anyhow::Result<()> {
    match args {
        BacktestArgs::Run(args) => single::run(&args),
        BacktestArgs::Replay(args) => replay::run(&args),
        BacktestArgs::Sweep(args) => sweep::run(&args),
        BacktestArgs::Evaluate(args) => evaluate::run(&args),
    }
}
