//! `capstan bench`: measures the queue, by the protocol of a kit that runs peers of this
//! field beside it: a database in `PGURL`, a result as the last line of standard output.

mod driver;

use clap::Subcommand;

/// What `capstan bench` can do.
#[derive(Debug, Subcommand)]
pub enum BenchArgs {
    /// One step of a measurement on the database in PGURL
    #[command(subcommand)]
    Driver(driver::DriverArgs),
}

/// Runs the chosen measurement.
pub async fn run(args: BenchArgs) -> anyhow::Result<()> {
    match args {
        BenchArgs::Driver(args) => driver::run(args).await,
    }
}
