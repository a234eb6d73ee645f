//! What a user's agent saw and did, in one line of time.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// Something that the agent saw or did.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedEntry {
    /// Its id.
    pub id: Uuid,
    /// `signal` or `suggestion` (decisions), `risk` (locks), `sentiment`, or `news`.
    pub kind: String,
    /// About whom.
    pub symbol: Option<String>,
    /// In a few words.
    pub headline: String,
    /// Why, for people.
    pub explanation: String,
    /// 0 to 1.
    pub confidence: Option<Decimal>,
    /// `buy`, `sell` or `hold`, of decisions.
    pub action: Option<String>,
    /// The strategy that it is about.
    pub strategy_id: Option<Uuid>,
    /// What else is known.
    pub metadata: Value,
    /// When it was so.
    pub at: DateTime<Utc>,
}

/// Returns up to `limit` entries for `user_id`, newest first, only of `kind` if one is given.
///
/// Sentiment and news are shown of symbols that the user's agent may look at: candidates, what is
/// held, and what was decided about in the last week.
pub async fn feed(
    conn: &mut PgConnection,
    user_id: Uuid,
    kind: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<FeedEntry>> {
    sqlx::query_as!(
        FeedEntry,
        r#"with symbols as (
               select symbol from universe_candidates where user_id = $1 and status <> 'REJECTED'
                union select symbol from positions where user_id = $1
                union select symbol from ai_decisions
                       where user_id = $1 and created_at > clock_timestamp() - interval '7 days'
           ), decided as (
               select decision_id as id,
                      case when action = 'hold' then 'suggestion' else 'signal' end as kind,
                      symbol, upper(action) || ' ' || symbol as headline, reasoning as explanation,
                      confidence, action, strategy_id,
                      jsonb_build_object('status', status, 'analyst', analyst, 'model', model,
                          'riskLevel', risk_level, 'skipReason', skip_reason) as metadata,
                      created_at as at
                 from ai_decisions
                where user_id = $1
                  and ($2::text is null or $2 = case when action = 'hold' then 'suggestion' else 'signal' end)
                order by created_at desc
                limit $3
           ), locked as (
               select lock_id, 'risk', symbol,
                      coalesce('new exposure in ' || symbol || ' is locked', 'new exposure is locked'),
                      reason, null::numeric, null::text, null::uuid,
                      jsonb_build_object('until',
                          to_char(until at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
                      created_at
                 from risk_locks
                where (user_id = $1 or user_id is null)
                  and coalesce($2, 'risk') = 'risk'
                order by created_at desc
                limit $3
           ), felt as (
               select sentiment_id, 'sentiment', s.symbol,
                      s.symbol || ': the news are ' || case s.trend when 'up' then 'good'
                          when 'down' then 'bad' else 'mixed' end,
                      s.explanation, s.confidence, null::text, null::uuid,
                      jsonb_build_object('score', s.score, 'source', s.source, 'articles', s.articles),
                      s.created_at
                 from sentiment_scores s
                 join symbols using (symbol)
                where coalesce($2, 'sentiment') = 'sentiment'
                order by s.created_at desc
                limit $3
           ), told as (
               select n.news_id, 'news', (select y.symbol from symbols y where y.symbol = any (n.symbols)
                                           order by y.symbol limit 1),
                      n.headline, coalesce(n.summary, n.headline), null::numeric, null::text, null::uuid,
                      jsonb_build_object('source', n.source, 'url', n.url, 'provider', n.provider,
                          'score', n.score),
                      n.published_at
                 from news_items n
                where coalesce($2, 'news') = 'news'
                  and n.symbols && array(select symbol from symbols)
                order by n.published_at desc
                limit $3
           )
           select id as "id!", kind as "kind!", symbol, headline as "headline!",
                  explanation as "explanation!", confidence, action, strategy_id,
                  metadata as "metadata!", at as "at!"
             from (select * from decided
                   union all select * from locked
                   union all select * from felt
                   union all select * from told) merged
            order by at desc, id desc
            limit $3"#,
        user_id,
        kind,
        limit
    )
    .fetch_all(conn)
    .await
}
