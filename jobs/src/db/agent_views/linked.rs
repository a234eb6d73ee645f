//! What became of decisions: orders, fills, the position, and the fills that left it.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

/// The order that a decision led to.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct OrderRow {
    pub id: Uuid,
    pub symbol: String,
    pub side: String,
    pub order_type: String,
    pub status: String,
    pub qty: Option<Decimal>,
    pub notional: Option<Decimal>,
    pub limit_price: Option<Decimal>,
    pub filled_qty: Decimal,
    pub filled_avg_price: Option<Decimal>,
    /// The rule or code by which it was refused.
    pub reject_code: Option<String>,
    pub reject_message: Option<String>,
    pub submitted_at: Option<DateTime<Utc>>,
    pub filled_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A fill of such an order.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct FillRow {
    pub id: Uuid,
    pub order_id: Uuid,
    pub symbol: String,
    pub side: String,
    pub qty: Decimal,
    pub price: Decimal,
    pub realized_pnl: Option<Decimal>,
    /// What was held after it.
    pub position_qty: Decimal,
    pub occurred_at: DateTime<Utc>,
}

/// What is held since such an order was filled.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct PositionRow {
    pub symbol: String,
    pub qty: Decimal,
    pub avg_entry_price: Decimal,
    pub realized_pnl: Decimal,
    pub opened_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// What a share was worth when we last heard.
    pub current_price: Option<Decimal>,
}

/// A fill that left, in whole or in part, what such an order had entered.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub struct ExitRow {
    /// The order that entered.
    pub entry_order_id: Uuid,
    pub fill_id: Uuid,
    /// The order that left.
    pub order_id: Uuid,
    /// `user`, `close`, `liquidation`, `cycle` or `broker`.
    pub origin: String,
    pub qty: Decimal,
    pub price: Decimal,
    pub realized_pnl: Option<Decimal>,
    /// What was held after it.
    pub position_qty: Decimal,
    pub occurred_at: DateTime<Utc>,
}

/// All that became of some decisions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Linked {
    /// The orders.
    pub orders: Vec<OrderRow>,
    /// Their fills, oldest first.
    pub fills: Vec<FillRow>,
    /// What is held now in their symbols.
    pub positions: Vec<PositionRow>,
    /// What left what they entered, oldest first.
    pub exits: Vec<ExitRow>,
}

/// Returns all that became of the orders `ids` of `user_id`; another user's are left out.
pub async fn linked(conn: &mut PgConnection, user_id: Uuid, ids: &[Uuid]) -> sqlx::Result<Linked> {
    let orders = sqlx::query_as!(
        OrderRow,
        "select order_id as id, symbol, side, order_type, status, qty, notional, limit_price, filled_qty,
                filled_avg_price, reject_code, reject_message, submitted_at, filled_at, created_at, updated_at
           from orders
          where user_id = $1 and order_id = any ($2)",
        user_id,
        ids
    )
    .fetch_all(&mut *conn)
    .await?;
    let fills = sqlx::query_as!(
        FillRow,
        "select fill_id as id, order_id, symbol, side, qty, price, realized_pnl, position_qty, occurred_at
           from fills
          where user_id = $1 and order_id = any ($2)
          order by seq",
        user_id,
        ids
    )
    .fetch_all(&mut *conn)
    .await?;
    let symbols: Vec<String> = orders.iter().map(|order| order.symbol.clone()).collect();
    let positions = sqlx::query_as!(
        PositionRow,
        r#"select p.symbol, p.qty, p.avg_entry_price, p.realized_pnl, p.opened_at, p.updated_at,
                  coalesce(b.current_price, l.price) as current_price
             from positions p
             left join broker_positions b on b.symbol = p.symbol
             left join prices l on l.symbol = p.symbol
            where p.user_id = $1 and p.symbol = any ($2)"#,
        user_id,
        &symbols
    )
    .fetch_all(&mut *conn)
    .await?;
    let exits = exits(conn, user_id, ids).await?;
    Ok(Linked { orders, fills, positions, exits })
}

/// Returns the fills against what each order entered, up to the one after which nothing was held.
async fn exits(conn: &mut PgConnection, user_id: Uuid, ids: &[Uuid]) -> sqlx::Result<Vec<ExitRow>> {
    sqlx::query_as!(
        ExitRow,
        r#"select e.order_id as "entry_order_id!", x.fill_id as "fill_id!", x.order_id as "order_id!",
                  o.origin as "origin!", x.qty as "qty!", x.price as "price!", x.realized_pnl,
                  x.position_qty as "position_qty!", x.occurred_at as "occurred_at!"
             from (select order_id, symbol, side, min(seq) as first
                     from fills
                    where user_id = $1 and order_id = any ($2) and position_qty <> 0
                    group by order_id, symbol, side) e
             cross join lateral (
                   select f.*
                     from fills f
                    where f.user_id = $1 and f.symbol = e.symbol and f.side <> e.side and f.seq > e.first
                      and f.seq <= coalesce((select min(z.seq)
                                               from fills z
                                              where z.user_id = $1 and z.symbol = e.symbol
                                                and z.seq > e.first and z.position_qty = 0), f.seq)
                    order by f.seq
                    limit 50) x
             join orders o on o.order_id = x.order_id
            order by x.seq"#,
        user_id,
        ids
    )
    .fetch_all(conn)
    .await
}
