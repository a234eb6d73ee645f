//! `capstan bench curve`: what a job costs while many others wait and many have finished.

use clap::Args;

use super::ground::{Drained, Ground, median};

/// Options of `curve`.
#[derive(Debug, Args)]
pub struct CurveArgs {
    /// Sizes of the backlog, and of the history, to measure beside
    #[arg(long, value_delimiter = ',', default_values_t = [0, 10_000, 100_000, 1_000_000, 5_000_000])]
    rows: Vec<i64>,
    /// Jobs of a drain
    #[arg(long, default_value_t = 20_000)]
    n: usize,
    #[arg(long, default_value_t = 10)]
    slots: usize,
    /// Drains for each size; the medians are told
    #[arg(long, default_value_t = 3)]
    reps: usize,
}

/// Measures and prints one line a size.
pub(super) async fn run(args: CurveArgs) -> anyhow::Result<()> {
    println!(
        "{:>10} {:>10} {:>16} {:>10} {:>12}",
        "rows", "jobs/s", "server ms/1,000", "WAL B/job", "commits/job"
    );
    for rows in &args.rows {
        // Filling takes longer than draining: once for each size.
        let ground = Ground::fresh().await?;
        ground.burden(*rows).await?;
        let mut drains = Vec::new();
        for _ in 0..args.reps {
            ground.fill(args.n).await?;
            drains.push(ground.drain(args.n, args.slots).await?);
        }
        let n = args.n as f64;
        let of = |figure: &dyn Fn(&Drained) -> f64| median(drains.iter().map(figure).collect());
        println!(
            "{rows:>10} {:>10.0} {:>16.1} {:>10.0} {:>12.4}",
            of(&|drained| n / drained.seconds),
            of(&|drained| drained.spent.cpu_ms_per_thousand(args.n)),
            of(&|drained| drained.spent.wal_bytes / n),
            of(&|drained| drained.spent.commits / n),
        );
    }
    Ok(())
}
