//! `capstan bench sustained`: a steady arrival, handlers that take a moment, and how far the
//! worker falls behind.

use std::time::{Duration, Instant};

use clap::Args;
use jobs::{
    Job,
    kinds::measure::{self, Measure},
    queue::{Enqueue, Hints, enqueue_many},
};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::ground::{Ground, percentile};

/// How often arrivals are enqueued.
const TURN: Duration = Duration::from_millis(10);

/// Options of `sustained`.
#[derive(Debug, Args)]
pub struct SustainedArgs {
    /// Arrivals a second
    #[arg(long, default_value_t = 5000)]
    rate: usize,
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How long a handler waits, as for an answer
    #[arg(long, default_value_t = 1)]
    handler_ms: u64,
    #[arg(long, default_value_t = 32)]
    slots: usize,
}

/// Measures, prints one line a second, and the whole as one line of JSON.
pub(super) async fn run(args: SustainedArgs) -> anyhow::Result<()> {
    let ground = Ground::fresh().await?;
    let worker = ground.start(args.slots)?;
    let hints = Hints::new(ground.pool.clone());
    let mut conn = ground.connect().await?;
    // The worker has made its connections and is idle.
    sleep(Duration::from_secs(1)).await;
    let mut turn = interval(TURN);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (started, length) = (Instant::now(), Duration::from_secs(args.seconds));
    let (mut enqueued, mut told, mut seen, mut most) = (0, 0, 0, 0);
    println!(
        "{:>6} {:>9} {:>9} {:>8} {:>8} {:>8}",
        "second", "enqueued", "backlog", "p50 ms", "p95 ms", "p99 ms"
    );
    while started.elapsed() < length {
        turn.tick().await;
        let due = usize::try_from(started.elapsed().as_micros() * u128::try_from(args.rate)? / 1_000_000)?;
        let arrived: Vec<_> = (enqueued..due).map(|i| Measure::lasting(i, args.handler_ms)).collect();
        if !arrived.is_empty() {
            enqueue_many(&mut conn, &arrived, &Enqueue::default()).await?;
            hints.jobs(Measure::QUEUE);
        }
        enqueued += arrived.len();
        let backlog = enqueued - measure::handled();
        most = most.max(backlog);
        if started.elapsed().as_secs() > told {
            told = started.elapsed().as_secs();
            let samples = measure::latencies_ms();
            let [p50, p95, p99] = quantiles(&samples[seen..]);
            seen = samples.len();
            println!("{told:>6} {enqueued:>9} {backlog:>9} {p50:>8.1} {p95:>8.1} {p99:>8.1}");
        }
    }
    let left = enqueued - measure::handled();
    while measure::handled() < enqueued {
        anyhow::ensure!(started.elapsed() < length * 10, "{left} jobs were left and are not run");
        sleep(Duration::from_millis(5)).await;
    }
    let drained_s = (started.elapsed().saturating_sub(length)).as_secs_f64();
    worker.stop().await?;
    let [p50, p95, p99] = quantiles(&measure::latencies_ms());
    let result = json!({
        "rate": args.rate, "seconds": args.seconds, "handler_ms": args.handler_ms, "enqueued": enqueued,
        "backlog_most": most, "backlog_end": left, "drained_after_s": drained_s,
        "p50_ms": p50, "p95_ms": p95, "p99_ms": p99,
    });
    println!("{result}");
    Ok(())
}

fn quantiles(samples: &[f64]) -> [f64; 3] {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    [50, 95, 99].map(|percent| percentile(&sorted, percent))
}
