//! Deletion of what was recorded long ago and is of no use any more.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A kind of record that is kept for a while only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    /// A call of a language model.
    LlmCall,
    /// What the news of one source said about a symbol.
    Sentiment,
    /// An analysis fused from several sources; what each of them said goes with it.
    FusedAnalysis,
    /// A run of an agent; its decisions stay.
    Cycle,
    /// A piece of news, by its publication.
    News,
    /// A decision that never had an order.
    Decision,
}

/// Deletes up to `limit` records of a kind that are from before `before`; returns how many.
///
/// What another process is deleting or changing just now is passed over, so fewer than `limit`
/// means that nothing is left for the moment.
pub(crate) async fn prune(
    conn: &mut PgConnection,
    record: Record,
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<u64> {
    let done = match record {
        Record::LlmCall => {
            sqlx::query!(
                "with old as (
                 select call_id from llm_calls
                  where created_at < $1
                  limit $2 for update skip locked)
             delete from llm_calls as t using old where t.call_id = old.call_id",
                before,
                limit
            )
            .execute(conn)
            .await?
        }
        Record::Sentiment => {
            sqlx::query!(
                "with old as (
                 select sentiment_id from sentiment_scores
                  where created_at < $1
                  limit $2 for update skip locked)
             delete from sentiment_scores as t using old where t.sentiment_id = old.sentiment_id",
                before,
                limit
            )
            .execute(conn)
            .await?
        }
        Record::FusedAnalysis => {
            sqlx::query!(
                "with old as (
                 select fused_id from fused_analyses
                  where created_at < $1
                  limit $2 for update skip locked)
             delete from fused_analyses as t using old where t.fused_id = old.fused_id",
                before,
                limit
            )
            .execute(conn)
            .await?
        }
        Record::Cycle => {
            sqlx::query!(
                "with old as (
                 select cycle_id from cycles
                  where started_at < $1
                  limit $2 for update skip locked)
             delete from cycles as t using old where t.cycle_id = old.cycle_id",
                before,
                limit
            )
            .execute(conn)
            .await?
        }
        Record::News => {
            sqlx::query!(
                "with old as (
                 select news_id from news_items
                  where published_at < $1
                  limit $2 for update skip locked)
             delete from news_items as t using old where t.news_id = old.news_id",
                before,
                limit
            )
            .execute(conn)
            .await?
        }
        // An order names its decision before the decision names the order, and legs name it only so.
        Record::Decision => {
            sqlx::query!(
                "with old as (
                 select d.decision_id from ai_decisions as d
                  where d.created_at < $1 and d.order_id is null
                    and not exists (select from orders as o where o.decision_id = d.decision_id)
                  limit $2 for update of d skip locked)
             delete from ai_decisions as t using old where t.decision_id = old.decision_id",
                before,
                limit
            )
            .execute(conn)
            .await?
        }
    };
    Ok(done.rows_affected())
}
