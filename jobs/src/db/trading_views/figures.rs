//! A user's trading in numbers.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

/// A user's trading in numbers. Money is in US dollars.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Figures {
    pub fills: i64,
    /// Fills that closed something.
    pub closing: i64,
    pub winning: i64,
    pub losing: i64,
    pub realized: Decimal,
    /// The part of `realized` since the given time.
    pub realized_since: Decimal,
    pub fills_since: i64,
    pub orders: i64,
    pub open_orders: i64,
    pub active_strategies: i64,
}

/// Returns the figures of `user_id`; `since` begins the day.
pub async fn figures(conn: &mut PgConnection, user_id: Uuid, since: DateTime<Utc>) -> sqlx::Result<Figures> {
    sqlx::query_as!(
        Figures,
        r#"select count(*) as "fills!",
                  count(f.realized_pnl) as "closing!",
                  count(*) filter (where f.realized_pnl > 0) as "winning!",
                  count(*) filter (where f.realized_pnl < 0) as "losing!",
                  coalesce(sum(f.realized_pnl), 0) as "realized!",
                  coalesce(sum(f.realized_pnl) filter (where f.occurred_at >= $2), 0) as "realized_since!",
                  count(*) filter (where f.occurred_at >= $2) as "fills_since!",
                  (select count(*) from orders o where o.user_id = $1) as "orders!",
                  (select count(*) from orders o
                    where o.user_id = $1
                      and o.status not in ('filled', 'canceled', 'rejected', 'expired', 'replaced'))
                      as "open_orders!",
                  (select count(*) from strategies s
                    where s.user_id = $1 and s.is_active and s.deleted_at is null) as "active_strategies!"
             from fills f
            where f.user_id = $1"#,
        user_id,
        since
    )
    .fetch_one(conn)
    .await
}
