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
    // The statement's parts are literals, so that each whole is checked when it is compiled.
    macro_rules! old {
        ($table:literal, $key:literal, $since:literal $(, $and:literal)?) => {
            sqlx::query!(
                "with old as (
                     select t." + $key + " from " + $table + " as t
                      where t." + $since + " < $1 " $(+ $and)? + "
                      limit $2 for update skip locked)
                 delete from " + $table + " as t using old where t." + $key + " = old." + $key,
                before,
                limit
            )
            .execute(conn)
            .await?
        };
    }
    let done = match record {
        Record::LlmCall => old!("llm_calls", "call_id", "created_at"),
        Record::Sentiment => old!("sentiment_scores", "sentiment_id", "created_at"),
        Record::FusedAnalysis => old!("fused_analyses", "fused_id", "created_at"),
        Record::Cycle => old!("cycles", "cycle_id", "started_at"),
        Record::News => old!("news_items", "news_id", "published_at"),
        // An order names its decision before the decision names the order, and legs name it only so.
        Record::Decision => old!(
            "ai_decisions",
            "decision_id",
            "created_at",
            "and t.order_id is null
             and not exists (select from orders as o where o.decision_id = t.decision_id)"
        ),
    };
    Ok(done.rows_affected())
}
