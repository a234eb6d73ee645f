//! `capstan bench horizon`: the rate while a forgotten transaction keeps dead rows alive.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Args;
use jobs::kinds::measure;
use sqlx::{Connection, Executor};
use tokio::time::sleep;

use super::ground::{BULK, Ground};

/// The backlog that is kept up, so that the worker is never idle.
const BACKLOG: usize = 20_000;

/// Options of `horizon`.
#[derive(Debug, Args)]
pub struct HorizonArgs {
    /// Length of a run
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Length of a window of the curve
    #[arg(long, default_value_t = 5)]
    window: u64,
    /// Pairs of runs, without and with the transaction by turns; the means are told
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    #[arg(long, default_value_t = 10)]
    slots: usize,
}

/// A window of a run: jobs a second, dead rows of the hot table, and its size in MB.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    rate: f64,
    dead: f64,
    size_mb: f64,
}

/// Measures and prints one line a window.
pub(super) async fn run(args: HorizonArgs) -> anyhow::Result<()> {
    let mut curves: [Vec<Vec<Window>>; 2] = Default::default();
    for _ in 0..args.rounds {
        for (held, curves) in [false, true].into_iter().zip(&mut curves) {
            curves.push(curve(&args, held).await?);
        }
    }
    println!("         {:^34}   {:^34}", "free", "held");
    let columns = format!("{:>10} {:>12} {:>10}", "jobs/s", "dead rows", "table MB");
    println!("{:>8} {columns}   {columns}", "second");
    for index in 0..usize::try_from(args.seconds / args.window)? {
        let [free, held] = [0, 1].map(|which| mean(curves[which].iter().map(|curve| curve[index])));
        let second = (u64::try_from(index)? + 1) * args.window;
        let cells = |w: Window| format!("{:>10.0} {:>12.0} {:>10.1}", w.rate, w.dead, w.size_mb);
        println!("{second:>8} {}   {}", cells(free), cells(held));
    }
    Ok(())
}

fn mean(windows: impl ExactSizeIterator<Item = Window>) -> Window {
    let n = windows.len() as f64;
    windows.fold(Window::default(), |sum, w| Window {
        rate: sum.rate + w.rate / n,
        dead: sum.dead + w.dead / n,
        size_mb: sum.size_mb + w.size_mb / n,
    })
}

async fn curve(args: &HorizonArgs, held: bool) -> anyhow::Result<Vec<Window>> {
    let ground = Arc::new(Ground::fresh().await?);
    ground.fill(BACKLOG).await?;
    let mut idle = ground.connect().await?;
    let mut snapshot = idle.begin_with("begin isolation level repeatable read").await?;
    if held {
        snapshot.execute("select 1 from queue.jobs limit 1").await?;
    }
    let already = measure::handled();
    let enqueued = Arc::new(AtomicUsize::new(BACKLOG));
    let feeding = tokio::spawn(feed(Arc::clone(&ground), Arc::clone(&enqueued), already));
    let worker = ground.start(args.slots)?;
    let started = Instant::now();
    let (mut windows, mut seen) = (Vec::new(), 0);
    for index in 1..=args.seconds / args.window {
        let begun = Instant::now();
        sleep(Duration::from_secs(index * args.window).saturating_sub(started.elapsed())).await;
        let handled = measure::handled() - already;
        let rate = (handled - seen) as f64 / begun.elapsed().as_secs_f64();
        seen = handled;
        let (dead, size): (i64, i64) = sqlx::query_as(
            "select n_dead_tup, pg_table_size(relid) from pg_stat_user_tables
              where relid = 'queue.jobs'::regclass",
        )
        .fetch_one(&ground.pool)
        .await?;
        windows.push(Window { rate, dead: dead as f64, size_mb: size as f64 / 1e6 });
    }
    feeding.abort();
    worker.stop().await?;
    snapshot.rollback().await?;
    idle.close().await?;
    Ok(windows)
}

/// Keeps the backlog up, for ever.
async fn feed(ground: Arc<Ground>, enqueued: Arc<AtomicUsize>, already: usize) -> anyhow::Result<()> {
    loop {
        let waiting = (enqueued.load(Ordering::Relaxed) + already).saturating_sub(measure::handled());
        if waiting < BACKLOG {
            ground.fill(BULK).await?;
            enqueued.fetch_add(BULK, Ordering::Relaxed);
        } else {
            sleep(Duration::from_millis(10)).await;
        }
    }
}
