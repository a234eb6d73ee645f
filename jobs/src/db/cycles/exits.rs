//! What the exits of a position remember.

use chrono::{DateTime, Utc};
use domain::cycle::{ExitReason, Memory};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

/// Returns what the exits of the position that was opened at `opened_at` remember.
pub async fn memory(
    conn: &mut PgConnection,
    user_id: Uuid,
    symbol: &str,
    opened_at: DateTime<Utc>,
) -> sqlx::Result<Option<Memory>> {
    let row = sqlx::query!(
        "select highest_price, steps_taken, stop_loss
           from position_exits
          where user_id = $1 and symbol = $2 and opened_at = $3",
        user_id,
        symbol,
        opened_at
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Memory {
        highest: row.highest_price,
        steps_taken: usize::try_from(row.steps_taken).unwrap_or_default(),
        stop_loss: row.stop_loss,
    }))
}

/// Returns the shares that take-profit steps have sold of the position opened at `opened_at`, by the
/// fills of their orders, whatever became of the orders.
pub async fn stepped(
    conn: &mut PgConnection,
    user_id: Uuid,
    symbol: &str,
    opened_at: DateTime<Utc>,
) -> sqlx::Result<Decimal> {
    sqlx::query_scalar!(
        r#"select coalesce(sum(f.qty), 0) as "stepped!"
             from fills f
             join orders o on o.order_id = f.order_id
             join ai_decisions d on d.decision_id = o.decision_id
            where f.user_id = $1 and f.symbol = $2 and f.side = 'sell' and f.occurred_at >= $3
              and d.origin = 'exit' and d.metadata->>'exit' = $4"#,
        user_id,
        symbol,
        opened_at,
        ExitReason::TakeProfit.as_str()
    )
    .fetch_one(conn)
    .await
}

/// Keeps what the exits of a position remember, in place of an earlier position's.
pub async fn remember(
    conn: &mut PgConnection,
    user_id: Uuid,
    symbol: &str,
    opened_at: DateTime<Utc>,
    memory: &Memory,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into position_exits (user_id, symbol, opened_at, highest_price, steps_taken, stop_loss)
         values ($1, $2, $3, $4, $5, $6)
         on conflict (user_id, symbol) do update
            set opened_at = excluded.opened_at, highest_price = excluded.highest_price,
                steps_taken = excluded.steps_taken, stop_loss = excluded.stop_loss,
                updated_at = clock_timestamp()",
        user_id,
        symbol,
        opened_at,
        memory.highest,
        i32::try_from(memory.steps_taken).unwrap_or(i32::MAX),
        memory.stop_loss
    )
    .execute(conn)
    .await?;
    Ok(())
}
