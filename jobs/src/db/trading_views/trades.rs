//! Trades: fills with what led to them, as their owner keeps books of them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

/// Sort key of a list: newest first, ties by id.
pub type TradeKey = (DateTime<Utc>, Uuid);

/// A trade. Prices are a share's, in US dollars.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct TradeRow {
    pub fill_id: Uuid,
    pub order_id: Uuid,
    pub symbol: String,
    pub side: String,
    pub qty: Decimal,
    pub price: Decimal,
    pub realized_pnl: Option<Decimal>,
    pub occurred_at: DateTime<Utc>,
    pub strategy_id: Option<Uuid>,
    pub strategy_name: Option<String>,
    pub origin: String,
    pub order_type: String,
    pub order_status: String,
    pub trace_id: Option<String>,
}

/// Which trades, by what they gained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Those that gained something.
    Profit,
    /// Those that lost something.
    Loss,
}

/// Which trades to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct TradeFilter<'a> {
    /// Only of this symbol.
    pub symbol: Option<&'a str>,
    /// Only of this strategy.
    pub strategy_id: Option<Uuid>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// Not before this.
    pub from: Option<DateTime<Utc>>,
    /// Before this.
    pub until: Option<DateTime<Utc>>,
}

impl TradeFilter<'_> {
    /// Returns the sign of what the trades gained.
    fn sign(&self) -> Option<Decimal> {
        self.outcome.map(|outcome| match outcome {
            Outcome::Profit => Decimal::ONE,
            Outcome::Loss => Decimal::NEGATIVE_ONE,
        })
    }
}

/// Returns trades of `user_id`, newest first, after the one at `after`.
pub async fn trades_page(
    conn: &mut PgConnection,
    user_id: Uuid,
    after: Option<TradeKey>,
    offset: i64,
    limit: i64,
) -> sqlx::Result<Vec<TradeRow>> {
    let (occurred_at, fill_id) = after.unzip();
    sqlx::query_as!(
        TradeRow,
        r#"select f.fill_id, f.order_id, f.symbol, f.side, f.qty, f.price, f.realized_pnl, f.occurred_at,
                  o.strategy_id, s.name as "strategy_name?", o.origin, o.order_type,
                  o.status as order_status, o.trace_id
             from fills f
             join orders o on o.order_id = f.order_id
             left join strategies s on s.strategy_id = o.strategy_id
            where f.user_id = $1
              and (f.occurred_at, f.fill_id)
                  < (coalesce($2, 'infinity'::timestamptz), coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
            order by f.occurred_at desc, f.fill_id desc
            limit $4
           offset $5"#,
        user_id,
        occurred_at,
        fill_id,
        limit,
        offset
    )
    .fetch_all(conn)
    .await
}

/// Returns trades of `user_id` that `filter` lets through, newest first.
pub async fn trades(
    conn: &mut PgConnection,
    user_id: Uuid,
    filter: TradeFilter<'_>,
    offset: i64,
    limit: i64,
) -> sqlx::Result<Vec<TradeRow>> {
    sqlx::query_as!(
        TradeRow,
        r#"select f.fill_id, f.order_id, f.symbol, f.side, f.qty, f.price, f.realized_pnl, f.occurred_at,
                  o.strategy_id, s.name as "strategy_name?", o.origin, o.order_type,
                  o.status as order_status, o.trace_id
             from fills f
             join orders o on o.order_id = f.order_id
             left join strategies s on s.strategy_id = o.strategy_id
            where f.user_id = $1
              and ($2::text is null or f.symbol = $2)
              and ($3::uuid is null or o.strategy_id = $3)
              and ($4::numeric is null or sign(f.realized_pnl) = $4)
              and ($5::timestamptz is null or f.occurred_at >= $5)
              and ($6::timestamptz is null or f.occurred_at < $6)
            order by f.occurred_at desc, f.fill_id desc
            limit $7
           offset $8"#,
        user_id,
        filter.symbol,
        filter.strategy_id,
        filter.sign(),
        filter.from,
        filter.until,
        limit,
        offset
    )
    .fetch_all(conn)
    .await
}

/// Returns how many trades of `user_id` `filter` lets through.
pub async fn count_trades(
    conn: &mut PgConnection,
    user_id: Uuid,
    filter: TradeFilter<'_>,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!"
             from fills f
             join orders o on o.order_id = f.order_id
            where f.user_id = $1
              and ($2::text is null or f.symbol = $2)
              and ($3::uuid is null or o.strategy_id = $3)
              and ($4::numeric is null or sign(f.realized_pnl) = $4)
              and ($5::timestamptz is null or f.occurred_at >= $5)
              and ($6::timestamptz is null or f.occurred_at < $6)"#,
        user_id,
        filter.symbol,
        filter.strategy_id,
        filter.sign(),
        filter.from,
        filter.until
    )
    .fetch_one(conn)
    .await
}
