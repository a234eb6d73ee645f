//! The rows by which agents are held back, kept as they are while an order is made.

use sqlx::PgConnection;
use uuid::Uuid;

/// Locks whatever holds the user's agent back until the transaction ends, so that what is read next
/// still holds at the commit: a stop that is under way is waited for, and a later one waits.
///
/// The order is that of the writers, who change the user's settings before the agent: platform,
/// settings, agent. Whoever locks decisions or an order's turn too has done so before.
pub async fn hold_controls(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("select id from platform_state where id = 1 for share").fetch_one(&mut *conn).await?;
    // A row that is not there can't be locked, and the first kill switch would pass unseen. An agent
    // without a row does not run.
    sqlx::query!(
        "insert into risk_settings (user_id, version) values ($1, 0) on conflict (user_id) do nothing",
        user_id
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("select user_id from risk_settings where user_id = $1 for share", user_id)
        .fetch_one(&mut *conn)
        .await?;
    sqlx::query!("select user_id from agent_status where user_id = $1 for share", user_id)
        .fetch_optional(conn)
        .await?;
    Ok(())
}
