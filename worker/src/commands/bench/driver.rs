//! The steps of a measurement: set up, enqueue, drain, latency.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use jobs::{
    Environment, Registry,
    config::Config,
    db::{self, schema::MIGRATIONS},
    kinds::measure::{self, Measure},
    queue::{self, Counters, Enqueue, Enqueuer, Hints, WorkerOptions, enqueue, enqueue_many},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::{process::Command, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use super::ground::unfinished;

/// A step.
#[derive(Debug, Subcommand)]
pub enum DriverArgs {
    /// Make the schema anew, with no jobs in it
    Setup(ModeArgs),
    /// Insert jobs: one by one from many producers, or in bulk
    Enqueue(EnqueueArgs),
    /// Start a worker and run the waiting jobs
    Drain(DrainArgs),
    /// Start a worker and time jobs from enqueue to start
    Latency(LatencyArgs),
    /// Enqueue the jobs that `latency` times (it starts this itself)
    Produce(LatencyArgs),
}

/// How much the user has tuned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// The defaults.
    Base,
    /// As the documentation advises for throughput.
    Tuned,
}

/// The mode alone.
#[derive(Debug, Args)]
pub struct ModeArgs {
    #[arg(long, value_enum, default_value_t = Mode::Base)]
    mode: Mode,
}

/// Options of `enqueue`.
#[derive(Debug, Args)]
pub struct EnqueueArgs {
    #[arg(long, default_value_t = 20_000)]
    n: usize,
    #[arg(long, default_value_t = 16)]
    producers: usize,
    /// Jobs a bulk call; 0: one by one
    #[arg(long, default_value_t = 0)]
    bulk: usize,
    #[arg(long, value_enum, default_value_t = Mode::Base)]
    mode: Mode,
}

/// Options of `drain`.
#[derive(Debug, Args)]
pub struct DrainArgs {
    #[arg(long, default_value_t = 20_000)]
    n: usize,
    #[arg(long, default_value_t = 10)]
    concurrency: usize,
    #[arg(long, default_value_t = 60.0)]
    limit_s: f64,
    #[arg(long, value_enum, default_value_t = Mode::Base)]
    mode: Mode,
}

/// Options of `latency`.
#[derive(Debug, Args)]
pub struct LatencyArgs {
    #[arg(long, default_value_t = 300)]
    n: usize,
    #[arg(long, default_value_t = 20.0)]
    gap_ms: f64,
    /// Seconds that starting and ending may take beyond the gaps
    #[arg(long, default_value_t = 30.0)]
    limit_s: f64,
    #[arg(long, value_enum, default_value_t = Mode::Base)]
    mode: Mode,
}

/// Runs the step and prints its result.
pub(super) async fn run(args: DriverArgs) -> anyhow::Result<()> {
    let result = match args {
        DriverArgs::Setup(args) => setup(args.mode).await?,
        DriverArgs::Enqueue(args) => enqueue_jobs(&args).await?,
        DriverArgs::Drain(args) => drain(&args).await?,
        DriverArgs::Latency(args) => latency(&args).await?,
        DriverArgs::Produce(args) => produce(&args).await?,
    };
    println!("{result}");
    Ok(())
}

fn config(mode: Mode) -> anyhow::Result<Arc<Config>> {
    let mut config = Config::for_profile("production", true)?;
    let url = std::env::var("PGURL").context("PGURL names the database to measure on")?;
    config.database.url = Some(url.into());
    config.log.filter = "warn".into();
    if mode == Mode::Tuned {
        config.queue.flush_batch = 500;
        config.queue.flush_ms = 5;
    }
    Ok(Arc::new(config))
}

fn pool(config: &Config) -> anyhow::Result<PgPool> {
    Ok(db::pool(&config.database, "bench")?)
}

async fn setup(mode: Mode) -> anyhow::Result<Value> {
    let pool = pool(&*config(mode)?)?;
    sqlx::raw_sql("drop schema if exists queue cascade; drop schema public cascade; create schema public")
        .execute(&pool)
        .await?;
    MIGRATIONS.run(&pool).await?;
    Ok(json!({ "ok": true }))
}

async fn enqueue_jobs(args: &EnqueueArgs) -> anyhow::Result<Value> {
    let mut config = config(args.mode)?.as_ref().clone();
    config.database.max_connections = u32::try_from(args.producers + 1)?;
    let pool = pool(&config)?;
    let started = Instant::now();
    if args.bulk > 0 {
        let mut conn = pool.acquire().await?;
        for first in (0..args.n).step_by(args.bulk) {
            let batch: Vec<_> = (first..args.n.min(first + args.bulk)).map(Measure::now).collect();
            enqueue_many(&mut conn, &batch, &Enqueue::default()).await?;
        }
    } else {
        let next = Arc::new(AtomicUsize::new(0));
        let mut producers = JoinSet::new();
        // What a caller without a transaction of its own uses; each waits for its durable commit.
        let (enqueuer, _gathering) = Enqueuer::start(pool.clone(), Hints::new(pool.clone()));
        for _ in 0..args.producers {
            let (enqueuer, next, n) = (enqueuer.clone(), next.clone(), args.n);
            producers.spawn(async move {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= n {
                        return anyhow::Ok(());
                    }
                    enqueuer.enqueue(&Measure::now(i), Enqueue::default()).await?;
                }
            });
        }
        while let Some(ended) = producers.join_next().await {
            ended??;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(json!({ "n": args.n, "seconds": seconds, "rate": args.n as f64 / seconds }))
}

/// A worker in this process, until it is dropped.
struct Worker {
    shutdown: CancellationToken,
    running: tokio::task::JoinHandle<Result<(), queue::WorkerError>>,
}

impl Worker {
    fn start(config: &Arc<Config>, pool: &PgPool, concurrency: usize) -> Self {
        let env = Arc::new(Environment::new(pool.clone(), config.clone()));
        let options = WorkerOptions { queues: vec![("measure".into(), concurrency)] };
        let shutdown = CancellationToken::new();
        let counters = Arc::new(Counters::default());
        let running =
            tokio::spawn(queue::run(env, Registry::measuring(), options, counters, shutdown.clone()));
        Self { shutdown, running }
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        Ok(self.running.await??)
    }
}

async fn drain(args: &DrainArgs) -> anyhow::Result<Value> {
    let config = config(args.mode)?;
    let pool = pool(&config)?;
    // Connected before the clock starts.
    pool.acquire().await?;
    let limit = Duration::from_secs_f64(args.limit_s);
    let started = Instant::now();
    let worker = Worker::start(&config, &pool, args.concurrency);
    while measure::handled() < args.n && started.elapsed() < limit {
        sleep(Duration::from_millis(1)).await;
    }
    let handlers = started.elapsed();
    while unfinished(&pool).await? && started.elapsed() < limit {
        sleep(Duration::from_millis(1)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    let complete = !unfinished(&pool).await?;
    let (cpu_s, peak_rss_mb) = usage();
    worker.stop().await?;
    let done = measure::handled();
    Ok(json!({
        "n": args.n, "done": done, "complete": complete && done >= args.n,
        "handlers_s": handlers.as_secs_f64(), "seconds": seconds, "rate": done as f64 / seconds,
        "cpu_s": cpu_s, "peak_rss_mb": peak_rss_mb,
    }))
}

async fn latency(args: &LatencyArgs) -> anyhow::Result<Value> {
    let config = config(args.mode)?;
    let pool = pool(&config)?;
    let worker = Worker::start(&config, &pool, 10);
    sleep(Duration::from_millis(500)).await;
    let producer = Command::new(std::env::current_exe()?)
        .args(["bench", "driver", "produce", "--n", &args.n.to_string()])
        .args(["--gap-ms", &args.gap_ms.to_string()])
        .args(["--mode", if args.mode == Mode::Base { "base" } else { "tuned" }])
        .output();
    let limit = Duration::from_secs_f64(args.limit_s + args.n as f64 * (args.gap_ms + 50.0) / 1000.0);
    let output = tokio::time::timeout(limit, producer).await??;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout)?;
    let waited = Instant::now();
    while measure::handled() < args.n && waited.elapsed() < Duration::from_secs(10) {
        sleep(Duration::from_millis(5)).await;
    }
    worker.stop().await?;
    let mut samples = measure::latencies_ms();
    samples.sort_unstable_by(f64::total_cmp);
    Ok(json!({
        "samples": samples.len(), "p50_ms": quantile(&samples, 50), "p95_ms": quantile(&samples, 95),
        "p99_ms": quantile(&samples, 99), "max_ms": samples.last(),
        "enqueue_p50_ms": answer["enqueue_p50_ms"], "lost": args.n.saturating_sub(samples.len()),
    }))
}

/// Enqueues as a client process would: insert, then the hint.
async fn produce(args: &LatencyArgs) -> anyhow::Result<Value> {
    let config = config(args.mode)?;
    let pool = pool(&config)?;
    let hints = Hints::new(pool.clone());
    let mut conn = pool.acquire().await?;
    let mut acks = Vec::with_capacity(args.n);
    for i in 0..args.n {
        let job = Measure::now(i);
        let started = Instant::now();
        enqueue(&mut conn, &job, Enqueue::default()).await?;
        acks.push(started.elapsed().as_secs_f64() * 1000.0);
        hints.jobs("measure");
        sleep(Duration::from_secs_f64(args.gap_ms / 1000.0)).await;
    }
    acks.sort_unstable_by(f64::total_cmp);
    Ok(json!({ "enqueue_p50_ms": quantile(&acks, 50) }))
}

/// The nearest-rank quantile of sorted samples.
fn quantile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// Returns this process's CPU seconds and its peak resident set in MB, from /proc.
fn usage() -> (Option<f64>, Option<f64>) {
    let cpu = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).ok().map(|usage| {
        let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        seconds(usage.user_time()) + seconds(usage.system_time())
    });
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<f64>().ok()));
    (cpu, peak.map(|kilobytes| kilobytes / 1024.0))
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_are_those_of_the_nearest_rank() {
        let samples: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(
            [50, 95, 99, 1].map(|p| quantile(&samples, p)),
            [Some(5.0), Some(10.0), Some(10.0), Some(1.0)]
        );
        assert_eq!(quantile(&[], 50), None);
    }
}
