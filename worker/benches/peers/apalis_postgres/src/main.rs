//! Stock apalis-postgres behind the protocol of `capstan bench driver`: a subcommand and
//! options, the database in `PGURL`, the result as the last line of standard output.

use std::{
    error::Error,
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use apalis::prelude::*;
use apalis_postgres::{Config, PostgresStorage};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{task::JoinSet, time::sleep};

type Done<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const QUEUE: &str = "bench";

static HANDLED: AtomicUsize = AtomicUsize::new(0);
static LATENCIES: Mutex<Vec<f64>> = Mutex::new(Vec::new());

/// The payload, about 100 bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Payload {
    i: usize,
    t: f64,
    pad: String,
}

impl Payload {
    fn now(i: usize) -> Self {
        Self { i, t: wall_clock_ms(), pad: "x".repeat(64) }
    }
}

fn wall_clock_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0
}

/// The command line: a subcommand, then `--name value` pairs.
struct Args(Vec<String>);

impl Args {
    fn get<T: FromStr>(&self, name: &str, default: T) -> Done<T>
    where
        T::Err: Error + Send + Sync + 'static,
    {
        match self.0.iter().position(|arg| arg == name).and_then(|at| self.0.get(at + 1)) {
            Some(value) => Ok(value.parse()?),
            None => Ok(default),
        }
    }

    fn tuned(&self) -> bool {
        self.0.windows(2).any(|pair| pair == ["--mode", "tuned"])
    }
}

#[tokio::main]
async fn main() -> Done<()> {
    let args = Args(std::env::args().skip(1).collect());
    let url = std::env::var("PGURL").map_err(|_| "PGURL names the database to measure on")?;
    let most = if args.tuned() { 50 } else { 24 };
    let pool = PgPoolOptions::new().min_connections(16).max_connections(most).connect(&url).await?;
    let result = match args.0.first().map(String::as_str) {
        Some("setup") => setup(&pool).await?,
        Some("enqueue") => enqueue(&args, &pool).await?,
        Some("drain") => drain(&args, &pool).await?,
        Some("latency") => latency(&args, &pool).await?,
        Some("produce") => produce(&args, &pool).await?,
        other => return Err(format!("unknown subcommand {other:?}").into()),
    };
    println!("{result}");
    // Its worker has no end of its own.
    std::process::exit(0)
}

async fn setup(pool: &PgPool) -> Done<Value> {
    sqlx::raw_sql("drop schema if exists apalis cascade; drop table if exists _sqlx_migrations")
        .execute(pool)
        .await?;
    PostgresStorage::<()>::setup(pool).await?;
    Ok(json!({ "ok": true }))
}

fn storage(args: &Args, pool: &PgPool) -> PostgresStorage<Payload> {
    let config = Config::default().queue(QUEUE);
    let config = if args.tuned() { config.batch_size(1000).lock_tasks(false) } else { config };
    PostgresStorage::new(pool).with_config(config)
}

async fn push(storage: &mut PostgresStorage<Payload>, i: usize) -> Done<()> {
    storage.push(Payload::now(i)).await.map_err(|error| format!("{error:?}").into())
}

async fn enqueue(args: &Args, pool: &PgPool) -> Done<Value> {
    let (n, bulk) = (args.get("--n", 20_000_usize)?, args.get("--bulk", 0_usize)?);
    let started = Instant::now();
    if bulk > 0 {
        let mut storage = storage(args, pool);
        for first in (0..n).step_by(bulk) {
            let jobs = (first..n.min(first + bulk)).map(Payload::now).collect();
            let pushed = storage.push_bulk(jobs).await;
            pushed.map_err(|error| format!("{error:?}"))?;
        }
    } else {
        let next = Arc::new(AtomicUsize::new(0));
        let mut producers = JoinSet::new();
        for _ in 0..args.get("--producers", 16_usize)? {
            let (mut storage, next) = (storage(args, pool), Arc::clone(&next));
            producers.spawn(async move {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= n {
                        return Done::Ok(());
                    }
                    push(&mut storage, i).await?;
                }
            });
        }
        while let Some(ended) = producers.join_next().await {
            ended??;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(json!({ "n": n, "seconds": seconds, "rate": n as f64 / seconds }))
}

async fn handle(job: Payload) -> std::result::Result<(), BoxDynError> {
    let latency = wall_clock_ms() - job.t;
    LATENCIES.lock().unwrap_or_else(PoisonError::into_inner).push(latency);
    HANDLED.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn start(args: &Args, pool: &PgPool, concurrency: usize) {
    let backend = storage(args, pool).with_pubsub();
    tokio::spawn(async move {
        let worker = WorkerBuilder::new("bench").backend(backend).concurrency(concurrency).build(handle);
        if let Err(error) = worker.run().await {
            eprintln!("the worker has ended: {error}");
        }
    });
}

async fn unfinished(pool: &PgPool) -> Done<bool> {
    let any = "select exists (select 1 from apalis.jobs where status not in ('Done', 'Killed'))";
    Ok(sqlx::query_scalar(any).fetch_one(pool).await?)
}

async fn drain(args: &Args, pool: &PgPool) -> Done<Value> {
    let (n, concurrency) = (args.get("--n", 20_000_usize)?, args.get("--concurrency", 10_usize)?);
    let limit = Duration::from_secs_f64(args.get("--limit-s", 60.0)?);
    let started = Instant::now();
    start(args, pool, concurrency);
    while HANDLED.load(Ordering::Relaxed) < n && started.elapsed() < limit {
        sleep(Duration::from_millis(1)).await;
    }
    let handlers = started.elapsed();
    while unfinished(pool).await? && started.elapsed() < limit {
        sleep(Duration::from_millis(1)).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    let (complete, done) = (!unfinished(pool).await?, HANDLED.load(Ordering::Relaxed));
    let (cpu_s, peak_rss_mb) = usage();
    Ok(json!({
        "n": n, "done": done, "complete": complete && done >= n, "handlers_s": handlers.as_secs_f64(),
        "seconds": seconds, "rate": done as f64 / seconds, "cpu_s": cpu_s, "peak_rss_mb": peak_rss_mb,
    }))
}

async fn latency(args: &Args, pool: &PgPool) -> Done<Value> {
    let (n, gap_ms) = (args.get("--n", 300_usize)?, args.get("--gap-ms", 20.0)?);
    start(args, pool, 10);
    sleep(Duration::from_millis(500)).await;
    let producer = tokio::process::Command::new(std::env::current_exe()?)
        .args(["produce", "--n", &n.to_string(), "--gap-ms", &gap_ms.to_string()])
        .args(["--mode", if args.tuned() { "tuned" } else { "base" }])
        .output()
        .await?;
    let produced: Value = serde_json::from_slice(&producer.stdout)?;
    let waited = Instant::now();
    while HANDLED.load(Ordering::Relaxed) < n && waited.elapsed() < Duration::from_secs(60) {
        sleep(Duration::from_millis(5)).await;
    }
    let mut samples = LATENCIES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    samples.sort_unstable_by(f64::total_cmp);
    Ok(json!({
        "samples": samples.len(), "p50_ms": quantile(&samples, 50), "p95_ms": quantile(&samples, 95),
        "p99_ms": quantile(&samples, 99), "max_ms": samples.last(),
        "enqueue_p50_ms": produced["enqueue_p50_ms"], "lost": n.saturating_sub(samples.len()),
    }))
}

async fn produce(args: &Args, pool: &PgPool) -> Done<Value> {
    let gap = Duration::from_secs_f64(args.get("--gap-ms", 20.0)? / 1000.0);
    let mut storage = storage(args, pool);
    let mut acks = Vec::new();
    for i in 0..args.get("--n", 300_usize)? {
        let started = Instant::now();
        push(&mut storage, i).await?;
        acks.push(started.elapsed().as_secs_f64() * 1000.0);
        sleep(gap).await;
    }
    acks.sort_unstable_by(f64::total_cmp);
    Ok(json!({ "enqueue_p50_ms": quantile(&acks, 50) }))
}

/// The nearest-rank quantile of sorted samples.
fn quantile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// Returns this process's CPU seconds and its peak resident set in MB.
fn usage() -> (Option<f64>, Option<f64>) {
    let cpu = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).ok().map(|usage| {
        let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        seconds(usage.user_time()) + seconds(usage.system_time())
    });
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    (cpu, kilobytes.map(|kilobytes| kilobytes / 1024.0))
}
