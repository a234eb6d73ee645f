//! What the kinds of sweeps share: reading what is to be done, doing it on a thread of its own,
//! and saying so when it can't be.

use std::{ops::Range, sync::Arc, thread, time::Duration};

use chrono::NaiveDate;
use domain::{
    bars::Series,
    grid::{self, Base, Evaluated, Grid, RankBy},
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::stop_sweep::StopSweep;
use crate::{
    db::{
        bars,
        sweeps::{self, Spec, error_code},
    },
    environment::Environment,
    handler::Policy,
    queue::{Backoff, Context, EndState, Ending, Enqueue, EnqueueError, JobError, enqueue},
};

/// Sweeps give way to single back-tests, for which somebody is waiting.
pub(super) const PRIORITY: i16 = 10;

/// A part is short; what goes wrong with it is mostly the database being away.
pub(super) const POLICY: Policy = Policy {
    backoff: Backoff { base: Duration::from_secs(1), cap: Duration::from_mins(1) },
    max_failures: 4,
    timeout: Duration::from_mins(10),
};

/// The longest sleep between two looks at the interruption.
const NAP: Duration = Duration::from_millis(20);

/// What a part has to go by.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) spec: Spec,
    pub(super) grid: Grid,
    pub(super) base: Base,
    pub(super) rank_by: RankBy,
}

impl Work {
    fn new(spec: Spec) -> Result<Self, JobError> {
        let undecodable =
            |what: &str| JobError::fatal(error_code::INTERNAL, format!("the stored {what} does not decode"));
        Ok(Self {
            grid: serde_json::from_value(spec.axes.clone()).map_err(|_| undecodable("grid"))?,
            base: serde_json::from_value(spec.base.clone()).map_err(|_| undecodable("request"))?,
            rank_by: RankBy::parse(&spec.rank_by).ok_or_else(|| undecodable("rank"))?,
            spec,
        })
    }
}

/// Marks the sweep as begun and returns what is to be done; `None` when it is finished or gone.
pub(super) async fn begin(id: Uuid, ctx: &Context, env: &Environment) -> Result<Option<Work>, JobError> {
    let mut conn = env.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    sweeps::take_turn(&mut tx, id).await?;
    ctx.hold(&mut tx).await?;
    if !sweeps::begin(&mut tx, id).await? {
        return Ok(None);
    }
    let Some(spec) = sweeps::spec(&mut tx, id).await? else { return Ok(None) };
    tx.commit().await?;
    env.hints.events();
    Work::new(spec).map(Some)
}

/// Reads the bars of the sweep's universe from `from` to `to`, both included.
pub(super) async fn read(
    spec: &Spec,
    from: NaiveDate,
    to: NaiveDate,
    env: &Environment,
) -> Result<Vec<Series>, JobError> {
    let mut conn = env.pool.acquire().await?;
    let mut series = Vec::with_capacity(spec.universe.len());
    for symbol in &spec.universe {
        series.push(bars::series(&mut conn, symbol, from, to).await?);
    }
    if series.iter().all(Series::is_empty) {
        let list = spec.universe.join(", ");
        return Err(JobError::fatal(error_code::NO_DATA, format!("no bar of {list} from {from} to {to}")));
    }
    Ok(series)
}

/// Evaluates `cells` over `series` on a thread of its own and returns both; stops when
/// interrupted. `pace` is in bars a second, 0 for as fast as it goes.
pub(super) async fn evaluate(
    work: Arc<Work>,
    cells: Range<usize>,
    series: Vec<Series>,
    close_at_end: bool,
    pace: u64,
    interrupted: CancellationToken,
) -> Result<(Vec<Evaluated>, Vec<Series>), JobError> {
    let bars: usize = series.iter().map(Series::len).sum();
    let task = tokio::task::spawn_blocking(move || {
        let go_on = || {
            slow_down(bars, pace, &interrupted);
            !interrupted.is_cancelled()
        };
        let found = grid::evaluate(&work.grid, &work.base, cells, &series, close_at_end, go_on)
            .map_err(|error| JobError::fatal(error_code::ENGINE_REJECTED, error))?;
        Ok((found.ok_or(JobError::Interrupted)?, series))
    });
    task.await.map_err(|error| JobError::retryable("PANIC", error))?
}

fn slow_down(bars: usize, pace: u64, interrupted: &CancellationToken) {
    if pace == 0 {
        return;
    }
    let mut left = Duration::from_secs_f64(bars as f64 / pace as f64);
    while !left.is_zero() && !interrupted.is_cancelled() {
        let nap = left.min(NAP);
        thread::sleep(nap);
        left -= nap;
    }
}

/// Returns what the bars of the sweep are and where they come from.
pub(super) async fn provenance(conn: &mut PgConnection, spec: &Spec) -> sqlx::Result<Value> {
    let (from, to) = (spec.start_date, spec.end_date);
    let sources = bars::provenance(conn, &spec.universe, from, to).await?;
    let real: i64 = sources.iter().map(|source| source.real).sum();
    let simulated: i64 = sources.iter().map(|source| source.simulated).sum();
    let per_symbol = |of: fn(&bars::BarProvenance) -> Value| -> Value {
        sources.iter().map(|source| (source.symbol.clone(), of(source))).collect()
    };
    Ok(json!({
        "provider": "shipped",
        "timeframe": "1Day",
        "kind": match (real, simulated) {
            (_, 0) => "real",
            (0, _) => "simulated",
            _ => "mixed",
        },
        "dateRange": { "start": from, "end": to },
        "barsCountBySymbol": per_symbol(|s| json!(s.real + s.simulated)),
        "simulatedBarsBySymbol": per_symbol(|s| json!(s.simulated)),
        "sourceBySymbol": per_symbol(|s| json!(s.source)),
        "dataVersion": spec.data_version,
    }))
}

/// Returns the sentence that names simulated bars, when there are any.
pub(super) fn simulated_bars(provenance: &Value) -> Option<&'static str> {
    match provenance["kind"].as_str() {
        Some("simulated") => Some(" All bars are simulated and say nothing about the real market."),
        Some("mixed") => Some(" Some bars are simulated and say nothing about the real market."),
        _ => None,
    }
}

/// Ends the sweep, since a job of it ended without its handler's word, and has the others
/// stopped; `part` is the one that ended, if it was a part.
///
/// Nothing happens when the sweep is finished already, as when all of it was cancelled.
pub(super) async fn ended(
    conn: &mut PgConnection,
    id: Uuid,
    part: Option<i32>,
    ending: &Ending,
) -> sqlx::Result<()> {
    let stopped = match ending.state {
        EndState::Cancelled => sweeps::cancel(conn, id).await?,
        EndState::Quarantined => sweeps::fail(conn, id, error_code::CRASHED, &ending.message).await?,
        _ => {
            let known = error_code::ALL.iter().find(|(code, _)| *code == ending.class);
            let code = known.map_or(error_code::INTERNAL, |(code, _)| code);
            sweeps::fail(conn, id, code, &ending.message).await?
        }
    };
    if stopped {
        // Not here: this transaction holds a job already, and two such would wait for each other.
        let job = StopSweep { sweep_id: id, but: part };
        enqueue(conn, &job, Enqueue::default()).await.map_err(|error| match error {
            EnqueueError::Database(error) => error,
            other => sqlx::Error::Encode(Box::new(other)),
        })?;
    }
    Ok(())
}
