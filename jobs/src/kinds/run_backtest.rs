//! Runs a back-test: reads the run and its bars, simulates, records the results and the
//! completion in one transaction.

mod simulate;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::bars::Series;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::time::sleep;
use tracing::debug;
use uuid::Uuid;

use crate::{
    db::{
        backtests::{self, Results, ResultsError, Spec, error_code},
        bars,
    },
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, EndState, Ending, FencedError, JobError, Resolved},
};

/// The payload: the row that says what to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunBacktest {
    /// The run.
    pub backtest_id: Uuid,
}

impl Job for RunBacktest {
    const KIND: &'static str = "run_backtest";
    const QUEUE: &'static str = "backtests";

    fn unique_key(&self) -> Option<String> {
        Some(self.backtest_id.to_string())
    }
}

/// How often a running simulation's progress is recorded.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

impl Handler for RunBacktest {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_secs(1), cap: Duration::from_mins(1) },
        max_failures: 4,
        timeout: Duration::from_mins(30),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let id = self.backtest_id;
        let started = Instant::now();
        let Some(spec) = begin(id, &ctx, &env).await? else {
            return Ok(Success::Output(json!({ "skipped": "the run is gone or finished" })));
        };
        if env.config.backtest.reuse
            && let Some(success) = reuse(id, &spec, &ctx, &env).await?
        {
            return Ok(success);
        }
        let (series, provenance) = read(&spec, &env).await?;
        let config = serde_json::from_value(spec.config)
            .map_err(|error| JobError::fatal(error_code::ENGINE_REJECTED, error))?;
        let pace = env.config.backtest.pace_bars_per_s;
        let mut simulation = simulate::start(config, series, pace, ctx.interrupted());
        let report = loop {
            tokio::select! {
                ended = &mut simulation.ended => {
                    let ended = ended.map_err(|error| JobError::retryable("PANIC", error))?;
                    break ended?;
                }
                () = sleep(PROGRESS_EVERY) => {
                    let percent = *simulation.percent.borrow();
                    match report_progress(id, percent, &ctx, &env).await {
                        // Progress that can't be told is no reason to lose the work.
                        Err(FencedError::Database(error)) => debug!(%error, "progress was not recorded"),
                        other => other?,
                    }
                }
            }
        };
        let results = Results { report: &report, provenance: &provenance, runtime: started.elapsed() };
        record(id, &results, &ctx, &env).await
    }

    async fn abandoned(self, conn: &mut PgConnection, ending: &Ending) -> sqlx::Result<()> {
        match ending.state {
            EndState::Cancelled => backtests::cancel(conn, self.backtest_id).await?,
            EndState::Quarantined => {
                backtests::fail(conn, self.backtest_id, error_code::CRASHED, &ending.message).await?
            }
            EndState::Discarded | EndState::Expired => {
                let code = match ending.class.as_str() {
                    "TIMEOUT" => error_code::TIMEOUT,
                    known if error_code::ALL.iter().any(|(code, _)| *code == known) => known,
                    _ => error_code::INTERNAL,
                };
                backtests::fail(conn, self.backtest_id, code, &ending.message).await?
            }
        };
        Ok(())
    }

    async fn resolved(self, conn: &mut PgConnection, resolved: &Resolved) -> sqlx::Result<()> {
        match resolved {
            Resolved::Restarted { job_id } => backtests::requeue(conn, self.backtest_id, *job_id).await?,
            // Only the handler has results: a run that ends without its word has none.
            Resolved::Completed { .. } => {
                let message = "an operator ended it without results";
                backtests::fail(conn, self.backtest_id, error_code::INTERNAL, message).await?
            }
        };
        Ok(())
    }
}

/// Marks the run as ours; `None` when there is nothing to do.
async fn begin(id: Uuid, ctx: &Context, env: &Environment) -> Result<Option<Spec>, JobError> {
    let mut conn = env.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    ctx.hold(&mut tx).await?;
    let Some(spec) = backtests::spec(&mut tx, id).await? else { return Ok(None) };
    if !backtests::start(&mut tx, id, ctx.fence().job_id, ctx.attempt()).await? {
        return Ok(None);
    }
    tx.commit().await?;
    env.hints.events();
    Ok(Some(spec))
}

/// Finishes the run with the results of an identical one, if there is any.
async fn reuse(id: Uuid, spec: &Spec, ctx: &Context, env: &Environment) -> Result<Option<Success>, JobError> {
    let mut conn = env.pool.acquire().await?;
    let found = backtests::find_identical(&mut conn, spec.user_id, &spec.config_hash, id).await?;
    let Some(earlier) = found else { return Ok(None) };
    let mut tx = conn.begin().await?;
    ctx.hold(&mut tx).await?;
    if !backtests::adopt(&mut tx, id, ctx.attempt(), earlier).await? {
        return Ok(None);
    }
    let success = ctx.complete_in(&mut tx, json!({ "reused_from": earlier })).await?;
    tx.commit().await?;
    env.hints.events();
    Ok(Some(success))
}

/// Reads the bars of the run, and what they are.
async fn read(spec: &Spec, env: &Environment) -> Result<(Vec<Series>, Value), JobError> {
    let mut conn = env.pool.acquire().await?;
    let (from, to) = (spec.start_date, spec.end_date);
    let mut series = Vec::with_capacity(spec.universe.len());
    for symbol in &spec.universe {
        series.push(bars::series(&mut conn, symbol, from, to).await?);
    }
    if series.iter().all(Series::is_empty) {
        return Err(JobError::fatal(
            error_code::NO_DATA,
            format!("no bar of {} from {from} to {to}", spec.universe.join(", ")),
        ));
    }
    let sources = bars::provenance(&mut conn, &spec.universe, from, to).await?;
    let simulated: i64 = sources.iter().map(|source| source.simulated).sum();
    let per_symbol = |of: fn(&bars::BarProvenance) -> Value| -> Value {
        sources.iter().map(|source| (source.symbol.clone(), of(source))).collect()
    };
    let provenance = json!({
        "provider": "shipped",
        "timeframe": "1Day",
        "kind": if simulated == 0 { "real" } else if sources.iter().all(|s| s.real == 0) { "simulated" } else { "mixed" },
        "dateRange": { "start": from, "end": to },
        "barsCountBySymbol": per_symbol(|s| json!(s.real + s.simulated)),
        "simulatedBarsBySymbol": per_symbol(|s| json!(s.simulated)),
        "sourceBySymbol": per_symbol(|s| json!(s.source)),
        "cacheHitRate": null,
        "nextPageTokensUsed": 0,
    });
    Ok((series, provenance))
}

async fn report_progress(id: Uuid, percent: u8, ctx: &Context, env: &Environment) -> Result<(), FencedError> {
    let mut conn = env.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    ctx.progress_in(&mut tx, percent, "simulating").await?;
    backtests::progress(&mut tx, id, ctx.attempt(), i16::from(percent)).await?;
    tx.commit().await?;
    env.hints.events();
    Ok(())
}

async fn record(
    id: Uuid,
    results: &Results<'_>,
    ctx: &Context,
    env: &Environment,
) -> Result<Success, JobError> {
    let mut conn = env.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    ctx.hold(&mut tx).await?;
    let stored =
        backtests::finish(&mut tx, id, ctx.attempt(), results).await.map_err(|error| match error {
            ResultsError::Sql(error) => JobError::from(error),
            refused => JobError::fatal(error_code::RESULT_OUT_OF_RANGE, refused),
        })?;
    if !stored {
        return Ok(Success::Output(json!({ "skipped": "the run was finished meanwhile" })));
    }
    let output = json!({
        "backtest_id": id,
        "trades": results.report.trades.len(),
        "final_equity": results.report.final_equity(),
    });
    let success = ctx.complete_in(&mut tx, output).await?;
    tx.commit().await?;
    env.hints.events();
    Ok(success)
}
