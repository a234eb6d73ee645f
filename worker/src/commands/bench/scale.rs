//! `capstan bench scale`: how the throughput grows with worker processes on one database.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use clap::Args;
use jobs::{Job, kinds::measure::Measure, queue::Hints};
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    time::sleep,
};

use super::ground::{Ground, median, unfinished};

/// A run, or a start, that takes longer has failed.
const LIMIT: Duration = Duration::from_mins(10);

/// Options of `scale`.
#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// Numbers of worker processes
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8])]
    workers: Vec<usize>,
    /// Jobs of a run
    #[arg(long, default_value_t = 50_000)]
    n: usize,
    /// Slots of each process
    #[arg(long, default_value_t = 10)]
    slots: usize,
    /// Runs for each number, by turns; the medians are told
    #[arg(long, default_value_t = 3)]
    reps: usize,
}

/// Options of `work`.
#[derive(Debug, Args)]
pub struct WorkArgs {
    #[arg(long, default_value_t = 10)]
    slots: usize,
}

/// Measures and prints one line a number of processes.
pub(super) async fn run(args: ScaleArgs) -> anyhow::Result<()> {
    let mut rates = vec![Vec::new(); args.workers.len()];
    for _ in 0..args.reps {
        for (workers, rates) in args.workers.iter().zip(&mut rates) {
            rates.push(once(&args, *workers).await?);
        }
    }
    println!("{:>8} {:>10} {:>10}", "workers", "jobs/s", "to first");
    let mut first = None;
    for (workers, rates) in args.workers.iter().zip(rates) {
        let rate = median(rates);
        println!("{workers:>8} {rate:>10.0} {:>10.2}", rate / *first.get_or_insert(rate));
    }
    Ok(())
}

/// Returns jobs a second, from the commit that brings them all to that of the last outcome.
async fn once(args: &ScaleArgs, workers: usize) -> anyhow::Result<f64> {
    let ground = Ground::fresh().await?;
    let children = (0..workers).map(|_| spawn(args.slots)).collect::<anyhow::Result<Vec<_>>>()?;
    let begun = Instant::now();
    // Each listens: the one hint wakes all.
    let listening = "select count(*) from pg_stat_activity
                      where datname = current_database() and query ilike 'listen %'";
    while sqlx::query_scalar::<_, i64>(listening).fetch_one(&ground.pool).await? < i64::try_from(workers)? {
        anyhow::ensure!(begun.elapsed() < LIMIT, "{workers} workers do not start within {LIMIT:?}");
        sleep(Duration::from_millis(50)).await;
    }
    ground.fill(args.n).await?;
    let started = Instant::now();
    Hints::new(ground.pool.clone()).jobs(Measure::QUEUE);
    while unfinished(&ground.pool).await? {
        anyhow::ensure!(started.elapsed() < LIMIT, "{} jobs are not run within {LIMIT:?}", args.n);
        sleep(Duration::from_millis(5)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    for mut child in children {
        // Its standard input closes: it stops.
        drop(child.stdin.take());
        anyhow::ensure!(child.wait().await?.success(), "a worker process has failed");
    }
    Ok(args.n as f64 / seconds)
}

fn spawn(slots: usize) -> anyhow::Result<Child> {
    Ok(Command::new(std::env::current_exe()?)
        .args(["bench", "work", "--slots", &slots.to_string()])
        .stdin(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?)
}

/// Runs jobs of the bench until standard input closes.
pub(super) async fn work(args: WorkArgs) -> anyhow::Result<()> {
    let worker = Ground::found()?.start(args.slots)?;
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    worker.stop().await
}
