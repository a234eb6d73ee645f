//! `capstan bench cost`: what a drained job costs the server.

use clap::Args;
use serde_json::json;

use super::ground::{Ground, median};

/// Options of `cost`.
#[derive(Debug, Args)]
pub struct CostArgs {
    /// Jobs of a drain
    #[arg(long, default_value_t = 20_000)]
    n: usize,
    #[arg(long, default_value_t = 10)]
    slots: usize,
    /// Drains; the medians are told
    #[arg(long, default_value_t = 3)]
    reps: usize,
}

/// Measures and prints the medians as one line of JSON.
pub(super) async fn run(args: CostArgs) -> anyhow::Result<()> {
    let (mut rate, mut cpu, mut wal, mut commits) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..args.reps {
        let ground = Ground::fresh().await?;
        ground.fill(args.n).await?;
        let drained = ground.drain(args.n, args.slots).await?;
        let n = args.n as f64;
        rate.push(n / drained.seconds);
        cpu.push(drained.spent.cpu_ms_per_thousand(args.n));
        wal.push(drained.spent.wal_bytes / n);
        commits.push(drained.spent.commits / n);
    }
    let told = json!({
        "n": args.n, "reps": args.reps, "rate": median(rate), "server_cpu_ms_per_1k": median(cpu),
        "wal_bytes_per_job": median(wal), "commits_per_job": median(commits),
    });
    println!("{told}");
    Ok(())
}
