//! `capstan bench`: measures the queue, by the protocol of a kit that runs peers of this
//! field beside it: a database in `PGURL`, a result as the last line of standard output; and by
//! itself, for what such kits do not ask. The database in `PGURL` loses what it holds.

mod cost;
mod curve;
mod driver;
mod ground;
mod horizon;
mod scale;
mod spent;
mod sustained;

use clap::Subcommand;

/// What `capstan bench` can do.
#[derive(Debug, Subcommand)]
pub enum BenchArgs {
    /// One step of a measurement on the database in PGURL
    #[command(subcommand)]
    Driver(driver::DriverArgs),
    /// What a job costs the server: processor time, WAL, commits
    Cost(cost::CostArgs),
    /// The cost of a job while many others wait and many have finished
    Curve(curve::CurveArgs),
    /// The rate while an idle transaction holds the horizon of vacuum, and without it
    Horizon(horizon::HorizonArgs),
    /// Backlog and pick-up under a steady arrival
    Sustained(sustained::SustainedArgs),
    /// The throughput of several worker processes on one database
    Scale(scale::ScaleArgs),
    /// Run the jobs of `scale` until standard input closes (it starts this itself)
    #[command(hide = true)]
    Work(scale::WorkArgs),
}

/// Runs the chosen measurement.
pub async fn run(args: BenchArgs) -> anyhow::Result<()> {
    match args {
        BenchArgs::Driver(args) => driver::run(args).await,
        BenchArgs::Cost(args) => cost::run(args).await,
        BenchArgs::Curve(args) => curve::run(args).await,
        BenchArgs::Horizon(args) => horizon::run(args).await,
        BenchArgs::Sustained(args) => sustained::run(args).await,
        BenchArgs::Scale(args) => scale::run(args).await,
        BenchArgs::Work(args) => scale::work(args).await,
    }
}
