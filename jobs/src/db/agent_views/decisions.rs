//! Decisions that something became of, and those that wait for it.

use domain::{
    cycle::{DecisionOrigin, DecisionStatus},
    decision::{Action, RiskLevel},
};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::db::{
    decisions::{Decision, read::decisions},
    word::{Named, Word},
};

/// Returns the decisions of `user_id` that led to an order, newest first.
pub async fn executions(
    conn: &mut PgConnection,
    user_id: Uuid,
    limit: i64,
    offset: i64,
) -> sqlx::Result<Vec<Decision>> {
    decisions!(
        "where d.user_id = $1 and d.order_id is not null
         order by d.created_at desc, d.decision_id desc
         limit $2 offset $3",
        user_id,
        limit,
        offset
    )
    .fetch_all(conn)
    .await
}

/// Returns the decisions of `user_id` to buy or sell that nothing has become of yet, at least as
/// sure as `confidence`, newest first.
pub async fn proposals(
    conn: &mut PgConnection,
    user_id: Uuid,
    confidence: Decimal,
    limit: i64,
    offset: i64,
) -> sqlx::Result<Vec<Decision>> {
    decisions!(
        "where d.user_id = $1
           and d.status in ('pending', 'approved', 'pending_execution')
           and d.action <> 'hold'
           and d.confidence >= $2
         order by d.created_at desc, d.decision_id desc
         limit $3 offset $4",
        user_id,
        confidence,
        limit,
        offset
    )
    .fetch_all(conn)
    .await
}

/// Returns how many decisions of `user_id` nothing has become of yet.
pub async fn waiting(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!"
             from ai_decisions
            where user_id = $1 and status in ('pending', 'approved', 'pending_execution')"#,
        user_id
    )
    .fetch_one(conn)
    .await
}
