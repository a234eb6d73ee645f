//! The event that tells a client about a run's state.

use sqlx::PgConnection;
use uuid::Uuid;

/// Appends a `backtest:progress` event with the run's present state.
///
/// The body: `{id, status, progress, strategyId, errorCode, errorMessage, updatedAt}`.
pub(super) async fn announce(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        r#"insert into events (user_id, name, subject_id, body)
           select user_id, 'backtest:progress', backtest_id,
                  jsonb_build_object(
                      'id', backtest_id,
                      'status', status,
                      'progress', progress,
                      'strategyId', strategy_id,
                      'errorCode', error_code,
                      'errorMessage', error_message,
                      'updatedAt',
                      to_char(updated_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
             from backtests
            where backtest_id = $1"#,
        id
    )
    .execute(conn)
    .await?;
    Ok(())
}
