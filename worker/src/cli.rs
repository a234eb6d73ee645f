//! The command line.

use clap::{Parser, Subcommand};

use crate::commands::{admin, api, backtest, bench, db, dev, migrate, sandbox, worker};

/// A durable job-queue platform for trading.
#[derive(Debug, Parser)]
#[command(name = "capstan", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything: a private PostgreSQL, the API, workers, and a first back-test (the default)
    Dev(dev::DevArgs),
    /// Serve the HTTP API
    Api(api::ApiArgs),
    /// Run jobs
    Worker(worker::WorkerArgs),
    /// Serve a simulated exchange and data providers (/polygon, /yahoo, /finnhub, /fred, /sec, /finra), with faults
    Sandbox(sandbox::SandboxArgs),
    /// Bring the database's schema up to date and load the market data that ships with Capstan
    Migrate,
    /// Reach or stop the private PostgreSQL of `capstan dev`
    Db(db::DbArgs),
    /// Say who may operate the queue
    #[command(subcommand)]
    Admin(admin::AdminArgs),
    /// Run the back-test engine without a database
    #[command(subcommand)]
    Backtest(backtest::BacktestArgs),
    /// Measure the queue
    #[command(subcommand)]
    Bench(bench::BenchArgs),
}

impl Cli {
    /// Runs the chosen command to its end.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            None => dev::run(dev::DevArgs::default()).await,
            Some(Command::Dev(args)) => dev::run(args).await,
            Some(Command::Api(args)) => api::run(args).await,
            Some(Command::Worker(args)) => worker::run(args).await,
            Some(Command::Sandbox(args)) => sandbox::run(args).await,
            Some(Command::Migrate) => migrate::run().await,
            Some(Command::Db(args)) => db::run(args).await,
            Some(Command::Admin(args)) => admin::run(args).await,
            Some(Command::Backtest(args)) => backtest::run(args),
            Some(Command::Bench(args)) => bench::run(args).await,
        }
    }
}
