//! The account's positions as the broker last told them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;

use crate::broker;

/// A position of the account. Money is in US dollars.
#[derive(Debug, Clone, PartialEq)]
pub struct BrokerPosition {
    /// What is held.
    pub symbol: String,
    /// Shares; below zero when short.
    pub qty: Decimal,
    /// Shares that no open order holds.
    pub qty_available: Decimal,
    /// What a share cost on average.
    pub avg_entry_price: Decimal,
    /// What a share is worth.
    pub current_price: Option<Decimal>,
    /// What all of it is worth; below zero when short.
    pub market_value: Option<Decimal>,
    /// What all of it cost; below zero when short.
    pub cost_basis: Decimal,
    /// What it gained since it was entered.
    pub unrealized_pl: Option<Decimal>,
    /// All that the broker said.
    pub raw: Value,
    /// When it was read.
    pub synced_at: DateTime<Utc>,
}

/// Returns the account's positions, by symbol.
pub async fn positions(conn: &mut PgConnection) -> sqlx::Result<Vec<BrokerPosition>> {
    sqlx::query_as!(
        BrokerPosition,
        "select symbol, qty, qty_available, avg_entry_price, current_price, market_value, cost_basis,
                unrealized_pl, raw, synced_at
           from broker_positions
          order by symbol"
    )
    .fetch_all(conn)
    .await
}

/// Returns the account's position in `symbol`.
pub async fn held(conn: &mut PgConnection, symbol: &str) -> sqlx::Result<Option<BrokerPosition>> {
    sqlx::query_as!(
        BrokerPosition,
        "select symbol, qty, qty_available, avg_entry_price, current_price, market_value, cost_basis,
                unrealized_pl, raw, synced_at
           from broker_positions
          where symbol = $1",
        symbol
    )
    .fetch_optional(conn)
    .await
}

/// Makes the kept positions those that were read.
pub async fn store_positions(conn: &mut PgConnection, positions: &[broker::Position]) -> sqlx::Result<()> {
    let symbols: Vec<String> = positions.iter().map(|position| position.symbol.clone()).collect();
    sqlx::query!("delete from broker_positions where symbol <> all ($1)", &symbols)
        .execute(&mut *conn)
        .await?;
    for position in positions {
        sqlx::query!(
            "insert into broker_positions (symbol, qty, qty_available, avg_entry_price, current_price,
                                           market_value, cost_basis, unrealized_pl, raw)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             on conflict (symbol) do update
                set qty = excluded.qty, qty_available = excluded.qty_available,
                    avg_entry_price = excluded.avg_entry_price, current_price = excluded.current_price,
                    market_value = excluded.market_value, cost_basis = excluded.cost_basis,
                    unrealized_pl = excluded.unrealized_pl, raw = excluded.raw,
                    synced_at = clock_timestamp()",
            position.symbol,
            position.qty,
            position.qty_available,
            position.avg_entry_price,
            position.current_price,
            position.market_value,
            position.cost_basis,
            position.unrealized_pl,
            position.raw
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}
