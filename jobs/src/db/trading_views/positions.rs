//! What is held, at the broker's last prices.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// A position. Prices are a share's, in US dollars.
#[derive(Debug, Clone, PartialEq)]
pub struct PositionRow {
    /// What is held.
    pub symbol: String,
    /// Shares; below zero when short.
    pub qty: Decimal,
    /// What a share cost on average.
    pub avg_entry_price: Decimal,
    /// Gained since it was opened, by the parts that were closed.
    pub realized_pnl: Decimal,
    /// When it was opened; `None` when we have no record of it.
    pub opened_at: Option<DateTime<Utc>>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// What a share was worth when we last heard.
    pub current_price: Option<Decimal>,
    /// All that the broker said about the account's position in the symbol, of which this one may
    /// be a part.
    pub raw: Option<Value>,
    /// Whether it is a user's by our records.
    pub recorded: bool,
}

/// Returns what `user_id` holds, by symbol.
pub async fn positions(conn: &mut PgConnection, user_id: Uuid) -> sqlx::Result<Vec<PositionRow>> {
    sqlx::query_as!(
        PositionRow,
        r#"select p.symbol, p.qty, p.avg_entry_price, p.realized_pnl, p.opened_at as "opened_at?",
                  p.updated_at, coalesce(b.current_price, l.price) as current_price, b.raw as "raw?",
                  true as "recorded!"
             from positions p
             left join broker_positions b on b.symbol = p.symbol
             left join prices l on l.symbol = p.symbol
            where p.user_id = $1
            order by p.symbol"#,
        user_id
    )
    .fetch_all(conn)
    .await
}

/// Returns what `user_id` holds of `symbol`.
pub async fn position(
    conn: &mut PgConnection,
    user_id: Uuid,
    symbol: &str,
) -> sqlx::Result<Option<PositionRow>> {
    sqlx::query_as!(
        PositionRow,
        r#"select p.symbol, p.qty, p.avg_entry_price, p.realized_pnl, p.opened_at as "opened_at?",
                  p.updated_at, coalesce(b.current_price, l.price) as current_price, b.raw as "raw?",
                  true as "recorded!"
             from positions p
             left join broker_positions b on b.symbol = p.symbol
             left join prices l on l.symbol = p.symbol
            where p.user_id = $1
              and p.symbol = $2"#,
        user_id,
        symbol
    )
    .fetch_optional(conn)
    .await
}

/// Returns what the account holds beyond what is recorded of its users, by symbol.
pub async fn unattributed(conn: &mut PgConnection) -> sqlx::Result<Vec<PositionRow>> {
    sqlx::query_as!(
        PositionRow,
        r#"select b.symbol, b.qty - coalesce(ours.qty, 0) as "qty!", b.avg_entry_price,
                  0::numeric as "realized_pnl!", null::timestamptz as opened_at,
                  b.synced_at as updated_at, b.current_price, b.raw as "raw?", false as "recorded!"
             from broker_positions b
             left join (select symbol, sum(qty) as qty from positions group by symbol) ours
               on ours.symbol = b.symbol
            where b.qty <> coalesce(ours.qty, 0)
            order by b.symbol"#,
    )
    .fetch_all(conn)
    .await
}
