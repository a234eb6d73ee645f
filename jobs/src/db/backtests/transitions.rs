//! The steps of a run's life; each says from which states it may be taken.

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Results, ResultsError, Summary,
    announce::announce,
    error_code,
    interpretation::interpret,
    results::{store_equity, store_trades},
};

/// Marks the run as held by `attempt` of `job_id`, with no progress yet.
///
/// A run that failed begins anew when an operator had its job tried again, as a new job or as
/// a later attempt. `false` when it is finished otherwise, gone, or held by a later attempt:
/// nothing is to be done then.
pub async fn start(conn: &mut PgConnection, id: Uuid, job_id: Uuid, attempt: i32) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update backtests
            set status = 'RUNNING', job_id = $3, attempt = $2, progress = 0, error_code = null,
                error_message = null, finished_at = null,
                started_at = coalesce(started_at, clock_timestamp()), updated_at = clock_timestamp()
          where backtest_id = $1
            and ((status in ('QUEUED', 'RUNNING') and coalesce(attempt, 0) <= $2)
                 or (status = 'FAILED' and (job_id <> $3 or coalesce(attempt, 0) < $2)))",
        id,
        attempt,
        job_id
    )
    .execute(&mut *conn)
    .await?;
    announce_if(conn, id, done.rows_affected()).await
}

/// Puts a run that failed back in line for `job_id`, a job that has not begun with it; `false`
/// when it has not failed.
pub async fn requeue(conn: &mut PgConnection, id: Uuid, job_id: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update backtests
            set status = 'QUEUED', job_id = $2, attempt = null, progress = 0, error_code = null,
                error_message = null, started_at = null, finished_at = null,
                updated_at = clock_timestamp()
          where backtest_id = $1
            and status = 'FAILED'",
        id,
        job_id
    )
    .execute(&mut *conn)
    .await?;
    announce_if(conn, id, done.rows_affected()).await
}

/// Raises the progress to `percent` (0 to 100); `false` when it is there already, or the
/// attempt no longer holds the run.
pub async fn progress(conn: &mut PgConnection, id: Uuid, attempt: i32, percent: i16) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update backtests
            set progress = $3, updated_at = clock_timestamp()
          where backtest_id = $1
            and status = 'RUNNING'
            and attempt = $2
            and progress < $3",
        id,
        attempt,
        percent.clamp(0, 100)
    )
    .execute(&mut *conn)
    .await?;
    announce_if(conn, id, done.rows_affected()).await
}

/// Stores the results and finishes the run; `false`, with nothing written, when `attempt` no
/// longer holds it. The caller owns the transaction and drops it on an error.
pub async fn finish(
    conn: &mut PgConnection,
    id: Uuid,
    attempt: i32,
    results: &Results<'_>,
) -> Result<bool, ResultsError> {
    let summary = Summary::new(results.report);
    let summary_json = serde_json::to_value(summary).map_err(|e| sqlx::Error::Encode(Box::new(e)))?;
    let done = sqlx::query!(
        "update backtests
            set status = 'DONE', progress = 100, results_summary = $3, interpretation = $4, provenance = $5,
                runtime_ms = $6, reused_from = null, error_code = null, error_message = null,
                updated_at = clock_timestamp(), finished_at = clock_timestamp()
          where backtest_id = $1
            and status = 'RUNNING'
            and attempt = $2",
        id,
        attempt,
        summary_json,
        interpret(&summary, results.report),
        results.provenance,
        i32::try_from(results.runtime.as_millis()).unwrap_or(i32::MAX)
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    store_equity(conn, id, results.report).await?;
    store_trades(conn, id, results.report).await?;
    show_on_strategy(conn, id, &summary.performance()).await?;
    announce(conn, id).await?;
    Ok(true)
}

/// Finishes the run with the results of the identical run `from`; `false` when `attempt` no
/// longer holds it, or `from` has no results of its own.
pub async fn adopt(conn: &mut PgConnection, id: Uuid, attempt: i32, from: Uuid) -> sqlx::Result<bool> {
    let adopted = sqlx::query_scalar!(
        r#"update backtests as run
              set status = 'DONE', progress = 100, results_summary = source.results_summary,
                  interpretation = source.interpretation, provenance = source.provenance,
                  reused_from = source.backtest_id, error_code = null, error_message = null,
                  runtime_ms = least(2147483647,
                      1000 * extract(epoch from clock_timestamp() - run.started_at))::integer,
                  updated_at = clock_timestamp(), finished_at = clock_timestamp()
             from backtests as source
            where run.backtest_id = $1
              and run.status = 'RUNNING'
              and run.attempt = $2
              and source.backtest_id = $3
              and source.user_id = run.user_id
              and source.config_hash = run.config_hash
              and source.status = 'DONE'
              and source.reused_from is null
              and source.backtest_id <> run.backtest_id
        returning run.results_summary as "summary!""#,
        id,
        attempt,
        from
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(summary) = adopted else { return Ok(false) };
    let summary: Summary = serde_json::from_value(summary).map_err(|e| sqlx::Error::Decode(Box::new(e)))?;
    show_on_strategy(conn, id, &summary.performance()).await?;
    announce(conn, id).await?;
    Ok(true)
}

/// Ends the run without results; `code` is one of [`super::error_code`]. `false` when it is
/// already finished.
pub async fn fail(conn: &mut PgConnection, id: Uuid, code: &str, message: &str) -> sqlx::Result<bool> {
    end_without_results(conn, id, "FAILED", code, message).await
}

/// Ends the run as cancelled; `false` when it is already finished.
pub async fn cancel(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    end_without_results(conn, id, "CANCELLED", error_code::CANCELLED, "cancelled on request").await
}

async fn end_without_results(
    conn: &mut PgConnection,
    id: Uuid,
    status: &str,
    code: &str,
    message: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update backtests
            set status = $2, error_code = $3, error_message = $4,
                updated_at = clock_timestamp(), finished_at = clock_timestamp()
          where backtest_id = $1
            and status in ('QUEUED', 'RUNNING')",
        id,
        status,
        code,
        message
    )
    .execute(&mut *conn)
    .await?;
    announce_if(conn, id, done.rows_affected()).await
}

async fn announce_if(conn: &mut PgConnection, id: Uuid, changed: u64) -> sqlx::Result<bool> {
    if changed == 1 {
        announce(conn, id).await?;
    }
    Ok(changed == 1)
}

/// Shows the figures on the strategy that the run was started from, if any.
///
/// The strategy's version stays: nothing that its owner edits has changed.
async fn show_on_strategy(conn: &mut PgConnection, id: Uuid, performance: &Value) -> sqlx::Result<()> {
    sqlx::query!(
        "update strategies
            set last_backtest_id = $1, performance_summary = $2, updated_at = clock_timestamp(),
                status = case when status in ('draft', 'backtesting') then 'backtested' else status end
          where strategy_id = (select strategy_id from backtests where backtest_id = $1)
            and deleted_at is null",
        id,
        performance
    )
    .execute(conn)
    .await?;
    Ok(())
}
