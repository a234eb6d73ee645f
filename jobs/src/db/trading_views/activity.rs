//! What happened to a user's rows, in one line of time.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// An order was placed.
    Order,
    /// An order was filled, wholly or in part.
    Trade,
    /// A limit, a lock or the kill switch was changed.
    Risk,
    /// A strategy was changed.
    Strategy,
    /// A back-test was asked for or stopped.
    Backtest,
    /// Anything else that the user changed.
    System,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 6] =
        [Self::Order, Self::Trade, Self::Risk, Self::Strategy, Self::Backtest, Self::System];

    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Trade => "trade",
            Self::Risk => "risk",
            Self::Strategy => "strategy",
            Self::Backtest => "backtest",
            Self::System => "system",
        }
    }

    /// Returns the category that `word` names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.as_str() == word)
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Its id: a word for the table, a colon, the row's key.
    pub id: String,
    /// When.
    pub at: DateTime<Utc>,
    /// The word of a [`Category`].
    pub category: String,
    /// What was done: verb and noun.
    pub action: String,
    /// The state of what it is about; empty when it has none.
    pub status: String,
    /// The symbol, if it is about one.
    pub symbol: Option<String>,
    /// The order, if it is about one.
    pub order_id: Option<Uuid>,
    /// The kind of row that was changed, and its id.
    pub resource: Option<String>,
    /// See `resource`.
    pub resource_id: Option<String>,
    /// What else is known: a JSON object.
    pub details: Value,
}

/// Sort key of the list: newest first, ties by id.
pub type ActivityKey = (DateTime<Utc>, String);

impl Activity {
    /// Returns where the entry stands in the list.
    pub fn key(&self) -> ActivityKey {
        (self.at, self.id.clone())
    }
}

/// Returns what happened to rows of `user_id`, newest first, after the entry at `after`.
///
/// Each part is cut to `limit` before they are merged, so the whole history is never sorted.
pub async fn activity(
    conn: &mut PgConnection,
    user_id: Uuid,
    category: Option<Category>,
    after: Option<ActivityKey>,
    limit: i64,
) -> sqlx::Result<Vec<Activity>> {
    let (at, id) = after.unzip();
    sqlx::query_as!(
        Activity,
        r#"with orders_placed as (
               select 'order:' || o.order_id as id, o.created_at as at, 'order' as category,
                      'place_order' as action, o.status, o.symbol, o.order_id, 'order' as resource,
                      o.order_id::text as resource_id,
                      jsonb_build_object('side', o.side, 'type', o.order_type, 'qty', o.qty,
                          'notional', o.notional, 'filledQty', o.filled_qty,
                          'rejectCode', o.reject_code, 'rejectMessage', o.reject_message) as details
                 from orders o
                where o.user_id = $1
                  and coalesce($2, 'order') = 'order'
                  and o.created_at <= coalesce($3, 'infinity'::timestamptz)
                  and (o.created_at, 'order:' || o.order_id)
                      < (coalesce($3, 'infinity'::timestamptz), coalesce($4, ''))
                order by o.created_at desc, o.order_id desc
                limit $5
           ), trades as (
               select 'trade:' || f.fill_id as id, f.occurred_at as at, 'trade' as category,
                      'fill_order' as action, 'filled' as status, f.symbol, f.order_id,
                      'order' as resource, f.order_id::text as resource_id,
                      jsonb_build_object('side', f.side, 'qty', f.qty, 'price', f.price,
                          'pnl', f.realized_pnl) as details
                 from fills f
                where f.user_id = $1
                  and coalesce($2, 'trade') = 'trade'
                  and f.occurred_at <= coalesce($3, 'infinity'::timestamptz)
                  and (f.occurred_at, 'trade:' || f.fill_id)
                      < (coalesce($3, 'infinity'::timestamptz), coalesce($4, ''))
                order by f.occurred_at desc, f.fill_id desc
                limit $5
           ), changes as (
               select a.* from (
                   select 'change:' || lpad(l.audit_id::text, 19, '0') as id, l.recorded_at as at,
                          case when l.resource like 'risk%' then 'risk'
                               when l.resource = 'strategy' then 'strategy'
                               when l.resource in ('backtest', 'sweep', 'walk_forward') then 'backtest'
                               else 'system' end as category,
                          l.action, '' as status, null::text as symbol, null::uuid as order_id,
                          l.resource, l.resource_id, jsonb_build_object('reason', l.reason) as details
                     from audit_log l
                    where l.actor_id = $1
                      and l.resource not in ('order', 'job', 'queue', 'session')
               ) a
                where coalesce($2, a.category) = a.category
                  and (a.at, a.id) < (coalesce($3, 'infinity'::timestamptz), coalesce($4, ''))
                order by a.at desc, a.id desc
                limit $5
           )
           select id as "id!", at as "at!", category as "category!", action as "action!",
                  status as "status!", symbol, order_id, resource, resource_id, details as "details!"
             from (select * from orders_placed
                   union all select * from trades
                   union all select * from changes) merged
            order by at desc, id desc
            limit $5"#,
        user_id,
        category.map(Category::as_str),
        at,
        id,
        limit
    )
    .fetch_all(conn)
    .await
}
